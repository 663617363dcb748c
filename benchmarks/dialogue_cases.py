"""Dialogues with a calendar bot, and what must come of them: the cases of ``benchmarks/conversations.py``.

A file of ``benchmarks/dialogues`` holds the dialogues of one kind:

.. code-block:: toml

    [[dialogue]]
    now = "2026-11-25 09:00"                         # left out: this moment, a Wednesday
    zone = "Europe/Berlin"                           # the person's; left out: UTC
    given = ["2026-11-26 12:00 lunch with Priya"]    # in the calendar before
    say = ["move the lunch to 1pm", "[Yes]"]         # in brackets: the label of a button
    calendar = ["2026-11-26 13:00 lunch with Priya"] # in the calendar after; left out: what was given
    reply = ["1 PM|13:00"]                           # regular expressions that the last reply has to match
    never = ["can't find"]                           # those that no reply may match
    ask = true                                       # a question with an unchanged calendar is right, too
    must_ask = true                                  # only a question is right

An entry is a day, a time of day, and a title. ``2026-12-24 trip`` is all day, ``2026-12-24..2026-12-27 trip`` lasts
to the end of the last day, and ``undated buy milk`` has no day. Behind ``|`` stands what else is wanted: a length
(``90m``), ``remind``, ``at the park``, and the rule of a repetition (``FREQ=WEEKLY``) with the days that it leaves
out (``not 2026-12-08``). Words of a title in round brackets may be missing.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from dateutil.rrule import rrulestr

#: Where the dialogues are.
FOLDER = Path(__file__).parent / "dialogues"
#: The moment at which a dialogue takes place that names none.
NOW = "2026-11-25 09:00"
#: Every third dialogue of a kind is kept apart: it is measured, and nobody develops by it.
APART = 3
#: So far ahead calendars are compared, and so many times of one event.
HORIZON, MOST_STARTS = timedelta(days=400), 60

_ENTRY = re.compile(
    r"(?:(?P<undated>undated)|(?P<day>\d{4}-\d\d-\d\d)(?:\.\.(?P<last>\d{4}-\d\d-\d\d))?(?: (?P<time>\d\d:\d\d))?) "
    r"(?P<title>[^|]+)(?P<options>(?:\|[^|]+)*)"
)


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One dialogue, and what must come of it."""

    say: tuple[str, ...]
    now: str = NOW
    zone: str = "UTC"
    given: tuple[str, ...] = ()
    calendar: tuple[str, ...] | None = None
    reply: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    ask: bool = False
    must_ask: bool = False
    kind: str = ""  #: the name of the file
    apart: bool = False  #: nobody develops by it

    @property
    def moment(self) -> datetime:
        """When it takes place, on the person's wall clock."""
        return datetime.fromisoformat(self.now)


@dataclass(frozen=True)
class Entry:
    """One event that has to be in a calendar."""

    words: frozenset[str]  #: of the title that must be there
    loose: frozenset[str]  #: of the title that may be missing
    start: datetime | None  #: None: it has no day
    all_day: bool = False
    minutes: int | None = None  #: None: any length
    remind: bool | None = None  #: None: an event and a reminder are both right
    place: frozenset[str] = frozenset()
    repeat: str = ""
    skipped: tuple[str, ...] = field(default=())  #: days

    def starts(self, until: datetime) -> list[datetime]:
        """The first times at which it happens."""
        if self.start is None:
            return []
        if not self.repeat:
            return [self.start]
        found: list[datetime] = []
        for start in rrulestr(self.repeat, dtstart=self.start):
            if start > until or len(found) == MOST_STARTS:
                break
            if f"{start:%Y-%m-%d}" not in self.skipped:
                found.append(start)
        return found


def read_cases(folder: Path = FOLDER) -> list[Case]:
    """Read all dialogues, sorted by kind.

    Raises:
        ValueError: a file is not written as the module says; the message names it.
    """
    found: list[Case] = []
    for path in sorted(folder.glob("*.toml")):
        try:
            rows: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["dialogue"]
            for number, row in enumerate(rows):
                about = {"kind": path.stem, "apart": number % APART == APART - 1}
                case = msgspec.convert(row | about, Case)
                for entry in (*case.given, *(case.calendar or ())):
                    read_entry(entry)
                found.append(case)
        except (KeyError, ValueError) as error:  # msgspec's and tomllib's errors are ValueErrors
            raise ValueError(f"{path.name}: {error}") from error
    return found


def read_entry(text: str) -> Entry:
    """Read one entry of a calendar.

    >>> entry = read_entry("2026-11-26 12:00 lunch (with) Priya | 90m | at Nobu")
    >>> sorted(entry.words), sorted(entry.loose), entry.minutes, sorted(entry.place)
    (['lunch', 'priya'], ['with'], 90, ['nobu'])

    Raises:
        ValueError: it is none.
    """
    found = _ENTRY.fullmatch(text)
    if found is None:
        raise ValueError(f"this is no entry of a calendar: {text!r}")
    start = None if found["undated"] else datetime.fromisoformat(f"{found['day']} {found['time'] or '00:00'}")
    options = [option.strip() for option in found["options"].split("|")[1:]]
    return Entry(
        words=words_of(re.sub(r"\([^)]*\)", " ", found["title"])),
        loose=words_of(" ".join(re.findall(r"\(([^)]*)\)", found["title"]))),
        start=start,
        all_day=start is not None and not found["time"],
        minutes=_minutes(found["day"], found["last"], options),
        remind=True if "remind" in options else None,
        place=words_of(next((option[3:] for option in options if option.startswith("at ")), "")),
        repeat=next((option for option in options if option.startswith("FREQ=")), ""),
        skipped=tuple(option[4:] for option in options if option.startswith("not ")),
    )


def _minutes(day: str, last: str | None, options: list[str]) -> int | None:
    if last:
        return ((datetime.fromisoformat(last) - datetime.fromisoformat(day)).days + 1) * 24 * 60
    return next((int(option[:-1]) for option in options if re.fullmatch(r"\d+m", option)), None)


#: Words that carry no meaning in a title.
_EMPTY = frozenset("a an the my of to in on at with for and about appointment event reminder 's s".split())


def words_of(text: str) -> frozenset[str]:
    """The words of a title that carry meaning.

    >>> sorted(words_of("The dentist appointment, with Dr. Müller"))
    ['dentist', 'dr', 'müller']
    """
    return frozenset(re.findall(r"\w+", text.lower())) - _EMPTY
