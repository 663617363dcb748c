"""The setup guide of Discord: the steps, the invitation, and a check of the token."""

from __future__ import annotations

import re
from importlib.metadata import version
from urllib.parse import quote, urlencode

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.admin.platform_api import Answer, Api, check_clock_against, unreachable
from llmagent_os.admin.setup_guide import Guidance, GuideSetup
from llmagent_os.errors import AdapterError

#: What the bot may do in a server: names and bits of Discord's permissions.
PERMISSIONS = {
    "View Channels": 1 << 10,  # receive messages
    "Send Messages": 1 << 11,
    "Send Messages in Threads": 1 << 38,
    "Embed Links": 1 << 14,  # cards are embeds
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,  # catch up after an outage, and refer to the message that is answered
}
SCOPES = ("bot", "applications.commands")

_PORTAL = "https://discord.com/developers/applications"
_INVITE = "https://discord.com/oauth2/authorize"
#: Flags of an application: it has the Message Content intent, as a verified bot or as any other bot.
_MESSAGE_CONTENT = 1 << 18 | 1 << 19
_ADMINISTRATOR = 1 << 3  #: has every permission
#: Permissions that the bot never needs, and with which whoever has its token could do harm.
_HARMFUL = {
    "Administrator": _ADMINISTRATOR,
    "Kick Members": 1 << 1,
    "Ban Members": 1 << 2,
    "Manage Channels": 1 << 4,
    "Manage Server": 1 << 5,
    "Manage Messages": 1 << 13,
    "Mention Everyone": 1 << 17,
    "Manage Roles": 1 << 28,
    "Manage Webhooks": 1 << 29,
}
#: Flags of an application with intents that the bot does not need, as a verified bot or as any other.
_NEEDLESS_INTENTS = {"Presence": 1 << 12 | 1 << 13, "Server Members": 1 << 14 | 1 << 15}
_LISTED_SERVERS = 200  #: that Discord names in one answer

_NEW_TOKEN = f"take a new one at {_PORTAL} → your application → Bot → Reset Token"


class _User(msgspec.Struct):
    id: str
    username: str


class _Application(msgspec.Struct):
    id: str
    flags: int = 0
    bot_require_code_grant: bool = False
    interactions_endpoint_url: str | None = None


class _Guild(msgspec.Struct):
    id: str
    name: str = ""
    permissions: str = ""  #: bits as a decimal number; empty: Discord does not say


async def guide(setup: GuideSetup) -> Guidance:
    """The steps, the invitation, and what Discord says about the token."""
    settings = setup.settings
    token = settings.discord_token.get_secret_value()
    findings: list[Finding] = []
    application: _Application | None = None
    if setup.address:
        findings.append(_note("Discord needs no public address: --http has no effect here"))
    if not token:
        findings.append(_note("DISCORD_TOKEN is not set yet: follow the steps above"))
    elif not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII):
        text = "DISCORD_TOKEN is no bot token: a bot token has three parts with dots between them"
        findings.append(_problem(text, f"neither the client secret nor the public key will do; {_NEW_TOKEN}"))
    else:
        headers = {"Authorization": f"Bot {token}", "User-Agent": f"DiscordBot (llmagent-os, {version('llmagent-os')})"}
        try:
            async with Api("Discord", settings.discord_api_url, headers) as api:
                application = await _check(api, findings)
                findings += check_clock_against("discord", api)
        except AdapterError as error:
            findings.append(unreachable("discord", error, "DISCORD_API_URL", settings.discord_api_url))
    url = invitation(application.id) if application else ""
    return Guidance(_steps(setup, url), url, tuple(findings))


def invitation(client_id: str) -> str:
    """The address with which a person adds the bot to a server."""
    query = {"client_id": client_id, "scope": " ".join(SCOPES), "permissions": sum(PERMISSIONS.values())}
    return f"{_INVITE}?{urlencode(query, quote_via=quote)}"


