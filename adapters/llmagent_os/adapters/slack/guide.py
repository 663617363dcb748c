"""Setting a Slack app up: its manifest, the steps around it, and whether its tokens are right.

The manifest follows https://docs.slack.dev/reference/app-manifest.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.admin.platform_api import Api, unreachable
from llmagent_os.admin.setup_guide import Guidance, GuideSetup
from llmagent_os.config import Settings
from llmagent_os.errors import AdapterError

#: What the bot may do, and what for.
SCOPES = {
    "app_mentions:read": "hearing that it is mentioned",
    "channels:history": "reading the threads that it is part of in public channels, also after a pause",
    "chat:write": "answering",
    "commands": "slash commands",
    "files:read": "reading files that people send it",
    "files:write": "sending files",
    "groups:history": "the same in private channels",
    "im:history": "reading direct messages, also after a pause",
    "im:read": "finding who has written for the first time while it was away",
    "im:write": "sending a file to one person alone",
    "mpim:history": "the same in direct messages of several people",
    "reactions:read": "learning from reactions",
}
EVENTS = (
    "app_mention",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "reaction_added",
    "reaction_removed",
)
#: Slack's own slash commands: a manifest with one of them is refused as a whole.
RESERVED = frozenset(
    "active apps archive away call collapse dm dnd expand feed feedback invite join keys kick leave me msg mute open "
    "part prefs pro remind remove rename search shortcuts shrug star status topic unarchive who".split()
)
HTTP_PATH = "/slack/events"  #: at the public address, where it names no path of its own

_APPS = "https://api.slack.com/apps"
_MOST_COMMANDS = 50
_LONGEST_LINK = 8000  #: characters that browsers and servers take for sure
#: Errors of Slack that say that the token itself is at fault.
_BAD_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type"}
)


class _Said(msgspec.Struct):
    ok: bool
    error: str = ""
    needed: str = ""
    user: str = ""
    team: str = ""
    url: str = ""


async def guide(setup: GuideSetup) -> Guidance:
    """The manifest, the steps, and what Slack says about the tokens."""
    return Guidance(
        _steps(setup), json.dumps(manifest(setup), indent=2, ensure_ascii=False), await check(setup.settings)
    )


def manifest(setup: GuideSetup) -> dict[str, Any]:
    """The app that the bot needs, as Slack's manifest."""
    address = _request_url(setup.address)
    request_url = {"request_url": address} if address else {}
    information = {"name": setup.bot.title[:35], "description": _cut(setup.bot.about, 140)}
    slash_commands = [
        {
            "command": f"/{name}",
            "description": _cut(text, 2000) or name,
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
    """What is right, missing or wrong about the tokens."""
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
    except AdapterError as error:
        findings.append(unreachable("slack", error, "SLACK_API_URL", settings.slack_api_url))
    if secret and not re.fullmatch(r"[0-9a-f]{32}", secret):
        text = "SLACK_SIGNING_SECRET is no signing secret, which is 32 hexadecimal digits"
        findings.append(_problem(text, f"copy it from Basic Information → App Credentials at {_APPS}"))
    if not app and not secret:
        text = "neither SLACK_APP_TOKEN nor SLACK_SIGNING_SECRET is set"
        if bot:
            remedy = f"set SLACK_APP_TOKEN: {_APP_PLACE}"
            findings.append(_problem(f"{text}: nothing that people write would arrive", remedy))
        else:
            findings.append(_note(f"{text} yet"))
    elif app and secret:
        findings.append(_note("SLACK_APP_TOKEN and SLACK_SIGNING_SECRET are both set: only one of them is needed"))
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
    said = answer.read(_Said)
    if not said.ok:
        return [_refused("SLACK_BOT_TOKEN", said, _BOT_PLACE)]
    if not said.user or not said.team:
        raise AdapterError("Slack accepts SLACK_BOT_TOKEN and does not say whose it is")
    findings = [Finding("slack", "ok", f"SLACK_BOT_TOKEN is that of {said.user!r} in the workspace {said.team!r}")]
    if "x-oauth-scopes" not in answer.headers:
        return [*findings, _note("Slack does not say what the bot may do: its scopes were not checked")]
    given = {scope.strip() for scope in answer.headers["x-oauth-scopes"].split(",")}
    remedy = "add it under OAuth & Permissions → Bot Token Scopes, then install the app to the workspace again"
    lacking = [
        _problem(f"the scope {scope} is missing: {SCOPES[scope]}", remedy) for scope in SCOPES if scope not in given
    ]
    return [*findings, *(lacking or [Finding("slack", "ok", "it has every scope that it needs")])]


async def _app_token(api: Api, token: str) -> Finding:
    said = (await api.ask("POST", "apps.connections.open", {"Authorization": f"Bearer {token}"})).read(_Said)
    if not said.ok:
        return _refused("SLACK_APP_TOKEN", said, _APP_PLACE)
    if not said.url:
        raise AdapterError("Slack accepts SLACK_APP_TOKEN and does not say where to connect")
    return Finding("slack", "ok", "SLACK_APP_TOKEN opens Socket Mode")


def _refused(variable: str, said: _Said, place: str) -> Finding:
    error = repr(said.error or "no reason given")
    if said.error in _BAD_TOKEN:
        return _problem(f"Slack refuses {variable} ({error})", place)
    if said.error == "missing_scope":
        return _problem(f"{variable} lacks the scope {said.needed or 'connections:write'!r}", place)
    return _problem(f"Slack takes {variable} and answers {error}", f"look for {error} on docs.slack.dev, or {place}")


def _wrong_shape(variable: str, token: str, prefix: str, place: str) -> Finding | None:
    if re.fullmatch(re.escape(prefix) + r"[A-Za-z0-9-]+", token):
        return None
    kinds = {
        "xoxb-": "a bot token, which belongs in SLACK_BOT_TOKEN",
        "xapp-": "an app-level token, which belongs in SLACK_APP_TOKEN",
        "xoxp-": "a person's token, which the bot must not use",
    }
    kind = next((text for start, text in kinds.items() if start != prefix and token.startswith(start)), None)
    what = f"holds {kind} ({token[:5]}...)" if kind else f"is no token that starts with {prefix}"
    return _problem(f"{variable} {what}", place)


def _steps(setup: GuideSetup) -> str:
    name, title, address = setup.bot.name, setup.bot.title, _request_url(setup.address)
    text = json.dumps(manifest(setup), separators=(",", ":"), ensure_ascii=False)
    link = f"{_APPS}?new_app=1&manifest_json={quote(text, safe='')}"
    create = f"   or open this link, which has it filled in:\n   {link}\n" if len(link) <= _LONGEST_LINK else ""
    token = (
        "3. Basic Information → App Credentials: copy the Signing Secret. Your public address must lead to where\n"
        f"   events are taken: {setup.settings.slack_http_host}:{setup.settings.slack_http_port}.\n"
        if address
        else "3. Basic Information → App-Level Tokens: generate a token with the scope connections:write, and copy it\n"
        "   (xapp-...).\n"
    )
    second = "SLACK_SIGNING_SECRET=..." if address else "SLACK_APP_TOKEN=xapp-..."
    left_out = [f"/{each}" for each in setup.commands if each not in dict(_offered(setup))]
    note = f"\nSlack has no room for {', '.join(left_out)}: write it after @{name}.\n" if left_out else ""
    return (
        f"# {title} on Slack\n\n"
        f"1. Create the app: {_APPS} → Create New App → From a manifest, pick your workspace, and paste the manifest\n"
        f"   below,\n{create}"
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
    """The commands that Slack takes."""
    taken = [
        (name, text)
        for name, text in setup.commands.items()
        if name not in RESERVED and re.fullmatch(r"[a-z0-9_-]{1,31}", name)
    ]
    return taken[:_MOST_COMMANDS]


def _request_url(address: str) -> str:
    return address.rstrip("/") + HTTP_PATH if address and urlsplit(address).path in ("", "/") else address


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _note(text: str) -> Finding:
    return Finding("slack", "note", text)


def _problem(text: str, remedy: str) -> Finding:
    return Finding("slack", "problem", text, remedy)
