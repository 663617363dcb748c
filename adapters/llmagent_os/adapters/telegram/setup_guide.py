"""The setup guide of Telegram: the steps, the lines for BotFather, and a check of the token."""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import urlsplit

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.admin.platform_api import Api, check_clock_against, unreachable
from llmagent_os.admin.setup_guide import Guidance, GuideSetup
from llmagent_os.config import Settings
from llmagent_os.errors import AdapterError

_T = TypeVar("_T", bound=msgspec.Struct)

_NEW_TOKEN = "take a new one from @BotFather: /mybots → your bot → API Token"
_PORTS = (80, 88, 443, 8443)  #: ports to which Telegram sends updates


class _Error(msgspec.Struct):
    ok: bool
    description: str = ""


class _Me(msgspec.Struct):
    id: int
    first_name: str
    username: str
    can_join_groups: bool = True
    can_read_all_group_messages: bool = False


class _Webhook(msgspec.Struct):
    url: str
    pending_update_count: int
    last_error_message: str = ""


async def guide(setup: GuideSetup) -> Guidance:
    """The steps, the lines for BotFather, and what Telegram says about the token."""
    settings = setup.settings
    token = settings.telegram_token.get_secret_value()
    findings: list[Finding] = []
    me: _Me | None = None
    if not token:
        findings.append(_note("TELEGRAM_TOKEN is not set yet: follow the steps above"))
    elif not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]{20,}", token):
        text = "TELEGRAM_TOKEN is no bot token: a bot token is a number, a colon, and 35 letters and digits"
        findings.append(_problem(text, _NEW_TOKEN))
    else:
        try:
            async with Api("Telegram", settings.telegram_api_url) as api:
                me = await _check(api, token, settings, findings)
                findings += check_clock_against("telegram", api)
        except AdapterError as error:
            findings.append(unreachable("telegram", error, "TELEGRAM_API_URL", settings.telegram_api_url))
    findings += _public(settings.telegram_webhook_url)
    return Guidance(_steps(setup), _lines(setup, me), tuple(findings))


async def _check(api: Api, token: str, settings: Settings, findings: list[Finding]) -> _Me | None:
    """Ask Telegram about the token and the webhook. Returns who the bot is if the token is right."""
    me = await _ask(api, token, "getMe", _Me)
    if me is None:
        findings.append(_problem("Telegram refuses TELEGRAM_TOKEN", _NEW_TOKEN))
        return None
    if not re.fullmatch(r"\w+", me.username, re.ASCII):
        raise AdapterError("Telegram's answer to getMe is not what the documentation says")
    findings.append(Finding("telegram", "ok", f"TELEGRAM_TOKEN belongs to {me.first_name!r} (@{me.username})"))
    if not me.can_join_groups:
        findings.append(_note("the bot cannot be added to groups; /setjoingroups at @BotFather changes that"))
    elif me.can_read_all_group_messages:
        findings.append(
            Finding("telegram", "ok", "privacy mode is off: the bot can follow the threads that it is part of")
        )
    else:
        text = "privacy mode is on: in groups the bot gets only commands, mentions and replies to it, and no threads"
        findings.append(_note(f"{text}; /setprivacy at @BotFather changes that"))
    webhook = await _ask(api, token, "getWebhookInfo", _Webhook)
    if webhook is None:
        raise AdapterError("Telegram accepts TELEGRAM_TOKEN, but does not say whether a webhook is set")
    findings += _delivery(webhook, settings.telegram_webhook_url)
    return me


async def _ask(api: Api, token: str, method: str, kind: type[_T]) -> _T | None:
    """The result of a method; None if Telegram refuses the token."""
    answer = await api.ask("POST", f"bot{token}/{method}")
    if answer.status in (401, 404):  # 404: a token that never existed
        answer.read(_Error)
        return None
    result = answer.read(dict[str, msgspec.Raw]).get("result") if answer.status == 200 else None
    if result is None:
        raise AdapterError(f"Telegram answers {answer.status} to {method}")
    try:
        return msgspec.json.decode(result, type=kind)
    except msgspec.MsgspecError as error:
        raise AdapterError(f"Telegram's answer to {method} is not what the documentation says") from error


