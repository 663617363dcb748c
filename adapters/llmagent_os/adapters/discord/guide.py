"""Setting a Discord bot up: its invitation, the steps around it, and whether its token is right."""

from __future__ import annotations

import re
from importlib.metadata import version
from urllib.parse import quote, urlencode

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.admin.platform_api import Answer, Api, unreachable
from llmagent_os.admin.setup_guide import Guidance, GuideSetup
from llmagent_os.errors import AdapterError

#: What the bot may do in a server: Discord's permission bits and what they are for.
PERMISSIONS = {
    "View Channels": 1 << 10,  # hear what is written
    "Send Messages": 1 << 11,
    "Send Messages in Threads": 1 << 38,
    "Embed Links": 1 << 14,  # cards are embeds
    "Attach Files": 1 << 15,
    "Read Message History": 1 << 16,  # catch up after a pause, and refer to the message that is answered
}
SCOPES = ("bot", "applications.commands")

_PORTAL = "https://discord.com/developers/applications"
_INVITE = "https://discord.com/oauth2/authorize"
#: Of an application: the Message Content intent, for bots that Discord has verified and for the others.
_MESSAGE_CONTENT = 1 << 18 | 1 << 19
_SHOWN = 200  #: servers that Discord names in one answer

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


async def guide(setup: GuideSetup) -> Guidance:
    """The invitation, the steps, and what Discord says about the token."""
    settings = setup.settings
    token = settings.discord_token.get_secret_value()
    findings: list[Finding] = []
    application: _Application | None = None
    if setup.address:
        findings.append(_note("Discord needs no public address: --http changes nothing here"))
    if not token:
        findings.append(_note("DISCORD_TOKEN is not set yet: follow the steps above"))
    elif not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+", token, re.ASCII):
        text = "DISCORD_TOKEN is no bot token, which has three parts with dots between them"
        findings.append(_problem(text, f"it is not the client secret, nor the public key; {_NEW_TOKEN}"))
    else:
        headers = {"Authorization": f"Bot {token}", "User-Agent": f"DiscordBot (llmagent-os, {version('llmagent-os')})"}
        try:
            async with Api("Discord", settings.discord_api_url, headers) as api:
                application = await _look(api, findings)
        except AdapterError as error:
            findings.append(unreachable("discord", error, "DISCORD_API_URL", settings.discord_api_url))
    url = invitation(application.id) if application else ""
    return Guidance(_steps(setup, url), url, tuple(findings))


def invitation(client_id: str) -> str:
    """The address at which somebody adds the bot to their server."""
    asked = {"client_id": client_id, "scope": " ".join(SCOPES), "permissions": sum(PERMISSIONS.values())}
    return f"{_INVITE}?{urlencode(asked, quote_via=quote)}"


async def _look(api: Api, findings: list[Finding]) -> _Application | None:
    """Ask Discord; returns the application, where the token is right."""
    answer = await api.ask("GET", "users/@me")
    if answer.status == 401:
        findings.append(_problem("Discord refuses DISCORD_TOKEN", _NEW_TOKEN))
        return None
    user = _good(answer).read(_User)
    findings.append(Finding("discord", "ok", f"DISCORD_TOKEN is that of {user.username!r}"))
    application = _good(await api.ask("GET", "oauth2/applications/@me")).read(_Application)
    if not re.fullmatch(r"[0-9]{1,20}", application.id):
        raise AdapterError("Discord names no application that could be invited")
    if application.flags & _MESSAGE_CONTENT:
        findings.append(Finding("discord", "ok", "the Message Content intent is on"))
    else:
        text = "the Message Content intent is off: the bot reads direct messages and mentions alone"
        findings.append(_problem(text, f"switch it on at {_bot_page(application.id)} under Privileged Gateway Intents"))
    if application.interactions_endpoint_url:
        text = "an Interactions Endpoint URL is set: slash commands and buttons go there, and not to this bot"
        findings.append(_problem(text, f"empty it at {_PORTAL}/{application.id}/information"))
    if application.bot_require_code_grant:
        text = "the bot requires an OAuth2 code grant: nobody can invite it"
        findings.append(_problem(text, f"switch that off at {_bot_page(application.id)}"))
    servers = len(_good(await api.ask("GET", "users/@me/guilds")).read(list[_Guild]))
    if not servers:
        findings.append(_note("it is in no server yet: open the invitation"))
    else:
        many = f"{_SHOWN} servers or more" if servers >= _SHOWN else f"{servers} server{'s' * (servers != 1)}"
        findings.append(Finding("discord", "ok", f"it is in {many}"))
    return application


def _good(answer: Answer) -> Answer:
    if answer.status != 200:
        raise AdapterError(f"Discord takes DISCORD_TOKEN and answers {answer.status}")
    return answer


def _steps(setup: GuideSetup, url: str) -> str:
    name, title = setup.bot.name, setup.bot.title
    invite = (
        "4. Open the invitation below, and pick a server.\n"
        if url
        else f"4. Run `llmagent-os setup discord {name}` again: it checks the token, and prints the invitation\n"
        "   with which you add the bot to a server.\n"
    )
    return (
        f"# {title} on Discord\n\n"
        f"1. Create the application: {_PORTAL} → New Application, called {title}.\n"
        "2. Bot → Privileged Gateway Intents: switch Message Content Intent on. The others are not needed.\n"
        "3. Bot → Reset Token: copy it into .env:\n"
        "       DISCORD_TOKEN=...\n"
        f"{invite}"
        f"   It asks for: {', '.join(PERMISSIONS)}.\n"
        f"5. `llmagent-os run {name}`. Slash commands appear by themselves.\n"
        f"6. Write to {title} directly, or mention it in a channel.\n"
    )


def _bot_page(client_id: str) -> str:
    return f"{_PORTAL}/{client_id}/bot"


def _note(text: str) -> Finding:
    return Finding("discord", "note", text)


def _problem(text: str, remedy: str) -> Finding:
    return Finding("discord", "problem", text, remedy)
