"""Parses dates and spans of dates in people's words. A week runs from Monday to Sunday.

>>> today = date(2026, 11, 22)  # a Sunday
>>> parse_dates("next tuesday", today)
DateRange(first=datetime.date(2026, 11, 24), last=datetime.date(2026, 11, 24), next_match_days=0, span=False)
>>> parse_dates("the rest of the week", date(2026, 11, 25)).last
datetime.date(2026, 11, 29)
"""

from __future__ import annotations

import re
from datetime import MAXYEAR, date

from llmagent_os.plugins.calendar.time.calendar_dates import MONTH, WEEKDAY
from llmagent_os.plugins.calendar.time.date_ranges import ONE_DAY, DateRange
from llmagent_os.plugins.calendar.time.duration_parsing import QUANTITY, parse_quantity
from llmagent_os.plugins.calendar.time.period_parsing import PeriodParser
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS, normalize
from llmagent_os.plugins.calendar.time.time_errors import TimeExpressionError

__all__ = ["DateRange", "is_month_first", "parse_dates"]

_VAGUE = re.compile(r"(?:some ?day|one day|eventually|some other day|soon|sooner or later)")
_PREPOSITIONS = (
    r"^(?:(?:on|for|by|at|during|over|starting|beginning|from|any day|all of(?! next)|the whole of(?! next)|all(?!"
    r" next| of next)"
    r"|the day of|only|just|the(?= (?:whole|entire|full) (?:of )?(?:the )?next)) )+"
    r"(?=\S)"
)
_THROUGH = re.compile(r"\s*(?:through|thru|up to)\b", re.I)
# "for two weeks from december 7"
_LASTING = re.compile(
    rf"(?:for (?=.* (?:day|night|week))|(?=.* nights? ))({QUANTITY}) (days?|nights?|weeks?)"
    r" (?:from|starting|beginning|as of)(?: on)? (.+)"
)
_SLASHED = re.compile(r"(?<![\d/])(\d{1,2})/(\d{1,2})(?!\d)")
DAY_NUMBER = r"(\d{1,2})(?:st|nd|rd|th)?\.?"
_SEPARATOR = r" ?(?:to|until|-) ?(?:the |on )?"


def parse_dates(text: str, today: date, *, month_first: bool = True, anchor: date | None = None) -> DateRange:
    """Parse a date or a range of dates.

    Args:
        text: the person's words.
        today: the date in the person's time zone.
        month_first: whether 3/4 is the 4th of March.
        anchor: the day of the event in question, for "the next day".

    Raises:
        TimeExpressionError: ``text`` is not a date, is one that does not exist, or means several days that do not
            follow each other.
    """
    said = re.sub(r"\b(today|tomorrow|tonight|yesterday)'s\b", r"\1", normalize(text))
    month_first = is_month_first(said, month_first)
    if _VAGUE.fullmatch(re.sub(r"^on ", "", said)):
        raise TimeExpressionError("impossible", "date", text, why=f"“{text.strip()}” names no day.")
    if not re.match(r"(?:from|starting|beginning) .*(?: to | until |-)", said):
        said = re.sub(_PREPOSITIONS, "", said) if said not in ("all week", "all this week") else said
    said = re.sub(r"^(?:in|within) (?=the |next |week |kw |cw )", "", said)
    if _THROUGH.match(text):  # its normal spelling is "to", which also stands before the day of a move
        said = re.sub(r"^to ", "until ", said)
    lasting = _LASTING.fullmatch(normalize(text))
    try:
        parser = _DateParser(today, month_first, anchor)
        found = parser.lasting(*lasting.groups()) if lasting else parser.read(said)
    except TimeExpressionError as error:
        raise TimeExpressionError(error.problem, error.field, text, why=error.why) from None
    except (ValueError, OverflowError):
        found = None
    if found is None or found.last.year == MAXYEAR:  # the day after the last one is no date
        raise TimeExpressionError("unknown", "date", text)
    return found


def is_month_first(said: str, usual: bool) -> bool:
    """Whether 3/4 is the 4th of March beside the other dates of a text: in "20/12 to 3/1" it is the 3rd of January.

    >>> is_month_first("20/12 to 3/1", True), is_month_first("12/20 to 1/3", False)
    (False, True)
    """
    orders = {int(first) <= 12 for first, second in _SLASHED.findall(said) if (int(first) > 12) != (int(second) > 12)}
    return orders.pop() if len(orders) == 1 else usual


