"""Shows what admins and approvals did: ``llmagent-os audit``. It works with or without a running host."""

from __future__ import annotations

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.commands.audit import entry_text
from llmagent_os.config import Settings


async def listing(settings: Settings, last: int) -> str:
    """Return the last entries of the audit log, oldest first, one per line."""
    async with open_ledger(settings) as ledger:
        entries = await ledger.audit.latest(last)
    return "\n".join(entry_text(each) for each in reversed(entries)) or "Nothing was done yet."
