"""What people have taught: one base for each account, each workspace and each group. Each base is a file of its own.

So a search opens only the files that the person may read, and forgetting a person is deleting files. Which accounts are
one person is for the caller to know: an account keeps what was taught under it when it is linked or unlinked.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import msgspec
import structlog

from llmagent_os.errors import ConfigError, LLMAgentOSError
from llmagent_os.events import Conversation
from llmagent_os.identity import Identity, account_in_file_name, file_name_of
from llmagent_os.knowledge.passage_base import UNUSABLE, PassageBase
from llmagent_os.knowledge.passage_splitting import split_section
from llmagent_os.knowledge.passages import Document, Passage, Section
from llmagent_os.languages import gettext, number_text
from llmagent_os.sealing.key_ring import NO_PERSON

_log = structlog.stdlib.get_logger(__name__)

#: The folder of all bases, inside the data folder.
KNOWLEDGE_FOLDER = "knowledge"

#: How many files of people and workspaces are open at the same time.
MAX_OPEN = 64

Kind = Literal["person", "workspace", "group"]

_FOLDERS: dict[Kind, str] = {"person": "people", "workspace": "workspaces", "group": "groups"}

#: Those scopes that several people share.
_SHARED: tuple[Kind, ...] = ("workspace", "group")


def bot_base(data: Path, bot: str) -> Path:
    """The file of what a bot knows by itself, below the data folder."""
    return data / KNOWLEDGE_FOLDER / "bots" / f"{bot}.db"


class TooMuchError(LLMAgentOSError):
    """There is no room for a document. The message is a sentence for the person."""


class Scope(msgspec.Struct, frozen=True):
    """Whose a base is."""

    kind: Kind
    key: str  #: the account; or the platform and its workspace, joined by a colon; of a group its channel too

    @classmethod
    def of_person(cls, identity: Identity) -> Scope:
        """The scope of one account."""
        return cls("person", identity)

    @classmethod
    def of_workspace(cls, conversation: Conversation) -> Scope:
        """The scope of all people of a workspace; on a platform without workspaces, of all its people."""
        return cls("workspace", f"{conversation.platform}:{conversation.workspace}")

    @classmethod
    def of_group(cls, conversation: Conversation) -> Scope:
        """The scope of all people of a group: of its channel, with its threads."""
        return cls("group", f"{conversation.platform}:{conversation.workspace}:{conversation.channel}")

    @property
    def name(self) -> str:
        """A short name for buttons, which does not tell the key."""
        return f"{self.kind[0]}{sha256(self.key.encode()).hexdigest()[:8]}"


class ScopedBases:
    """The bases of people and of workspaces, below one folder. It may be used from several threads."""

    def __init__(self, folder: Path, *, max_person: int = 2_000, max_workspace: int = 20_000) -> None:
        """Args:
        folder: made with the first document.
        max_person: the most passages of one account.
        max_workspace: the most passages of one workspace or group.
        """
        self._folder = folder
        self._most = {"person": max_person, "workspace": max_workspace, "group": max_workspace}
        self._lock = threading.Lock()
        self._open: OrderedDict[Path, PassageBase] = OrderedDict()

    def base(self, scope: Scope) -> PassageBase:
        """The base of a scope. Its file is made with the first document."""
        return self._base(self._path(scope), scope.name)

    def there(self, scopes: Iterable[Scope]) -> list[PassageBase]:
        """The bases of those scopes that have any."""
        return [self.base(scope) for scope in scopes if self._path(scope).exists()]

    def learn(self, scope: Scope, document: Document, sections: Iterable[Section]) -> Document:
        """Add a document, or replace the one with its id. Returns it with the number of its passages.

        Raises:
            TooMuchError: the scope would have too many passages.
            ConfigError: the document holds no text.
        """
        parts = [part for section in sections for part in split_section(section)]
        base, most = self.base(scope), self._most[scope.kind]
        known = base.document(document.document_id)
        count = len(base) - (known.passages if known else 0) + len(parts)
        if count > most:
            raise TooMuchError(
                gettext(
                    "There is no room for it: that would be {count} passages, and I keep {most} at most. Remove "
                    "something with /knowledge first.",
                    count=number_text(count),
                    most=number_text(most),
                )
            )
        return base.put(document, parts)

    def forget(self, identities: Iterable[Identity]) -> int:
        """Erase what accounts were taught, and their names where they taught a workspace.

        Returns:
            How many documents were erased.

        Raises:
            ConfigError: the base of a workspace is damaged and may still hold the names; all others are done.
        """
        accounts = list(identities)
        erased = 0
        for identity in accounts:
            path = self._path(Scope.of_person(identity))
            erased += self._base(path, "").erase()
            with self._lock:
                self._open.pop(path, None)
        damaged: list[str] = []
        for base in self._shared_bases():
            try:
                base.forget_author(accounts)
            except UNUSABLE as error:
                _log.error(
                    "a workspace's knowledge base may still name a person", path=str(base.path), error=str(error)
                )
                damaged.append(str(base.path))
        if damaged:
            raise ConfigError(
                f"knowledge bases are damaged and may still name who taught them: {', '.join(damaged)}; restore or "
                "delete them, then erase again"
            )
        return erased

    def export(self, identities: Iterable[Identity]) -> list[dict[str, Any]]:
        """Every document of accounts, with its passages, and those that they taught a workspace.

        A damaged base is logged and left out; of a base of the accounts, the export says so.
        """
        accounts = list(identities)
        found: list[dict[str, Any]] = []
        for base in self.there(Scope.of_person(identity) for identity in accounts):
            try:
                found += [_exported(document, base.passages(document.document_id)) for document in base.documents()]
            except UNUSABLE as error:
                _log.error("a knowledge base cannot be exported", path=str(base.path), error=str(error))
                found.append({"problem": "what this account has taught is damaged and cannot be read"})
        for base in self._shared_bases():
            try:
                added = [each for each in base.documents() if each.added_by in accounts]
            except UNUSABLE as error:
                _log.error("a knowledge base cannot be exported", path=str(base.path), error=str(error))
                continue
            found += [{**_exported(each, ()), "shared": True} for each in added]
        return found

    def _shared_bases(self) -> Iterator[PassageBase]:
        for kind in _SHARED:
            yield from self.all_bases(kind)

    def all_bases(self, kind: Kind) -> Iterator[PassageBase]:
        """The bases of all people, of all workspaces, or of all groups."""
        for path in sorted((self._folder / _FOLDERS[kind]).glob("*.db")):
            yield self._base(path, "")

    def seal(self) -> None:
        """Have every base encrypted that is there, now that there is a key: opening one does it."""
        for kind in _FOLDERS:
            for base in self.all_bases(kind):
                len(base)
        self.close()

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            for base in self._open.values():
                base.close()
            self._open.clear()

    def _path(self, scope: Scope) -> Path:
        return self._folder / _FOLDERS[scope.kind] / f"{file_name_of(scope.key)}.db"

    def _base(self, path: Path, name: str) -> PassageBase:
        with self._lock:
            base = self._open.pop(path, None)
            if base is None:  # an empty one is false
                base = PassageBase(path, name, _account_of(path), hides_ids=True)
            base.name = base.name or name
            self._open[path] = base
            while len(self._open) > MAX_OPEN:
                self._open.popitem(last=False)[1].close()
            return base


def _account_of(path: Path) -> str:
    """Whose key encrypts a base: the account's that it is of; no person's where it is of a workspace."""
    return account_in_file_name(path.stem) if path.parent.name == _FOLDERS["person"] else NO_PERSON


def _exported(document: Document, passages: Iterable[Passage]) -> dict[str, Any]:
    return {
        "title": document.title,
        "source": document.source,
        "added_at": document.added_at.isoformat(),
        "passages": [{"place": each.place, "text": each.text} for each in passages],
    }
