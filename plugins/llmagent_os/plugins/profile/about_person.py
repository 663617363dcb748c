"""Reads what a person tells about themselves: their name, their place, and how they like to be answered.

Every part of a message has to be understood: "I'm Tom and I live in Tokyo", "call me Sam, and keep it short". Otherwise
nothing is read, and the model decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmagent_os.languages import lazy_gettext
from llmagent_os.plugins.profile.answer_style import style_meant

LONGEST = 200  #: characters of a message that is read

#: The question that a bare name answers.
ASKS_NAME = lazy_gettext("What should I call you?")

_NAME = r"(?P<name>[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*){0,2})"
_PLACE = r"(?P<place>[^\W\d_][\w.'’ /-]*(?:, [^\W\d_][\w.'’ -]*)?)"
#: These introduce a name, however it is written.
_NAMED = re.compile(
    rf"(?:my (?:first )?name is|my name's|my name|the name is|the name's|name's|you can call me|"
    rf"just call me|please call me|"
    rf"call me|people call me|they call me|everyone calls me|i go by|i am called|i'm called|i am named|"
    rf"i'm named) {_NAME}",
    re.IGNORECASE,
)
#: These introduce a name if it is written like one: "I'm Tom", and not "I'm tired".
_AM = re.compile(rf"(?:i'm|i am|im|this is|it's) {_NAME}", re.IGNORECASE)
_LIVES = re.compile(
    rf"(?:(?:and )?i(?:'m| am)?(?: now| currently)? ?(?:live|living|based|reside|staying|located) in|"
    rf"i(?:'m| am|m)(?: now| currently| here)? in|"
    rf"i(?:'ve| have)? (?:just )?moved to|my (?:city|town|home|home town|hometown|location|place|"
    rf"time ?zone) is(?: in| now)?|"
    rf"(?:please )?(?:set|change|switch|update) my (?:city|town|location|place|time ?zone) to|(?:use|"
    rf"set) the time ?zone of|"
    rf"i(?:'m| am) on) {_PLACE}(?: time)?",
    re.IGNORECASE,
)
_BOTH = re.compile(rf"(?:i'm|i am|this is|my name is) {_NAME} (?:from|in) {_PLACE}", re.IGNORECASE)
_FILLER = re.compile(
    r"(?:hi|hello|hey|hiya|thanks|thank you|please|ok|okay|nice to meet you|good (?:morning|evening|"
    r"afternoon)|by the way|btw|so|well|from now on)(?: there| bot)?",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:hi|hello|hey|ok|okay|and|so|well|oh|by the way|btw|please|also|actually|no|yes) )+", re.IGNORECASE
)
_TAIL = re.compile(
    r"(?:,? (?:please|pls|thanks|thank you|from now on|ok|then|instead|now|right now|currently|at the"
    r" moment|these days))+$",
    re.IGNORECASE,
)
_PARTS = re.compile(
    r"[.!;\n]+|,\s+(?=(?:and |i|i'm|i’m|call|my|please|keep|be|use|from|nice|thanks)\b)|"
    r"(?<=\w)\s+and\s+(?=(?:i|i'm|i’m|im|call|my|please|keep|be|use|live|living)\b)",
    re.IGNORECASE,
)

#: What follows "call me" and "I'm" without being a name.
_NO_NAME = frozenset(
    """a an the at in on by if when later back tomorrow today tonight now again maybe asap soon anytime not so very too
    just still here there ready free busy away off out up done
    late early home sick fine good ok okay great well tired bored
    happy sad sorry sure afraid going coming leaving working trying looking thinking from your you my crazy anything
    whatever something somebody nobody mom dad mum because about after before every with for to hungry stressed excited
    lost new real serious kidding joking glad confused angry ill awake alone old young monday tuesday wednesday thursday
    friday saturday sunday""".split()
)


def told(text: str, question: str, is_place: Callable[[str], bool]) -> dict[str, str]:
    """Return what a message tells: ``name``, ``place`` and ``style``. Empty: nothing, or not all of it is understood.

    Args:
        text: the message.
        question: what the bot asked before, or nothing.
        is_place: whether words are the name of a place that is known. It may be slow.

    >>> told("I'm Tom and I live in Tokyo", "", lambda place: place == "Tokyo")
    {'name': 'Tom', 'place': 'Tokyo'}
    >>> told("I like long answers", "", bool), told("I'm tired", "", bool), told("call me at 5", "", bool)
    ({'style': 'detailed'}, {}, {})
    """
    plain = " ".join(text.replace("’", "'").split())
    if len(plain) > LONGEST:
        return {}
    if (
        question.endswith((ASKS_NAME.message, str(ASKS_NAME)))
        and (bare := re.fullmatch(rf"{_NAME}[.!]?", plain))
        and _is_name(bare["name"])
    ):
        return {"name": bare["name"]}
    if style := style_meant(plain):
        return {"style": style}
    found: dict[str, str] = {}
    for each in _PARTS.split(plain):
        part = _TAIL.sub("", _LEAD.sub("", each.strip(" ,?")))
        if not part or _FILLER.fullmatch(part):
            continue
        read = _part(part, plain, is_place)
        if not read or found.keys() & read.keys():
            return {}
        found |= read
    return found


def _part(part: str, whole: str, is_place: Callable[[str], bool]) -> dict[str, str]:
    if style := style_meant(part):
        return {"style": style}
    part = re.sub(r"^(live|living) in ", r"i \1 in ", part, flags=re.IGNORECASE)
    if (lives := _LIVES.fullmatch(part)) and is_place(lives["place"]):
        return {"place": lives["place"]}
    if (named := _NAMED.fullmatch(part)) and _is_name(named["name"]):
        return {"name": named["name"]}
    if (named := _AM.fullmatch(part)) and _is_name(named["name"]):
        name = named["name"]
        introduces = (name[0].isupper() and not whole.isupper()) or _LIVES.search(whole) is not None
        return {"name": name} if introduces else {}
    both = _BOTH.fullmatch(part)
    if both and both["name"][0].isupper() and _is_name(both["name"]) and is_place(both["place"]):
        return {"name": both["name"], "place": both["place"]}
    return {}


def _is_name(words: str) -> bool:
    return "'s" not in words and not any(word.casefold() in _NO_NAME for word in re.split(r"[ -]", words))
