"""Tells whether words without a verb are the name of something that may be added, or say or ask something else."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.creation_title import Named
from llmagent_os.plugins.calendar.requests.event_nouns import names_event
from llmagent_os.plugins.calendar.requests.request_verbs import UNMISTAKABLE
from llmagent_os.plugins.calendar.requests.word_patterns import any_of

#: Words that begin no name of an event.
_NO_NAME = re.compile(
    any_of(
        r"i, i'm, i'd, i've, i'll, you, you're, he, she, it, it's, we, we're, they, who, what, what's, when, where, "
        r"why, how, which, whose, is, are, am, was, were, do, does, did, can, could, would, should, will, shall, "
        r"may, might, must, have, has, had, yes, no, not, nope, never, don't, doesn't, didn't, won't, if, because, "
        r"maybe, perhaps, this, that, these, those, good, nice, happy, thanks, thank, see, "
        r"talk(?! (?:about|on|by) (?!it|this|that|me|you)\w), "
        r"bye, goodbye, "
        r"hello, hi, sorry, same, any, anything, everything, nothing, something, let, there, here, until, till, "
        r"except, but, unless, without, instead, ok, okay, sure, fine, wow, great, cool, really, only, still, "
        r"already, so, too, as, than, every, each, all(?![- ]hands\b), both, neither, say, tell, ask, give, show, "
        r"make, take (?:it|that|me|this), play, turn, open, send, order, search, translate, write, email, text, "
        r"tweet, post, start, stop, pause, remove, delete, free, busy, confirm, rent, hear, submit, check(?![- "
        r"](?:up|in)\b), find, look, read, watch out, set"
    )
    + r"\b",
    re.IGNORECASE,
)
#: Nouns that people ask about, and do not add without a verb.
_ASKED_ABOUT = re.compile(
    r"(?:the |my |our |local )*"
    + any_of(
        r"weather, forecast, news, headlines, traffic, temperature, horoscope, time, date, stocks?, scores?, "
        r"schedule, agenda, calendar, plans?, events?, appointments?, meetings, availability, rain, sunrise, sunset, "
        r"music, alarms?, reminders?, joke, taxi, uber, cab, tasks?, to-?dos?, itinerary, day, week, weekend, "
        r"one(?! off), ones"
    )
    + r"\b",
    re.IGNORECASE,
)
#: A verb in it makes it a sentence, and no name.
_SENTENCE = re.compile(
    r"\b"
    + any_of(
        r"(?:is|are)(?! (?:coming|visiting|arriving|in town|performing|due|leaving|landing|flying|staying|being \w+"
        r"|on an?|away|off|abroad|out of|"
        r"on (?:leave|holiday|vacation)|travell?ing)\b), was, were, "
        r"\w+'s (?:ready|done|finished|here|gone|ill|sick|closed|coming round), "
        r"isn't, aren't, has, have, had, did, does, do, don't, didn't, won't, "
        r"will(?! (?:come|arrive|visit|be (?:here|there|coming))\b), would, could, should, can, "
        r"can't, cannot, i, i'm, you, you're, he, she, they, we, it's, that's, went, got, said, told, been, am, think, "
        r"hope, hate, love, want, wish, wonder, guess, sounds, works, seems, looks, feel, instead, rather, cancelled, "
        r"canceled, moved, postponed, changed, not, never, please, sorry, free, busy, available"
    )
    + r"\b",
    re.IGNORECASE,
)
#: Nouns that are also verbs of requests: work by shifts, a house move.
_NO_VERB = re.compile(
    r"\b(?:early|late|night|day|morning|evening|afternoon|weekend|double|first|second|third|long|short|work|bar"
    r"|hospital)"
    r"\s+shift\b|\b(?:house|home|office|flat)\s+move\b",
    re.IGNORECASE,
)

#: What somebody tells, with the name of an event behind it or without one.
_TELLS = re.compile(
    r"\b(?:i|we|he|she|they|it)(?:'\w+)?(?: also| all| both)? (?:(?:having|doing|holding|hosting|throwing|giving"
    r"|meeting|seeing|getting)\s(?P<what>[^,;.]+)$|[a-z])",
    re.IGNORECASE,
)


def name_in(title: str) -> str:
    """Return what a title names where a model took a sentence for one; empty: nothing.

    >>> name_in("Dave is leaving, and they're having drinks"), name_in("I'm going round there"), name_in("gym with Jo")
    ('drinks', '', 'gym with Jo')
    """
    tells = _TELLS.search(title)
    while tells is not None and not tells["what"] and (later := _TELLS.search(title, tells.end())) is not None:
        tells = later
    return title if tells is None else (tells["what"] or "").strip()


def is_asked_about(title: str) -> bool:
    """Return whether words begin with what people ask about, and do not add without a verb.

    >>> is_asked_about("weather in Rome"), is_asked_about("lunch in Rome")
    (True, False)
    """
    return _ASKED_ABOUT.match(title) is not None


def is_name(name: Named) -> bool:
    """Return whether words without a verb name something."""
    title = f"{name.title} {name.place}"
    return (
        (re.search(r"[^\W\d_]", name.title) is not None or names_event(name.title))
        and not _NO_NAME.match(name.title)
        and (not _ASKED_ABOUT.fullmatch(name.title.strip()) or (bool(name.person) and not name.title.endswith("s")))
        and not _SENTENCE.search(title)
        and not re.search(rf"\b{UNMISTAKABLE}\b", _NO_VERB.sub("", title), re.IGNORECASE)
        and len(name.title.split()) <= 9
        and not re.search(r",\s\d{1,2}\s[a-z]", name.title)  # "10 bank, 12 lunch": a list of times
    )
