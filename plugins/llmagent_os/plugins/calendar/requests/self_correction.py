"""Puts a day or a time in the place of one that the person takes back in the same message.

"dentist on friday, no sorry, thursday at 10" becomes "dentist on thursday at 10", and "not tomorrow, friday: dentist
at 9" becomes "friday: dentist at 9".
"""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

_FILLER = r"(?:um+|uh+|er+m?|hm+|oh|oops|ah|hang on|hold on|wait|sorry|well)"
#: The words between what is taken back and what is meant.
_CORRECTS = re.compile(
    rf"[\s,.;:!…–—-]*(?:{_FILLER}[\s,.!…–—-]+)*"
    r"(?:no|nope|sorry|wait|i mean|i meant|or rather|rather|scratch that|make that|make it|correction|actually no)"
    rf"(?:[\s,.:!…–—-]+(?:{_FILLER}|no|i mean|i meant|make (?:it|that)|on second thoughts?|it's))*[\s,.:!…–—-]+",
    re.IGNORECASE,
)
#: "Lars can't do friday, make it saturday" takes nothing back.
_NEGATED = re.compile(r"n't\b|\b(?:cannot|can not|not|no longer|never|unable|busy|away)\b", re.IGNORECASE)
_PREPOSITION = re.compile(r"(?:on|at|to|till|until|for|from|by|in) ", re.IGNORECASE)
_HALF = re.compile(
    rf"(?P<clock>\d(?: o'clock)? ?)[ap]\.?m\.?{_CORRECTS.pattern}(?P<half>[ap]\.?m\.?)(?=\W|$)", re.IGNORECASE
)
_NOT_FIRST = re.compile(r"\W*not (?P<wrong>[^,;:]{2,30}), (?:but )?(?P<right>[^:]{2,30}):\s+(?=\w)", re.IGNORECASE)
_CORRECTED = (MentionKind.DATE, MentionKind.TIME)


def corrected(clause: Clause) -> Clause:
    """Return a message as the person corrected it."""
    text = _HALF.sub(r"\g<clock>\g<half>", clause.text)
    if text != clause.text:
        clause = _again(clause, text)
    clause = _without_wrong_day(clause)
    for place, mention in enumerate(clause.mentions):
        before = clause.mentions[:place]
        if mention.kind not in _CORRECTED or not before:
            continue
        between = clause.text[before[-1].end : mention.start]
        if _CORRECTS.fullmatch(between) is None or _NEGATED.search(clause.text[: before[-1].start]):
            continue
        old = next((each for each in reversed(_adjoining(clause, before)) if each.kind is mention.kind), None)
        if old is not None:
            return corrected(_again(clause, _swapped(clause.text, old, before[-1].end, mention)))
    return clause


def _without_wrong_day(clause: Clause) -> Clause:
    """Leave out "not tomorrow" in front of "friday: dentist at 9"."""
    match = _NOT_FIRST.match(clause.text)
    if match is None:
        return clause
    wrong, right = (Clause.of(match[name], clause.now, month_first=clause.month_first) for name in ("wrong", "right"))
    days = all(re.fullmatch(rf"\s*{MARK}\s*", each.masked) and each.has(MentionKind.DATE) for each in (wrong, right))
    return _again(clause, clause.text[match.start("right") :]) if days else clause


def _adjoining(clause: Clause, mentions: tuple[TimeMention, ...]) -> list[TimeMention]:
    """The last mentions that stand side by side: "on monday at 12"."""
    found = [mentions[-1]]
    for mention in reversed(mentions[:-1]):
        if clause.text[mention.end : found[0].start].strip(" ,"):
            break
        found.insert(0, mention)
    return found


def _swapped(text: str, old: TimeMention, begin: int, new: TimeMention) -> str:
    """The text with the new words in the place of the old ones, without the words of the correction."""
    words = new.text
    kept = _PREPOSITION.match(old.text)
    if kept and not _PREPOSITION.match(words):
        words = f"{kept[0]}{words}"
    return f"{text[: old.start]}{words}{text[old.end : begin]}{text[new.end :]}"


def _again(clause: Clause, text: str) -> Clause:
    found = Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)
    return replace(clause, text=found.text, mentions=found.mentions)