def _delivery(webhook: _Webhook, wanted: str) -> list[Finding]:
    """How updates reach the bot: polled, or sent to the webhook's address."""
    findings: list[Finding] = []
    host = urlsplit(webhook.url).hostname or "an address"  # never the path, which may hold a secret
    if not webhook.url:
        text = "the webhook will be set at the next start" if wanted else "updates are polled"
        findings.append(Finding("telegram", "ok", text))
    elif not wanted:
        findings.append(
            _problem(
                f"updates go to a webhook at {host}; the next start removes the webhook, and polls",
                "stop the program that set the webhook, or make another bot with its own token",
            )
        )
    elif webhook.url != wanted:
        findings.append(_note(f"updates go to {host} now; the next start changes that to TELEGRAM_WEBHOOK_URL"))
    else:
        findings.append(Finding("telegram", "ok", "updates go to TELEGRAM_WEBHOOK_URL"))
    if webhook.url and webhook.last_error_message:
        text = f"Telegram's last try to reach the webhook failed: {webhook.last_error_message[:200]!r}"
        if webhook.pending_update_count:
            remedy = "check that the address leads to TELEGRAM_HTTP_HOST and TELEGRAM_HTTP_PORT of a running bot"
            findings.append(_problem(f"{text}; {webhook.pending_update_count} updates are waiting", remedy))
        else:
            findings.append(_note(f"{text}; no updates are waiting"))
    return findings


def _public(address: str) -> list[Finding]:
    if not address:
        return []
    try:
        parts = urlsplit(address)
        right = parts.scheme == "https" and parts.hostname and (parts.port or 443) in _PORTS
    except ValueError:
        right = False
    if right:
        return []
    ports = ", ".join(map(str, _PORTS))
    text = (
        f"Telegram sends nothing to TELEGRAM_WEBHOOK_URL: it must start with https:// and have one of the ports {ports}"
    )
    return [_problem(text, "correct it, or remove it: then updates are polled")]


def _lines(setup: GuideSetup, me: _Me | None) -> str:
    """The messages to BotFather, one per line."""
    user = f"@{me.username}" if me else f"@YOUR_{setup.bot.name.replace('-', '_')}_bot"
    make = [] if me else ["/newbot", setup.bot.title, user.removeprefix("@")]
    return "\n".join([*make, "/setjoingroups", user, "Enable", "/setprivacy", user, "Disable"])


def _steps(setup: GuideSetup) -> str:
    name, title = setup.bot.name, setup.bot.title
    where = f"{setup.settings.telegram_http_host}:{setup.settings.telegram_http_port}"
    receiving = (
        f"       TELEGRAM_WEBHOOK_URL={setup.address}\n"
        f"   That address must lead to {where} (TELEGRAM_HTTP_HOST, TELEGRAM_HTTP_PORT).\n"
        if setup.address
        else "   Updates are polled, which works behind any firewall. With TELEGRAM_WEBHOOK_URL, Telegram sends them.\n"
    )
    return (
        f"# {title} on Telegram\n\n"
        "1. Open https://t.me/BotFather and send the lines below, one at a time. You choose the username:\n"
        "   it must be new and end in bot.\n"
        "2. /newbot gives a token: put it into .env:\n"
        "       TELEGRAM_TOKEN=...\n"
        f"{receiving}"
        "3. /setjoingroups and /setprivacy are for groups. With privacy mode on, the bot gets only commands, mentions\n"
        "   and replies to it. With privacy mode off, it also follows the threads that it is part of; it stores\n"
        "   nothing else. If the bot is in a group already, remove it and add it again.\n"
        f"4. Run `llmagent-os setup telegram {name}` again to check the token, then `llmagent-os run {name}`.\n"
        "   Commands appear by themselves: /setcommands is not needed.\n"
        f"5. Write to {title} directly, or add it to a group and mention it. Reactions in a group reach the\n"
        "   bot only if it is an administrator; in direct chats they always do.\n"
    )


def _note(text: str) -> Finding:
    return Finding("telegram", "note", text)


def _problem(text: str, remedy: str) -> Finding:
    return Finding("telegram", "problem", text, remedy)
