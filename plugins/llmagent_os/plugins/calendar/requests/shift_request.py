"""Reads how far an event is to move: "push the review back 30 minutes", "an hour later"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.change_call import move_call
from llmagent_os.plugins.calendar.requests.change_words import (
    CHANGE_VERB,
    EARLIER,
    ENDING,
    LATER,
    NEGATED,
    changed_target,
)
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, first_call, rule
from llmagent_os.plugins.calendar.requests.targets import Target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_BY = rule(
    rf"(?P<verb>{CHANGE_VERB})(?: (?P<early>{LATER}|{EARLIER}))? (?P<np>.+?)(?: (?P<way>{LATER}|{EARLIER}))?"
    rf"(?: by)?(?: about| around| another)? (?P<length>LENGTH|DATE|REPEAT|an? (?:day|week|month|fortnight))(?:"
    rf" (?P<late>{LATER}|{EARLIER}))?"
    rf"(?:,? (?:to|on) (?P<when>WHEN)| (?P<old>DATE))?{ENDING}"
)
_MUST = (
    r"(?:has to|needs to|must|should|will|shall|can|could|is going to|is|'s|has got to|gets|got|got to|ought to|would"
    r" better)"
)
_HAPPEN = (
    r"(?:start|begin|be|happen|take place|go|move|run|starting|beginning|moved|pushed|shifted|brought|postponed"
    r"|delayed)"
)
_START_BY = rule(
    rf"(?P<np>.+?) (?:{_MUST} )?(?:(?:be )?{_HAPPEN}s?|is|'s) ?(?P<way>{LATER}|{EARLIER})?(?: by)?"
    rf" (?P<length>LENGTH|DATE|REPEAT|an? (?:day|week|month|fortnight))(?: (?P<late>{LATER}|{EARLIER}))?(?:"
    rf" (?P<old>DATE))?{ENDING}"
)
#: "The dentist wants me an hour earlier."
_WANTED = rule(
    rf"(?P<np>.+?) (?:wants?|needs?|expects?|asked|would like|wanted) (?:me|us)(?: to come| to be there| there| for)?"
    rf" (?P<length>LENGTH|DATE|REPEAT)(?: (?P<late>{LATER}|{EARLIER}))?{ENDING}"
)
#: "Team sync 30 minutes earlier on friday".
_BARE_BY = rule(
    rf"(?P<np>.+?):? (?P<length>LENGTH|DATE|REPEAT)(?: (?P<late>{LATER}|{EARLIER}))?(?: (?P<old>DATE))?{ENDING}"
)
_UNIT_AFTER = rule(
    rf"(?P<verb>{CHANGE_VERB}) (?P<np>.+?) (?:(?:back|over|out) )?(?:(?:to|till|until|for|into) )?(?:DATE )?"
    rf"(?P<after>(?:the )?(?:day|week|month) after(?: that| it)?|(?:to |till |until )?the following (?:day|week|month)"
    rf"|DATE(?: after)?){ENDING}"
)
_UNIT = re.compile(
    r"(?:(?:to|till|until|for|into) )?the (?:(?P<unit>day|week|month) after(?: that| it)?|following (?P<next>day"
    r"|week|month))",
    re.I,
)
_SHIFT = re.compile(r"(?:an?|one|two|three|four|five|six|ten|\d+|half|few|couple)\b.* (?:later|earlier)", re.I)


def read_shift(clause: Clause) -> ToolCall | None:
    """Return the call that moves an event by a length; None: not every word is understood."""
    words = MaskedWords.of(clause)
    if NEGATED.match(words.text):
        return None
    return first_call(
        words, ((_BY, _by), (_START_BY, _by), (_WANTED, _by), (_UNIT_AFTER, _unit_after), (_BARE_BY, _by))
    )


def _by(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """By a length: "an hour later"."""
    groups = found.groupdict()
    target = changed_target(words, found["np"], groups.get("verb"))
    length = words.plain(found["length"])
    way = groups.get("late") or groups.get("way") or groups.get("early") or ""
    direction = _direction((groups.get("verb") or "").lower(), way.lower(), words.plain(found[0]).lower())
    is_day = words.said(found["length"], MentionKind.DATE) is not None
    repeat = words.said(found["length"], MentionKind.RECURRENCE)  # "a week" is read as "once a week"
    if target is None or direction is None or (is_day and not _SHIFT.fullmatch(length)):
        return None
    if repeat is not None and re.fullmatch(r"an? (?:day|week|month|year|hour)", repeat, re.I) is None:
        return None
    bare = re.sub(r"\s*\b(?:later|earlier|by)\b\s*", " ", length).strip()
    new = {"new_time": f"{bare} {direction}"}
    new |= {key: said for key, said in words.when(groups.get("when"), "new_").items() if key == "new_date"}
    old = {key: re.sub(r"^later ", "", said, flags=re.I) for key, said in words.when(groups.get("old")).items()}
    return move_call(words, Target({**target.arguments, **old}), **new)


def _unit_after(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """To the week after its own: a week later."""
    target = changed_target(words, found["np"], found["verb"])
    unit = _UNIT.fullmatch(words.plain(found["after"]))
    if target is None or unit is None:
        return None
    return move_call(words, target, new_time=f"a {unit['unit'] or unit['next']} later")


def _direction(verb: str, way: str, said: str) -> str | None:
    """``later`` or ``earlier``; None: the words do not say. "Push forward" is later to some and earlier to others."""
    if way.startswith("forward") and verb in ("push", "shove"):
        return None
    if re.fullmatch(EARLIER, way) or re.search(r"\b(?:earlier|sooner)\b", said):
        return "earlier"
    if re.fullmatch(LATER, way) or re.search(r"\blater\b", said):
        return "later"
    if verb in ("postpone", "delay", "defer", "push", "bump", "shift", "move", "nudge", "slide", "drag"):
        return "later"
    return "earlier" if verb == "advance" else None
