"""``/approve``: an admin lets a person in."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.people.access import Access

#: What an admin of one workspace reads who decides about a person of another.
NOT_THEIRS = lazy_gettext("That person belongs to another workspace than the one that you are an admin of.")


async def approve(access: Access, command: Command) -> Reply:
    """Answer an admin's ``/approve CODE``."""
    admin, asks = identity_of(command), await access.asks_with(command.arguments)
    if asks is not None and not access.is_admin(admin, asks.identity):
        return Reply(str(NOT_THEIRS))
    member = await access.approve(command.arguments, admin)
    if member is None:
        return Reply(
            gettext(
                "Nobody waits with that code: it may be mistyped, or older than an hour. The person who had it can "
                "write to me again for a new one. Usage: `/approve CODE`."
            )
        )
    who = f"{member.name} (`{member.identity}`)" if member.name else f"`{member.identity}`"
    return Reply(
        gettext(
            "Let in: {who}. I answer their next message. `/revoke {identity}` takes it back.",
            who=who,
            identity=member.identity,
        )
    )
