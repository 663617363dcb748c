"""Reads changes of an event's time: "move the gym to 7", "push the review back 30 minutes", "same time on monday".

The other changes of an event are read by ``name_request``, ``place_request`` and ``length_request``.
"""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.change_call import move_call
from llmagent_os.plugins.calendar.requests.change_words import (
    CHANGE_VERB,
    ENDING,
    IS,
    MOVE,
    NEGATED,
    NUMBER,
    TO,
    changed_target,
)
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.corrected_time import CORRECTION_RULES
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target, read_target
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay, parse_time

_AWAY = r"(?: (?:back|forward|forwards|up|over|out|off|around|ahead|along|down))?"
_SAME = (
    r"(?:,? ?(?:at |to |for |and keep |keeping |but keep |but )?(?:the |its |it at the )?same (?:time|hour|slot)"
    r"(?: of (?:the )?day)?(?: though| but| just)?)"
)
_FROM_NOW = r"(?:from now on,? |starting now,? |going forward,? |in future,? )?"
_INSTEAD_OF = rf"(?:,? ?(?:and not|not|instead of|rather than) {NUMBER})?"
_TO_WHEN = rule(
    rf"{_FROM_NOW}(?P<verb>{CHANGE_VERB}){_AWAY} (?P<np>.+?){_AWAY}(?: from (?P<old>WHEN))?,? {TO} (?P<when>WHEN)"
    rf"(?P<same>{_SAME})?{_INSTEAD_OF}{ENDING}"
)
_TO_WHEN_BARE = rule(
    rf"{_FROM_NOW}(?P<verb>{CHANGE_VERB}){_AWAY} (?P<np>.+?){_AWAY},? ?(?P<same>{_SAME})? ?(?P<when>WHEN)"
    rf"(?P<again>{_SAME})?{_INSTEAD_OF}{ENDING}"
)
_HAVE_MOVED = rule(
    r"(?:get|have|i need|need|i want|want|i'd like)(?: to have)? (?P<np>.+?) (?:to be )?(?:moved|pushed|rescheduled"
    r"|changed|shifted"
    rf"|postponed|brought)(?: back| forward| up)? (?:{TO} )?(?P<when>WHEN)(?P<same>{_SAME})?{_INSTEAD_OF}{ENDING}"
)
_RATHER = rule(rf"(?P<np>.+?)(?::|,)? (?P<when>WHEN)(?: instead(?: of {NUMBER})?|,? not {NUMBER}|,? rather)")
_CLOCK_TO = rule(rf"(?P<verb>{CHANGE_VERB}) (?:(?:my|the) )?(?P<when>WHEN){ENDING}")
_IS_NOW = rule(
    rf"{_FROM_NOW}(?P<np>.+?)(?: |(?='s )){IS}(?:(?:later|earlier),? )?(?:{TO}"
    rf" )?(?P<when>WHEN)(?P<same>{_SAME})?{_INSTEAD_OF}{ENDING}"
)
_MAY_BE = rule(
    r"(?:can|could|may|(?:would it be|is it) possible to have) (?P<np>.+?) (?:be |take place |happen |start )?"
    rf"(?:moved |postponed |pushed |shifted |changed |rescheduled |set )?(?:{TO} )?(?P<when>WHEN)(?P<same>{_SAME})?"
    rf"{_INSTEAD_OF}{ENDING}"
)
_SAME_TIME = rule(
    rf"(?P<verb>{CHANGE_VERB}) (?P<np>.+?){_SAME},? (?P<when>WHEN){ENDING}|(?P<np2>.+?){_SAME},?"
    rf" (?P<when2>WHEN){ENDING}"
)
_CANNOT = rule(
    r"(?:i|we) (?:can't|cannot|can not|won't|couldn't|am not able to|'m not able to|won't be able to|will not)"
    r" (?:make|do|attend|come to|go to|be at|make it to|make it for) (?P<np>.+?)[,;.]? (?:so |and |but )*"
    rf"(?:please |can you |could you )*{CHANGE_VERB} (?:it|that|this){_AWAY} (?:(?:to|till|until|for) )?(?P<when>WHEN)"
    rf"(?P<same>{_SAME})?{ENDING}"
)
_SWAP = rule(
    r"(?:swap|switch|exchange|interchange)(?: round| around)? (?:the times? of |times? of )?(?P<np>.+?) (?:and|with|&)"
    r" (?P<np2>.+?)(?: around| round| over)?"
)
_AGREED = rule(
    r"(?:we|i|they|he|she)(?:'ve| have)?(?: now| just| all)? (?:agreed|settled|decided|said)(?: on| to (?:do"
    r"|have|make))?"
    r" (?P<when>WHEN) (?:for|as the time (?:for|of)) (?P<np>.+?)"
)
_ARROW = rule(r"(?P<np>.+?) (?:to|->|→|=>) (?P<when>WHEN)(?: instead)?")
_ONLY_WHEN = rule(r"(?P<np>.+?) (?P<when>WHEN)(?: instead)?")  # "dentist to monday": "to" is in the day
_LEFT_OPEN = rule(r"(?:move|reschedule|postpone|change|edit|update|delay|rebook|shift) (?P<np>.+?)")
_RANGE = re.compile(r"(?:from )?(?P<old>.+?) (?:to|until|till|->|→) (?P<new>.+)", re.I)
#: They ask for another time of an event that is there: "can we have choir at 8 next week?".
_CAN_WE = re.compile(r"\W*(?:(?:hey|hi|so|ok|please),? )*(?:can|could|may) (?:i|we) (?:have|do|make)\b[^?]*\?", re.I)
_PERIOD = re.compile(r"(?:this|next|the coming) (?:week|month|weekend)", re.I)


