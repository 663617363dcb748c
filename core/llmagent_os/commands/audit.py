"""``/audit``: the last things that admins and approvals did, for owners."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext
from llmagent_os.ledger.audit_log import AuditEntry
from llmagent_os.people.access import Access

#: How many entries a reply shows.
SHOWN = 15


async def audit(access: Access, command: Command) -> Reply:
    """Answer an owner's ``/audit``. Where no owner is named, admins are shown what belongs to their workspaces."""
    reader = identity_of(command)
    if access.roles.owners and access.role(reader) != "owner":
        return Reply(gettext("Only owners can read that. Whoever runs me names them in LLMAGENT_OS_OWNERS."))
    entries = await access.log.latest(SHOWN, by=reader, of=access.workspaces(reader))
    return Reply("\n".join(f"- {entry_text(each)}" for each in entries) or gettext("Nothing was done yet."))


def entry_text(entry: AuditEntry) -> str:
    """One entry, as a line."""
    what = " ".join(filter(None, (entry.action, entry.subject, f"({entry.detail})" if entry.detail else "")))
    role = "" if entry.role == entry.actor else f" ({entry.role})"
    return f"{entry.at:%Y-%m-%d %H:%M:%S} UTC  {entry.actor}{role}: {what}"
