"""The setup guide of Slack: the steps, the app's manifest, and a check of the tokens.

The manifest follows https://docs.slack.dev/reference/app-manifest.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from llmagent_os.adapters.slack.suggested_prompts import suggested_prompts
from llmagent_os.admin.findings import Finding
from llmagent_os.admin.platform_api import Api, check_clock_against, unreachable
from llmagent_os.admin.setup_guide import Guidance, GuideSetup
from llmagent_os.config import Settings
from llmagent_os.errors import AdapterError
from llmagent_os.markup.shortening import shorten

#: Scopes of the bot's token, and what the bot needs them for.
SCOPES = {
    "app_mentions:read": "receiving mentions",
    "assistant:write": "suggesting what to say, and naming threads, in the assistant pane",
    "channels:history": "reading the threads that it is part of in public channels, also after an outage",
    "channels:read": "the names of channels in messages",
    "chat:write": "answering",
    "commands": "slash commands",
    "files:read": "reading files that people send it",
    "files:write": "sending files",
    "groups:history": "the same in private channels",
    "groups:read": "the names of private channels in messages",
    "im:history": "reading direct messages, also after an outage",
    "im:read": "finding people who wrote for the first time while it was away",
    "im:write": "sending a file to only one person",
    "mpim:history": "the same in direct messages of several people",
    "reactions:read": "learning from reactions",
    "users:read": "the names of people in messages",
}
#: Scopes without which the bot works as well, with less comfort.
OPTIONAL_SCOPES = frozenset({"assistant:write"})
EVENTS = (
    "app_mention",
    "assistant_thread_started",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
)
#: Slack's own slash commands. Slack refuses a manifest that has one of them.
RESERVED = frozenset(
    "active apps archive away call collapse dm dnd expand feed feedback invite join keys kick leave me msg mute open "
    "part prefs pro remind remove rename search shortcuts shrug star status topic unarchive who".split()
)
HTTP_PATH = "/slack/events"  #: is added to a public address that has no path of its own

_APPS = "https://api.slack.com/apps"
_MAX_COMMANDS = 50  #: of one app
_MAX_DESCRIPTION = 300  #: characters of what the assistant pane says of the app
_MAX_LINK = 8000  #: characters; browsers and servers certainly take a link of this length
#: Slack's errors for a token that is wrong.
_BAD_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)


class _TestAnswer(msgspec.Struct):
    ok: bool
    error: str = ""
    needed: str = ""
    user: str = ""
    team: str = ""
    url: str = ""


async def guide(setup: GuideSetup) -> Guidance:
    """The steps, the manifest, and what Slack says about the tokens."""
    return Guidance(
        _steps(setup), json.dumps(manifest(setup), indent=2, ensure_ascii=False), await check(setup.settings)
    )


def manifest(setup: GuideSetup) -> dict[str, Any]:
    """The manifest of the app that the bot needs."""
    address = _request_url(setup.address)
    request_url = {"request_url": address} if address else {}
    information = {"name": setup.bot.title[:35], "description": shorten(setup.bot.about, 140)}
    slash_commands = [
        {
            "command": f"/{name}",
            "description": shorten(text, 2000) or name,
            "should_escape": False,
            **({"url": address} if address else {}),
        }
        for name, text in _offered(setup)
    ]
    return {
        "display_information": {name: value for name, value in information.items() if value},
        "features": {
            "app_home": {
                "home_tab_enabled": False,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": False,
            },
            "assistant_view": {
                "assistant_description": shorten(setup.bot.about or setup.bot.title, _MAX_DESCRIPTION),
                **({"suggested_prompts": prompts} if (prompts := suggested_prompts(setup.bot.examples)) else {}),
            },
            "bot_user": {"display_name": setup.bot.name, "always_online": True},
            "slash_commands": slash_commands,
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {**request_url, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, **request_url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": not address,
            "token_rotation_enabled": False,
        },
    }


async def check(settings: Settings) -> tuple[Finding, ...]:
    """What is right, missing or wrong with the tokens."""
    bot, app, secret = (
        value.get_secret_value()
        for value in (settings.slack_bot_token, settings.slack_app_token, settings.slack_signing_secret)
    )
    findings: list[Finding] = []
    try:
        async with Api("Slack", settings.slack_api_url) as api:
            if not bot:
                findings.append(_note("SLACK_BOT_TOKEN is not set yet: follow the steps above"))
            elif wrong := _wrong_shape("SLACK_BOT_TOKEN", bot, "xoxb-", _BOT_PLACE):
                findings.append(wrong)
            else:
                findings += await _bot_token(api, bot)
            if app and (wrong := _wrong_shape("SLACK_APP_TOKEN", app, "xapp-", _APP_PLACE)):
                findings.append(wrong)
            elif app:
                findings.append(await _app_token(api, app))
            findings += check_clock_against("slack", api)
    except AdapterError as error:
        findings.append(unreachable("slack", error, "SLACK_API_URL", settings.slack_api_url))
    if secret and not re.fullmatch(r"[0-9a-f]{32}", secret):
        text = "SLACK_SIGNING_SECRET is no signing secret: a signing secret has 32 hexadecimal digits"
        findings.append(_problem(text, f"copy it from Basic Information → App Credentials at {_APPS}"))
    if not app and not secret:
        text = "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set"
        if bot:
            remedy = f"set SLACK_APP_TOKEN: {_APP_PLACE}"
            findings.append(_problem(f"{text}: no message would reach the bot", remedy))
        else:
            findings.append(_note(f"{text} yet"))
    elif app and secret:
        findings.append(_note("SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set; one of them is enough"))
    elif secret:
        where = f"{settings.slack_http_host}:{settings.slack_http_port}"
        findings.append(
            _note(f"events come over HTTP: your public address must lead to {where} (SLACK_HTTP_HOST, _PORT)")
        )
    return tuple(findings)


_BOT_PLACE = f"copy the Bot User OAuth Token from OAuth & Permissions at {_APPS}"
_APP_PLACE = f"generate an App-Level Token with the scope connections:write under Basic Information at {_APPS}"


async def _bot_token(api: Api, token: str) -> list[Finding]:
    answer = await api.ask("POST", "auth.test", {"Authorization": f"Bearer {token}"})
    found = answer.read(_TestAnswer)
    if not found.ok:
        return [_refused("SLACK_BOT_TOKEN", found, _BOT_PLACE)]
    if not found.user or not found.team:
        raise AdapterError("Slack accepts SLACK_BOT_TOKEN, but does not say whose token it is")
    text = f"SLACK_BOT_TOKEN belongs to {found.user!r} in the workspace {found.team!r}"
    findings = [Finding("slack", "ok", text)]
    if "x-oauth-scopes" not in answer.headers:
        return [*findings, _note("Slack does not list the scopes of the token: they were not checked")]
    granted = {scope.strip() for scope in answer.headers["x-oauth-scopes"].split(",")}
    remedy = "add it under OAuth & Permissions → Bot Token Scopes, then install the app to the workspace again"
    missing = [
        Finding(
            "slack",
            "note" if scope in OPTIONAL_SCOPES else "problem",
            f"the scope {scope} is missing: {SCOPES[scope]}",
            remedy,
        )
        for scope in SCOPES
        if scope not in granted
    ]
    remove = "remove it under OAuth & Permissions → Bot Token Scopes, then install the app to the workspace again"
    findings += [
        Finding("slack", "note", f"the token has the scope {scope}, which the bot does not need", remove)
        for scope in sorted(granted - set(SCOPES) - {""})
    ]
    return [*findings, *(missing or [Finding("slack", "ok", "the token has every scope that the bot needs")])]


async def _app_token(api: Api, token: str) -> Finding:
    answer = await api.ask("POST", "apps.connections.open", {"Authorization": f"Bearer {token}"})
    found = answer.read(_TestAnswer)
    if not found.ok:
        return _refused("SLACK_APP_TOKEN", found, _APP_PLACE)
    if not found.url:
        raise AdapterError("Slack accepts SLACK_APP_TOKEN, but does not say where to connect")
    return Finding("slack", "ok", "SLACK_APP_TOKEN opens Socket Mode")


def _refused(variable: str, answer: _TestAnswer, place: str) -> Finding:
    error = repr(answer.error or "no reason given")
    if answer.error in _BAD_TOKEN:
        return _problem(f"Slack refuses {variable} ({error})", place)
    if answer.error == "missing_scope":
        return _problem(f"{variable} lacks the scope {answer.needed or 'connections:write'!r}", place)
    return _problem(f"Slack accepts {variable}, but answers {error}", f"look for {error} on docs.slack.dev, or {place}")


def _wrong_shape(variable: str, token: str, prefix: str, place: str) -> Finding | None:
    if re.fullmatch(re.escape(prefix) + r"[A-Za-z0-9-]+", token):
        return None
    return _problem(f"{variable} is no token that starts with {prefix}", place)


def _steps(setup: GuideSetup) -> str:
    name, title, address = setup.bot.name, setup.bot.title, _request_url(setup.address)
    text = json.dumps(manifest(setup), separators=(",", ":"), ensure_ascii=False)
    link = f"{_APPS}?new_app=1&manifest_json={quote(text, safe='')}"
    create = f"   or open this link, which contains the manifest:\n   {link}\n" if len(link) <= _MAX_LINK else ""
    listening = f"{setup.settings.slack_http_host}:{setup.settings.slack_http_port}"
    token = (
        "3. Basic Information → App Credentials: copy the Signing Secret. Your public address must lead\n"
        f"   to the address on which the bot takes events: {listening}.\n"
        if address
        else "3. Basic Information → App-Level Tokens: generate a token with the scope connections:write, and copy it\n"
        "   (xapp-...).\n"
    )
    second = "SLACK_SIGNING_SECRET=..." if address else "SLACK_APP_TOKEN=xapp-..."
    left_out = [f"/{command}" for command in setup.commands if command not in dict(_offered(setup))]
    note = f"\nSlack does not allow {', '.join(left_out)}: write it after @{name}.\n" if left_out else ""
    return (
        f"# {title} on Slack\n\n"
        f"1. Create the app: {_APPS} → Create New App → From a manifest, pick your workspace, and paste the manifest\n"
        f"   from below,\n{create}"
        "2. Install it: Install App → Install to Workspace, and copy the Bot User OAuth Token (xoxb-...).\n"
        f"{token}"
        "4. Put both into .env:\n"
        "       SLACK_BOT_TOKEN=xoxb-...\n"
        f"       {second}\n"
        f"5. Run `llmagent-os setup slack {name}` again to check them, then `llmagent-os run {name}`.\n"
        f"6. Write to {title} under Apps, or invite it into a channel with /invite @{name} and mention it.\n"
        f"{note}"
    )


def _offered(setup: GuideSetup) -> list[tuple[str, str]]:
    """The commands that Slack allows."""
    allowed = [
        (name, text)
        for name, text in setup.commands.items()
        if name not in RESERVED and re.fullmatch(r"[a-z0-9_-]{1,31}", name)
    ]
    return allowed[:_MAX_COMMANDS]


def _request_url(address: str) -> str:
    return address.rstrip("/") + HTTP_PATH if address and urlsplit(address).path in ("", "/") else address


def _note(text: str) -> Finding:
    return Finding("slack", "note", text)


def _problem(text: str, remedy: str) -> Finding:
    return Finding("slack", "problem", text, remedy)
