"""Reads what goes on from what was just done or listed: "same on friday", "also at 5", "no, friday", "the second"
" one".
"""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.counted_day import COUNTED_DAY
from llmagent_os.plugins.calendar.event_query import LISTED
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, rule
from llmagent_os.plugins.calendar.requests.targets import read_target

_TOO = r"(?:too|as well|also|again|likewise)"
_ONE = r"(?:it|that|this|the same(?: thing| event| one)?|another(?: one)?|one more|one|same(?: thing)?|that one)"

_SAME_AGAIN = rule(
    rf"(?:the )?same(?: (?:thing|event|one|again|procedure|please|for))*,? (?:(?:again|for|on|at) )*(?P<when>WHEN)(?:"
    rf" {_TOO})?"
)
_TOO_WHEN = rule(
    rf"(?:also|again|once more|another one|one more|another|likewise)(?: one)?(?: on| at| for)? (?P<when>WHEN)(?:"
    rf" {_TOO})?"
)
_WHEN_TOO = rule(rf"(?:on |at |for )?(?P<when>WHEN) {_TOO}")
_ADD_AGAIN = rule(
    rf"(?:do|add|put|book|schedule|have|create|make|repeat|plan|copy|duplicate) {_ONE}(?: down| in)?(?: {_TOO})?,?"
    rf" (?:(?:to|for|on) )?(?P<when>WHEN)(?: {_TOO})?"
)
_AFTER_IT = rule(
    r"(?:the )?(?:same|again|also|another|repeat|repeat it|do it|add it|one more|once more)(?: (?:thing|event|one|again"
    r"|time))*(?: (?:on|for))? (?P<next>(?:WHEN|LEAD|the (?:day|week))(?: (?:after|later))?(?: that| it)?)(?: too"
    r"| as well)?|(?:the )?(?:same|again|also|repeat it|do it|add it|once more)(?: (?:thing|event|one|again|time))*"
    r"(?: (?:on|for))? (?P<next2>the following (?:WHEN|day|week|month))"
    r"|(?:also )?(?:on )?(?P<next3>(?:the )?(?:(?:WHEN|day|week) (?:after|later)(?: that| it)?|following (?:WHEN"
    r"|day|week)))"
    r" (?:too|as well|also)"
)
_COPY = rule(r"(?:copy|duplicate|clone|repeat) (?P<np>.+?) (?:(?:to|for|on|over to) )?(?P<when>WHEN)")
_SAME_TIME = rule(
    r"(?:at )?(?:the )?same (?:time|hour)(?: (?:of (?:the )?day|but|though|just))*,? (?:(?:on|but|for)"
    r" )?(?P<when>DATE)(?: instead)?"
    r"|(?P<then>DATE),? (?:at )?(?:the )?same time(?: instead)?"
)
_SAME_TIME_TOO = rule(
    rf"(?:and )?(?:at )?(?:the )?same (?:time|hour)(?: (?:on|for))? (?P<when>DATE) {_TOO}"
    rf"|(?:and )?{_TOO} (?:at )?(?:the )?same (?:time|hour)(?: (?:on|for))? (?P<when2>DATE)"
)
#: One more, where "same time on saturday" alone moves.
_ONE_MORE_THEN = rule(
    r"(?:another|one more|one|add one|also one)(?: one)?,? (?:at )?(?:the )?same (?:time|hour),?(?: (?:on|for))?"
    r" (?P<when>DATE)|(?:another|one more|one|add one|also one)(?: one)?,?"
    r" (?P<when2>DATE),? (?:at )?(?:the )?same (?:time|hour)"
)
_MEANT = rule(
    r"(?:(?:no|nope|sorry|oops|wait|not that|wrong)[,.!]? )*(?:i (?:meant|mean|said|wanted|want it)|it(?:'s| is|"
    r" should be| was supposed to be)|make it|rather"
    r"|better(?: make it)?|that should be|should be|should have been|correction:?|i meant to say)(?: on| at| for|"
    r" to)? (?P<when>WHEN)"
    r"(?: instead| actually| please)?"
)
_INSTEAD = rule(
    r"(?:(?:no|nope)[,.]? )?(?:rather |better )?(?P<when>WHEN) (?:instead|rather|is better|would be better|works"
    r" better|suits me better)"
)
_NOT_BUT = rule(r"not (?:on |at )?(?P<not>WHEN)(?:,? (?:but|rather|instead) (?:on |at )?(?P<when>WHEN))?")
_ONLY_WHEN = rule(r"(?:on |at )?(?P<when>WHEN)")
_MEANT_NUMBER = rule(
    r"(?:i (?:meant|mean|said|wanted)|it(?:'s| is| should be)|make it|make that|rather|better|should be)(?: at| to)?"
    r" (?P<number>\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\.?)?)(?: instead| please)?"
)
_HALF = rule(
    r"(?:no,? |it(?:'s| is) |i (?:meant|mean) |make (?:it|that) )*(?:in the |at )?(?P<half>am|pm|a\.m\.?|p\.m\.?"
    r"|morning|evening|night|afternoon)"
    r"(?: of course| obviously| i (?:meant|mean)| please| not [ap]m|,? not [ap]m)?"
)
_REFUSES = re.compile(r"^\W*(?:(?:ok|oh|oops|sorry|wait|hmm?),? )*(?:no|nope|nah|wrong)\b[,.!; ]", re.I)
_NTH = rule(
    r"(?:what(?:'s| is| about)|tell me(?: more)? about|show me|more on|details (?:of|on|for))? ?"
    r"(?P<np>(?:the )?(?:first|second|third|fourth|last|1st|2nd|3rd|4th)(?: one| event| of them| of these)?)"
)


