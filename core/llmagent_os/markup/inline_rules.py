"""Inline rules of markdown-it that differ from CommonMark: emphasis beside CJK text, paths, and line breaks of HTML."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import MutableMapping
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token

_VARIATION = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_BREAK = re.compile(r"<br\s{0,9}/?>", re.IGNORECASE)

#: How a path of Windows begins, before its first backslash: a drive, this folder, the home folder, a variable.
_ROOT = re.compile(r"(?<![\w\\])(?:[A-Za-z]:|\.{1,2}|~|%\w{1,30}%)\Z")
#: A backslash and a name. Two backslashes are one that the model has escaped.
_NAME = r"""\\(?!\\)(?:[^\s\\/:*?"<>|`\[\]，。、；：！？）】」》]+|\*(?!\*))?"""
_NAMES = re.compile(rf"(?:{_NAME})+")
#: A path that begins with the name of a server.
_SHARE = re.compile(rf"(?<![\w\\])\\\\[\w.-]+(?:{_NAME})+")
_MAX_ROOT = 40  #: characters before the first backslash of a path
_AFTERWARDS = "_~.,;:!?'"


class InlineParser(ParserInline):
    """Parses the words of a block, with the emphasis of :class:`CjkFriendlyState`."""

    def parse(self, src: str, md: MarkdownIt, env: MutableMapping[str, Any], tokens: list[Token]) -> list[Token]:
        """Add the tokens of ``src`` to ``tokens``."""
        state = CjkFriendlyState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class CjkFriendlyState(StateInline):
    """Decides whether marks such as ``**`` begin or end emphasis.

    CommonMark looks for a space or punctuation outside the marks if there is punctuation inside them. Chinese, Japanese
    and Korean have no spaces there, so ``これは**「重要」**です`` would not be bold. The rules are those of
    https://github.com/tats-u/markdown-cjk-friendly/blob/main/specification.md.
    """

    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """Whether the marks at ``start`` can begin and end emphasis.

        Args:
            start: the first mark.
            canSplitWord: whether emphasis may begin inside a word: ``*``, but not ``_``.
        """
        known = super().scanDelims(start, canSplitWord)
        end = start + known.length
        before, after = self._before(start), self.src[end] if end < self.posMax else " "
        if not _is_cjk(before) and not _is_cjk(after):
            return known
        left = _flanks(outside=before, inside=after)
        right = _flanks(outside=after, inside=before)
        if canSplitWord:
            return Scanned(left, right, known.length)
        opens = left and (not right or _is_punctuation(before))
        closes = right and (not left or _is_punctuation(after))
        return Scanned(opens, closes, known.length)

    def _before(self, start: int) -> str:
        """The character before ``start``; not one that only says how the character before it looks."""
        at = start - 1
        if at > 0 and _VARIATION.match(self.src[at]):
            at -= 1
        return self.src[at] if at >= 0 else " "


def _flanks(*, outside: str, inside: str) -> bool:
    if isWhiteSpace(ord(inside)):
        return False
    if not _is_punctuation(inside) or _is_cjk(inside):
        return True
    return isWhiteSpace(ord(outside)) or _is_punctuation(outside) or _is_cjk(outside)


def _is_punctuation(char: str) -> bool:
    return isMdAsciiPunct(ord(char)) or isPunctChar(char)


def _is_cjk(char: str) -> bool:
    """Whether ``char`` is a letter or a mark of Chinese, Japanese or Korean, and no emoji."""
    return (
        not char.isascii() and unicodedata.east_asian_width(char) in "WFH" and not "\U0001f000" <= char <= "\U0001ffff"
    )


def path(state: StateInline, silent: bool) -> bool:
    r"""A rule of markdown-it: the backslashes of a path are no escapes.

    In ``C:\.config`` and ``\\server\share`` all characters stay. In ``\*`` and ``snake\_case`` the backslash is an
    escape, and so it is in ``C:\\new``.
    """
    if state.src[state.pos] != "\\":
        return False
    found = _SHARE.match(state.src, state.pos, state.posMax)
    if found is None and _ROOT.search(state.src, max(0, state.pos - _MAX_ROOT), state.pos):
        found = _NAMES.match(state.src, state.pos, state.posMax)
    if found is None:
        return False
    words = found[0].rstrip(_AFTERWARDS)
    while words.endswith(")") and words.count(")") > words.count("("):
        words = words[:-1].rstrip(_AFTERWARDS)
    if not silent:
        state.pending += words
    state.pos += len(words)
    return True


def line_break(state: StateInline, silent: bool) -> bool:
    """A rule of markdown-it: ``<br>`` is a line break, because a table's cell has no other."""
    if state.src[state.pos] != "<" or (found := _BREAK.match(state.src, state.pos, state.posMax)) is None:
        return False
    if not silent:
        state.push("hardbreak", "br", 0)
    state.pos = found.end()
    return True
