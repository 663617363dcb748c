"""The dates of named days in any year. A name that means different days to different people is left out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from dateutil.easter import easter
from dateutil.relativedelta import MO, SU, TH, relativedelta, weekday


def _on(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _nth(month: int, which: weekday) -> Callable[[int], date]:
    # A positive number counts the weekday from the first of the month, a negative one from its last day.
    if (which.n or 1) < 0:
        return lambda year: date(year, month, 1) + relativedelta(day=31, weekday=which)
    return lambda year: date(year, month, 1) + relativedelta(weekday=which)


def _easter(days: int) -> Callable[[int], date]:
    return lambda year: easter(year) + timedelta(days=days)


def _black_friday(year: int) -> date:
    return _nth(11, TH(4))(year) + timedelta(days=1)


#: A function from a year to a date, by name as :func:`~llmagent_os.plugins.calendar.time.text_normalization.normalize`
#: spells it.
HOLIDAYS: dict[str, Callable[[int], date]] = {
    "christmas": _on(12, 25),
    "christmas day": _on(12, 25),
    "xmas": _on(12, 25),
    "christmas eve": _on(12, 24),
    "xmas eve": _on(12, 24),
    "boxing day": _on(12, 26),
    "new years eve": _on(12, 31),
    "new year's eve": _on(12, 31),
    "nye": _on(12, 31),
    "new years": _on(1, 1),
    "new year": _on(1, 1),
    "new year's": _on(1, 1),
    "new years day": _on(1, 1),
    "new year's day": _on(1, 1),
    "valentines": _on(2, 14),
    "valentines day": _on(2, 14),
    "valentine's day": _on(2, 14),
    "st patricks day": _on(3, 17),
    "st patrick's day": _on(3, 17),
    "earth day": _on(4, 22),
    "cinco de mayo": _on(5, 5),
    "may day": _on(5, 1),
    "canada day": _on(7, 1),
    "independence day": _on(7, 4),
    "4th of july": _on(7, 4),
    "bastille day": _on(7, 14),
    "halloween": _on(10, 31),
    "veterans day": _on(11, 11),
    "remembrance day": _on(11, 11),
    "australia day": _on(1, 26),
    "mlk day": _nth(1, MO(3)),
    "martin luther king day": _nth(1, MO(3)),
    "presidents day": _nth(2, MO(3)),
    "mother's day": _nth(5, SU(2)),
    "mothers day": _nth(5, SU(2)),
    "memorial day": _nth(5, MO(-1)),
    "father's day": _nth(6, SU(3)),
    "fathers day": _nth(6, SU(3)),
    "labor day": _nth(9, MO(1)),
    "labour day": _nth(9, MO(1)),
    "columbus day": _nth(10, MO(2)),
    "thanksgiving": _nth(11, TH(4)),
    "thanksgiving day": _nth(11, TH(4)),
    "black friday": _black_friday,
    "ash wednesday": _easter(-46),
    "palm sunday": _easter(-7),
    "good friday": _easter(-2),
    "easter": _easter(0),
    "easter sunday": _easter(0),
    "easter monday": _easter(1),
    "pentecost": _easter(49),
}
