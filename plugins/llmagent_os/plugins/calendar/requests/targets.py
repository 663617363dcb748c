"""Reads which event a phrase means: "it", "the second one", "tomorrow's dentist", "the 3pm call with Ana"."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from llmagent_os.plugins.calendar.event_query import LISTED
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, has_marks, rule

_KIND = r"(?:event|appointment|meeting|reminder|thing|item|entry|one|booking|date|slot)"
_KINDS = r"(?:events?|appointments?|meetings?|things?|items?|entries|stuff|plans?|bookings?|commitments|calls?)"
_ORDINALS = {"1st": "first", "2nd": "second", "3rd": "third", "4th": "fourth", "one": "first", "two": "second"} | {
    "three": "third",
    "four": "fourth",
    "1": "first",
    "2": "second",
    "3": "third",
    "4": "fourth",
    "latest": "last",
    "final": "last",
    "later": "last",
    "latter": "last",
    "earlier": "first",
    "earliest": "first",
    "former": "first",
}
_ORDINAL = r"(?:first|second|third|fourth|1st|2nd|3rd|4th|last|latest|final)"
#: Of two that were listed.
_OF_TWO = r"(?:earlier|earliest|former|later|latter)"
_HERE = r"(?: (?:in|on|from|off|out of) (?:my|the|our) (?:calendar|schedule|agenda|diary|planner|list))?"
_IT = rule(
    rf"(?:it|that|this|(?:that|this) {_KIND}|the (?:event|thing|entry)|it all"
    rf"|(?:the|that) (?:{_KIND}|thing) (?:i|you|we)(?:'ve)? (?:have )?(?:just )?(?:added|made|created|booked|put in))"
)
_THEM = rule(
    r"(?:them|these|those|they|both|all|all (?:of )?(?:them|these|those)|both (?:of )?(?:them|these|those)"
    r"|(?:them|they|those|these) (?:all|both)|each of them|every one(?: of them)?|the lot|the whole lot"
    r"|(?:all |both )?(?:these|those) (?:two |three )?(?:events|meetings|appointments|things|reminders))"
)
_EVERYTHING = rule(
    rf"(?:everything|every single thing|all(?: of)?(?: my| the| our)? {_KINDS}|my (?:whole |entire |full )?(?:calendar"
    r"|schedule|agenda|day|diary)|(?:the )?whole (?:calendar|schedule|day)|all(?: of)?|(?:my |the |any )?(?:events"
    r"|appointments|meetings|things|stuff|plans|entries)|every (?:event|appointment|meeting|entry|single event))"
    rf"(?: (?:i have|i've got|planned|scheduled|that i have|i have planned))?{_HERE}"
    rf"(?: (?:for|of|on|in))? ?(?P<when>WHEN)?{_HERE}"
)
_ALL_OF_DAY = rule(
    r"(?:all )?(?:of )?(?:my |the |our )?(?P<when>WHEN)(?:'s)? (?:calendar|schedule|agenda|events|appointments|meetings"
    r"|things|items|entries|stuff|plans|bookings|commitments|calls)"
)
_WHOLE_DAY = rule(r"(?:my |the |our )?(?:whole|entire|full|complete|all of(?: my| the)?) (?P<when>WHEN)")
_ALL_WITH = rule(
    rf"(?:all|every|any|anything|everything|any other|each)?(?: of)?(?: my| the)? ?(?:{_KINDS}|event|appointment"
    rf"|meeting)?"
    r" ?(?:with|involving|about) (?P<title>.+)"
)
_NTH = rule(
    rf"(?:the |my )?(?P<which>{_ORDINAL}|{_OF_TWO})(?: (?:{_KIND}|of (?:them|those"
    rf"|these)))?(?: (?:on|in) (?:the|that) list)?"
)
_NUMBER = rule(r"(?:number|no\.?|nr\.?|#) ?(?P<which>[1-4]|one|two|three|four)")
_NEXT = rule(rf"(?:the |my )?(?P<which>next|upcoming)(?: {_KIND})?")
_LAST_ADDED = rule(rf"(?:the )?last (?:{_KIND}|thing) (?:i|you|we) (?:just )?(?:added|made|created)")
_THE_ONE = rule(rf"(?:the |my |that )?(?:one|{_KIND})s? ?(?:(?:at|on|for|from|in) )?(?P<when>WHEN)")
_CLOCK = rule(r"(?:the |my |that )?(?P<when>WHEN)(?: (?:one|event|appointment|meeting|thing))?")
_THE_ONE_ABOUT = rule(rf"(?:the |my |that )?(?:one|{_KIND}) (?:with|about|for|at|in|called|named|titled) (?P<title>.+)")
_REMINDERS = rule(r"(?:all )?(?:of )?(?:my |the |these |those )?reminders ?(?P<when>WHEN)?")
_REMINDER = rule(
    r"(?:the |my |that |this |all |a )*(?:(?P<name>.+?) )?(?:reminders?|alarms?|notifications?|alerts?)"
    r"(?: (?:about|for|to|of|on|that says|before) (?P<about>.+?))? ?(?P<when>WHEN)?"
)
_SERIES = rule(
    r"(?:(?:the )?(?:whole|entire) (?P<one>.+?)(?: series| thing)?"
    r"|(?:the |my )?(?:whole |entire )?series(?: of| with| for)? (?P<of>.+?)|(?:the |my |our )?(?P<name>.+?) series"
    r"|(?:every|each|both(?: of)?(?: the| my)?|all(?: of)?(?: the| my| our)?(?: future| coming)?) (?P<every>.+?)"
    r"|(?:the |my |our )?(?:recurring|repeating|regular) (?P<again>.+?))"
)
_WHICH = rule(rf"(?:the |my |our )?(?P<which>{_ORDINAL}|next) (?P<name>.+)")
_DETERMINERS = re.compile(
    r"^(?:(?:the|my|our|your|that|this|these|those|his|her|their|a|an|any|some|all|of|said)\b ?)+", re.I
)
_AROUND = rule(
    r"(?:(?:the|my|our|that|this) )?(?:ANYTIME(?:'s)? )?(?P<name>.+?)(?: (?:on|at|for|from|in|of))?(?: ANYTIME(?:"
    r" ANYTIME)*)?"
)
_TAIL = re.compile(rf"(?:{_HERE}|,? of mine|,? (?:any ?more|anyway|altogether|completely|entirely))$", re.I)
#: A phrase that ends with one of these words was split in the wrong place.
_HANGING = re.compile(r"(?:^| )(?:to|till|until|for|into|at|on|by|from|with|of|in|as|and|or|is)$", re.I)
_QUOTES = "\"'“”‘’«» "
#: Words that do not stand in the name of an event: a phrase with one of them was split in the wrong place.
_NO_NAME = re.compile(
    r"\b(?:is|are|was|were|be|been|do|does|did|has|have|had|will|would|should|can|could|because|since|if|when|which|who"
    r"|what|that|i|i'm|i've|you|we|he|she|they|not|don't|instead|please|but|except|until|by)\b",
    re.I,
)
_KIND_NOUN = re.compile(r"\b(?:meeting|appointment|booking)\b", re.I)
#: Behind a name they add nothing: "the gym thing".
_THING = re.compile(
    r" (?:thing|stuff|event|entry|appointment|appt|apt|meeting|slot|date|session|booking|visit|thingy)$", re.I
)
MAX_NAME_WORDS = 8  #: a longer phrase is no name of an event


@dataclass(frozen=True)
class Target:
    """The events that a phrase means, as arguments of a tool."""

    arguments: dict[str, str]
    known: bool = True  #: the calendar has such an event, or the phrase names none


def read_target(words: MaskedWords, phrase: str) -> Target | None:
    """Read which event a phrase means.

    Args:
        words: the clause that the phrase is a part of.
        phrase: a piece of its masked text.

    Returns:
        None: the phrase names no event.
    """
    phrase = _TAIL.sub("", phrase.strip(" ,.!?:;")).strip()
    if _HANGING.search(phrase) or re.match(r"(?:to|into|from) ", phrase, re.I):
        return None
    return _pronoun(words, phrase) or _named(words, phrase)


def _pronoun(words: MaskedWords, phrase: str) -> Target | None:
    """What a phrase without a name means."""
    if (phrase.lower() in ("the meeting", "the appointment", "that meeting") and _knows(words, phrase)) or not phrase:
        return None
    for pattern, reader in _PRONOUNS:
        if found := pattern.fullmatch(phrase):
            return reader(words, found)
    return None


def _nth(words: MaskedWords, found: re.Match[str]) -> Target:
    which = found["which"].lower()
    return Target({"which": _ORDINALS.get(which, which), "among": LISTED})


def _at(words: MaskedWords, found: re.Match[str]) -> Target:
    when = words.when(found["when"])
    if re.match(r"the first thing\b", words.plain(found[0]), re.I):  # an event of the day, and no time of day
        return Target({"which": "first", "date": when.get("date", "today")})
    kind = _KIND_NOUN.search(words.plain(found[0]))
    if kind and _fits(words, kind[0]):  # one event at least has this word in its name
        return Target({"title": kind[0], **when})
    return Target(when)


def _all(words: MaskedWords, found: re.Match[str]) -> Target:
    return Target({"which": "all", **words.when(found["when"])})


def _all_reminders(words: MaskedWords, found: re.Match[str]) -> Target:
    return Target({"which": "all", "kind": "reminder", **words.when(found["when"])})


_PRONOUNS: tuple[tuple[re.Pattern[str], Callable[[MaskedWords, re.Match[str]], Target]], ...] = (
    (_IT, lambda words, found: Target({})),
    (_LAST_ADDED, lambda words, found: Target({})),
    (_THEM, lambda words, found: Target({"which": "all", "among": LISTED})),
    (_NTH, _nth),
    (_NUMBER, _nth),
    (_NEXT, lambda words, found: Target({"which": "next"})),
    (_EVERYTHING, _all),
    (_ALL_OF_DAY, _all),
    (_WHOLE_DAY, _all),
    (_REMINDERS, _all_reminders),
    (_THE_ONE, _at),
    (_CLOCK, _at),
)


def _named(words: MaskedWords, phrase: str) -> Target | None:
    """What a phrase with a name means."""
    if found := _REMINDER.fullmatch(phrase):
        about = found["about"] or found["name"]
        inner = _title(words, about) if about else None
        if inner is not None:
            return Target({**inner.arguments, "kind": "reminder", **words.when(found["when"])}, inner.known)
    if (found := _ALL_WITH.fullmatch(phrase)) and re.match(r"(?:all|every|any|each)", phrase, re.I):
        inner = _title(words, found["title"])
        if inner is not None and inner.known:
            return Target({**inner.arguments, "which": "all"})
    if found := _SERIES.fullmatch(phrase):
        inner = _title(words, next(filter(None, found.groups())))
        if inner is not None and inner.known:
            dated = {"date", "time"} & set(inner.arguments) or phrase.lower().startswith("both")
            scope = {} if dated else {"scope": "series"}
            return Target({**inner.arguments, "which": "all", **scope})
    if found := _THE_ONE_ABOUT.fullmatch(phrase):
        inner = _title(words, found["title"])
        if inner is not None and inner.known:
            return inner
    if found := _WHICH.fullmatch(phrase):
        inner = _title(words, found["name"])
        if inner is not None:
            which = found["which"].lower()
            return Target({**inner.arguments, "which": _ORDINALS.get(which, which)}, inner.known)
    return _title(words, phrase)


def _title(words: MaskedWords, phrase: str) -> Target | None:
    """An event's name, with its day and time in front of it or behind it."""
    whole = _unquoted(_DETERMINERS.sub("", words.plain(phrase), count=1))
    if has_marks(phrase) and _fits(words, whole):  # "weekly" in "weekly sync" is a part of the name
        return Target({"title": whole})
    inner = _AROUND.fullmatch(phrase)
    bare = phrase if inner is None else inner["name"]
    bare = _unquoted(bare if _quoted(bare) else _DETERMINERS.sub("", bare, count=1))
    bare = re.sub(r" (?:on|at|for|from|in|of)$", "", bare)
    if has_marks(bare) or len(bare.split()) > MAX_NAME_WORDS or not re.search(r"[^\W\d_]", bare):
        return None
    known = _fits(words, bare)
    if not known and (short := _THING.sub("", bare)) != bare and short and _fits(words, short):
        bare, known = short, True
    if not known and _NO_NAME.search(bare):
        return None
    return Target({"title": bare, **words.when(phrase)}, known)


def _quoted(phrase: str) -> bool:
    return phrase.strip()[:1] in _QUOTES


def _unquoted(phrase: str) -> str:
    return phrase.strip().strip(_QUOTES).strip()


def _knows(words: MaskedWords, phrase: str) -> bool:
    return _fits(words, _DETERMINERS.sub("", phrase, count=1))


def _fits(words: MaskedWords, name: str) -> bool:
    return any(fits_words(event, name) for event in words.clause.events)
