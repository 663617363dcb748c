"""Letting people in from the command line, beside a running host or without one: ``llmagent-os people``."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from llmagent_os.commands.revoke import revoked_text
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import parts_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import file_of
from llmagent_os.people.access import COMMAND_LINE, Access


async def listing(settings: Settings) -> str:
    """Who was let in, and who asks to be, one a line."""
    async with _access(settings) as access:
        members, requests = await access.members(), await access.requests()
    ways = {
        "pairing": "Others are given a code.",
        "closed": "Others are not answered (LLMAGENT_OS_ACCESS=closed).",
        "everyone": "Everybody is answered (LLMAGENT_OS_ACCESS=everyone).",
    }
    lines = [
        *(f"named in LLMAGENT_OS_ADMINS: {pattern}" for pattern in access.admins),
        *(f"named in LLMAGENT_OS_ALLOW: {pattern}" for pattern in access.allow),
        *(
            f"{each.identity}  {each.name or '-'}  let in {each.approved_at:%Y-%m-%d %H:%M} UTC by {each.approved_by}"
            for each in members
        ),
        *(
            f"{each.identity}  {each.name or '-'}  asks; llmagent-os people approve {each.code} lets them in "
            f"({max(0, (each.expires_at - now()).total_seconds()) / 60:.0f} minutes left)"
            for each in requests
        ),
        ways[access.mode],
    ]
    return "\n".join(lines)


async def approve(settings: Settings, code: str) -> str:
    """Let in whoever was told ``code``.

    Raises:
        ConfigError: nobody was, or it is no longer valid.
    """
    async with _access(settings) as access:
        member = await access.approve(code, COMMAND_LINE)
    if member is None:
        raise ConfigError(f"nobody waits with the code {code!r}: see `llmagent-os people list`; a code lasts an hour")
    return f"Let in: {member.identity}" + (f" ({member.name})" if member.name else "")


async def allow(settings: Settings, identity: str) -> str:
    """Let in somebody by name, whether or not they have asked.

    Raises:
        ConfigError: it is no identity.
    """
    parts_of(identity)
    if set(identity) & set("*?["):
        raise ConfigError(f"{identity!r} is a pattern: put it into LLMAGENT_OS_ALLOW; here one person is let in")
    async with _access(settings) as access:
        member = await access.allow_identity(identity, COMMAND_LINE)
    return f"Let in: {member.identity}"


async def revoke(settings: Settings, identity: str) -> str:
    """Take back that somebody was let in.

    Raises:
        ConfigError: it is no identity.
    """
    parts_of(identity)
    async with _access(settings) as access:
        return (await revoked_text(access, identity, await access.revoke(identity, COMMAND_LINE))).replace("`", "")


@asynccontextmanager
async def _access(settings: Settings) -> AsyncGenerator[Access]:
    if file_of(settings.ledger_url) is None:
        raise ConfigError("LLMAGENT_OS_DATABASE_URL keeps the ledger in memory: nobody can be let in from here")
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = await Ledger.open(settings.ledger_url)
    try:
        yield Access(ledger, access=settings.access, allow=settings.allow, admins=settings.admins)
    finally:
        await ledger.close()
