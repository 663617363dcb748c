"""``/link``: joins two accounts of one person."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.platform_names import platform_name, platform_names
from llmagent_os.commands.withdrawal_notice import withdrawn_by_links
from llmagent_os.events import Command
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.link_changes import MAX_CHANGES
from llmagent_os.markup.word_list import join_words
from llmagent_os.people.linking import CODE_VALID, Joined, Refused
from llmagent_os.reply.services import Services

#: The answer of ``/link`` and ``/unlink`` where the agent keeps nothing.
NO_LEDGER = Reply("Nothing is kept about people here, so no accounts can be linked.")

#: The answer where accounts were linked and unlinked too often.
CHANGED_OFTEN = (
    f"These accounts were linked and unlinked {MAX_CHANGES} times within an hour, which is as often as I do it. "
    "Please wait an hour, and then try again."
)

_REFUSED = {
    Refused.WRONG: "This code is not valid. A code works once, and for ten minutes. Send `/link` on the other "
    "platform to get a new code, and type that code here.",
    Refused.OWN: "This code is from this account. Type `/link CODE` on the *other* platform.",
    Refused.SAME: "These two accounts are linked already. `/unlink` separates this account again.",
    Refused.CHANGED_OFTEN: CHANGED_OFTEN,
    Refused.TOO_OFTEN: "Too many wrong codes. Try again in an hour, with a new code.",
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
            f"To link another account of yours with this one, send me `/link {code}` from that account. The code works "
            f"for {minutes} minutes. Both accounts then share one profile, one calendar and one history. Show the code "
            "to nobody else."
        )
    result = await links.join(identity, typed)
    if isinstance(result, Refused):
        return Reply(_REFUSED[result])
    withdrawn = await withdrawn_by_links(services, [identity])
    return Reply(f"{_joined(result, await links.everyone(identity))} {withdrawn}".rstrip())


def _joined(result: Joined, everyone: tuple[Identity, ...]) -> str:
    return (
        f"Linked: {join_words(platform_names(everyone))} now share one profile. It is the profile from "
        f"{platform_name(result.issuer)}, completed with what was known here. `/unlink` separates this account again."
    )
