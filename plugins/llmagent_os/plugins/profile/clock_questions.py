"""Answers what a person asks about themselves and the clock: their name, their place, the time and the day."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from llmagent_os.languages import ENGLISH, date_text, gettext, language_in_force
from llmagent_os.languages.written_phrases import join_sentences, weekday_text
from llmagent_os.plugins.profile.about_person import ASKS_NAME, LONGEST
from llmagent_os.plugins.profile.places import Place

if TYPE_CHECKING:
    from llmagent_os.people.profiles import Profile

_LEAD = re.compile(
    r"^(?:(?:please|hey|hi|hello|ok|okay|so|and|well|bot|can you|could you|would you|tell me|"
    r"do you know|say|quick question|excuse me|sorry|actually|by the way|now|thanks|omg|lol|yo|tbh|btw|um|uh|wait),? )+"
)
_TAIL = re.compile(r"(?:,? (?:please|pls|plz|thanks|then|bot|again|exactly|by the way|rn|lol|btw|tho|though|atm))+$")
_WHAT = r"(?:what(?:'s| is|s)?|which|tell me|say|show(?: me)?|give me|got|do you have|have you got)"

_NAME = re.compile(
    r"(?:what(?:'s| is|s| was)?|do you (?:know|remember)|remember|say|tell me) my (?:own |"
    r"first )?name(?: is)?|my name|what my name is|who am i|do you (?:know|remember) (?:me|who i am)|"
    r"what (?:do|did|will|should) you call me|what am i called|who i am|"
    r"(?:do you (?:still )?(?:know|remember) )?(?:what i(?:'m| am) called|how i(?:'m| am) called|what to call me)|"
    r"do you (?:still )?(?:know|remember) who i am"
)
_PLACE = re.compile(
    r"where (?:am i|do i live|i am|i live)(?: now| right now)?|(?:what(?:'s| is|s)|which) (?:my |"
    r"is my )?(?:city|town|location|place|time ?zone)(?: is)?(?: mine| am i in|"
    r" do you use(?: for me)?| are you using)?|"
    r"(?:what|which) time ?zone (?:am i in|do you (?:use|have|think i'm in)|are (?:you|we) (?:in|"
    r"using))|do you know where i (?:am|live)|what(?:'s| is) my (?:city|time ?zone|location)"
)
_CLOCK = re.compile(
    rf"(?:{_WHAT} )?(?:the )?(?:current |exact |local )?(?:time|hour|clock)(?: is it| it is|"
    rf"'s it)?(?: now| right now| currently| here| at the moment| today)*(?: (?:in|"
    rf"for) (?P<place>[^\W\d_][\w.', -]*?)(?: now| right now)?)?|"
    r"wie spät ist es(?: jetzt| gerade)?|wie ?viel uhr ist es|qué hora es|que hora es|(?:现在)?几点了?|现在是?几点钟?|"
    r"how late is it(?: now)?|what(?:'s| is) the time(?: now| here)*|(?:is it late)"
)
#: The zone of a machine that nobody has told where it is.
_UTC = ("UTC", "Etc/UTC")
_DAYS = {"today": 0, "it": 0, "tomorrow": 1, "yesterday": -1, "the day after tomorrow": 2}
_DAY = r"(?P<{0}>today|it|tomorrow|yesterday|the day after tomorrow)"
_DATE = re.compile(
    rf"(?:what(?:'s| is|s)?|which|tell me|say|give me) (?:the )?(?:current |exact )?(?:date|day|"
    rf"day of the week|weekday|month|year)(?: (?:do we have|is|of the week is|was|will|'s|are we in|"
    rf"are we on)+)?(?: {_DAY.format('a')})?(?: be)?(?: today| now| right now)*|"
    rf"(?:what(?:'s| is|s)? )?(?P<b>today|tomorrow|yesterday)(?:'s)? (?:date|day)|what(?:'s| is|"
    rf"s) today|(?:the |current )?date(?: today)?|what(?:'s| is|s) the date(?: of)? {_DAY.format('c')}|"
    rf"what day {_DAY.format('d')} (?:is|was|will be)|what is it today"
)
_ABOUT = re.compile(
    r"what (?:do|did|else do) you (?:know|remember|store|keep|save|have)(?: (?:about|on|"
    r"of))+ me(?: all)?|(?:show|tell)(?: me)? (?:what you (?:know|have|store)(?: (?:about|on) me)?|"
    r"my (?:profile|settings|preferences|data))|(?:what are )?my (?:settings|preferences|profile)"
)


def answered(text: str, profile: Profile, now: datetime, find_place: Callable[[str], Place | None]) -> str | None:
    """Return the answer to a question about the person or the clock; None: the message asks something else.

    Args:
        text: the message.
        profile: of the person.
        now: in the person's time zone.
        find_place: finds a place by its name. It may be slow.
    """
    plain = " ".join(re.sub(r"[?!.¿？。]+", " ", text.casefold().replace("’", "'")).split())
    bare = plain in ("time", "hour", "clock", "the time")  # an answer, or a title
    plain = _TAIL.sub("", _LEAD.sub("", plain))
    if len(plain) > LONGEST:
        return None
    if _NAME.fullmatch(plain):
        if profile.name:
            return gettext("You're {name}.", name=profile.name)
        return join_sentences([gettext("You haven't told me your name yet."), str(ASKS_NAME)])
    if _ABOUT.fullmatch(plain):
        return gettext("Type /profile to see what I know about you. /profile undo takes the last change back.")
    if _PLACE.fullmatch(plain):
        zone = str(now.tzinfo)
        if profile.place:
            return gettext("You're in {place}, where it is {time}.", place=profile.place, time=said_clock(now))
        return gettext(
            "You haven't told me where you are, so I use the time zone {zone}. Tell me your city, and I use its time.",
            zone=zone,
        )
    if (asked := _CLOCK.fullmatch(plain)) and not bare:
        if asked["place"] is None and profile.known_zone is None and str(now.tzinfo) in _UTC:
            return gettext("It's {time} (UTC; tell me where you are).", time=said_clock(now))
        return _time_in(asked["place"], now, find_place)
    if asked := _DATE.fullmatch(plain):
        return _date(next((word for word in asked.groups() if word), "today"), now)
    return None


def _time_in(place: str | None, now: datetime, find_place: Callable[[str], Place | None]) -> str | None:
    if place is None:
        return gettext("It's {time}.", time=said_clock(now))
    found = find_place(place)
    if found is None:
        return None
    there = now.astimezone(ZoneInfo(found.zone))
    if there.date() == now.date():
        return gettext("It's {time} in {place}.", time=said_clock(there), place=found.name)
    return gettext(
        "It's {time} on {day} in {place}.", time=said_clock(there), day=weekday_text(there), place=found.name
    )


def _date(asked: str, now: datetime) -> str:
    day = now + timedelta(days=_DAYS[asked])
    if language_in_force() != ENGLISH:
        return date_text(day)
    named = "Today" if asked == "it" else asked[:1].upper() + asked[1:]
    return f"{named} {'was' if asked == 'yesterday' else 'is'} {day:%A} {day.day} {day:%B} {day.year}."


def said_clock(moment: datetime) -> str:
    """A time of day as it is said in the language in force: ``3 PM`` in English, ``15:00`` elsewhere."""
    return clock_text(moment) if language_in_force() == ENGLISH else f"{moment:%H:%M}"


def clock_text(moment: datetime) -> str:
    """A time of day: ``3 PM``, ``3:30 PM``.

    >>> clock_text(datetime(2026, 11, 25, 15, 30))
    '3:30 PM'
    """
    minutes = f":{moment.minute:02}" if moment.minute else ""
    return f"{moment.hour % 12 or 12}{minutes} {'PM' if moment.hour >= 12 else 'AM'}"
