"""Discord's Markdown (https://support.discord.com/hc/en-us/articles/210298617).

Everything that could be a mark is escaped with a backslash, which Discord does not show.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmagent_os.markup.block import Span, Style, cores
from llmagent_os.markup.dialect import quoted_lines
from llmagent_os.markup.marks import INVISIBLE, set_apart

_MARKS: dict[Style, str] = {"italic": "*", "bold": "**", "strike": "~~"}
_LITERAL = re.compile(r"[\\*_~`|\[\]]")
_LINE_START = re.compile(r"^( *(?:\d+(?=[.)])|(?=[#>+-])))", re.MULTILINE)
_MENTION = re.compile(r"@(?=everyone|here)|<(?=[@#]|a?:\w|t:|id:|/[\w -]+:)")


class Discord:
    """Markdown. ``@everyone`` and the like are broken up, also inside code."""

    bullet = "-"

    def length(self, text: str) -> int:
        """In code points, as Discord counts."""
        return len(text)

    def inline(self, spans: Sequence[Span]) -> str:
        return set_apart((_span(span), bool(span.styles)) for span in cores(spans))

    def heading(self, spans: Sequence[Span], level: int) -> str:
        return f"{'#' * min(level, 3)} {self.inline(spans).strip()}"

    def code(self, text: str, language: str) -> str:
        return f"```{language}\n{_hushed(text).replace('```', INVISIBLE.join('```'))}\n```"

    def quote(self, text: str) -> str:
        return quoted_lines(text)


def _hushed(text: str) -> str:
    r"""Words that call nobody.

    >>> ascii(_hushed("@everyone"))
    "'@\\u200beveryone'"
    """
    return _MENTION.sub(rf"\g<0>{INVISIBLE}", text)


def _escaped(text: str) -> str:
    r"""Words that look as they are.

    >>> print(_escaped("1. snake_case"))
    1\. snake\_case
    """
    return _LINE_START.sub(r"\1\\", _LITERAL.sub(r"\\\g<0>", _hushed(text)))


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
    """Discord has masked links to the web alone, and none whose words look like another address."""
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
    """Code, between more backticks than it has in a row.

    >>> _code("a `b`")
    '`` a `b` ``'
    """
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    pad = " " if len(fence) > 1 else ""
    return f"{fence}{pad}{_hushed(text)}{pad}{fence}"


DISCORD = Discord()
