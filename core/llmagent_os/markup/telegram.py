"""Telegram's HTML (https://core.telegram.org/bots/api#html-style)."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from llmagent_os.markup.block import Span, Style, in_bold, tight_spans

_TAGS: dict[Style, str] = {"code": "code", "strike": "s", "italic": "i", "bold": "b"}
_TAG = re.compile(r"<[^>]*>")


class Telegram:
    """Telegram's HTML. Every span has tags of its own, so that tags are balanced wherever a message is cut."""

    def length(self, text: str) -> int:
        """The number of UTF-16 code units without tags, as Telegram counts.

        >>> Telegram().length("<b>1 &lt; 2</b> 🚀")
        8
        """
        return len(html.unescape(_TAG.sub("", text)).encode("utf-16-le")) // 2

    def marker(self, written: str, *, in_order: bool) -> str:
        return written

    def inline(self, spans: Sequence[Span]) -> str:
        return "".join(map(_span, tight_spans(spans)))

    def heading(self, spans: Sequence[Span], level: int) -> str:
        return self.inline(in_bold(spans))

    def code(self, text: str, language: str) -> str:
        inner = html.escape(text, quote=False)
        return f'<pre><code class="language-{language}">{inner}</code></pre>' if language else f"<pre>{inner}</pre>"

    def quote(self, text: str) -> str:
        return f"<blockquote>{text}</blockquote>"


def _span(span: Span) -> str:
    if not span.link.startswith("http"):
        span = span.unlinked()  # Telegram finds mail addresses by itself, and has no links to them
    text = html.escape(span.text, quote=False)
    if span.link:
        text = f'<a href="{html.escape(span.link, quote=False).replace(chr(34), "&quot;")}">{text}</a>'
    for style, tag in _TAGS.items():
        # In Telegram, a link cannot be code too.
        if style in span.styles and not (span.link and style == "code"):
            text = f"<{tag}>{text}</{tag}>"
    return text


TELEGRAM = Telegram()
