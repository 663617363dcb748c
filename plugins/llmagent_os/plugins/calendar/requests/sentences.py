"""Finds where one sentence, or one request, of a message ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmagent_os.plugins.calendar.requests.clause import Clause

#: The end of a sentence, of a line, or of a point of a list.
_END = re.compile(
    r"\s*[\n;]\s*(?:[-*•·]\s+|\(?\d{1,2}[.)]\s+)?"
    r"|(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bmrs)(?<!\bst)(?<!\bno)(?<!\bprof)(?<!\bapt)(?<!\bvs)(?<!\b[a-z])(?<!\bapp)(?<!\bapprox)[.!?]+[\"')]*\s+(?=\S)",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^(?:[-*•·]\s+|\(?1[.)]\s+)")

#: Words between two requests, those that say most first.
_BETWEEN = re.compile(
    r"[\s,]*(?:\b(?:and|but)\s+)?\b(?:then|also|again|additionally|in addition|as well as|after that"
    r"|plus)\b[\s,]+(?:also\s+)?|\s*,?\s+with\s+(?=(?:an?|one)\s(?:reminder|alarm|alert|notification|nudge)\b)|\s*,\s*(?:and|&)\s+(?:also\s+|then\s+)?"
    r"|\s+(?:and|&|\+)\s+(?:also\s+|then\s+|please\s+)?|\s*,\s+|\s+[-–]\s+",
    re.IGNORECASE,
)


def sentences(clause: Clause) -> Iterator[tuple[int, int]]:
    """Yield the beginning and the end of every sentence, line and point of a list."""
    bullet = _BULLET.match(clause.text)
    begin = bullet.end() if bullet else 0
    for match in _END.finditer(clause.text):
        # "4 p.m. on friday", "4.12. at 3": a stop inside or at the end of a time ends nothing
        if any(each.start < match.start() < each.end for each in clause.mentions):
            continue
        stop = match[0].strip()
        if match.start() >= begin:
            yield begin, match.start() + (len(stop) if stop[:1] in ".!?" else 0)
            begin = match.end()
    if clause.text[begin:].strip():
        yield begin, len(clause.text)


def between_requests(text: str) -> Iterator[tuple[int, int]]:
    """Yield where a first request may end, and where the next may begin."""
    for match in _BETWEEN.finditer(text):
        if match.start() > 0 and match.end() < len(text):
            yield match.start(), match.end()
