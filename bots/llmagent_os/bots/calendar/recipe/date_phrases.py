"""Draws days, times and repetitions in the calendar plugin's own words.

Every function draws all alternatives before it chooses one. The order in which random numbers are used is part of the
recipe: a change here changes all training data.
"""

from __future__ import annotations

import random
from datetime import date, timedelta

_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_FIRST = date(2026, 1, 1)  #: the earliest date
_SPAN = 900  #: days from the earliest date to the latest


def clock(rng: random.Random) -> str:
    """Draw a time of day: ``3 PM``, ``7:45 AM``, ``noon``."""
    if rng.random() < 0.06:
        return rng.choice(("noon", "midnight"))
    minutes = rng.choice(("", "", "", ":30", ":15", ":45", f":{rng.randrange(60):02}"))
    return f"{rng.randrange(1, 13)}{minutes} {rng.choice(('AM', 'PM'))}"


def when(rng: random.Random) -> str:
    """Draw the time of an event: ``tomorrow, Friday 6 March, at 3 PM``."""
    on = _date(rng)
    draw = rng.random()
    once = [f"at {clock(rng)}" for _ in range(3)]
    at = rng.choice((*once, f"from {clock(rng)} to {clock(rng)}", ""))
    if draw < 0.18:
        return f"today {at}".strip()
    if draw < 0.4:
        return f"tomorrow, {_day(on)}" + (f", {at}" if at else "")
    year = f" {on.year}" if rng.random() < 0.1 else ""
    return f"{_day(on)}{year} {at}".strip()


def scope(rng: random.Random) -> str:
    """Draw the period of a search: ``this week``, ``Friday 6 March in the morning``."""
    day = _day(_date(rng))
    return rng.choice(
        (
            "today",
            "tomorrow",
            f"tomorrow, {day}",
            day,
            day,
            "this week",
            "next week",
            "this weekend",
            "tonight",
            f"{day} in the {rng.choice(('morning', 'afternoon', 'evening'))}",
            f"{day} between {clock(rng)} and {clock(rng)}",
            f"the next {rng.randrange(2, 11)} days",
            rng.choice(_MONTHS),
            f"today between {clock(rng)} and {clock(rng)}",
        )
    )


def repetition(rng: random.Random) -> str:
    """Draw a repetition: ``every Sunday``."""
    return rng.choice(
        (
            "every day",
            "every weekday",
            f"every {rng.choice(_DAYS)}",
            f"every {rng.choice(_DAYS)} and {rng.choice(_DAYS)}",
            f"every {rng.randrange(2, 5)} weeks on {rng.choice(_DAYS)}",
            f"every month on the {rng.randrange(4, 21)}th",
            f"every year on {rng.randrange(1, 29)} {rng.choice(_MONTHS)}",
        )
    )


def _date(rng: random.Random) -> date:
    return _FIRST + timedelta(days=rng.randrange(_SPAN))


def _day(on: date) -> str:
    return f"{_DAYS[on.weekday()]} {on.day} {_MONTHS[on.month - 1]}"
