"""Slack's mrkdwn (https://docs.slack.dev/messaging/formatting-message-text).

Its marks cannot be escaped. A mark counts only at the edge of a word, so bold text inside a word is separated from the
rest by a zero width space. A literal character that Slack would take for a mark, because there is another one like it,
is separated from its word in the same way. Other characters (``snake_case``, ``2 * 3``, one ``~/path``) stay.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence

from llmagent_os.markup.block import Span, Style, in_bold, tight_spans
from llmagent_os.markup.dialect import quoted_lines
from llmagent_os.markup.emphasis_marks import INVISIBLE, join_marked

_MARKS: dict[Style, str] = {"strike": "~", "italic": "_", "bold": "*", "code": "`"}
_BESIDE_MARKS = frozenset(string.whitespace + string.punctuation) - set(_MARKS.values())
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_QUOTES = re.compile(r"^(?=[ \t]*[>＞])", re.MULTILINE)


class Slack:
    """Slack's mrkdwn. A model cannot mention anybody: ``<`` is escaped everywhere but in the links made here."""

    def length(self, text: str) -> int:
        """The number of UTF-16 code units, the largest count that Slack may use. Escapes count as they are sent."""
        return len(text.encode("utf-16-le")) // 2

    def marker(self, written: str, *, in_order: bool) -> str:
        return written

    def inline(self, spans: Sequence[Span]) -> str:
        # Code with a backtick would end at it, so it is written as text.
        spans = [Span(s.text, link=s.link) if "code" in s.styles and "`" in s.text else s for s in spans]
        visible = "".join(span.text for span in spans if "code" not in span.styles)
        risky = "".join(
            mark for style, mark in _MARKS.items() if visible.count(mark) > 1 or any(style in s.styles for s in spans)
        )
        return join_marked(
            ((_span(span, risky), bool(span.styles)) for span in tight_spans(spans)),
            may_touch=_BESIDE_MARKS.__contains__,
        )

    def heading(self, spans: Sequence[Span], level: int) -> str:
        return self.inline(in_bold(spans))

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
