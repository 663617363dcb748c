r"""Where a new event is: "at Nobu", "in the meeting room", "on Zoom", and "…, room 4B" behind the time.

>>> place_of("dinner at Luigi's in Berlin, dress code smart")
Located(title='dinner', place="Luigi's in Berlin", note='dress code smart')
>>> place_of("talk on the future")
Located(title='talk on the future', place='', note='')
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmagent_os.plugins.calendar.requests.creation_note import is_remark
from llmagent_os.plugins.calendar.requests.word_patterns import any_of

#: What places are.
_NOUN = any_of(
    r"room, office, building, hall, lobby, library, kitchen, gardens?, park, city, town, church, basement, hotel, "
    r"caf[eé], cafeteria, canteen, restaurant, hospital, studio, school, pub, bar, inn, arms, house, club, "
    r"cent(?:re|er), station, museum, arena, stadium, theat(?:re|er), clinic, street, road, square, beach, mall, "
    r"gym, court, pool, university, "
    r"campus, airport, mosque, synagogue, cathedral, surgery, infirmary, hut, marina"
)
#: They have a number or a name behind them: "room 4B".
_NUMBERED = any_of(
    r"room, ward, platform, gate, hall, floor, building, terminal, studio, suite, court, gym, office, table, track, "
    r"pier, stand, dock, bay, lane, pitch, level, flat, apartment, door, raum, zimmer, salle, sala, aula"
)
_OWN = r"(?:(?:my|our|his|her|their)\s(?:place|office|flat|house|home)|(?:main|back|side|front)\sentrance)"
_PERSONS_TITLE = r"(?:dr|mr|ms|mrs|miss|prof|sir|pastor|coach|uncle|aunt)\b\.?\s"
_DETERMINER = r"(?:(?:the|our|my|a|an|his|her|their)\s)?"
_NAME = r"(?-i:[A-Z])"
_ONLINE = r"(?:zoom|teams|skype|google meet|meet|webex|slack|discord|facetime|whatsapp|online|the phone)"

#: A word in front of a place, and what has to follow it.
_PREPOSITIONS = (
    ("at|@", r"(?!once\b|least\b|all\b|first\b|last\b|risk\b)\S"),
    ("in", rf"(?:{_DETERMINER}(?:[\w'-]+\s){{0,2}}?{_NOUN}\b(?!\s(?:of|with)\b)|{_NAME}[\w'-]+)"),
    ("on", rf"(?:{_ONLINE}|{_DETERMINER}\d+(?:st|nd|rd|th) floor|{_NAME}\w+ (?:street|road|square|avenue))\b"),
)
_IN_TEXT = (
    *(
        re.compile(rf"(?P<title>.*?\S)\s*,?\s(?:{word})\s+(?P<place>{then}.*)", re.IGNORECASE)
        for word, then in _PREPOSITIONS
    ),
    re.compile(rf"(?P<title>.*?\S),\s(?P<place>(?:{_NUMBERED}\s\d|{_OWN}$).*)", re.IGNORECASE),
)
#: Verbs that "at" belongs to.
_AT_VERB = re.compile(r"\b(?:look|looking|aim|shout|laugh)$", re.IGNORECASE)
#: A place behind the time, without "at": "…, ward 7", "…, the Crown", "…, Hotel Sacher".
_SPOT = re.compile(
    r"(?:(?:(?:main|meeting|conference|town|school|sports|big|small|upstairs|downstairs)\s)*"
    rf"{_NUMBERED}\b(?:\s[\w.-]+)?(?:,?\s|$))+$"
    rf"|{_ONLINE}$|the {_NAME}[\w' ]+$|{_NAME}[\w.'-]*(?:\s[\w.'-]+){{0,3}}?\s{_NOUN}$"
    rf"|(?-i:Bar|Café|Cafe|Hotel|Restaurant|Club|Villa|Studio|Casa|Pizzeria|Trattoria)\s{_NAME}[\w' ]+$",
    re.IGNORECASE,
)
#: A name behind a comma: "…, O2 Arena", "…, Luigi's", "…, main entrance". That of a person begins with a title.
_PROPER = re.compile(
    rf"(?!{_PERSONS_TITLE})(?:(?:{_NAME}[\w.'’&-]*|\d+)\s(?:(?:of|the|de|la|di|&|am|im)\s)*)+{_NAME}[\w.'’-]*"
    rf"|{_NAME}[\w. -]+['’]s|{_OWN}",
    re.IGNORECASE,
)
#: More of a place: "at Siemens, Munich", "at the office, 3rd floor".
_MORE = re.compile(
    rf"{_NAME}[\w.'-]*(?:\s(?:{_NAME}[\w.'-]*|\d\w*))*$|\d+(?:st|nd|rd|th)\sfloor$|\d+\w?\s{_NAME}[\w' ]+$"
    r"|(?:next to|opposite|behind|near|by|in front of|upstairs|downstairs|entrance|corner)\b",
    re.IGNORECASE,
)
#: What belongs to the title again: "at Nobu with Ana".
_BEHIND = re.compile(r"\s(?:with|about|to (?:discuss|talk)|for|regarding)\s", re.IGNORECASE)
_TITLE_GOES_ON = re.compile(r"(?:with|about|regarding)\b", re.IGNORECASE)


class Located(NamedTuple):
    """A title, and the place and the note that stood in it."""

    title: str
    place: str = ""
    note: str = ""


def is_spot(words: str, *, apart: bool = False) -> bool:
    """Return whether words behind a time are a place by themselves.

    Args:
        words: behind the time.
        apart: a comma stands in front of them: a name is a place then.

    >>> is_spot("room 4B"), is_spot("Ristorante Roma", apart=True), is_spot("gift for Leo", apart=True)
    (True, True, False)
    """
    return _SPOT.match(words) is not None or (apart and _PROPER.fullmatch(words) is not None)


def place_of(text: str) -> Located:
    """Return a title without the place in it. "At" goes before "in": "interview in English at Siemens"."""
    found = next((match for pattern in _IN_TEXT if (match := pattern.fullmatch(text))), None)
    if found is None or _AT_VERB.search(found["title"]):
        return Located(text)
    title, parts = found["title"], found["place"].split(", ")
    kept = 1
    while kept < len(parts) and (is_spot(parts[kept]) or _MORE.match(parts[kept])):
        kept += 1
    place, tail = ", ".join(parts[:kept]).rstrip(" ,."), ", ".join(parts[kept:])
    if (behind := _BEHIND.search(place)) is not None:
        title, place = title + place[behind.start() :], place[: behind.start()]
    if not tail:
        return Located(title, place)
    if _TITLE_GOES_ON.match(tail):
        return Located(f"{title} {tail}", place)
    return Located(title, place, tail) if is_remark(tail) else Located(title, f"{place}, {tail}")