async def _check(api: Api, findings: list[Finding]) -> _Application | None:
    """Ask Discord about the token and the application. Returns the application if the token is right."""
    answer = await api.ask("GET", "users/@me")
    if answer.status == 401:
        findings.append(_problem("Discord refuses DISCORD_TOKEN", _NEW_TOKEN))
        return None
    user = _accepted(answer).read(_User)
    findings.append(Finding("discord", "ok", f"DISCORD_TOKEN belongs to {user.username!r}"))
    application = _accepted(await api.ask("GET", "oauth2/applications/@me")).read(_Application)
    if not re.fullmatch(r"[0-9]{1,20}", application.id):
        raise AdapterError("Discord does not say which application to invite")
    if application.flags & _MESSAGE_CONTENT:
        findings.append(Finding("discord", "ok", "the Message Content intent is on"))
    else:
        text = "the Message Content intent is off: the bot reads only direct messages and mentions"
        findings.append(_problem(text, f"turn it on at {_bot_page(application.id)} under Privileged Gateway Intents"))
    if application.interactions_endpoint_url:
        text = "an Interactions Endpoint URL is set: slash commands and buttons go to that address, not to this bot"
        findings.append(_problem(text, f"delete it at {_PORTAL}/{application.id}/information"))
    if application.bot_require_code_grant:
        text = "the bot requires an OAuth2 code grant: nobody can invite it"
        findings.append(_problem(text, f"turn that off at {_bot_page(application.id)}"))
    guilds = _accepted(await api.ask("GET", "users/@me/guilds")).read(list[_Guild])
    findings += [problem for guild in guilds if (problem := _lacking(guild))]
    findings += [note for guild in guilds if (note := _wider(guild))]
    for name, flags in _NEEDLESS_INTENTS.items():
        if application.flags & flags:
            remove = f"turn it off at {_bot_page(application.id)} under Privileged Gateway Intents"
            findings.append(Finding("discord", "note", f"the {name} intent is on, which the bot does not need", remove))
    servers = len(guilds)
    if not servers:
        findings.append(_note("the bot is in no server yet: open the invitation"))
    else:
        count = (
            f"{_LISTED_SERVERS} servers or more"
            if servers >= _LISTED_SERVERS
            else f"{servers} server{'s' * (servers != 1)}"
        )
        findings.append(Finding("discord", "ok", f"the bot is in {count}"))
    return application


def _lacking(guild: _Guild) -> Finding | None:
    """The permissions that the bot needs and does not have in a server."""
    if not guild.permissions.isdecimal() or (granted := int(guild.permissions)) & _ADMINISTRATOR:
        return None
    missing = [name for name, bit in PERMISSIONS.items() if not granted & bit]
    if not missing:
        return None
    remedy = "open the invitation again for this server, or give the bot's role these permissions"
    return _problem(f"in the server {guild.name or guild.id!r} the bot may not: {', '.join(missing)}", remedy)


def _wider(guild: _Guild) -> Finding | None:
    """The permissions that the bot has in a server and should not have."""
    if not guild.permissions.isdecimal():
        return None
    granted = int(guild.permissions)
    found = [name for name, bit in _HARMFUL.items() if granted & bit]
    if not found:
        return None
    text = f"in the server {guild.name or guild.id!r} the bot may do what it does not need: {', '.join(found)}"
    return Finding("discord", "note", text, "take these permissions from the bot's role in the server's settings")


def _accepted(answer: Answer) -> Answer:
    if answer.status != 200:
        raise AdapterError(f"Discord accepts DISCORD_TOKEN, but answers with status {answer.status}")
    return answer


def _steps(setup: GuideSetup, url: str) -> str:
    name, title = setup.bot.name, setup.bot.title
    invite = (
        "4. Open the invitation below, and choose a server.\n"
        if url
        else f"4. Run `llmagent-os setup discord {name}` again: it checks the token, and prints the invitation\n"
        "   with which you add the bot to a server.\n"
    )
    return (
        f"# {title} on Discord\n\n"
        f"1. Create the application: {_PORTAL} → New Application, called {title}.\n"
        "2. Bot → Privileged Gateway Intents: turn on Message Content Intent. The other two are not needed.\n"
        "3. Bot → Reset Token: copy it into .env:\n"
        "       DISCORD_TOKEN=...\n"
        f"{invite}"
        f"   The invitation asks for: {', '.join(PERMISSIONS)}.\n"
        f"5. `llmagent-os run {name}`. Its slash commands appear by themselves.\n"
        f"6. Write to {title} directly, or mention it in a channel.\n"
    )


def _bot_page(client_id: str) -> str:
    return f"{_PORTAL}/{client_id}/bot"


def _note(text: str) -> Finding:
    return Finding("discord", "note", text)


def _problem(text: str, remedy: str) -> Finding:
    return Finding("discord", "problem", text, remedy)
