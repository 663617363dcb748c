"""``/learn``: has the bot learn words, or the document behind a link. Files are learned in ``learn_files``."""

from __future__ import annotations

import re
from datetime import date
from hashlib import sha256

from llmagent_os.adapter import Reply
from llmagent_os.commands.learn_files import CANNOT_LEARN, FOR_ALL, learn_given
from llmagent_os.commands.teaching import keep_document, share_button, why_not
from llmagent_os.events import Command
from llmagent_os.identity import identity_of
from llmagent_os.knowledge.document_readers import READABLE, UnreadableError
from llmagent_os.knowledge.link_reading import read_link
from llmagent_os.knowledge.notes import note_title
from llmagent_os.knowledge.passages import Section
from llmagent_os.languages import lazy_gettext
from llmagent_os.markup.shortening import shorten
from llmagent_os.people.time_zones import zone_or
from llmagent_os.reply.services import Services

_FOR_ALL = re.compile(rf"{FOR_ALL}\b\s*:?\s*", re.IGNORECASE)
_LINK = re.compile(r"<?(https?://[^\s<>|]+)(?:\|[^<>]*)?>?", re.IGNORECASE)

#: How long the title of a note is, in characters.
_TITLE = 50

USAGE = lazy_gettext(
    "Tell me what to learn:\n"
    "- `/learn The office opens at 8.` for words\n"
    "- `/learn https://example.org/handbook` for a page or a file on the web\n"
    "- a file with the words “learn this”; on Discord also `/learn` with a file\n\n"
    "I read {kinds}. Admins may write `for everyone` first: then all people here get answers from it."
)


async def learn(services: Services, command: Command) -> Reply:
    """Answer ``/learn``."""
    text = command.arguments.strip()
    match = _FOR_ALL.match(text)
    for_all = match is not None
    text = text[match.end() :] if match else text
    if command.attachments:
        return await learn_given(services, command, for_all=for_all)
    if problem := why_not(services, command, for_all=for_all):
        return Reply(problem)
    if not text:
        return Reply(USAGE.format(kinds=READABLE))
    if link := _LINK.fullmatch(text):
        return await _learn_link(services, command, link[1], for_all=for_all)
    document, said = await keep_document(
        services,
        command,
        key=f"note:{sha256(text.casefold().encode()).hexdigest()[:16]}",
        title=shorten(" ".join(text.split()), _TITLE),
        source="",
        sections=[Section(text, title=note_title(await _today(services, command), for_all=for_all))],
        for_all=for_all,
    )
    return Reply(said, buttons=share_button(services, command, document) if document and not for_all else ())


async def _today(services: Services, command: Command) -> date:
    """The day where the person is."""
    profile = await services.directory.profile(await services.directory.person_of(identity_of(command)))
    return services.clock().astimezone(zone_or(profile.known_zone, services.settings.time_zone)).date()


async def _learn_link(services: Services, command: Command, address: str, *, for_all: bool) -> Reply:
    try:
        allow = services.settings.web.allow_private
        found = await read_link(address, allow_private=allow, reader=identity_of(command))
    except UnreadableError as error:
        return Reply(CANNOT_LEARN.format(name=address, reason=error))
    document, said = await keep_document(
        services,
        command,
        key=f"link:{sha256(address.encode()).hexdigest()[:16]}",
        title=found.title,
        source=address,
        sections=found.sections,
        for_all=for_all,
    )
    return Reply(said, buttons=share_button(services, command, document) if document and not for_all else ())
