"""Plain text without marks, for notifications and terminals."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.markup.block import Span
from llmagent_os.markup.dialect import quoted_lines


class Plain:
    """Plain text. The address of a link follows its words in brackets."""

    def length(self, text: str) -> int:
        """The number of code points."""
        return len(text)

    def marker(self, written: str, *, in_order: bool) -> str:
        return written

    def inline(self, spans: Sequence[Span]) -> str:
        return "".join(span.unlinked().text for span in spans)

    def heading(self, spans: Sequence[Span], level: int) -> str:
        return self.inline(spans)

    def code(self, text: str, language: str) -> str:
        return text

    def quote(self, text: str) -> str:
        return quoted_lines(text)


PLAIN = Plain()
