"""``/unlink``: takes an account out of its person."""

from __future__ import annotations

from llmagent_os.adapter import Reply
from llmagent_os.commands.link import NO_LEDGER, changed_often
from llmagent_os.commands.platform_names import platform_names
from llmagent_os.commands.withdrawal_notice import withdrawn_by_links
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext, list_text
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.people.linking import Refused
from llmagent_os.reply.services import Services


async def unlink(services: Services, command: Command) -> Reply:
    """Answer ``/unlink``."""
    links = services.links
    if links is None:
        return Reply(str(NO_LEDGER))
    before = await links.everyone(identity_of(command))
    rest = await links.leave(identity_of(command))
    if rest is None:
        return Reply(gettext("This account is linked to nothing. `/link` begins that."))
    if isinstance(rest, Refused):
        return Reply(changed_often())
    said = [
        gettext("Done: this account stands for itself again, with the profile and the entries that were made on it.")
    ]
    if rest:
        said.append(gettext("Still one person: {platforms}.", platforms=list_text(platform_names(rest))))
    said.append(await withdrawn_by_links(services, before))
    if services.access is not None and not await services.access.admits(command):
        said.append(
            gettext(
                "It was let in as a part of you only, so I will ask you who you are when you write to me here again."
            )
        )
    return Reply(join_sentences(said))
