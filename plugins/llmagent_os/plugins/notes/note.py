"""A note: words, tags and files."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime

import msgspec

from llmagent_os.plugins.kit.numbered_items import Item

_TAG = re.compile(r"(?<!\w)#(\w[\w-]*)")


class NoteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a note."""

    name: str  #: as it was sent
    key: str  #: of the kept file
    size: int  #: bytes


class Note(Item, frozen=True, kw_only=True):
    """What a person wants to find again."""

    text: str = ""  #: with its tags, as it was written
    files: tuple[NoteFile, ...] = ()
    changed: datetime  #: when it was written or changed last

    @property
    def tags(self) -> list[str]:
        """The tags in the text, without ``#``, in lower case, each once."""
        return list(dict.fromkeys(plain(tag) for tag in _TAG.findall(self.text)))

    @property
    def title(self) -> str:
        """The first words, for lists."""
        first = self.text.strip().split("\n")[0] or ", ".join(file.name for file in self.files)
        return first if len(first) <= 80 else f"{first[:79].rstrip()}…"

    def fits(self, words: str) -> bool:
        """Whether every word is in the note: ``#x`` as a tag, other words in its text or the names of its files."""
        inside = plain("\n".join((self.text, *(file.name for file in self.files))))
        return all(
            word[1:] in self.tags if word.startswith("#") and len(word) > 1 else word in inside
            for word in plain(words).split()
        )


def plain(text: str) -> str:
    """``text`` as it is compared: without case, accents and width.

    >>> plain("Café ＡＢＣ")
    'cafe abc'
    """
    spelled = unicodedata.normalize("NFKD", text.casefold())
    return "".join(each for each in spelled if not unicodedata.combining(each))
