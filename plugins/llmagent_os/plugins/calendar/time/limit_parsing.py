"""Parses the words that limit a repetition: its start, its end, how many times, and the days that it leaves out.

>>> today = date(2026, 11, 25)
>>> split_limits("every thursday until march 31", today).limits.until
datetime.date(2027, 3, 31)
>>> split_limits("every day for 5 days", today).limits.span
Span(amount=5.0, unit='day')
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar

from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.date_parsing import DateRange, parse_dates
from llmagent_os.plugins.calendar.time.day_lists import parse_days
from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_quantity
from llmagent_os.plugins.calendar.time.recurrence_limits import OCCURRENCES, RecurrenceLimits, Span
from llmagent_os.plugins.calendar.time.recurrence_rules import rule_of
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError
from llmagent_os.plugins.calendar.time.time_parsing import TimeOfDay, parse_time

_T = TypeVar("_T")
_WD = "|".join(WEEKDAYS)
_END = (
    r"(?:(?:and|but|only|just) )*(?:it )?(?:ends?|ending|stops?|stopping|finish(?:es|ing)?|until|to|up to|through"
    r"|(?:the )?last (?:one|time|session|lesson|class)(?: is| being| will be)?)"
    r"(?: and including| including)?(?: on| in| after| with)?"
)
_EXCEPT = (
    r"(?:and |but )?(?:except(?:ing)?(?: for)?|excluding|excepted|apart from|without|save(?: for)?|skipping|skip"
    r"|but not|not|but|just not|leaving out|other than)(?: on| in| over| during| between)?"
)
_START = r"(?:and |but )?(?:start(?:s|ing)?|begin(?:s|ning)?|as of|from)(?: with| on| in| from)?"
_FOR = r"(?:for|over|during)(?: the)?(?: next| coming| following)?"
_KEYWORD = re.compile(
    rf"\b(?:(?P<except>{_EXCEPT})|(?P<start>{_START})|(?P<end>{_END})|(?P<for>{_FOR})"
    rf"|(?=(?:only |just )?\d+ {OCCURRENCES}\b)|(?=(?:this|next|all) (?:week|month|year)\b)"
    r"|(?=in (?:the )?(?:next )?[a-z]))\b"
)
_TIMES = re.compile(rf"(?:only |just |for |a total of )?(\d{{1,4}}) ?{OCCURRENCES}(?: in total| altogether)?")
_REPEATS = re.compile(r"\b(?:every|daily|weekly|monthly|yearly|annually|hourly|nightly|quarterly)\b")


@dataclass(frozen=True)
class LimitedRule:
    """Words of a repetition, taken apart."""

    rest: str  #: the words without the limits
    limits: RecurrenceLimits = field(default_factory=RecurrenceLimits)


def split_limits(said: str, today: date, *, month_first: bool = True) -> LimitedRule:
    """Take the limits out of normalized words. Words that are no limit stay in ``rest``."""
    reader = _LimitReader(today, month_first)
    rest: list[str] = []
    while said:
        match = _KEYWORD.search(said)
        if match is None:
            rest.append(said)
            break
        rest.append(said[: match.start()].strip())
        length = reader.take(said[match.start() :], match)
        if not length:  # no limit after all: its first word belongs to the rule
            first = re.match(r"\S+\s*", said[match.start() :])
            length = first.end() if first else len(said)
            rest.append(said[match.start() : match.start() + length].strip())
        said = said[match.start() + length :].strip()
    return LimitedRule(" ".join(" ".join(rest).split()), reader.limits)


class _LimitReader:
    """Collects limits, each from the words at the beginning of a text."""

    def __init__(self, today: date, month_first: bool) -> None:
        self.limits = RecurrenceLimits()
        self._today, self._month_first = today, month_first

    def take(self, said: str, match: re.Match[str]) -> int:
        """Take one limit from the beginning of ``said``. Returns its length in characters, 0 if there is none."""
        keyword = match[0]
        behind = said[len(keyword) :].strip()
        offset = len(said) - len(behind)
        if match["except"]:
            length = self._take_exception(behind)
        elif match["start"]:
            length = self._take_start(behind, keyword)
        elif match["end"]:
            length = self._take_end(behind, keyword)
        elif match["for"]:
            length = self._take_span(behind)
        else:
            return self._take_count(said) or self._take_period(said)
        return offset + length if length else 0

    def _days(self, said: str) -> tuple[DateRange, ...]:
        return parse_days(said, self._today, month_first=self._month_first)

    def _day(self, said: str) -> DateRange:
        return parse_dates(said, self._today, month_first=self._month_first)

    def _take_exception(self, said: str) -> int:
        def weekdays(words: str) -> tuple[str, ...]:
            rule = rule_of(re.sub(r"^(?:on |the )+", "", words)) or ""
            if not rule.startswith("FREQ=WEEKLY;BYDAY=") or re.search(r"\b(?:this|next|last)\b|\d", words):
                raise TimeExpressionError("unknown", "repeat", words)
            return tuple(rule.rpartition("=")[2].split(","))

        codes, length = _longest(said, weekdays)
        days, longer = _longest(said, self._days)
        if codes and length >= longer:
            self.limits = replace(self.limits, skipped_weekdays=self.limits.skipped_weekdays + codes)
            return length
        if days:
            self.limits = replace(self.limits, skipped=self.limits.skipped + days)
        return longer

    def _take_start(self, said: str, keyword: str) -> int:
        if "from" in keyword:
            both = re.match(r"(.+?) (?:to|until|-) (.+)", said)
            if both and not re.fullmatch(rf"(?:{_WD})s?", both[1]):
                length = self._take_window(said)
                if length:
                    return length
            if both and re.fullmatch(rf"(?:{_WD})s?", both[1]):
                return 0  # "from monday to friday" are days of the week
        at_once = re.match(r"(?:now|today)\b(?: on(?:wards?)?\b)?", said)
        if at_once:
            self.limits = replace(self.limits, start=DateRange(self._today, self._today))
            return at_once.end()
        found, length = _longest(said, self._day)
        if found is not None:
            self.limits = replace(self.limits, start=found)
        return length

    def _take_window(self, said: str) -> int:
        """Take "december 7 to december 11", or "9 to 5" for what repeats within a day."""
        found, length = _longest(said, self._day)
        if found is not None and not found.single:
            self.limits = replace(self.limits, start=DateRange(found.first, found.first), until=found.last)
            return length
        times, length = _longest(f"from {said}", _clock_range)
        if times is not None:
            settled = times.settled()
            begins, ends = (TimeOfDay("at", minutes, minutes) for minutes in (settled.start, settled.end))
            self.limits = replace(self.limits, from_time=begins, until_time=ends)
            return length - len("from ")
        return 0

    def _take_end(self, said: str, keyword: str) -> int:
        if keyword == "to" and re.match(rf"(?:{_WD})s?\b", said):
            return 0
        end_word = re.match(r"(?:the )?end of (?:the )?", said)
        found, length = _longest(said, self._day)
        if found is not None:
            # "until March" ends when March begins. "until the end of March" and "through March" include it.
            whole_month = re.fullmatch(rf"(?:next )?(?:{'|'.join(MONTHS)})(?: \d{{4}})?", said[:length]) is not None
            excluded = whole_month and keyword != "to" and "including" not in keyword and not end_word
            last = found.first + relativedelta(days=-1) if excluded and found.first > self._today else found.last
            self.limits = replace(self.limits, until=last)
            return length
        time, length = _longest(said, _clock)
        if time is not None:
            self.limits = replace(self.limits, until_time=time)
        return length or self._take_count(said)  # "ends after 5 times"

    def _take_span(self, said: str) -> int:
        times = _TIMES.match(said)
        if times:
            return self._take_count(said)
        named = re.match(rf"(\d{{1,3}}) (?:{_WD})s?\b", said)  # "for the next 5 fridays"
        if named and int(named[1]):
            self.limits = replace(self.limits, count=int(named[1]))
            return named.end()
        match = re.match(rf"({QUANTITY}) (day|night|week|month|year|hour|minute)s?\b(?: in a row| running)?", said)
        if match:
            self.limits = replace(self.limits, span=Span(parse_quantity(match[1]), match[2].replace("night", "day")))
            return match.end()
        whole = re.match(r"(?:the )?(?:rest|remainder) of .+|(?:whole|entire) .+|(?:this|next) .+", said)
        period, length = (
            _longest(said, self._day) if whole or re.match(rf"(?:{'|'.join(MONTHS)})\b", said) else (None, 0)
        )
        if period is not None:
            self.limits = replace(self.limits, start=DateRange(period.first, period.first), until=period.last)
        return length

    def _take_count(self, said: str) -> int:
        match = _TIMES.match(said)
        if match is None or not int(match[1]):
            return 0
        self.limits = replace(self.limits, count=int(match[1]))
        return match.end()

    def _take_period(self, said: str) -> int:
        """Take the days within which something repeats: "this week", "in december"."""
        period, length = _longest(re.sub(r"^all ", "", said), self._day)
        length += len("all ") if length and said.startswith("all ") else 0
        if period is None or period.single:
            return 0
        self.limits = replace(self.limits, start=DateRange(period.first, period.first), until=period.last)
        return length


def _longest(said: str, parse: Callable[[str], _T]) -> tuple[_T | None, int]:
    """Parse as many words from the beginning as make sense. Returns the result and its length in characters."""
    ends = [match.end() for match in re.finditer(r"\S+", said)][:14]
    impossible: TimeExpressionError | None = None
    for end in reversed(ends):
        words = said[:end]
        if _REPEATS.search(words) or words.endswith((" and", " on", " at", " the", ",")):
            continue
        try:
            return parse(words), end
        except TimeExpressionError as error:
            impossible = error if error.problem == "impossible" else impossible
    if impossible is not None:
        raise impossible
    return None, 0


def _clock(said: str) -> TimeOfDay:
    found = parse_time(said, datetime(2000, 1, 1))
    if isinstance(found, datetime) or found.kind != "at":
        raise TimeExpressionError("unknown", "time", said)
    return found


def _clock_range(said: str) -> TimeOfDay:
    found = parse_time(said, datetime(2000, 1, 1))
    if isinstance(found, datetime) or found.kind != "range":
        raise TimeExpressionError("unknown", "time", said)
    return found
