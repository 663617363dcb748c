"""The knowledge base of an agent: what it knows, in passages that a search finds and an answer cites."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.document_readers import KINDS, UnreadableError, digest_of, kind_of, read_document
from llmagent_os.knowledge.passage_base import PassageBase
from llmagent_os.knowledge.passages import Document, Hit, Passage, Section
from llmagent_os.knowledge.search import Search, embed_missing

__all__ = ["Document", "Hit", "KnowledgeBase", "Passage"]


class KnowledgeBase:
    """The documents and facts that an agent knows. It may be used from several threads.

    >>> kb = KnowledgeBase()
    >>> export = kb.add("Type /export to get your calendar as a file.", about="download ics")
    >>> [hit.passage.text for hit in kb.retrieve_knowledge("how can I download my calendar?")]
    ['Type /export to get your calendar as a file.']
    >>> kb.update(export, "Send /export.", about="download ics")
    >>> [document.document_id for document in kb.documents()]
    ['fact-1']
    >>> kb.remove(export)
    True
    """

    def __init__(
        self, path: str | Path | None = None, *, search: Search | None = None, embeds_itself: bool = True
    ) -> None:
        """Open a knowledge base.

        Args:
            path: the file that keeps it over a restart; None: it is in memory.
            search: how it is searched; None: by words, for three passages.
            embeds_itself: what was added is embedded before the next search. Otherwise somebody else embeds it, as a
                running host does in the background.
        """
        self.base = PassageBase(None if path is None else Path(path), "bot")
        self.search = search or Search()
        self._to_embed = embeds_itself and self.search.model is not None and self.search.mode != "bm25"
        self._embedded = False

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self.base)

    def load_knowledge(self, path: str | Path, *, trusted: bool = False) -> int:
        """Add the documents of a file or of a folder: JSON, Markdown, text, HTML, PDF or Word.

        A bare file name that is not in the working folder is searched for in the installed bots. A file that has not
        changed since it was loaded is not read again. See docs/knowledge.md for the shapes of JSON.

        Args:
            path: of the file or folder.
            trusted: the texts are the bot's own words, by its developer: no source is cited, and the model reads them
                beside its tools. Otherwise they are data, which is cited and may cause no tool call.

        Returns:
            The number of passages in the file or folder.

        Raises:
            ConfigError: there is no such file, or it cannot be read; the message says why.
        """
        return sum(self._load(file, trusted).passages for file in _files(Path(path)))

    def load_only(self, facts: Path | None, documents: tuple[Path, ...]) -> int:
        """Load a bot's own files, and remove those that were loaded before and are named no more.

        Args:
            facts: a file of the bot's own words; None: there are none.
            documents: files and folders.

        Returns:
            The number of passages.

        Raises:
            ConfigError: a file cannot be read.
        """
        there = [(file, True) for file in (_files(facts) if facts else ())]
        there += [(file, False) for path in documents for file in _files(path)]
        loaded = [self._load(file, trusted) for file, trusted in there]
        kept = {each.document_id for each in loaded}
        gone = [each for each in self.documents() if each.document_id.startswith("file:")]
        removed = [each for each in gone if each.document_id not in kept and self.remove(each.document_id)]
        if removed:
            self.base.compact()
        return sum(each.passages for each in loaded)

    def add(
        self, text: str, *, about: str = "", fact_id: object = None, title: str = "", place: str = "", source: str = ""
    ) -> str:
        """Add a text, or replace the text with the same id. Returns the id.

        A text without a title is one of the bot's own facts. A text with a title is a document: it is cited.

        Args:
            text: what is known. A long text becomes several passages.
            about: words that people ask with and that are not in the text.
            fact_id: None: an unused id is made.
            title: of the document that the text is from.
            place: in that document.
            source: the file or address of that document.

        Raises:
            ConfigError: the text is empty.
        """
        key = str(fact_id) if fact_id is not None else self.base.new_id()
        document = Document(document_id=key, title=title, source=source, trusted=not title)
        self.base.put(document, [Section(text, place, about)])
        self._embedded = False
        return key

    def update(self, fact_id: str, text: str, *, about: str = "", title: str = "", place: str = "") -> None:
        """Replace a text. What is not given is empty afterwards.

        Raises:
            ConfigError: there is no text with this id, or the new text is empty.
        """
        if self.base.document(fact_id) is None:
            raise ConfigError(f"there is nothing to update with the id {fact_id!r}: add() adds it")
        self.add(text, about=about, fact_id=fact_id, title=title, place=place)

    def remove(self, fact_id: str) -> bool:
        """Remove a document, or the fact that has this ``id`` in a JSON file. Returns whether there was one."""
        return self.base.remove(fact_id) or self.base.remove_keyed(fact_id)

    def documents(self) -> list[Document]:
        """List all documents, in the order in which they were added."""
        return self.base.documents()

    def passages(self, fact_id: str) -> list[Passage]:
        """List the passages of a document, in their order."""
        return self.base.passages(fact_id)

    def retrieve_knowledge(self, text: str, *, limit: int = 3, least: float = 0.5) -> list[Hit]:
        """Return the passages that answer a question, the best first.

        Args:
            text: the question.
            limit: the largest number of passages to return.
            least: the share of the question's content words that a passage must have to count as an answer by its
                words, 0 to 1.
        """
        search = self.search
        if self._to_embed and not self._embedded and search.model is not None:
            self._embedded = True  # what is added meanwhile takes this back
            embed_missing(self.base, search.model)
        return msgspec.structs.replace(search, limit=limit, least=least).find([self.base], text)

    def _load(self, file: Path, trusted: bool) -> Document:
        try:
            digest = f"{digest_of(file)}:{'own' if trusted else 'data'}"
            key = f"file:{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]}"
            known = self.base.document(key)
            if known is not None and known.digest == digest:
                return known
            found = read_document(file)
        except UnreadableError as error:
            raise ConfigError(f"knowledge file {file} cannot be read: {error}") from error
        except OSError as error:
            raise ConfigError(f"knowledge file {file} cannot be read: {error.strerror or error}") from error
        title = "" if trusted else found.title
        document = Document(document_id=key, title=title, source=str(file), trusted=trusted, digest=digest)
        self._embedded = False
        return self.base.put(document, found.sections)


def _files(path: Path) -> Iterator[Path]:
    """The file at ``path``, or the files below the folder there that can be read, in the order of their names."""
    if path.is_dir():
        found = [each for each in sorted(path.rglob("*")) if each.is_file() and kind_of(each.name)]
        if not found:
            endings = ", ".join(ending for each in KINDS.values() for ending in each)
            raise ConfigError(f"knowledge folder {path} holds no file that can be read ({endings})")
        yield from found
        return
    if path.is_file():
        yield path
        return
    if path.name == str(path):
        for point in entry_points(group="llmagent_os.bots"):
            shipped = files(point.module).joinpath(path.name)
            if shipped.is_file():
                yield Path(str(shipped))
                return
    raise ConfigError(f"there is no knowledge file {path} in {Path.cwd()} or in an installed bot")