def read_change(clause: Clause) -> ToolCall | None:
    """Return the call that moves what the words ask for; None: not every word is understood."""
    words = MaskedWords.of(clause)
    if NEGATED.match(words.text):
        return None
    return first_call(words, _RULES)


def _to_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """To another day or time."""
    target = changed_target(words, found["np"], found["verb"])
    if target is None:
        return None
    old, new = words.when(found["old"]), words.when(found["when"], "new_")
    if "new_time" in new and _PERIOD.fullmatch(new.get("new_date", "")):
        old["date"] = new.pop("new_date")  # "to 7 this week": the one of this week
    return move_call(words, Target({**target.arguments, **old}), **new)


def _bare(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Without "to", as in "move the gym friday"; or with a "to" that the finder of times has taken for a span."""
    verb, phrase = found["verb"].lower(), found["np"]
    same = found["same"] or found["again"] or re.search(r"\binstead\b", words.text, re.I)
    same = same or _CAN_WE.match(words.clause.text)
    if verb in ("start", "begin", "schedule", "book") and not same:
        return None  # "schedule gym friday" asks for another gym
    definite = re.match(r"(?:the|my|our|that|it|this)\b", phrase, re.I)
    if verb in ("have", "get", "take", "do", "set", "put", "make", "hold") and not (same or definite):
        return None
    target = changed_target(words, phrase, verb)
    if target is None:
        return None
    old, new = _old_and_new(words, target, found["when"])
    if "time" in new and _PERIOD.fullmatch(new.get("date", "")):
        old["date"] = new.pop("date")
    return move_call(words, Target({**target.arguments, **old}), **{f"new_{key}": each for key, each in new.items()})


def _clock_to(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """An event that has no other name than its time: "move the 10am to noon"."""
    if re.fullmatch(MOVE + "|change|push|bring|bump", found["verb"], re.I) is None:
        return None
    said = words.when(found["when"])
    ranges = {key: match for key, each in said.items() if (match := _RANGE.fullmatch(each))}
    if len(ranges) != 1:
        return None
    ((key, match),) = ranges.items()
    old = {**said, key: match["old"]}
    aim = "time" if re.fullmatch(r"\d{1,2}", match["new"]) else key
    target = Target({name: re.sub(r"^(?:the|my) ", "", each) for name, each in old.items()})
    return move_call(words, target, **{f"new_{aim}": match["new"]})


def _old_and_new(words: MaskedWords, target: Target, piece: str) -> tuple[dict[str, str], dict[str, str]]:
    """Which days and times of a piece are the event's, and which are to be."""
    old: dict[str, str] = {}
    new = {name.removeprefix("new_"): said for name, said in words.when(piece, "new_").items()}
    for key, said in words.when(piece).items():
        match = _RANGE.fullmatch(said)
        if match and (key == "date" or _begins(words, target, match["old"])):
            old[key], new[key] = re.sub(r"^from ", "", match["old"]), match["new"]
    return old, new


def _begins(words: MaskedWords, target: Target, said: str) -> bool:
    """Whether an event that may be meant begins at a time of day."""
    try:
        clock = parse_time(re.sub(r"^from ", "", said), words.clause.now)
    except TimeExpressionError:
        return False
    if not isinstance(clock, TimeOfDay):
        return False
    name = target.arguments.get("title", "")
    starts = [event.start for event in words.clause.events if event.start and (not name or fits_words(event, name))]
    return any((start.hour * 60 + start.minute) % 720 == clock.start % 720 for start in starts)


def _is_now(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A statement about an event that the calendar has: "the dentist is at 3 now"."""
    target = read_target(words, found["np"])
    if target is None or not target.known or has_marks(found["np"]):
        return None
    if "title" not in target.arguments and not re.search(r"\b(?:instead|now|actually)\b", words.text, re.I):
        return None
    return move_call(words, target, **words.when(found["when"], "new_"))


def _may_be(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    named = target is not None and target.known and not has_marks(found["np"])
    return move_call(words, target, **words.when(found["when"], "new_")) if target and named else None


def _same_time(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    phrase, piece = found["np"] or found["np2"], found["when"] or found["when2"]
    target = read_target(words, phrase)
    return move_call(words, target, **words.when(piece, "new_")) if target and target.known else None


def _cannot(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    return move_call(words, target, **words.when(found["when"], "new_")) if target and target.known else None


def _arrow(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    named = target is not None and target.known and "title" in target.arguments
    return move_call(words, target, **words.when(found["when"], "new_")) if target and named else None


def _only_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    aims = re.match(r"(?:to|until|till|->) ", words.plain(found["when"]), re.I)
    return _arrow(words, found) if aims else None


def _left_open(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A change of which nothing more is said: the tool asks."""
    target = read_target(words, found["np"])
    named = target is not None and target.known and ("title" in target.arguments or not target.arguments)
    return ToolCall("move_event", target.arguments) if target and named and not has_marks(found["np"]) else None


def _swap(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Two events that get each other's day and time."""
    titles: list[str] = []
    ids: set[str] = set()
    for name in ("np", "np2"):
        target = read_target(words, found[name])
        event = _once(words, target) if target is not None and not has_marks(found[name]) else None
        if target is None or event is None:
            return None
        titles.append(target.arguments["title"])
        ids.add(event.event_id)
    return ToolCall("move_event", {"title": titles[0], "swap_with": titles[1]}) if len(ids) == len(titles) else None


def _once(words: MaskedWords, target: Target) -> CalendarEvent | None:
    """The only event that a name means, where it is at one time of one day."""
    title = target.arguments.get("title", "")
    found = [event for event in words.clause.events if title and fits_words(event, title)]
    is_once = len(found) == 1 and not (found[0].repeat or found[0].all_day or found[0].start is None)
    return found[0] if is_once else None


_RULES: Rules = (
    *CORRECTION_RULES,
    (_SWAP, _swap),
    (_CANNOT, _cannot),
    (_SAME_TIME, _same_time),
    (_MAY_BE, _may_be),
    (_CLOCK_TO, _clock_to),
    (_HAVE_MOVED, _may_be),
    (_TO_WHEN, _to_when),
    (_TO_WHEN_BARE, _bare),
    (_IS_NOW, _is_now),
    (_AGREED, _arrow),
    (_ARROW, _arrow),
    (_RATHER, _arrow),
    (_ONLY_WHEN, _only_when),
    (_LEFT_OPEN, _left_open),
)
