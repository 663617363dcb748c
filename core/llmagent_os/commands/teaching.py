"""What ``/learn``, a file and ``/knowledge`` have in common: who may teach, and how a document is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from hashlib import sha256

import structlog

from llmagent_os.adapter import Button, Reply
from llmagent_os.errors import ConfigError
from llmagent_os.events import Event
from llmagent_os.identity import identity_of
from llmagent_os.knowledge.embedding_models import EmbeddingError
from llmagent_os.knowledge.notes import title_for_all
from llmagent_os.knowledge.passages import Document, Section
from llmagent_os.knowledge.scopes import Scope, TooMuchError
from llmagent_os.knowledge.search import embed_missing
from llmagent_os.languages import gettext, lazy_gettext, ngettext
from llmagent_os.reply.citations import MAX_TITLE
from llmagent_os.reply.services import Services

_log = structlog.stdlib.get_logger(__name__)

#: Begins the value of the button that gives a person's document to the workspace.
SHARE = "agent:share:"

OFF = lazy_gettext(
    "I learn nothing from chat here. Whoever runs me can allow it: `learn` under [knowledge] in my bot.toml."
)
ONLY_ADMINS = lazy_gettext("Only admins may teach me here. Whoever runs me names them in LLMAGENT_OS_ADMINS.")
ONLY_ADMINS_FOR_ALL = lazy_gettext(
    "Only admins may teach me for everybody here. Leave out “for everyone”, and I learn it for you alone."
)


#: What a person reads who presses a button of a document that was removed.
DOCUMENT_GONE = lazy_gettext("I do not have that document any more.")

#: What a person reads whose document was learned or updated, by that and by who gets answers from it.
_SAID = {
    (False, "alone"): lazy_gettext(
        "Learned {document} for you alone, and use it where nobody else reads along. I name it when I "
        "answer from it. `/knowledge` lists what I know."
    ),
    (False, "here"): lazy_gettext(
        "Learned {document} for everybody here. I name it when I answer from it. `/knowledge` lists what I know."
    ),
    (False, "platform"): lazy_gettext(
        "Learned {document} for everybody on {platform}. I name it when I answer from it. `/knowledge` "
        "lists what I know."
    ),
    (True, "alone"): lazy_gettext(
        "Updated {document} for you alone, and use it where nobody else reads along. I name it when I "
        "answer from it. `/knowledge` lists what I know."
    ),
    (True, "here"): lazy_gettext(
        "Updated {document} for everybody here. I name it when I answer from it. `/knowledge` lists what I know."
    ),
    (True, "platform"): lazy_gettext(
        "Updated {document} for everybody on {platform}. I name it when I answer from it. `/knowledge` "
        "lists what I know."
    ),
}


def shared_scope(services: Services, event: Event) -> Scope | None:
    """Whom the person who did ``event`` may teach besides themselves: a workspace, or a group. None: nobody."""
    if services.access is None:
        return None
    if services.access.is_admin(identity_of(event)):
        return Scope.of_workspace(event.conversation)
    return Scope.of_group(event.conversation) if services.access.administers_group(event) else None


def why_not(services: Services, event: Event, *, for_all: bool) -> str:
    """Why a person may not teach the bot, as a reply; empty: they may.

    Args:
        services: the owner's setting, and who is an admin.
        event: that would teach it.
        for_all: whether it is to be learned for the workspace.
    """
    setting = services.settings.learn
    if services.taught is None or setting == "off":
        return str(OFF)
    if shared_scope(services, event) is not None:
        return ""
    if setting == "admins":
        return str(ONLY_ADMINS)
    return str(ONLY_ADMINS_FOR_ALL) if for_all else ""


async def keep_document(
    services: Services, event: Event, *, key: str, title: str, source: str, sections: Iterable[Section], for_all: bool
) -> tuple[Document | None, str]:
    """Keep a document that a person has given.

    Args:
        services: keep it.
        event: that brought it. The person may teach the bot.
        key: names the document in its scope: what is kept under the same key is replaced.
        title: of the document.
        source: where it is from.
        sections: what it holds.
        for_all: whether it is for the workspace.

    Returns:
        The document, and what to say. No document: it was not kept.
    """
    scopes = services.taught
    if scopes is None:
        return None, str(OFF)
    identity = identity_of(event)
    scope = (shared_scope(services, event) if for_all else None) or Scope.of_person(identity)
    base = scopes.base(scope)
    try:
        document = Document(
            document_id=await asyncio.to_thread(base.id_of, key),
            title=" ".join(title.split())[:MAX_TITLE] or gettext("untitled"),
            source=source,
            added_by=identity,
            added_at=services.clock(),
        )
        known = await asyncio.to_thread(base.document, document.document_id)
        kept = await asyncio.to_thread(scopes.learn, scope, document, list(sections))
    except (TooMuchError, ConfigError) as error:
        return None, str(error)
    await embed_new(services, scope)
    if scope.kind != "person" and services.access is not None:
        await services.access.note(identity, "taught everybody", detail=audit_name(kept), where=event)
    return kept, _said(event, kept, is_known=known is not None, scope=scope)


async def embed_new(services: Services, scope: Scope) -> None:
    """Embed what a base has got. Where that fails, it is found by its words until it is tried again."""
    search = None if services.knowledge is None else services.knowledge.search
    if search is None or search.model is None or search.mode == "bm25" or services.taught is None:
        return
    try:
        await asyncio.to_thread(embed_missing, services.taught.base(scope), search.model)
    except (EmbeddingError, ConfigError) as error:
        _log.warning("a document is found by its words only", error=str(error))


def share_button(services: Services, event: Event, document: Document) -> tuple[Button, ...]:
    """The button that gives a person's document to everybody in the workspace, if the person is an admin."""
    if shared_scope(services, event) is None:
        return ()
    scope = Scope.of_person(identity_of(event))
    return (Button(gettext("Share it with everybody here"), f"{SHARE}{scope.name}:{short_id(document)}"),)


