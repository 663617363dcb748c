"""Discord's Markdown (https://support.discord.com/hc/en-us/articles/210298617).

A character that could be a mark is escaped with a backslash, which Discord does not show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmagent_os.markup.block import BULLET, Span, Style, tight_spans
from llmagent_os.markup.dialect import quoted_lines
from llmagent_os.markup.emphasis_marks import INVISIBLE, join_marked

_MARKS: dict[Style, str] = {"italic": "*", "bold": "**", "strike": "~~"}
_LITERAL = re.compile(r"[\\*_~`|\[\]]")
_LINE_START = re.compile(r"^( *(?:\d+(?=[.)])|(?=[#>+-])))", re.MULTILINE)
_MENTION = re.compile(r"@(?=everyone|here)|<(?=[@#]|a?:\w|t:|id:|/[\w -]+:)")


class Discord:
    """Discord's Markdown. Mentions such as ``@everyone`` are broken up, also inside code."""

    def length(self, text: str) -> int:
        """The number of code points, as Discord counts."""
        return len(text)

    def marker(self, written: str, *, in_order: bool) -> str:
        """Discord counts a list from its first number. It takes an escaped number for text."""
        if written == BULLET:
            return "-"
        return written if in_order else written.replace(".", r"\.", 1)

    def inline(self, spans: Sequence[Span]) -> str:
        return join_marked((_span(span), bool(span.styles)) for span in tight_spans(spans))

    def heading(self, spans: Sequence[Span], level: int) -> str:
        return f"{'#' * min(level, 3)} {self.inline(spans).strip()}"

    def code(self, text: str, language: str) -> str:
        return f"```{language}\n{_without_mentions(text).replace('```', INVISIBLE.join('```'))}\n```"

    def quote(self, text: str) -> str:
        return quoted_lines(text)


def _without_mentions(text: str) -> str:
    r"""``text`` that notifies nobody.

    >>> ascii(_without_mentions("@everyone"))
    "'@\\u200beveryone'"
    """
    return _MENTION.sub(rf"\g<0>{INVISIBLE}", text)


def _escaped(text: str) -> str:
    r"""``text`` that is shown as it is written.

    >>> print(_escaped("1. snake_case"))
    1\. snake\_case
    """
    return _LINE_START.sub(r"\1\\", _LITERAL.sub(r"\\\g<0>", _without_mentions(text)))


def _span(span: Span) -> str:
    if span.link:
        text = _link(span)
    elif "code" in span.styles:
        text = _code(span.text)
    else:
        text = _escaped(span.text)
    for style, mark in _MARKS.items():
        text = f"{mark}{text}{mark}" if style in span.styles else text
    return text


def _link(span: Span) -> str:
    """A link. Discord links words only to web addresses, and only if the words do not look like another address."""
    if not span.link.startswith("http"):
        return _escaped(span.unlinked().text)
    link = re.sub(r"@(?=everyone|here)", "%40", span.link)
    if span.bare:
        return link
    if "://" in span.text:
        return f"{_escaped(span.text)} ({link})"
    words = _code(span.text) if "code" in span.styles else _escaped(span.text)
    return f"[{words}]({link.replace('(', '%28').replace(')', '%29')})"


def _code(text: str) -> str:
    """Code between backticks: one more than the code has in a row.

    >>> _code("a `b`")
    '`` a `b` ``'
    """
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{_without_mentions(text)}{pad}{fence}"


DISCORD = Discord()
