"""Learns the files of a message: with the words "learn this", or by the button under a file that came without words."""

from __future__ import annotations

import asyncio
import re
from hashlib import sha256
from pathlib import Path

from llmagent_os.adapter import Button, Reply
from llmagent_os.adapter_kit.files import FOLDER
from llmagent_os.commands.teaching import keep_document, share_button, why_not
from llmagent_os.events import Attachment, Command, Event, Message
from llmagent_os.identity import file_name_of, identity_of
from llmagent_os.knowledge.document_readers import READABLE, UnreadableError, kind_of
from llmagent_os.knowledge.passages import Document
from llmagent_os.knowledge.reading import read_file_apart
from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.people.access import plain_name
from llmagent_os.reply.services import Services

#: Begins the value of the button that learns the files of an earlier message. The message's event id comes after it.
LEARN_FILES = "agent:learn:"

#: "for everyone" and the like: the workspace is to know it, and not the person alone.
FOR_ALL = (
    r"(?:for (?:everyone|everybody|all|us(?: all)?|the (?:workspace|team|server|group))"
    r"|für (?:alle|uns(?: alle)?)|para (?:todos|todas|nosotros)|给(?:大家|所有人))"
)

_TEACHING = re.compile(
    rf"(?:please )?/?(?:read and )?learn(?:@\w+)?(?: (?:this|it|that|these))?"
    rf"(?: (?:file|files|document|documents|pdf|page))?(?: (?P<all>{FOR_ALL}))?(?: please)?\s*[.!]*"
    rf"|(?:bitte )?lerne?(?: das| dies| diese datei)?(?: (?P<all_de>{FOR_ALL}))?(?: bitte)?\s*[.!]*"
    rf"|(?:por favor,? )?aprende(?: esto| este archivo)?(?: (?P<all_es>{FOR_ALL}))?(?:,? por favor)?\s*[.!]*"
    rf"|(?:请)?(?P<all_zh>{FOR_ALL})?学习?(?:这个|一下|这个文件)?\s*[。！.!]*",
    re.IGNORECASE,
)


#: What a person reads about a document that cannot be read; the reason is a clause.
CANNOT_LEARN = lazy_gettext("I cannot learn {name}: {reason}.")
_GONE = lazy_gettext("I do not have that file any more. Please send it again.")


def is_teaching(message: Message) -> bool:
    """Whether a message with files asks to learn them."""
    return bool(message.attachments) and _TEACHING.fullmatch(message.text.strip()) is not None


async def learn_files(services: Services, message: Message) -> Reply:
    """Answer a message that asks to learn its files."""
    match = _TEACHING.fullmatch(message.text.strip())
    for_all = match is not None and any(match.groupdict().values())
    return await _learned(services, message, message.attachments, for_all=for_all)


async def learn_given(services: Services, command: Command, *, for_all: bool) -> Reply:
    """Answer ``/learn`` that came with files.

    Args:
        services: those of the agent.
        command: with the files.
        for_all: the workspace is to know them, and not the person alone.
    """
    return await _learned(services, command, command.attachments, for_all=for_all)


async def offer_to_learn(services: Services, message: Message) -> Reply | None:
    """What to say to files that came without words, where they can be learned.

    None: they cannot. Nor is it offered to people of whom nothing is to be remembered: they still may ask for it.
    """
    readable = [each for each in message.attachments if each.path and kind_of(each.name, each.content_type)]
    if not readable or why_not(services, message, for_all=False):
        return None
    if not (await services.directory.consent(await services.directory.person_of(identity_of(message)))).remember:
        return None
    names = ", ".join(_name(each) for each in readable)
    return Reply(
        gettext("I have {names}. Shall I learn it, so that I can answer you from it?", names=names),
        buttons=(
            Button(gettext("Learn it"), f"{LEARN_FILES}{message.event_id}"),
            Button(gettext("No"), "agent:keep"),
        ),
    )


async def learn_earlier_files(services: Services, event: Event, value: str) -> Reply:
    """Answer the button under files that came without words. Only files that the same account has sent are learned."""
    event_id = value.removeprefix(LEARN_FILES)
    if services.data is None or not event_id:
        return Reply(str(_GONE))
    folder = services.data / event.conversation.platform / FOLDER / file_name_of(event.sender.user_id)
    paths = await asyncio.to_thread(lambda: sorted((folder / file_name_of(event_id)).glob("[!.]*")))
    if not paths:
        return Reply(str(_GONE))
    return await _learned(services, event, [Attachment(path.name, "", str(path)) for path in paths], for_all=False)


async def _learned(
    services: Services, event: Event, attachments: tuple[Attachment, ...] | list[Attachment], *, for_all: bool
) -> Reply:
    if problem := why_not(services, event, for_all=for_all):
        return Reply(problem)
    said: list[str] = []
    kept: list[Document] = []
    for each in attachments:
        name = _name(each)
        if not each.path:
            problem = each.problem or gettext("it did not arrive")
            said.append(gettext("I could not fetch {name}: {problem}.", name=name, problem=problem))
            continue
        if each.voice or kind_of(each.name, each.content_type) is None:
            said.append(gettext("I cannot learn {name}: I read {kinds}.", name=name, kinds=READABLE))
            continue
        try:
            found = await read_file_apart(
                Path(each.path), name=each.name, content_type=each.content_type, reader=identity_of(event)
            )
        except UnreadableError as error:
            said.append(CANNOT_LEARN.format(name=name, reason=error))
            continue
        document, words = await keep_document(
            services,
            event,
            key=f"file:{sha256(each.name.encode()).hexdigest()[:16]}",
            title=found.title,
            source=each.name,
            sections=found.sections,
            for_all=for_all,
        )
        said.append(words)
        kept += [document] if document is not None else []
    buttons = share_button(services, event, kept[0]) if len(kept) == 1 and not for_all else ()
    return Reply("\n".join(said), buttons=buttons)


def _name(file: Attachment) -> str:
    return plain_name(file.name) or gettext("your file")
