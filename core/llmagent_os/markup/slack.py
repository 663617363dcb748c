"""Slack's mrkdwn (https://docs.slack.dev/messaging/formatting-message-text).

It has no way to escape its marks. A mark counts only at a word's edge, so what is bold inside a word is set apart by a
zero width space; and a literal character that could be taken for a mark, since there is another one, is parted from its
word in the same way. What could be neither (``snake_case``, ``2 * 3``, one ``~/path``) can be copied as it is.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from llmagent_os.markup.block import Span, Style, cores, emboldened
from llmagent_os.markup.dialect import quoted_lines
from llmagent_os.markup.marks import INVISIBLE, set_apart

_MARKS: dict[Style, str] = {"strike": "~", "italic": "_", "bold": "*", "code": "`"}
_BESIDE_MARKS = frozenset(string.whitespace + string.punctuation) - set(_MARKS.values())
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_QUOTES = re.compile(r"^(?=[ \t]*[>＞])", re.MULTILINE)


class Slack:
    """mrkdwn. Nothing a model writes becomes a mention: ``<`` is always escaped but in our own links."""

    bullet = "•"

    def length(self, text: str) -> int:
        """In UTF-16, the larger of what Slack might count; escapes count as they are sent."""
        return len(text.encode("utf-16-le")) // 2

    def inline(self, spans: Sequence[Span]) -> str:
        # Code would end at its own backtick: such is written as text.
        spans = [Span(s.text, link=s.link) if "code" in s.styles and "`" in s.text else s for s in spans]
        visible = "".join(span.text for span in spans if "code" not in span.styles)
        risky = "".join(
            mark for style, mark in _MARKS.items() if visible.count(mark) > 1 or any(style in s.styles for s in spans)
        )
        return set_apart(
            ((_span(span, risky), bool(span.styles)) for span in cores(spans)), lets=_BESIDE_MARKS.__contains__
        )

    def heading(self, spans: Sequence[Span], level: int) -> str:
        return self.inline(emboldened(spans))

    def code(self, text: str, language: str) -> str:
        return f"```\n{text.replace('```', INVISIBLE.join('```')).translate(_ESCAPES)}\n```"

    def quote(self, text: str) -> str:
        return quoted_lines(text)


def _span(span: Span, risky: str) -> str:
    text = (span.text if "code" in span.styles else _literal(span.text, risky)).translate(_ESCAPES)
    if span.link:
        link = span.link.replace("|", "%7C").translate(_ESCAPES)
        text = f"<{link}>" if span.bare and not span.link.startswith("mailto:") else f"<{link}|{text}>"
    for style, mark in _MARKS.items():
        text = f"{mark}{text}{mark}" if style in span.styles else text
    return text


def _literal(text: str, risky: str) -> str:
    if ">" in text or "＞" in text:
        text = _QUOTES.sub(INVISIBLE, text)
    if not any(mark in text for mark in risky):
        return text
    text = re.sub(rf"(?<!\w)[{risky}](?=\S)", rf"\g<0>{INVISIBLE}", text)
    return re.sub(rf"(?<=\S)(?<!{INVISIBLE})[{risky}](?![\w{INVISIBLE}])", rf"{INVISIBLE}\g<0>", text)


SLACK = Slack()
