"""``/unlink``: takes an account out of its person."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.link import CHANGED_OFTEN, NO_LEDGER
from llmagent_os.commands.platform_names import platform_names
from llmagent_os.commands.withdrawal_notice import withdrawn_by_links
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.markup.word_list import join_words
from llmagent_os.people.linking import Refused
from llmagent_os.reply.services import Services


async def unlink(services: Services, command: Command) -> Reply:
    """Answer ``/unlink``."""
    links = services.links
    if links is None:
        return NO_LEDGER
    before = await links.everyone(identity_of(command))
    rest = await links.leave(identity_of(command))
    if rest is None:
        return Reply("This account is linked to nothing. `/link` begins that.")
    if isinstance(rest, Refused):
        return Reply(CHANGED_OFTEN)
    text = "Done: this account stands for itself again, with the profile and the entries that were made on it."
    if rest:
        text += f" Still one person: {join_words(platform_names(rest))}."
    if withdrawn := await withdrawn_by_links(services, before):
        text += f" {withdrawn}"
    if services.access is not None and not await services.access.admits(command):
        text += " It was let in as a part of you only, so I will ask you who you are when you write to me here again."
    return Reply(text)
