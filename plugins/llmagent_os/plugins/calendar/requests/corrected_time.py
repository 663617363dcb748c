"""Reads a day or a time that is put right: "not friday, the visit is on thursday", "remind me of it at 7 instead"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.change_call import move_call
from llmagent_os.plugins.calendar.requests.change_words import IS, NUMBER, TO
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target, read_target

#: Another time for a reminder that is there.
_REMIND_THEN = rule(
    rf"(?:remind|wake|ping|alert) (?:me|us) (?:about|of|to|for) (?P<np>.+?),? (?P<when>WHEN) instead(?: of {NUMBER})?"
)
#: A correction: the first day or time is wrong, the other is right.
_NOT_THEN = rule(
    rf"not (?:on |at )?(?P<old>WHEN)[,;:.]? ?(?:[–—-] ?)?(?:but )?(?P<np>.+?)(?: |(?='s )){IS}(?:{TO} )?"
    r"(?P<when>WHEN)"
    rf"|(?P<np2>.+?)(?: is not|'s not| isn't) (?:on |at )?(?P<old2>WHEN)[,;:.]? ?(?:[–—-] ?)?"
    r"(?:(?:but|it's|it is|it'll be|rather|actually) )*(?:on |at )?(?P<when2>WHEN)"
)


def _not_then(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A day or a time that is put right: "not friday, the site visit is on thursday"."""
    phrase, piece = found["np"] or found["np2"], found["when"] or found["when2"]
    target = read_target(words, phrase)
    if target is None or not target.known or "title" not in target.arguments or has_marks(phrase):
        return None
    return move_call(words, target, **words.when(piece, "new_"))


def _remind_then(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another time for a reminder that the calendar has: "remind me about the rent at 7 instead"."""
    target = read_target(words, found["np"])
    name = target.arguments.get("title", "") if target is not None else ""
    if not any(event.reminder and fits_words(event, name) for event in words.clause.events if name):
        return None
    return move_call(words, Target({"title": name, "kind": "reminder"}), **words.when(found["when"], "new_"))


#: The patterns of corrections, and what reads them.
CORRECTION_RULES: Rules = (
    (_NOT_THEN, _not_then),
    (_REMIND_THEN, _remind_then),
)
