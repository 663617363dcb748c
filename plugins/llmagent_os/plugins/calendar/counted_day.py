"""A day that is counted from the day of an event: "the sunday after", "the following week".

>>> counted_day("the sunday after", date(2026, 11, 29)), counted_day("the week after that", date(2026, 11, 27))
(datetime.date(2026, 12, 6), datetime.date(2026, 12, 4))
"""

from __future__ import annotations

import re
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta

from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS

_UNIT = rf"(?:day|week|month|{'|'.join(WEEKDAYS)})"
COUNTED_DAY = re.compile(
    rf"(?:on )?(?:the )?(?:(?P<unit>{_UNIT}) (?:after|later)(?: (?:that|it))?|following (?P<next>{_UNIT}))",
    re.IGNORECASE,
)


def counted_day(said: str, day: date) -> date | None:
    """Return the day that is meant; None: the words count from no event.

    Args:
        said: the person's words.
        day: the day of the event.
    """
    found = COUNTED_DAY.fullmatch(said.strip())
    if found is None:
        return None
    unit = (found["unit"] or found["next"]).lower()
    if unit == "month":
        return day + relativedelta(months=1)
    if unit in ("day", "week"):
        return day + timedelta(days=1 if unit == "day" else 7)
    names: list[str] = [*WEEKDAYS]
    wanted = names.index(unit) % 7
    return day + timedelta(days=(wanted - day.weekday() - 1) % 7 + 1)