class _DateParser(PeriodParser):
    """Parses days, periods and spans, seen from one present day."""

    def read(self, said: str, depth: int = 0) -> DateRange | None:
        said = re.sub(r"^the ", "", said)
        if depth > 3 or not said:
            return None
        return (
            self.named(said)
            or self.weekday(said)
            or self.calendar_date(said)
            or self.counted(said, depth)
            or self.period(said, depth)
            or self._span(said, depth)
        )

    def lasting(self, amount: str, unit: str, said: str) -> DateRange | None:
        """Return a span of so many days or weeks from a day."""
        first = self.read(said)
        days = round(parse_quantity(amount) * (7 if unit.startswith("week") else 1))
        return DateRange(first.first, first.first + (days - 1) * ONE_DAY, span=True) if first and days else None

    def _span(self, said: str, depth: int) -> DateRange | None:
        until = re.fullmatch(r"(?:until|ending) (?:the )?(.+)", said)
        if until:
            last = self.read(until[1], depth + 1)
            return DateRange(self.today, last.last, span=True) if last and last.last >= self.today else None
        return self._days_of_month(said) or self._between(said, depth)

    def _days_of_month(self, said: str) -> DateRange | None:
        """Parse a span within one month that names the month once: "june 3 to 8", "3-8 june 2027"."""
        if said.startswith("between "):
            said = said.replace(" and ", " to ", 1)
        said = re.sub(r"^(?:between|from) ", "", said)
        year = r"(?:,? (\d{4}))?"
        front = re.fullmatch(rf"{MONTH} (?:the )?{DAY_NUMBER}{_SEPARATOR}{DAY_NUMBER}{year}", said)
        back = re.fullmatch(rf"(?:the )?{DAY_NUMBER}{_SEPARATOR}{DAY_NUMBER} (?:of )?{MONTH}{year}", said)
        if front:
            month, one, other, stated = front[1], front[2], front[3], front[4]
        elif back:
            one, other, month, stated = back[1], back[2], back[3], back[4]
        else:
            return None
        tail = f" {stated}" if stated else ""
        last = self._absolute(f"{month} {other}{tail}")
        if last is None or int(other) < int(one):
            raise TimeExpressionError("ambiguous", "date", said)
        _check = self._absolute(f"{month} {one}")
        return DateRange(last.first.replace(day=int(one)), last.first, span=True) if _check else None

    def _between(self, said: str, depth: int) -> DateRange | None:
        begins, ends = r"(?:between |from |starting |beginning )?(.+?)", r"(?:the |on |including )?(.+)"
        match = re.fullmatch(rf"{begins} (to|until|and|or|-) {ends}", said) or re.fullmatch(rf"{begins}(-){ends}", said)
        if not match:
            return None
        first = self.read(self._with_month(match[1], match[3]), depth + 1)
        if first is None:
            return None
        last = self._end(first, match[3], depth)
        if last is None:
            return None
        if last.last < first.first:
            raise TimeExpressionError("ambiguous", "date", said)
        joined = (last.first - first.last).days <= 1
        if match[2] == "or":
            raise TimeExpressionError("ambiguous", "date", said, why="It can only be on one of these days.")
        if match[2] == "and" and not joined and not said.startswith("between"):
            raise TimeExpressionError("ambiguous", "date", said)
        return DateRange(first.first, last.last, span=True)

    def _with_month(self, first: str, last: str) -> str:
        """Give the first day the month of the last: "the 3rd" in "the 3rd to the 8th of june", "monday 3"."""
        named = rf"(?:{WEEKDAY},? )?(?:the )?"
        month = re.fullmatch(rf"{named}{DAY_NUMBER} (?:of )?{MONTH}(?: \d{{4}})?", last)
        bare = re.fullmatch(rf"{named}{DAY_NUMBER}", first)
        return f"{month[3]} {bare[2]}" if month and bare and int(bare[2]) < int(month[2]) else first

    def _end(self, first: DateRange, said: str, depth: int) -> DateRange | None:
        """Parse the last day of a span. A weekday or a date without a year is the next one after the first day."""
        relative = re.fullmatch(rf"{WEEKDAY}|\d{{1,2}}(?:st|nd|rd|th)", said)
        written = re.search(rf"\b{MONTH}\b", said) or re.fullmatch(r"\d{1,2}[./]\d{1,2}\.?", said)
        if (relative or written) and not re.search(r"\b\d{4}\b", said):
            last = type(self)(first.first, self.month_first, self.anchor).read(said, depth + 1)
            if last and relative and said in WEEKDAYS and last.last == first.first:
                last = DateRange(last.first + 7 * ONE_DAY, last.last + 7 * ONE_DAY)
            return last
        bare = re.fullmatch(r"\d{1,2}", said)
        if bare:  # "december 7 - 9" is read elsewhere; "the 7th - 9"
            return type(self)(first.first, self.month_first, self.anchor).read(
                f"{MONTHS[first.first.month - 1]} {said}"
            )
        return self.read(said, depth + 1)
