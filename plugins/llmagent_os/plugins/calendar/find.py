"""Which events somebody means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from rapidfuzz import fuzz

from llmagent_os.plugins.calendar.desk import HORIZON, Desk, Match
from llmagent_os.plugins.calendar.events import Event
from llmagent_os.plugins.calendar.problems import WhenError
from llmagent_os.plugins.calendar.when import When, window
from llmagent_os.plugins.calendar.wording import scope
from llmagent_os.plugins.calendar.words import plain

# Words that say nothing about which event it is.
_EMPTY = frozenset(
    "a an the my our your his her their some with for to of on in at and it that this these those one ones them thing "
    "things event events reminder reminders calendar schedule plan plans entry entries item items agenda stuff about "
    "anything something everything all".split()
)
# Words that may be left out of a title that says more.
_KINDS = frozenset("meeting appointment call session class event reminder date visit lesson time".split())
MANY = frozenset("all every everything each both any whole entire".split())
_NTH = {
    "first": 0,
    "1st": 0,
    "next": 0,
    "upcoming": 0,
    "second": 1,
    "2nd": 1,
    "third": 2,
    "3rd": 2,
    "fourth": 3,
    "4th": 3,
}


@dataclass(frozen=True)
class Wanted:
    """What a tool's arguments say about the events that are meant."""

    which: str = ""
    title: str = ""
    person: str = ""
    place: str = ""
    when: When = field(default_factory=When)
    date_said: str = ""

    @property
    def nothing(self) -> bool:
        """Whether no event is named in any way."""
        return not (self.title or self.person or self.place or self.when or self.which)

    @property
    def about(self) -> str:
        """What is searched for, as it was said."""
        return self.title or self.person or self.place

    @property
    def many(self) -> bool:
        """Whether all that fit are meant."""
        return self.which in MANY

    @property
    def day(self) -> date | None:
        """The one day that is meant, where it is one."""
        return self.when.days.first if self.when.days and self.when.days.single else None


def wanted(
    desk: Desk,
    which: str | None,
    title: str | None,
    date_said: str | None,
    time_said: str | None,
    person: str | None,
    place: str | None,
) -> Wanted:
    """The arguments of a look-up, with words that name nothing ("it", "that event") left out. Raises WhenError."""
    whole = plain(which or "").split()
    many = next((word for word in whole if word in MANY), "")
    return Wanted(
        which=many or next((word for word in whole if word in _NTH or word in ("last", "latest")), ""),
        title=(title or "").strip() if _words(title or "") else "",
        person=(person or "").strip() if _words(person or "") else "",
        place=(place or "").strip() if _words(place or "") else "",
        when=_read(desk, date_said, time_said, (title, person, place)),
        date_said=date_said or "",
    )


def _read(desk: Desk, date_said: str | None, time_said: str | None, named: Sequence[str | None]) -> When:
    """When it is. A name or a title that was taken for a time as well ("lunch with Ana": Ana) says nothing of it."""
    try:
        return desk.read(date_said, time_said)
    except WhenError as error:
        heard = plain(error.heard)
        if error.problem != "unknown" or not any(f" {heard} " in f" {plain(words or '')} " for words in named):
            raise
        of_date = error.field == "date"
    return _read(desk, None if of_date else date_said, time_said if of_date else None, named)


def search(
    desk: Desk, events: Sequence[Event], what: Wanted, *, point: timedelta = timedelta(minutes=1)
) -> list[Match]:
    """The events that fit, each at the times that fit, in order. Without a day only what is still to come."""
    fitting = [event for event in events if fits(event, what)]
    spans = window(what.when, desk.now, point=point)
    if what.when.days is not None or what.when.moment is not None:
        found = desk.within(fitting, spans)
        starting = [match for match in found if match.occurrence and _at(match.occurrence.start, what.when)]
        found = starting or found
    elif what.when.clock is not None:
        clock = what.when.clock
        found = [
            match
            for match in desk.within(fitting, [(desk.now - timedelta(hours=1), desk.now + timedelta(days=60))])
            if match.occurrence
            and not match.event.all_day
            and _in_clock(match.occurrence.start, clock.start, clock.end, clock.sure)
        ]
        first: dict[str, Match] = {}
        for match in found:
            first.setdefault(match.event.event_id, match)
        found = list(first.values())
    else:
        found = desk.coming(fitting)
    return _choose(found, what.which)


def past(desk: Desk, events: Sequence[Event], what: Wanted) -> list[Match]:
    """The last time before now of what fits."""
    found = desk.within([event for event in events if fits(event, what)], [(desk.now - HORIZON, desk.now)])
    return found[-1:]


def near(desk: Desk, events: Sequence[Event], what: Wanted) -> Match | None:
    """The event to come whose title is most like the one that was not found."""
    scored = [
        (fuzz.WRatio(what.about.casefold(), match.event.title.casefold()), match) for match in desk.coming(events)
    ]
    best = max(scored, key=lambda pair: pair[0], default=None)
    return best[1] if best and best[0] >= 60 else None


def told_scope(desk: Desk, what: Wanted) -> str:
    """The stretch of time that was looked through, in words; empty where none was given."""
    return scope(what.when, what.date_said, desk.now) if what.when.days or what.when.moment else ""


def fits(event: Event, what: Wanted) -> bool:
    """Whether an event's words are those that are asked for."""
    own = _words(f"{event.title} {event.person} {event.place}")
    return (
        _covers(own, _words(what.title))
        and _covers(own, _words(what.person))
        and (not what.place or _covers(_words(f"{event.place} {event.title}"), _words(what.place)))
    )


def _covers(own: list[str], asked: list[str]) -> bool:
    telling = [word for word in asked if word not in _KINDS] or asked
    return all(any(_same(word, other) for other in own) for word in telling)


def _same(word: str, other: str) -> bool:
    if word == other:
        return True
    if min(len(word), len(other)) < 4 or word.isdigit():
        return False
    return fuzz.ratio(word, other) >= 82


def _words(text: str) -> list[str]:
    found = re.findall(r"[^\W_]+", text.casefold().replace("'s", "").replace("’s", ""))
    return [_singular(word) for word in found if word not in _EMPTY]


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def _at(start: datetime, when: When) -> bool:
    if when.moment is not None:
        return start == when.moment
    return (
        when.clock is not None
        and when.clock.kind == "at"
        and _in_clock(start, when.clock.start, when.clock.end, when.clock.sure)
    )


def _in_clock(start: datetime, first: int, last: int, sure: bool) -> bool:
    minute = start.hour * 60 + start.minute
    if first == last:
        return minute == first % 1440 if sure else minute % 720 == first % 720
    return first <= minute < last if sure else first % 720 <= minute % 720 < (last - first) + first % 720


def _choose(found: list[Match], which: str) -> list[Match]:
    if which in ("last", "latest"):
        dated = [match for match in found if match.occurrence]
        return dated[-1:] or found[-1:]
    if which in _NTH and which != "upcoming":
        return found[_NTH[which] : _NTH[which] + 1]
    return found
