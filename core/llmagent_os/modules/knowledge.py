"""The knowledge base: short texts that an agent knows, found by BM25 (Robertson & Zaragoza 2009) with ``bm25s``."""

from __future__ import annotations

import importlib
import json
import logging
import re
import threading
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import msgspec

from llmagent_os.errors import ConfigError


class Fact(msgspec.Struct, frozen=True):
    """One thing the agent knows."""

    fact_id: str
    text: str  #: the text that the model is shown
    about: str = ""  #: words that people ask with and that are not in the text


class Hit(msgspec.Struct, frozen=True):
    """A fact that answers a question, with its scores."""

    fact: Fact
    score: float  #: BM25, 0 or more; comparable only within one question
    coverage: float  #: the share of the question's content words that the fact has, 0 to 1


_STOP = frozenset(
    """a about am an and any are as at be by can could do does did for from have has how i in into is it its me my of
    on or our please shall should so tell that the their them there these they this those to us want was we what when
    where which who why will with would you your""".split()
)


def words(text: str) -> list[str]:
    """Return the content words of ``text``, in lower case and without a plural s.

    >>> words("How do I export my calendars?")
    ['export', 'calendar']
    """
    found = (word.lower() for word in re.findall(r"\w+", text))
    return [w[:-1] if len(w) > 3 and w.endswith("s") and not w.endswith("ss") else w for w in found if w not in _STOP]


class KnowledgeBase:
    """The facts that an agent knows. It may be used from several threads.

    >>> kb = KnowledgeBase()
    >>> export = kb.add("Type /export to get your calendar as a file.", about="download ics")
    >>> [hit.fact.text for hit in kb.retrieve_knowledge("how can I download my calendar?")]
    ['Type /export to get your calendar as a file.']
    >>> kb.remove(export)
    True
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: dict[str, Fact] = {}
        self._index: Any = None  # a bm25s.BM25, made for the first question; the library has no types
        self._ids: list[str] = []
        self._vocabulary: list[set[str]] = []

    def __len__(self) -> int:
        return len(self._facts)

    def load_knowledge(self, path: str | Path) -> int:
        """Add the facts of a JSON file.

        The file is a list of strings, or of objects with ``text`` and optionally ``id`` and ``about``.

        A bare file name that is not in the working folder is searched for in the installed bots.

        Returns:
            The number of facts in the file.

        Raises:
            ConfigError: there is no such file, or it has another form; the message says where.
        """
        raw = _read(Path(path))
        try:
            data: Any = json.loads(raw)
        except ValueError as error:
            raise ConfigError(f"knowledge file {path} is not JSON: {error}") from error
        if not isinstance(data, list):
            raise ConfigError(f"knowledge file {path} holds {type(data).__name__}; it should be a list of facts")
        items: list[Any] = list(data)  # pyright: ignore[reportUnknownArgumentType]
        for number, item in enumerate(items):
            match item:
                case str():
                    self.add(item)
                case {"text": str(text)}:
                    fields = cast("dict[str, Any]", item)
                    self.add(text, about=str(fields.get("about", "")), fact_id=fields.get("id"))
                case _:
                    raise ConfigError(f"knowledge file {path}, item {number}: neither a text nor an object with 'text'")
        return len(items)

    def add(self, text: str, *, about: str = "", fact_id: object = None) -> str:
        """Add a fact, or replace the fact with the same id. Returns the id.

        Args:
            text: the fact.
            about: words that people ask with and that are not in the text.
            fact_id: None: an unused id is made.

        Raises:
            ConfigError: the text is empty.
        """
        text = " ".join(text.split())
        if not text:
            raise ConfigError("a fact needs a text")
        key = str(fact_id) if fact_id is not None else f"fact-{len(self._facts) + 1}"
        while fact_id is None and key in self._facts:
            key += "'"
        with self._lock:
            self._facts[key] = Fact(key, text, about)
            self._index = None
        return key

    def remove(self, fact_id: str) -> bool:
        """Remove a fact. Returns whether there was one."""
        with self._lock:
            self._index = None
            return self._facts.pop(fact_id, None) is not None

    def retrieve_knowledge(self, text: str, *, limit: int = 3, least: float = 0.5) -> list[Hit]:
        """Return the facts that answer a question, the best first.

        Args:
            text: the question.
            limit: the largest number of facts to return.
            least: the share of the question's content words that a fact must have to count as an answer, 0 to 1.
        """
        asked = words(text)
        if not asked or not self._facts:
            return []
        with self._lock:  # an agent asks from threads, and the first question makes the index
            return self._found(asked, limit, least)

    def _found(self, asked: list[str], limit: int, least: float) -> list[Hit]:
        index = self._built()
        if index is None:
            return []
        scores = index.get_scores(asked)
        hits: list[Hit] = []
        for at in scores.argsort()[::-1][: limit * 4]:
            coverage = sum(w in self._vocabulary[at] for w in asked) / len(asked)
            if scores[at] > 0 and coverage >= least:
                hits.append(Hit(self._facts[self._ids[at]], float(scores[at]), coverage))
        return hits[:limit]

    def _built(self) -> Any:
        if self._index is None:
            bm25s: Any = importlib.import_module("bm25s")  # imports numpy, so it waits until it is needed
            logging.getLogger("bm25s").setLevel(logging.WARNING)  # it logs every index that it builds
            content = {fact.fact_id: words(f"{fact.text} {fact.about}") for fact in self._facts.values()}
            documents = {fact_id: found for fact_id, found in content.items() if found}  # no question finds the others
            self._ids = list(documents)
            self._vocabulary = [set(found) for found in documents.values()]
            if documents:
                self._index = bm25s.BM25()
                self._index.index(list(documents.values()), show_progress=False)
        return self._index


def _read(path: Path) -> str:
    if path.is_file():
        return path.read_text(encoding="utf-8")
    if path.name == str(path):
        for point in entry_points(group="llmagent_os.bots"):
            shipped = files(point.module).joinpath(path.name)
            if shipped.is_file():
                return shipped.read_text(encoding="utf-8")
    raise ConfigError(f"there is no knowledge file {path} in {Path.cwd()} or in an installed bot")
