"""What people are told when they join their accounts or take them apart: the words of ``/link`` and ``/unlink``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmagent_os.adapter import Reply
from llmagent_os.events import Event
from llmagent_os.identity import identity_of, parts_of
from llmagent_os.people.linking import CODE_VALID, Joined, Links, Refused

if TYPE_CHECKING:
    from llmagent_os.people.access import Access

#: How platforms are called where their name alone would not be understood.
_NAMES = {"web": "the web chat", "console": "the terminal", "script": "scripts"}

_REFUSED = {
    Refused.WRONG: "There is no such code, or not any more: a code is good once, and for ten minutes. Send `/link` "
    "where you want to be joined with, and give me its new code here.",
    Refused.OWN: "That is your own code. Give it to me on the *other* platform, as `/link CODE`.",
    Refused.SAME: "These two are the same person to me already. `/unlink` takes this account out.",
    Refused.TOO_OFTEN: "That were too many wrong codes. Please wait an hour and ask for a new one then.",
}


async def link(links: Links, event: Event, typed: str) -> Reply:
    """The answer to ``/link``, and to ``/link CODE``."""
    identity = identity_of(event)
    if not typed:
        code = await links.issue(identity)
        minutes = int(CODE_VALID.total_seconds() // 60)
        return Reply(
            f"Write to me on the other platform, and send `/link {code}` there. Within {minutes} minutes, that makes "
            "the account you send it from the same person as this one: one profile, and what I keep for you in both "
            "places. Show the code to nobody else."
        )
    result = await links.join(identity, typed)
    if isinstance(result, Refused):
        return Reply(_REFUSED[result])
    return Reply(_joined(result, await links.everyone(identity)))


def _joined(result: Joined, everyone: tuple[str, ...]) -> str:
    return (
        f"Done: on {listed(platforms(everyone))} you are one person to me now. Your profile is the one of "
        f"{named(result.issuer)}, with what this one knew besides. `/unlink` takes this account out again."
    )


async def unlink(links: Links, event: Event, access: Access | None) -> Reply:
    """The answer to ``/unlink``."""
    identity = identity_of(event)
    rest = await links.leave(identity)
    if rest is None:
        return Reply("This account is linked to nothing. `/link` begins that.")
    said = "Done: this account stands for itself again, with the profile and the entries that were made on it."
    if rest:
        said += f" Still one person: {listed(platforms(rest))}."
    if access is not None and not await access.admits(event):
        said += " It was let in as a part of you only, so I will ask you who you are when you write to me here again."
    return Reply(said)


def platforms(identities: Iterable[str]) -> list[str]:
    """Where identities are, in words, each once and in their order.

    >>> platforms(["slack:T1:U1", "telegram::17", "slack:T2:U5", "web:local:3f"])
    ['Slack', 'Telegram', 'the web chat']
    """
    return list(dict.fromkeys(named(identity) for identity in identities))


def named(identity: str) -> str:
    """The platform of an identity, in words."""
    platform, _, _ = parts_of(identity)
    return _NAMES.get(platform, platform.capitalize())


def listed(names: list[str]) -> str:
    """``names`` in a sentence.

    >>> listed(["Slack"]), listed(["Slack", "Discord", "the web chat"])
    ('Slack', 'Slack, Discord and the web chat')
    """
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
