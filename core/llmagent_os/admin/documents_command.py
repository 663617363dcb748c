"""Lists, adds, removes and asks documents from the command line: ``llmagent-os knowledge``. A host may run beside it.

What is added here is kept in the bot's own base beside the files of its ``bot.toml``, in a workspace's, or in a
person's.
"""

from __future__ import annotations

import asyncio
from contextlib import closing
from pathlib import Path

from llmagent_os.bot import Bot, knowledge_search
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import parse
from llmagent_os.knowledge.document_readers import ReadDocument, UnreadableError, kind_of, read_document
from llmagent_os.knowledge.embedding_models import EmbeddingError
from llmagent_os.knowledge.link_reading import read_link
from llmagent_os.knowledge.passage_base import PassageBase
from llmagent_os.knowledge.passages import Document
from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER, Scope, ScopedBases, bot_base
from llmagent_os.knowledge.search import Search, embed_missing


def base_of(settings: Settings, bot: str, *, workspace: str = "", person: str = "") -> PassageBase:
    """The base that a command is about.

    Args:
        settings: where the data are.
        bot: whose base, if no other is named.
        workspace: as ``slack:T024``, or a group as ``telegram::-1007``; empty: none.
        person: as ``slack:T024:U17``; empty: none.

    Raises:
        ConfigError: there is no such bot, or a name is written wrongly.
    """
    if workspace and person:
        raise ConfigError("name a workspace or a person, not both")
    if not (workspace or person):
        return PassageBase(bot_base(settings.data, Bot.load(bot).name), "bot")
    if workspace.count("::") == 1 and not workspace.endswith(":"):
        return ScopedBases(settings.data / KNOWLEDGE_FOLDER).base(Scope("group", workspace))
    if workspace and workspace.count(":") != 1:
        raise ConfigError(f"a workspace is written platform:workspace (slack:T024, telegram:), not {workspace!r}")
    scope = Scope("workspace", workspace) if workspace else Scope.of_person(parse(person))
    return ScopedBases(settings.data / KNOWLEDGE_FOLDER).base(scope)


def listing(base: PassageBase) -> str:
    """What is in a base, a line each."""
    with closing(base):
        documents = base.documents()
    if not documents:
        return "There are no documents."
    return "\n".join(
        f"{number:>4}  {each.title or each.source or each.document_id}  {each.passages} passages"
        f"{'  (own words)' if each.trusted else ''}{f'  from {each.source}' if each.source else ''}"
        for number, each in enumerate(documents, 1)
    )


def add(settings: Settings, bot: str, base: PassageBase, source: str) -> str:
    """Add a file, a folder or an address. What was added from the same place before is replaced.

    Raises:
        ConfigError: it cannot be read, or its passages not be embedded.
    """
    with closing(base):
        lines = [_put(base, name, found) for name, found in _read(settings, source)]
        search = knowledge_search(settings, Bot.load(bot).config)
        if search.model is not None and search.mode != "bm25":
            try:
                embed_missing(base, search.model)
            except EmbeddingError as error:
                lines.append(f"Found by words only until the bot's next start: {error}")
    return "\n".join(lines)


def show(base: PassageBase, number: int) -> str:
    """All passages of a document, by its number in the list."""
    with closing(base):
        document = _numbered(base, number)
        passages = base.passages(document.document_id)
    return "\n\n".join(f"{each.source}\n{each.text}" for each in passages)


def remove(base: PassageBase, number: int) -> str:
    """Remove a document, by its number in the list."""
    with closing(base):
        document = _numbered(base, number)
        base.remove(document.document_id)
        base.compact()
    return f"Removed {document.title or document.document_id}."


def ask(settings: Settings, bot: str, base: PassageBase, question: str) -> str:
    """What a search finds, with the scores."""
    search: Search = knowledge_search(settings, Bot.load(bot).config)
    with closing(base):
        hits = search.find([base], question)
    if not hits:
        return "Nothing is found."
    return "\n\n".join(
        f"{hit.passage.source or 'own words'}  score {hit.score:.3f}, words {hit.coverage:.0%}"
        f"{f', similarity {hit.similarity:.2f}' if hit.similarity else ''}\n{hit.passage.text}"
        for hit in hits
    )


def _numbered(base: PassageBase, number: int) -> Document:
    documents = base.documents()
    if not 1 <= number <= len(documents):
        raise ConfigError(f"there is no document {number}: there are {len(documents)}")
    return documents[number - 1]


def _read(settings: Settings, source: str) -> list[tuple[str, ReadDocument]]:
    path = Path(source).expanduser()
    try:
        if source.startswith(("http://", "https://")):
            return [(source, asyncio.run(read_link(source, allow_private=settings.private_addresses)))]
        if path.is_dir():
            files = [each for each in sorted(path.rglob("*")) if each.is_file() and kind_of(each.name)]
        else:
            files = [path]
        if not files:
            raise ConfigError(f"there is no file in {source} that can be read")
        return [(str(file.resolve()), read_document(file)) for file in files]
    except UnreadableError as error:
        raise ConfigError(f"{source} cannot be read: {error}") from error
    except OSError as error:
        raise ConfigError(f"{source} cannot be read: {error.strerror or error}") from error


def _put(base: PassageBase, name: str, found: ReadDocument) -> str:
    document = Document(document_id=f"added:{name}", title=found.title, source=name, added_at=now())
    kept = base.put(document, found.sections)
    return f"Added {kept.title} ({kept.passages} passages)."
