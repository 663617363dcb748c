"""``/knowledge``: lists what the bot knows from documents, shows one, and removes one."""

from __future__ import annotations

import asyncio
import re
from typing import Literal

import msgspec
import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.commands.teaching import DOCUMENT_GONE, audit_name, passage_count, shared_scope, short_id
from llmagent_os.events import Command, Event
from llmagent_os.identity import identity_of
from llmagent_os.knowledge.passage_base import UNUSABLE, PassageBase
from llmagent_os.knowledge.passages import Document, Passage
from llmagent_os.knowledge.scopes import Scope
from llmagent_os.languages import LazyText, gettext, lazy_gettext, ngettext, number_text
from llmagent_os.languages.written_phrases import join_sentences
from llmagent_os.reply.citations import SHOW_PASSAGE, source_name
from llmagent_os.reply.found_passages import scopes_of
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: Begins the value of the button that removes a document.
REMOVE = "agent:unlearn:"

#: How many documents are listed, and how many passages are shown.
MAX_LISTED, MAX_SHOWN = 40, 6

#: Whose a base is: the person's alone, everybody's in the workspace, or a part of the bot.
Whose = Literal["person", "workspace", "bot"]

_WAYS = lazy_gettext(
    "`/knowledge` lists what I know, `/knowledge show 2` shows the second, `/knowledge remove 2` removes it."
)
_GONE = lazy_gettext("I do not have that passage any more: its document was removed or learned again.")
_WHOSE: dict[Whose, LazyText] = {
    "person": lazy_gettext("yours alone"),
    "workspace": lazy_gettext("everybody's here"),
    "bot": lazy_gettext("part of me"),
}
_ONLY_OTHERS: dict[Whose, LazyText] = {
    "workspace": lazy_gettext("“{title}” is everybody's here: only admins can remove it."),
    "bot": lazy_gettext("“{title}” is part of me: only whoever runs me can remove it."),
}


class Listed(msgspec.Struct, frozen=True):
    """A document that a person may see."""

    base: PassageBase
    document: Document
    whose: Whose
    is_theirs: bool  #: whether the person may remove it


async def knowledge(services: Services, command: Command) -> Reply:
    """Answer ``/knowledge``, ``/knowledge show 2`` and ``/knowledge remove 2``."""
    what, _, which = command.arguments.strip().partition(" ")
    listed = await _listed(services, command)
    if not what or what.lower() == "list":
        return _list(services, listed)
    if what.lower() not in ("show", "remove", "delete", "forget"):
        return Reply(join_sentences([gettext("I don't know `/knowledge {what}`.", what=what), str(_WAYS)]))
    found = _chosen(listed, which.strip())
    if found is None:
        return Reply(join_sentences([_not_listed(which.strip()), str(_WAYS)]))
    if what.lower() == "show":
        return await _show(found)
    if not found.is_theirs:
        return Reply(_ONLY_OTHERS[found.whose].format(title=found.document.title))
    value = f"{REMOVE}{found.base.name}:{short_id(found.document)}"
    title = found.document.title
    if found.whose == "person":
        asked = gettext("Remove “{title}”, yours alone? I will answer nothing from it any more.", title=title)
    else:
        asked = gettext("Remove “{title}”, everybody's here? I will answer nothing from it any more.", title=title)
    buttons = (Button(gettext("Yes, remove it"), value, "danger"), Button(gettext("No"), "agent:keep"))
    return Reply(asked, buttons=buttons)


async def remove_pressed(services: Services, event: Event, value: str) -> Reply:
    """Answer the button that removes a document."""
    name, _, short = value.removeprefix(REMOVE).partition(":")
    listed = await _listed(services, event)
    found = next((each for each in listed if each.base.name == name and short_id(each.document) == short), None)
    if found is None:
        return Reply(str(DOCUMENT_GONE))
    if not found.is_theirs:
        return Reply(_ONLY_OTHERS[found.whose].format(title=found.document.title))
    await asyncio.to_thread(found.base.remove, found.document.document_id)
    await asyncio.to_thread(found.base.compact)
    if services.access is not None and found.whose != "person":
        detail = audit_name(found.document)
        await services.access.note(identity_of(event), "removed a document of everybody", detail=detail, where=event)
    return Reply(gettext("Removed “{title}”.", title=found.document.title))


async def show_passage(services: Services, event: Event, value: str) -> Reply:
    """Answer the button under an answer that shows the passage it is from, to people who may read it."""
    name, _, number = value.removeprefix(SHOW_PASSAGE).partition(":")
    bases = [base for base, _, _ in await _bases(services, event) if base.name == name]
    if not bases or not re.fullmatch(r"[0-9]{1,15}", number):
        return Reply(str(_GONE))
    passage = await asyncio.to_thread(bases[0].passage, int(number))
    return Reply(str(_GONE) if passage is None else _shown(passage))


async def _bases(services: Services, event: Event) -> list[tuple[PassageBase, Whose, bool]]:
    """The bases that a person may read, whose each is, and whether the person may remove what is in it."""
    found: list[tuple[PassageBase, Whose, bool]] = []
    if services.taught is not None:
        theirs = _removable(shared_scope(services, event))
        scopes = await scopes_of(services, event, identity_of(event))
        for scope in reversed(scopes):  # the person's own first
            whose: Whose = "person" if scope.kind == "person" else "workspace"
            found.extend((base, whose, scope.kind in theirs) for base in services.taught.there([scope]))
    if services.knowledge is not None:
        found.append((services.knowledge.base, "bot", False))
    return found


def _removable(shared: Scope | None) -> set[str]:
    """The kinds of scopes from which somebody may remove documents who may teach ``shared``."""
    if shared is None:
        return {"person"}
    return {"person", "group", shared.kind}


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
        more = "" if services.settings.learn == "off" else gettext("`/learn` teaches me something.")
        return Reply(join_sentences([gettext("I know no documents yet."), more]))
    lines = [
        f"{number}. {each.document.title} — {passage_count(each.document)}, {_WHOSE[each.whose]}"
        for number, each in enumerate(listed[:MAX_LISTED], 1)
    ]
    if len(listed) > MAX_LISTED:
        more = number_text(len(listed) - MAX_LISTED)
        lines.append(gettext("… and {count} more: `/knowledge show` takes a title too.", count=more))
    return Reply("\n".join([gettext("What I know from documents:"), *lines, "", str(_WAYS)]))


async def _show(found: Listed) -> Reply:
    passages = await asyncio.to_thread(found.base.passages, found.document.document_id)
    parts = [_shown(each) for each in passages[:MAX_SHOWN]]
    if len(passages) > MAX_SHOWN:
        more = len(passages) - MAX_SHOWN
        parts.append(ngettext("… and {count} more passage.", "… and {count} more passages.", more))
    if found.document.source and found.document.source != found.document.title:
        parts.append(gettext("From: {source}", source=found.document.source))
    return Reply("\n\n".join(parts))


def _shown(passage: Passage) -> str:
    quoted = "\n".join(f"> {line}" for line in passage.text.splitlines() or [""])
    return f"**{source_name(passage)}**\n\n{quoted}"


def _not_listed(which: str) -> str:
    if not which:
        return gettext("There is no document without a number in my list.")
    return gettext("There is no document {which} in my list.", which=which)
