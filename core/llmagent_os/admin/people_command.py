"""Decides who may talk to the bot: ``llmagent-os people``. It works with or without a running host."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.commands.revoke import revoked_text
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import parse
from llmagent_os.ledger import Ledger
from llmagent_os.people.access import COMMAND_LINE, Access

#: How many of those who wrote last are listed.
LISTED = 50


async def listing(settings: Settings) -> str:
    """Return who was let in, who waits for approval, and who has talked to the bot, one account per line."""
    async with open_ledger(settings) as ledger:
        access = _access_of(settings, ledger)
        members, requests = await access.members(), await access.requests()
        platform_admins = await access.platform_admins()
        talked = await ledger.who_wrote(LISTED)
    ways = {
        "pairing": "Anybody else who writes gets a code, and is answered once you have approved it.",
        "closed": "Others are not answered (LLMAGENT_OS_ACCESS=closed).",
        "everyone": "Everybody is answered (LLMAGENT_OS_ACCESS=everyone).",
    }
    lines = [
        *(f"named in LLMAGENT_OS_OWNERS: {pattern}" for pattern in access.roles.owners),
        *(f"named in LLMAGENT_OS_ADMINS: {pattern}" for pattern in access.roles.admins),
        *(f"named in LLMAGENT_OS_ALLOW: {pattern}" for pattern in access.allow),
        *(
            f"{each.identity}  admin of {each.place} by the platform, which last said so on "
            f"{each.confirmed_at:%Y-%m-%d %H:%M} UTC"
            for each in platform_admins
        ),
        *(
            f"{each.identity}  {each.name or '-'}  let in {each.approved_at:%Y-%m-%d %H:%M} UTC by {each.approved_by}"
            for each in members
        ),
        *(
            f"{each.identity}  {each.name or '-'}  waits: llmagent-os people approve {each.code} lets them in "
            f"({max(0, (each.expires_at - now()).total_seconds()) / 60:.0f} minutes left)"
            for each in requests
        ),
    ]
    lines = [*(lines or ["Nobody was let in yet, and nobody waits."]), ways[access.mode]]
    if talked:  # also people of the web and of the terminal, who need no leave
        lines.append("Who has talked to the bot, the latest first:")
        lines += [f"{who}  last answered {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for who, at in talked]
    return "\n".join(lines)


async def approve(settings: Settings, code: str) -> str:
    """Let in the person who was given ``code``. Returns a confirmation.

    Raises:
        ConfigError: nobody has this code, or it is no longer valid.
    """
    async with _access(settings) as access:
        member = await access.approve(code, COMMAND_LINE)
    if member is None:
        raise ConfigError(f"nobody waits with the code {code!r}: see `llmagent-os people list`; a code lasts an hour")
    return f"Let in: {member.identity}" + (f" ({member.name})" if member.name else "")


async def allow(settings: Settings, typed: str) -> str:
    """Let in an identity, whether or not it has asked. Returns a confirmation.

    Raises:
        ConfigError: ``typed`` is not an identity, or is a pattern.
    """
    identity = parse(typed)
    if set(identity) & set("*?["):
        raise ConfigError(f"{identity!r} is a pattern: put it into LLMAGENT_OS_ALLOW; this command lets in one person")
    async with _access(settings) as access:
        member = await access.allow_identity(identity, COMMAND_LINE)
    return f"Let in: {member.identity}"


async def revoke(settings: Settings, typed: str) -> str:
    """Stop answering a person. Returns a confirmation.

    Raises:
        ConfigError: ``typed`` is not an identity.
    """
    identity = parse(typed)
    async with _access(settings) as access:
        return (await revoked_text(access, identity, await access.revoke(identity, COMMAND_LINE))).replace("`", "")


@asynccontextmanager
async def _access(settings: Settings) -> AsyncGenerator[Access]:
    async with open_ledger(settings) as ledger:
        yield _access_of(settings, ledger)


def _access_of(settings: Settings, ledger: Ledger) -> Access:
    return Access(ledger, access=settings.access, allow=settings.allow, admins=settings.admins, owners=settings.owners)
