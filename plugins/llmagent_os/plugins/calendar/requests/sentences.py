"""Finds where one sentence, or one request, of a message ends and the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.request_verbs import UNMISTAKABLE

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
    r"|plus)\b[\s,]+(?:also\s+)?|\s*,?\s+with\s+(?=(?:an?|one)\s(?:reminder|alarm|alert|notification|nudge)\b)"
    r"|\s*,\s*(?:and|&)\s+(?:also\s+|then\s+)?"
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


#: Where somebody comes to the point within a sentence: "my back hurts, could you cancel the haircut".
_POINT = re.compile(
    r"(?:\s*[,;:–—-]+\s+(?:(?:so|and|but|just|anyway|then)\s+)*|\s+so\s+)"
    r"(?=(?:can|could|would|will) (?:you|we|u|i)\b|please\b|(?:just )?(?:tell|remind|show) me\b|put me down\b"
    r"|what (?:do i have|have i got|am i doing|is on)\b)",
    re.IGNORECASE,
)


#: What people say when they come to the point.
_AT_LAST = re.compile(
    r"(?:^|[\s,.;:!–—-])(?:(?:to (?:cut|make) a )?long story short|bottom line(?: is)?|the (?:point"
    r"|upshot) is(?: that)?"
    r"|so(?=:)|in short|cut a long story short|what i (?:need|want) is(?: that)?"
    r"|tl;? ?dr)[\s,:;.–-]+(?:(?:so|that)\s+)?(?=\S)",
    re.IGNORECASE,
)
#: A request in front of "so:" is no story.
_OTHER_REQUEST = re.compile(rf"\b(?:{UNMISTAKABLE}|add|put|book|schedule|remind)\b", re.IGNORECASE)


def at_last(clause: Clause) -> Clause | None:
    """Return what stands behind "long story short" or the like; None: there is no such word."""
    found = list(_AT_LAST.finditer(clause.text))
    before = clause.text[: found[-1].start()].strip() if found else ""
    if not before or (found[-1][0].strip(" ,.;:!").lower() == "so" and _OTHER_REQUEST.search(before)):
        return None
    return clause.part(found[-1].end())


def story_parts(clause: Clause) -> Iterator[Clause]:
    """Yield the sentences of a story, and what it asks for within a sentence apart."""
    for begin, end in sentences(clause):
        for match in _POINT.finditer(clause.text, begin, end):
            yield clause.part(begin, match.start())
            begin = match.end()
        yield clause.part(begin, end)


def joined(clause: Clause) -> Clause:
    """Return the message with a comma in front of a sentence that only says when: "Add lunch. Tomorrow. At noon."."""
    text = clause.text
    ends = list(sentences(clause))
    for (_, stop), (begin, end) in pairwise(ends):
        only_when = re.fullmatch(rf"(?:{MARK}[\s,.!]*)+", clause.part(begin, end).masked) is not None
        if only_when and text[stop - 1] == "." and len(ends) > 1:
            text = f"{text[: stop - 1]},{text[stop:]}"
    return replace(clause, text=text)


def between_requests(text: str) -> Iterator[tuple[int, int]]:
    """Yield where a first request may end, and where the next may begin."""
    for match in _BETWEEN.finditer(text):
        if match.start() > 0 and match.end() < len(text):
            yield match.start(), match.end()
