"""``/link``: joins two accounts of one person."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.platform_names import platform_name, platform_names
from llmagent_os.events import Command
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.link_changes import MAX_CHANGES
from llmagent_os.markup.word_list import join_words
from llmagent_os.people.linking import CODE_VALID, Joined, Refused
from llmagent_os.reply.services import Services

#: The answer of ``/link`` and ``/unlink`` where the agent keeps nothing.
NO_LEDGER = Reply("I keep nothing about anybody here, so there is nothing to link.")

#: The answer where accounts were linked and unlinked too often.
CHANGED_OFTEN = (
    f"These accounts were linked and unlinked {MAX_CHANGES} times within an hour, which is as often as I do it. "
    "Please wait an hour, and then try again."
)

_REFUSED = {
    Refused.WRONG: "There is no such code, or not any more: a code is good once, and for ten minutes. Send `/link` "
    "on the other platform, and give me its new code here.",
    Refused.OWN: "That is your own code. Give it to me on the *other* platform, as `/link CODE`.",
    Refused.SAME: "These two are the same person to me already. `/unlink` takes this account out.",
    Refused.CHANGED_OFTEN: CHANGED_OFTEN,
    Refused.TOO_OFTEN: "Too many wrong codes. Please wait an hour, and then ask for a new one.",
}


async def link(services: Services, command: Command) -> Reply:
    """Answer ``/link`` with a code, and ``/link CODE`` by joining the accounts."""
    links, identity, typed = services.links, identity_of(command), command.arguments.strip()
    if links is None:
        return NO_LEDGER
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


def _joined(result: Joined, everyone: tuple[Identity, ...]) -> str:
    return (
        f"Done: on {join_words(platform_names(everyone))} you are one person to me now. Your profile is the one of "
        f"{platform_name(result.issuer)}, completed with what I knew here. `/unlink` takes this account out again."
    )
