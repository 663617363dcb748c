"""Separates what a model thinks aloud from what it answers.

Most reasoning models write ``<think>…</think>`` before the answer. Servers with a parser for it put the thoughts into a
field of their own; others leave them in the text. The chat templates of some models (DeepSeek R1, QwQ) open the block
themselves: then the text begins with thoughts and has only the end tag.
"""

from __future__ import annotations

import re

_TAG = re.compile(r"<(/?)(?:seed:)?think(?:ing)?>|\[(/?)THINK\]", re.IGNORECASE)
_SPELLINGS = tuple(
    f"{begin}{slash}{name}{end}"
    for begin, names, end in (("<", ("think", "thinking", "seed:think"), ">"), ("[", ("think",), "]"))
    for slash in ("", "/")
    for name in names
)
_LONGEST = max(map(len, _SPELLINGS))
#: What is not a whole tag yet.
_BEGINNINGS = frozenset(spelling[:end] for spelling in _SPELLINGS for end in range(1, len(spelling) + 1))


class ReasoningSplitter:
    r"""Takes a text in pieces of any length, and separates thoughts from the answer.

    >>> splitter = ReasoningSplitter()
    >>> for piece in ("<th", "ink>She greets", " me.</thi", "nk>\n\nHello"):
    ...     splitter.feed(piece)
    >>> splitter.finish()
    >>> splitter.answer, splitter.reasoning
    ('Hello', 'She greets me.')
    """

    def __init__(self) -> None:
        self.answer = ""  #: the answer so far, without blanks between thoughts and answer
        self.begin = 0  #: where the answer's first character is that is no blank; its length: there is none yet
        self.reasoning = ""  #: the thoughts so far
        self.tagged = False  #: a tag was seen
        self.only_end = False  #: the first tag was an end tag: the template opened the block
        self._held = ""  # may be the beginning of a tag
        self._block: str | None = None  # the open block, with its tag; None: no block is open

    @property
    def size(self) -> int:
        """How many characters were taken so far."""
        return len(self.answer) + len(self.reasoning) + len(self._block or "")

    def feed(self, piece: str) -> None:
        """Take the next piece of the text."""
        text = self._held + piece
        at = 0
        for tag in _TAG.finditer(text):
            self._put(text[at : tag.start()])
            self._turn(tag)
            at = tag.end()
        rest = text[at:]
        begin = _unfinished_tag(rest)
        self._put(rest[:begin])
        self._held = rest[begin:]

    def finish(self) -> None:
        """Take the end of the text. A block that was opened inside the answer and never closed was no block."""
        self._put(self._held)
        self._held = ""
        if self._block is None:
            return
        if self.answer.strip():
            self.answer += self._block
        else:
            self.reasoning += _TAG.sub("", self._block, count=1)
        self._block = None

    def all_was_reasoning(self) -> None:
        """Take the whole answer for thoughts: the template opened the block, and the model did not get to its end."""
        self.reasoning, self.answer, self.begin = self.reasoning + self.answer, "", 0

    def _put(self, text: str) -> None:
        if self._block is None:
            added = text.lstrip() if self.tagged and not self.answer else text
            if self.begin == len(self.answer):
                self.begin += len(added) - len(added.lstrip())
            self.answer += added
        else:
            self._block += text

    def _turn(self, tag: re.Match[str]) -> None:
        closes = bool(tag[1] or tag[2])
        if self.begin == len(self.answer):
            self.answer, self.begin = "", 0
        if not closes:
            if self._block is None:
                self._block = tag[0]
            else:
                self._block += tag[0]  # a thought about thoughts
        elif self._block is not None:
            self.reasoning += _TAG.sub("", self._block, count=1)
            self._block = None
        elif not self.tagged:
            self.only_end = True
            self.reasoning, self.answer, self.begin = self.answer, "", 0
        self.tagged = True


def _unfinished_tag(text: str) -> int:
    """Where a tag may begin that is not complete yet; the length of ``text``: nowhere."""
    for at in range(max(0, len(text) - _LONGEST), len(text)):
        if text[at] in "<[" and text[at:].lower() in _BEGINNINGS:
            return at
    return len(text)
