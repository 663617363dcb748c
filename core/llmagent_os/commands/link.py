"""``/link``: joins two accounts of one person."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.platform_names import platform_name, platform_names
from llmagent_os.commands.withdrawal_notice import withdrawn_by_links
from llmagent_os.events import Command
from llmagent_os.identity import Identity, identity_of
from llmagent_os.languages import gettext, lazy_gettext, list_text
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.ledger.link_changes import MAX_CHANGES
from llmagent_os.people.linking import CODE_VALID, Joined, Refused
from llmagent_os.reply.services import Services

#: The answer of ``/link`` and ``/unlink`` where the agent keeps nothing.
NO_LEDGER = lazy_gettext("Nothing is kept about people here, so no accounts can be linked.")

_CHANGED_OFTEN = lazy_gettext(
    "These accounts were linked and unlinked {changes} times within an hour, which is as often as I do it. "
    "Please wait an hour, and then try again."
)

_REFUSED = {
    Refused.WRONG: lazy_gettext(
        "This code is not valid. A code works once, and for ten minutes. Send `/link` on the other platform to get a "
        "new code, and type that code here."
    ),
    Refused.OWN: lazy_gettext("This code is from this account. Type `/link CODE` on the *other* platform."),
    Refused.SAME: lazy_gettext("These two accounts are linked already. `/unlink` separates this account again."),
    Refused.TOO_OFTEN: lazy_gettext("Too many wrong codes. Try again in an hour, with a new code."),
}


async def link(services: Services, command: Command) -> Reply:
    """Answer ``/link`` with a code, and ``/link CODE`` by joining the accounts."""
    links, identity, typed = services.links, identity_of(command), command.arguments.strip()
    if links is None:
        return Reply(str(NO_LEDGER))
    if not typed:
        code = await links.issue(identity)
        minutes = int(CODE_VALID.total_seconds() // 60)
        return Reply(
            gettext(
                "To link another account of yours with this one, send me `/link {code}` from that account. The code "
                "works for {minutes} minutes. Both accounts then share one profile, one calendar and one history. Show "
                "the code to nobody else.",
                code=code,
                minutes=minutes,
            )
        )
    result = await links.join(identity, typed)
    if isinstance(result, Refused):
        return Reply(changed_often() if result is Refused.CHANGED_OFTEN else str(_REFUSED[result]))
    withdrawn = await withdrawn_by_links(services, [identity])
    return Reply(join_sentences([_joined(result, await links.everyone(identity)), withdrawn]))


def changed_often() -> str:
    """What a person reads whose accounts were linked and unlinked too often."""
    return _CHANGED_OFTEN.format(changes=MAX_CHANGES)


def _joined(result: Joined, everyone: tuple[Identity, ...]) -> str:
    return gettext(
        "Linked: {platforms} now share one profile. It is the profile from {platform}, completed with what was known "
        "here. `/unlink` separates this account again.",
        platforms=list_text(platform_names(everyone)),
        platform=platform_name(result.issuer),
    )
