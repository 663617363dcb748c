"""What ``/link`` and ``/unlink`` say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagent_os.adapter import Reply
from llmagent_os.events import Event
from llmagent_os.identities import CODE_VALID, Links, Refused, parts_of
from llmagent_os.ledger import person_id

if TYPE_CHECKING:
    from llmagent_os.access import Access

_REFUSED = {
    Refused.WRONG: "That code is not valid: it may be mistyped, used already, or older than ten minutes. Send `/link` "
    "where you talk to me already for a new one.",
    Refused.OWN: "That is your own code. Send it to me on the other platform, not here.",
    Refused.SAME: "That is a code of yours, and the two are linked already.",
    Refused.TOO_OFTEN: "There were too many wrong codes. Please try again in an hour.",
}


async def link(links: Links, event: Event, typed: str) -> Reply:
    """Give a code, or take one."""
    identity = person_id(event)
    if not typed.strip():
        code = await links.issue(identity)
        minutes = int(CODE_VALID.total_seconds() // 60)
        return Reply(
            f"Your code: `{code}`\n\nWithin {minutes} minutes, send `/link {code}` to me from your other account, on "
            "whatever platform. I then know that you are the same person: one profile, one memory. Show the code to "
            "nobody: whoever sends it is you to me."
        )
    result = await links.join(identity, typed)
    if isinstance(result, Refused):
        return Reply(_REFUSED[result])
    return Reply(
        f"Done: this account and {_account(result.issuer, identity)} are one person to me now. Both see the same "
        "profile, the one from there, completed by what it lacked, and the same things that you have told me to keep; "
        "`/forget` erases all of it. `/unlink` takes this account out again."
    )


async def unlink(links: Links, event: Event, access: Access | None) -> Reply:
    """Take this account out."""
    identity = person_id(event)
    others = await links.leave(identity)
    if others is None:
        return Reply("This account is linked to no other.")
    still = " The others stay linked to each other." if others else ""
    said = (
        "Done: this account stands by itself again. It has what was said and made on it, and its profile from before "
        f"it was linked; the other side likewise.{still}"
    )
    if access is not None and not await access.admits_identity(identity):
        said += " I answered it as one of yours; now it has to be let in by itself: write to me for a code."
    return Reply(said)


def platforms(identities: tuple[str, ...]) -> list[str]:
    """Where they are, as people call it."""
    return list(dict.fromkeys(parts_of(identity)[0].capitalize() for identity in identities))


def _account(identity: str, here: str) -> str:
    platform, own = parts_of(identity)[0], parts_of(here)[0]
    return f"your other one on {platform.capitalize()}" if platform == own else f"the one on {platform.capitalize()}"
