"""Puts misspellings of known words right, so that the grammar can be strict. Names and other words stay as they are.

>>> put_right("scedule yoga wendesday,7pm")
'schedule yoga wednesday, 7pm'
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from functools import cache

from llmagent_os.plugins.calendar.requests.chat_words import without_chat
from llmagent_os.plugins.calendar.requests.request_verbs import MOVE
from llmagent_os.plugins.calendar.requests.rewording import reword
from llmagent_os.plugins.calendar.time.zone_names import named_zone

#: Words whose misspellings by one letter are put right. Shorter words have too many neighbours.
_TARGETS = (
    "monday tuesday wednesday thursday friday saturday sunday january february september october november december"
    " tomorrow tonight yesterday morning afternoon evening weekend schedule remind reminder appointment calendar cancel"
    " delete remember meeting reschedule birthday"
).split()

#: Words of which only swapped letters are put right: they are short, or have many neighbours.
_SWAPPED = (
    "what when where with have does show move change remove list tell next week this that from about before after lunch"
    " dinner dentist doctor meeting everything anything free busy today delete cancel"
).split()

#: Words, and names, that are one letter away from a target and are right as they are.
_RIGHT = frozenset(
    "sundry sundays mondays tuesdays fridays frida remand rewind remains remained reminds reminded cancer cancels "
    "canceled chancel deletes deleted scheduled schedules scheduler rescheduled reschedules meetings melting mornings"
    " mourning evenings weekends afternoons tomorrows birthdays appointments calendars reminders remembers"
    " remembered unremind form tihs"
    " evening's fleeting meaning evens remined midnight delate octobers cancelled".split()
)

#: Words, and how people misspell or shorten them.
_SPELLINGS = {
    "tomorrow": (
        "tmrw tmr tmw tomoz 2moro 2morrow 2mrw tomorro tommorow tommorw tomorrw tomrow tomarrow tomorow tmrow "
        "tomorrrow tommarow tomrrow tomoro"
    ),
    "wednesday": "wensday wendsday wenesday wedensday wednsday wenday wedneday wendnesday",
    "thursday": "thrusday thersday thurday thirsday thurdsay",
    "saturday": "saterday satuday satruday",
    "tuesday": "tusday teusday tuseday",
    "friday": "firday fryday",
    "today": "todya tody toady 2day",
    "tonight": "tonite 2nite",
    "february": "febuary feburary",
    "january": "janurary",
    "august": "agust augest",
    "april": "apirl arpil",
    "appointment": "apointment appoinment apointmnt appointmnt",
    "schedule": "shedule scedule skedule schedual shcedule schdule sceduel shdule",
    "remember": "remeber rember",
    "remind": "remaind rimind remid remnid rmnd rmind",
    "remind me": "remindme",
    "cancel": "cancle cansel",
    "calendar": "calender calander",
    "delete": "delte deleet dleete",
    "meeting": "meting meetng",
    "what": "wat wht",
    "move": "moove mve mov",
    "change": "chanage",
    "remove": "remov",
    "when": "whn wen",
    "have": "hav",
    "with": "whit wih w/",
    "the": "teh",
    "please": "plz pls pleas plese",
    "don't": "dont",
    "i'm": "im",
    "i've": "ive",
    "what's": "whats wats",
    "who's": "whos",
    "where's": "wheres",
    "when's": "whens",
    "want to": "wanna",
    "going to": "gonna",
    "you": "u",
    "could": "cud",
    "would": "wud",
    "before": "b4",
    "thanks": "thx ty",
    "though": "tho",
    "add": "ad aad addd",
    "book": "bok",
    "every": "evry evrey",
    "happening": "happning hapening hapenning",
}
_ALSO = {wrong: right for right, wrongs in _SPELLINGS.items() for wrong in wrongs.split()}

#: What stands for a word only at the beginning of a message, or between two others.
_FIRST_ONLY = frozenset(("ad", "aad", "addd", "bok"))

#: Words in brackets behind a time, which may be a zone.
_ZONE = re.compile(r"(\d ?(?:[ap]\.?m\.?|h)?)( (?:their|local|our) time)? \(([^()]{2,24})\)", re.IGNORECASE)

#: Courtesy in front of the first word of a request.
_POLITE = re.compile(r"(?:(?:please|plz|pls|hey|hi|ok|can you|can u|could you|pls can you)[, ]+)+", re.IGNORECASE)

_SHORT_DAYS = {"Mo": "Mon", "Tu": "Tue", "Th": "Thu", "Fr": "Fri", "Sa": "Sat", "Su": "Sun"}
_THEIR_TIME = re.compile(r"(\d ?(?:[ap]\.?m\.?|h)?) (?:his|her|their|local|there) time(?! \()", re.IGNORECASE)

#: "Move gym too saturday".
_TOO = re.compile(
    rf"(\b(?:{MOVE.replace(', ', '|')}|resh?ed\w+)\s[^.;!?]{{2,40}}?) (?:too|2) (?=(?:(?:next|this) )?(?:\w+day"
    rf"|tomorrow|\d))",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_][\w'’/]*")


def put_right(text: str) -> str:
    """Return ``text`` with known misspellings put right, plain apostrophes, and spaces after commas between words."""
    text = text.replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"').replace("\u00a0", " ")
    text = re.sub(r"(?<=[^\W\d_]),(?=\w)|(?<=\d),(?=[^\W\d_])", ", ", text)
    text = without_chat(re.sub(r"[ \t]+", " ", text).strip())
    text = re.sub(r"\b(Mo|Tu|Th|Fr|Sa|Su)\.?(?=,? (?:at )?\d)", lambda match: _SHORT_DAYS[match[1]], text)
    text = re.sub(r"[!?]+(?=\))", "", text)
    text = re.sub(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)\S* (?:to|until|-|–) \1T", r"\1 \2 to ", text)
    text = re.sub(r"\bfrom (?=\d{4}-\d\d-\d\d \d\d:\d\d to)", "", text)
    text = re.sub(r"\b(\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::\d\d)?\b", r"\1 \2", text)
    text = re.sub(
        r"\bfrom (\d[\d:.]*(?: ?[ap]m)?) (?:till|til|until|to) (?:late|close|whenever)\b",
        r"at \1",
        text,
        flags=re.IGNORECASE,
    )
    text = _THEIR_TIME.sub(lambda match: _their_zone(match, text), text)
    text = _ZONE.sub(_zone_without_brackets, text)
    first = re.search(r"\w", text)
    begin = first.start() if first else 0
    text = re.sub(r"(?<=\w) w/? (?=\w)", " with ", text)
    text = re.sub(r"\bform (?=\d|noon)", "from ", text, flags=re.IGNORECASE)
    text = re.sub(r"\bp+l+e+a*s+e*\b", "please", text, flags=re.IGNORECASE)
    text = re.sub(r"\((\d{1,2}(?::\d\d ?(?:[ap]m)?| ?[ap]m))\)", r"at \1", text, flags=re.IGNORECASE)
    text = _TOO.sub(r"\1 to ", text)
    text = re.sub(r"\b(\d{1,2})([0-5]\d) ?([ap]\.?m\b)", r"\1:\2 \3", text, flags=re.IGNORECASE)
    polite = _POLITE.match(text, begin)
    firsts = (begin, polite.end() if polite else begin)
    return reword(_WORD.sub(lambda match: _right(match[0], first=match.start() in firsts), text))


def _their_zone(match: re.Match[str], text: str) -> str:
    """Return the time with the zone of the city that the message names: "my brother in Sydney", "8am his time"."""
    for city in re.findall(
        r"\b(?:in|from|over in|at|with|to|for) (?:the )?([A-Za-z]+(?: [A-Z][a-z]+)?)"
        r"|\b([A-Z][a-z]+) (?:office|team|folks|people|branch|guys|crew)",
        text,
    ):
        name = (city[0] or city[1]).lower()
        known = next((each for each in (name, name.split()[0]) if named_zone(f"{each} time")), None)
        if known:
            return f"{match[1]} {known.title()} time"
    return match[0]


def _zone_without_brackets(match: re.Match[str]) -> str:
    """A zone in brackets behind a time, as words: "9am (JST)" is "9am JST"."""
    return f"{match[1]} {match[3]}" if named_zone(match[3].lower()) else match[0]


def _right(word: str, *, first: bool) -> str:
    lower = word.lower()
    right = _ALSO.get(lower) or _neighbours().get(lower)
    if right is None or (lower in _FIRST_ONLY and not first):
        return word
    if word[:1].isupper() and not first and right not in _CAPITAL and not word.isupper():
        return word  # a name
    return right.upper() if word.isupper() and len(word) > 1 else right


_CAPITAL = frozenset(_TARGETS[:13])


@cache
def _neighbours() -> dict[str, str]:
    known = {*_TARGETS, *_RIGHT}
    near = {swapped: word for word in _SWAPPED for swapped in _swaps(word) if swapped not in known}
    return near | {near: word for word in _TARGETS for near in _edits(word) if near not in known}


def _swaps(word: str) -> Iterator[str]:
    """All words that are two swapped neighbours away: "waht", "wiht"."""
    for at in (at for at in range(len(word) - 1) if word[at] != word[at + 1]):
        yield word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def _edits(word: str) -> Iterator[str]:
    """All words that are one slip away and keep the first letter: a letter less or more, another one, two swapped."""
    for at in range(1, len(word) + 1):
        head, tail = word[:at], word[at:]
        if tail:
            yield head + tail[1:]
        if len(tail) > 1:
            yield head + tail[1] + tail[0] + tail[2:]
        for letter in string.ascii_lowercase:
            if tail and letter != tail[0]:
                yield head + letter + tail[1:]
            if not (not tail and letter in "sd"):
                yield head + letter + tail
