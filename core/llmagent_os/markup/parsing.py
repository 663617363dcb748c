"""Parsing of Markdown (CommonMark, with GFM's tables, task lists, strikethrough and bare links) into blocks.

It differs from CommonMark where that suits a chat better. A line end is a line end. A line of ``---`` under words is a
rule and does not make them a heading: a list that is being written begins in the same way. Link references stay as they
are written, so that a list of sources does not vanish. The numbers of a list stay too; CommonMark counts from the first
one. HTML is text, except for ``<br>``. For emphasis and backslashes, see :mod:`llmagent_os.markup.inline_rules`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby

import msgspec
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, blockquote, list_block
from markdown_it.token import Token

from llmagent_os.markup.block import BULLET, Block, Span, Style, is_visible
from llmagent_os.markup.inline_rules import InlineParser, line_break, path
from llmagent_os.markup.links import bare_link, is_safe
from llmagent_os.markup.tables import columns, lossless_table

#: What is nested more deeply stays text. The parser itself drops what is beyond its own, larger limit.
_MAX_LEVEL, _PARSER_LEVEL = 12, 20

_LINE_END = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f]")
_LANGUAGE = re.compile(r"[\w+#.-]{1,20}(?!\S)")
_BOX = re.compile(r"\[([ xX])\]\s+")
_STYLES: dict[str, frozenset[Style]] = {
    "strong": frozenset({"bold"}),
    "em": frozenset({"italic"}),
    "s": frozenset({"strike"}),
}
_CODE: frozenset[Style] = frozenset({"code"})


class _Parser(MarkdownIt):
    def __init__(self) -> None:
        super().__init__()
        self.inline = InlineParser()
        self.configure("commonmark", {"html": False, "maxNesting": _PARSER_LEVEL})

    def validateLink(self, url: str) -> bool:
        return True  # an unsafe link is removed later, so that its words stay and its Markdown goes


#: One line of plain words. It does not begin with a number, which could be a list, and has no names of servers.
_UNMARKED = re.compile(r"[A-Za-z](?:[A-Za-z0-9,;'’?%()]| (?! )|[.!-](?![A-Za-z0-9_]))*(?<![ ])")


def _shallow(rule: Callable[[StateBlock, int, int, bool], bool]) -> Callable[[StateBlock, int, int, bool], bool]:
    """``rule``, up to :data:`_MAX_LEVEL`."""
    return lambda state, start, end, silent: state.level <= _MAX_LEVEL and rule(state, start, end, silent)


@functools.cache
def _parser() -> MarkdownIt:
    parser = _Parser()
    parser.enable(["table", "strikethrough"]).disable(["reference", "lheading"])
    ends = ["paragraph", "reference", "blockquote"]
    parser.block.ruler.at("table", lossless_table, {"alt": ["paragraph", "reference"]})
    parser.block.ruler.at("blockquote", _shallow(blockquote), {"alt": [*ends, "list"]})
    parser.block.ruler.at("list", _shallow(list_block), {"alt": ends})
    parser.inline.ruler.after("text", "bare_link", bare_link)
    parser.inline.ruler.before("escape", "path", path)
    parser.inline.ruler.before("autolink", "line_break", line_break)
    return parser


def parse(markdown: str) -> tuple[Block, ...]:
    r"""The blocks of ``markdown``, which may be unfinished; no blocks if there is nothing to see.

    >>> [(block.marker, block.text) for block in parse("Today:\n1. tea\n2. **cake")]
    [('', 'Today:'), ('1.', 'tea'), ('2.', '**cake')]
    """
    if _UNMARKED.fullmatch(markdown):  # most messages have no marks of Markdown
        return (Block(spans=(Span(markdown),)),)
    text = _clean(markdown)
    tokens = _parser().parse(text)
    builder = _BlockBuilder(_markers(tokens))
    for token in tokens:
        builder.add_token(token)
    if not builder.blocks and is_visible(text):
        return (Block(spans=(Span(text.strip()),)),)  # only marks, perhaps of a text that is still being written
    return tuple(builder.blocks)


def _clean(text: str) -> str:
    """``text`` without control characters and halves of characters, which no platform takes."""
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return _CONTROL.sub("", _LINE_END.sub("\n", whole))


class _Marker(msgspec.Struct, frozen=True):
    """The beginning of a list item."""

    text: str = ""  #: empty: the item has begun already
    in_order: bool = True  #: whether each number of the list is one more than the number before it


def _markers(tokens: Sequence[Token]) -> Iterator[_Marker]:
    """The markers of all list items, in the order of the items. A list that repeats one number is counted from it."""
    found: list[_Marker] = []
    lists: list[list[tuple[int, Token]]] = []  # of the lists that are open: every item, and its place in ``found``
    for token in tokens:
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append([])
        elif token.type == "list_item_open":
            lists[-1].append((len(found), token))
            found.append(_Marker(BULLET))
        elif token.type == "bullet_list_close":
            lists.pop()
        elif token.type == "ordered_list_close":
            items = lists.pop()
            numbers = [token.info for _, token in items]
            if len(set(numbers)) == 1:
                numbers = [numbers[0], *(str(int(numbers[0]) + more) for more in range(1, len(numbers)))]
            in_order = all(int(number) == int(numbers[0]) + more for more, number in enumerate(numbers))
            for number, (place, token) in zip(numbers, items, strict=True):
                found[place] = _Marker(f"{number}{token.markup}", in_order)
    return iter(found)


class _BlockBuilder:
    """Makes blocks of the parser's tokens.

    Args:
        markers: of the list items, in their order.
    """

    def __init__(self, markers: Iterator[_Marker]) -> None:
        self.blocks: list[Block] = []
        self._quotes = 0
        self._lists = 0
        self._markers = markers
        self._marker = _Marker()
        self._level = 0  # of the heading that is open
        self._rows: list[list[str]] | None = None  # of the table that is open
        self._line = -1  # where the last block ended

    def add_token(self, token: Token) -> None:
        """Take the next token."""
        match token.type:
            case "blockquote_open" | "blockquote_close":
                self._quotes += token.nesting
            case "bullet_list_open" | "ordered_list_open" | "bullet_list_close" | "ordered_list_close":
                self._lists += token.nesting
            case "list_item_open":
                self._marker = next(self._markers)
            case "heading_open":
                self._level = int(token.tag[1:])
            case "inline" if self._rows is not None:
                self._rows[-1].append("".join(span.unlinked().text for span in _spans(token.children or ())))
            case "inline":
                spans = _spans(token.children or ())
                if self._level:  # a heading is one line
                    spans = tuple(msgspec.structs.replace(span, text=span.text.replace("\n", " ")) for span in spans)
                self._add(token, Block(kind="heading" if self._level else "paragraph", spans=spans, level=self._level))
                self._level = 0
            case "fence" | "code_block":
                language = _LANGUAGE.match(token.info.strip())
                self._add(token, _code(token.content, language[0] if language else ""))
            case "hr":
                self._add(token, Block(kind="rule"))
            case "table_open":
                self._rows = []
            case "tr_open" if self._rows is not None:
                self._rows.append([])
            case "table_close":
                self._add(token, _code(columns(self._rows or []), ""))
                self._rows = None
            case _:
                pass

    def _add(self, token: Token, block: Block) -> None:
        if block.kind != "rule" and not is_visible(block.text):
            return
        first, after = token.map or (self._line + 1, self._line + 1)
        spans, marker = block.spans, self._marker.text
        if marker and block.kind == "paragraph" and (box := _BOX.match(spans[0].text)):
            mark = "☐" if box[1] == " " else "☑"
            marker = mark if marker == BULLET else f"{marker} {mark}"
            spans = (Span(spans[0].text[box.end() :], spans[0].styles), *spans[1:])
        self.blocks.append(
            msgspec.structs.replace(
                block,
                spans=spans,
                quoted=self._quotes > 0,
                depth=self._lists,
                marker=marker,
                in_order=self._marker.in_order,
                tight=first <= self._line,
            )
        )
        self._line, self._marker = after, _Marker()


def _code(text: str, language: str) -> Block:
    return Block(kind="code", spans=(Span(text.rstrip()),), language=language)


def _spans(tokens: Sequence[Token]) -> tuple[Span, ...]:
    spans: list[Span] = []
    styles: list[frozenset[Style]] = [frozenset()]
    href, start = "", 0  # of the link that is open, and where its words begin in spans
    for token in tokens:
        match token.type:
            case "strong_open" | "em_open" | "s_open":
                styles.append(styles[-1] | _STYLES[token.tag])
            case "strong_close" | "em_close" | "s_close":
                styles.pop()
            case "link_open":
                href, start = str(token.attrs["href"]), len(spans)
            case "link_close" if is_safe(href):
                spans[start:] = [_link(spans[start:], href, styles[-1])]
            case "image":
                words, source = _spans(token.children or ()), str(token.attrs["src"])
                spans.extend([_link(words, source, styles[-1])] if is_safe(source) else words)
            case "code_inline":
                spans.append(Span(token.content, _CODE))
            case "softbreak" | "hardbreak":
                spans.append(Span("\n", styles[-1]))
            case _:
                spans.append(Span(token.content, styles[-1]))
    runs = groupby((span for span in spans if span.text), key=lambda span: (span.styles, span.link))
    return tuple(
        part
        for (looks, link), run in runs
        for part in (run if link else [Span("".join(span.text for span in run), looks)])
    )


def _link(words: Sequence[Span], href: str, around: frozenset[Style]) -> Span:
    """A link as one span. Its styles are those that all of its words have."""
    text = " ".join("".join(span.text for span in words).split()) or href.removeprefix("mailto:")
    return Span(
        text, functools.reduce(lambda some, span: some & span.styles, words, words[0].styles if words else around), href
    )