def short_id(document: Document) -> str:
    """A document's id as a button carries it."""
    return sha256(document.document_id.encode()).hexdigest()[:12]


def audit_name(document: Document) -> str:
    """What the audit log calls a document: a hash of its words would outlive them, and words can be guessed."""
    return f"document of {document.added_at.isoformat()}"


async def share(services: Services, event: Event, value: str) -> Reply:
    """Answer the button that gives a document to the workspace."""
    if problem := why_not(services, event, for_all=True):
        return Reply(problem)
    scope = Scope.of_person(identity_of(event))
    name, _, short = value.removeprefix(SHARE).partition(":")
    if services.taught is None or name != scope.name:
        return Reply(gettext("That button is another person's."))
    base = services.taught.base(scope)
    documents = await asyncio.to_thread(base.documents)
    document = next((each for each in documents if short_id(each) == short), None)
    if document is None:
        return Reply(str(DOCUMENT_GONE))
    passages = await asyncio.to_thread(base.passages, document.document_id)
    sections = [Section(each.text, each.place, each.about, title_for_all(each.title), each.key) for each in passages]
    kept, said = await keep_document(
        services,
        event,
        key=document.document_id,
        title=document.title,
        source=document.source,
        sections=sections,
        for_all=True,
    )
    if kept is not None:
        await asyncio.to_thread(base.remove, document.document_id)
        await asyncio.to_thread(base.compact)
    return Reply(said)


def _said(event: Event, document: Document, *, is_known: bool, scope: Scope) -> str:
    whom = "alone"
    if scope.kind != "person":
        whom = "platform" if scope.kind == "workspace" and not event.conversation.workspace else "here"
    named = gettext("“{title}”", title=document.title)
    if document.source:  # what a person has written themselves needs no counting
        named = gettext("“{title}” ({passages})", title=document.title, passages=passage_count(document))
    return _SAID[is_known, whom].format(document=named, platform=event.conversation.platform.capitalize())


def passage_count(document: Document) -> str:
    """How many passages a document has, in words."""
    return ngettext("{count} passage", "{count} passages", document.passages)