def read_reference(clause: Clause) -> ToolCall | None:
    """Return the call that goes on from what was done or listed; None: not every word is understood."""
    words = MaskedWords.of(clause)
    return first_call(words, _RULES)


def _copy(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """The same event once more, at another time."""
    groups = found.groupdict()
    phrase, when = groups.get("np"), groups.get("when") or groups.get("when2")
    target = read_target(words, phrase) if phrase else None
    if phrase and (target is None or not target.known):
        return None
    allowed = ("which", "title", "date", "time", "among")
    named = {name: value for name, value in target.arguments.items() if name in allowed} if target else {}
    return ToolCall("copy_event", {**named, **words.when(when, "new_")})


def _copy_after(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """The same event once more, at a day that is counted from its own: "same again the sunday after"."""
    said = words.plain(found["next"] or found["next2"] or found["next3"])
    return ToolCall("copy_event", {"new_date": said}) if COUNTED_DAY.fullmatch(said) else None


def _move(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    return ToolCall("move_event", words.when(groups.get("when") or groups.get("then"), "new_"))


def _no_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another day or time after a no: "no, friday"."""
    return _move(words, found) if _REFUSES.match(words.clause.text) else None


def _not_but(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another day or time in place of the one that is named: "not saturday, sunday"."""
    if found["when"]:
        return _move(words, found)
    said = words.plain(found["not"]).split(", ")
    kind = "date" if words.when(found["not"]).keys() == {"date"} else "time"
    return ToolCall("move_event", {f"new_{kind}": said[1]}) if len(said) > 1 else None


def _number(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return ToolCall("move_event", {"new_time": found["number"]})


def _half(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    half = found["half"].lower().replace(".", "")
    return ToolCall("move_event", {"new_time": "am" if half in ("am", "morning") else "pm"})


def _nth(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = read_target(words, found["np"])
    if target is None or target.arguments.get("among") != LISTED:
        return None
    return ToolCall("list_events", {**target.arguments, "asked": "details"})


_RULES: Rules = (
    (_SAME_TIME_TOO, _copy),
    (_ONE_MORE_THEN, _copy),
    (_AFTER_IT, _copy_after),
    (_SAME_TIME, _move),
    (_MEANT, _move),
    (_INSTEAD, _move),
    (_NOT_BUT, _not_but),
    (_ONLY_WHEN, _no_when),
    (_MEANT_NUMBER, _number),
    (_HALF, _half),
    (_SAME_AGAIN, _copy),
    (_TOO_WHEN, _copy),
    (_WHEN_TOO, _copy),
    (_ADD_AGAIN, _copy),
    (_COPY, _copy),
    (_NTH, _nth),
)
