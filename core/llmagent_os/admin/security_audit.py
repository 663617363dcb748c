"""Looks for what makes an installation less safe than it could be: ``llmagent-os security audit``.

Nothing is changed. Platforms that have a token are asked what it permits. Each problem comes with its remedy.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import msgspec

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.admin.doctor import configured_platforms
from llmagent_os.admin.encryption_check import check_encryption
from llmagent_os.admin.findings import Finding
from llmagent_os.admin.leak_check import check_files, check_logs
from llmagent_os.admin.open_doors import check_doors
from llmagent_os.admin.setup_guide import GuideSetup, find_guide
from llmagent_os.admin.waiting_check import check_credentials
from llmagent_os.bot import Bot
from llmagent_os.config import PREFIX, Settings
from llmagent_os.events import now
from llmagent_os.ledger.connection import is_made
from llmagent_os.ledger.platform_admins import PlatformAdmin
from llmagent_os.people.roles import Roles

#: An admin who has not been seen for so long may have left.
STALE = timedelta(days=90)


async def examine(settings: Settings, bot: Bot, env_file: Path | None, logs: Iterable[Path]) -> list[Finding]:
    """Check files, credentials, doors, logs, platforms and admins.

    Args:
        settings: of the installation.
        bot: its plugins' folder and platforms are checked.
        env_file: the file of settings; None: there is none.
        logs: files to search for tokens.
    """
    folder = settings.plugin_folder or bot.plugin_folder
    code = [bot.folder, *([] if folder is None else [folder])]
    findings = [*check_files(settings, env_file, code), *check_encryption(settings), *check_doors(settings)]
    findings += [_as_problem(each) for each in check_credentials(settings)]
    findings += check_logs(settings, logs)
    for platform in configured_platforms(settings, bot):
        guidance = await find_guide(platform)(GuideSetup(settings, bot.config, {}))
        findings += [_as_problem(each) for each in guidance.findings if each.state != "note" or each.remedy]
    return [*findings, *await check_admins(settings)]


def _as_problem(finding: Finding) -> Finding:
    """A note with a remedy says what works, and could be safer."""
    return msgspec.structs.replace(finding, state="problem") if finding.state == "note" else finding


async def check_admins(settings: Settings) -> list[Finding]:
    """Check that those who are named as owners and admins, and those whom platforms named, are still there."""
    roles = Roles(owners=settings.owners, admins=settings.admins)
    named = [*roles.owners, *roles.admin_patterns]
    accounts = [each for each in dict.fromkeys(named) if not set(each) & set("*?[")]
    findings: list[Finding] = []
    if not named:
        text = "the settings name no owner and no admin: people are let in from the command line"
        findings.append(Finding("admins", "note", text))
    if not await asyncio.to_thread(is_made, settings.ledger_url):
        return findings or [
            Finding("admins", "note", "there is no ledger yet: it is not known when admins were last seen")
        ]
    async with open_ledger(settings) as ledger:
        seen, by_platform = await ledger.audit.last_seen(accounts), await ledger.platform_admins.listed()
    for account in accounts:
        remedy = f"take {account} out of {PREFIX}OWNERS and {PREFIX}ADMINS if that person has left"
        if account not in seen:
            text = f"{account} has never written to the bot: the id may be mistyped"
            findings.append(Finding("admins", "problem", text, remedy))
        elif (away := now() - seen[account]) > STALE:
            text = f"{account} was last seen {away.days} days ago"
            findings.append(Finding("admins", "problem", text, remedy))
        else:
            findings.append(Finding("admins", "ok", f"{account} was seen {seen[account]:%Y-%m-%d}"))
    return [*findings, *map(_platform_admin, by_platform)]


def _platform_admin(admin: PlatformAdmin) -> Finding:
    text = f"{admin.identity} is an admin of {admin.place} by the platform, which last said so on "
    text += f"{admin.confirmed_at:%Y-%m-%d}"
    if now() - admin.confirmed_at <= STALE:
        return Finding("admins", "ok", text)
    return Finding("admins", "problem", text, "take the role away on the platform if that person has left")
