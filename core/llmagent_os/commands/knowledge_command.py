"""``/knowledge``: lists what the bot knows from documents, shows one, and removes one."""

from __future__ import annotations

import asyncio
import re

import msgspec
import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.teaching import audit_name, is_admin, short_id
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.knowledge.passage_base import UNUSABLE, PassageBase
from llmagent_os.knowledge.passages import Document, Passage
from llmagent_os.reply.citations import SHOW_PASSAGE, source_name
from llmagent_os.reply.found_passages import scopes_of
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: Begins the value of the button that removes a document.
REMOVE = "agent:unlearn:"

#: How many documents are listed, and how many passages are shown.
MAX_LISTED, MAX_SHOWN = 40, 6

_WAYS = "`/knowledge` lists what I know, `/knowledge show 2` shows the second, `/knowledge remove 2` removes it"
_GONE = Reply("I do not have that passage any more: its document was removed or learned again.")


class Listed(msgspec.Struct, frozen=True):
    """A document that a person may see."""

    base: PassageBase
    document: Document
    whose: str  #: for people: yours, everybody's here, or the bot's own
    is_theirs: bool  #: whether the person may remove it


async def knowledge(services: Services, command: Command) -> Reply:
    """Answer ``/knowledge``, ``/knowledge show 2`` and ``/knowledge remove 2``."""
    what, _, which = command.arguments.strip().partition(" ")
    listed = await _listed(services, command)
    if not what or what.lower() == "list":
        return _list(services, listed)
    if what.lower() not in ("show", "remove", "delete", "forget"):
        return Reply(f"I don't know `/knowledge {what}`. {_WAYS}.")
    found = _chosen(listed, which.strip())
    if found is None:
        return Reply(f"There is no document {which.strip() or 'without a number'} in my list. {_WAYS}.")
    if what.lower() == "show":
        return await _show(found)
    if not found.is_theirs:
        return Reply(f"“{found.document.title}” is {found.whose}: only {_remover(found)} can remove it.")
    value = f"{REMOVE}{found.base.name}:{short_id(found.document)}"
    return Reply(
        f"Remove “{found.document.title}”, {found.whose}? I will answer nothing from it any more.",
        buttons=(Button("Yes, remove it", value, "danger"), Button("No", "agent:keep")),
    )


async def remove_pressed(services: Services, event: Event, value: str) -> Reply:
    """Answer the button that removes a document."""
    name, _, short = value.removeprefix(REMOVE).partition(":")
    listed = await _listed(services, event)
    found = next((each for each in listed if each.base.name == name and short_id(each.document) == short), None)
    if found is None:
        return Reply("I do not have that document any more.")
    if not found.is_theirs:
        return Reply(f"“{found.document.title}” is {found.whose}: only {_remover(found)} can remove it.")
    await asyncio.to_thread(found.base.remove, found.document.document_id)
    await asyncio.to_thread(found.base.compact)
    if services.access is not None and found.whose != "yours alone":
        detail = audit_name(found.document)
        await services.access.note(identity_of(event), "removed a document of everybody", detail=detail)
    return Reply(f"Removed “{found.document.title}”.")


async def show_passage(services: Services, event: Event, value: str) -> Reply:
    """Answer the button under an answer that shows the passage it is from, to people who may read it."""
    name, _, number = value.removeprefix(SHOW_PASSAGE).partition(":")
    bases = [base for base, _, _ in await _bases(services, event) if base.name == name]
    if not bases or not re.fullmatch(r"[0-9]{1,15}", number):
        return _GONE
    passage = await asyncio.to_thread(bases[0].passage, int(number))
    return _GONE if passage is None else Reply(_shown(passage))


async def _bases(services: Services, event: Event) -> list[tuple[PassageBase, str, bool]]:
    """The bases that a person may read, whose each is, and whether the person may remove what is in it."""
    found: list[tuple[PassageBase, str, bool]] = []
    if services.taught is not None:
        admin = is_admin(services, event)
        scopes = await scopes_of(services, event, identity_of(event))
        for scope in reversed(scopes):  # the person's own first
            whose, theirs = ("yours alone", True) if scope.kind == "person" else ("everybody's here", admin)
            found += [(base, whose, theirs) for base in services.taught.there([scope])]
    if services.knowledge is not None:
        found.append((services.knowledge.base, "part of me", False))
    return found


async def _listed(services: Services, event: Event) -> list[Listed]:
    listed: list[Listed] = []
    for base, whose, theirs in await _bases(services, event):
        try:
            documents = await asyncio.to_thread(base.documents)
        except UNUSABLE as error:
            _log.error("a knowledge base cannot be listed", path=str(base.path), error=str(error))
            continue
        # The bot's own words are no documents: they are how it was made.
        listed += [Listed(base, each, whose, theirs) for each in documents if not each.trusted]
    return listed


def _chosen(listed: list[Listed], which: str) -> Listed | None:
    """The document with a number, or the only one whose title has the words."""
    if re.fullmatch(r"#?\d{1,6}", which):
        number = int(which.lstrip("#"))
        return listed[number - 1] if 1 <= number <= len(listed) else None
    found = [each for each in listed if which and which.casefold() in each.document.title.casefold()]
    return found[0] if len(found) == 1 else None


def _list(services: Services, listed: list[Listed]) -> Reply:
    if not listed:
        more = "" if services.settings.learn == "off" else " `/learn` teaches me something."
        return Reply(f"I know no documents yet.{more}")
    lines = [
        f"{number}. {each.document.title} — {_count(each.document)}, {each.whose}"
        for number, each in enumerate(listed[:MAX_LISTED], 1)
    ]
    if len(listed) > MAX_LISTED:
        lines.append(f"… and {len(listed) - MAX_LISTED} more: `/knowledge show` takes a title too.")
    return Reply("\n".join(["What I know from documents:", *lines, "", f"{_WAYS}."]))


async def _show(found: Listed) -> Reply:
    passages = await asyncio.to_thread(found.base.passages, found.document.document_id)
    parts = [_shown(each) for each in passages[:MAX_SHOWN]]
    if len(passages) > MAX_SHOWN:
        parts.append(f"… and {len(passages) - MAX_SHOWN} more passages.")
    if found.document.source and found.document.source != found.document.title:
        parts.append(f"From: {found.document.source}")
    return Reply("\n\n".join(parts))


def _shown(passage: Passage) -> str:
    quoted = "\n".join(f"> {line}" for line in passage.text.splitlines() or [""])
    return f"**{source_name(passage)}**\n\n{quoted}"


def _count(document: Document) -> str:
    return f"{document.passages} passage{'' if document.passages == 1 else 's'}"


def _remover(found: Listed) -> str:
    return "whoever runs me" if found.whose == "part of me" else "admins"
