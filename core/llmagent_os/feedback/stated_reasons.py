"""Reads why somebody did not like a reply, where they say so in their next message: "too long", "wrong day".

A reason is about the wording, about the content, or about something that was done and not asked for. What is kept of it
is a word of the tables below, or the name of a value of the bot's own dimensions, and never what else the message says.
Left out: other languages than English, and reasons inside longer messages.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

import msgspec

from llmagent_os.feedback.implicit_signs import corrects

#: A longer message says more than why a reply was not liked.
MAX_REASON_WORDS = 12

#: Words for a quality of wording, by the name of the quality.
_QUALITIES = {
    "long": "long longer lengthy wordy verbose rambling detailed windy",
    "short": "short shorter brief briefer terse curt concise succinct",
    "formal": "formal stiff official",
    "casual": "casual informal sloppy",
    "chatty": "chatty friendly friendlier warm warmer personal talkative conversational",
    "dry": "dry cold robotic impersonal blunt matter-of-fact",
    "complicated": "complicated complex technical difficult",
    "simple": "simple simpler plain plainer",
}
_QUALITY_OF = {word: quality for quality, words in _QUALITIES.items() for word in words.split()}
#: Wishes that name no quality by an adjective.
_PHRASES = {
    "long": r"(too|so) (much|many) (text|words|details?|information|sentences)|blah blah|tl;?dr|wall of text"
    r"|(fewer|less) (text|words|details?)|get to the point",
    "short": r"(not enough|more) (details?|information|words)|elaborate|in more detail",
}
_WANTED = frozenset("shorter longer briefer friendlier warmer simpler plainer".split())

_WORD = r"[a-z][a-z_\-]*"
_LESS = re.compile(rf"\b(?:too|overly|so|less|not so) (?:very |damn |really )?({_WORD})")
_MORE = re.compile(rf"\b(?:more|be|keep it|sound) (?:a (?:bit|little) |more )?({_WORD})")
_ENOUGH = re.compile(rf"\b(?:not|isn't|wasn't) ({_WORD}) enough\b")
#: A wish that is nothing but a wish: "make it longer" may be of an event.
_BARE = re.compile(
    rf"^\W*(?:(?:please|no|a (?:bit|little)|much|way)\W+)*({'|'.join(sorted(_WANTED))})"
    r"(?:\W+(?:please|next time|answers?|replies))*\W*$"
)
_CONTENT = re.compile(
    r"\bwrong\b|\bincorrect\b|\bnot (?:true|correct|right)\b|\b(?:false|made[- ]up|irrelevant|off[- ]topic)\b"
    r"|\byou (?:forgot|missed|ignored|misread)\b|\bmisunder\w+"
    r"|\bi (?:didn't|did not|never) (?:ask|say|said|mean)\b|\bnot my question\b"
    r"|\b(?:didn't|doesn't|did not|does not) (?:answer|help|work|make sense)\b|\bnot what i\b|\bi meant\b"
)


#: What a reason may be about.
Subject = Literal["wording", "content", "initiative"]
SUBJECTS: tuple[Subject, ...] = ("wording", "content", "initiative")


class StatedReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a reply was not liked. It holds nothing of what the person wrote but a quality's name."""

    about: Subject
    #: The quality of the wording that there was too much of: a key of the table of qualities, or a value of one of the
    #: bot's dimensions. Empty: none was named.
    less: str = ""
    more: str = ""  #: the quality that was missing


def stated_reason(text: str, values: Collection[str] = ()) -> StatedReason | None:
    """Return the reason that a message gives for not liking the reply before it. None: it gives none.

    Args:
        text: the message.
        values: the names of the values of the bot's dimensions, which may be named as well.

    >>> stated_reason("way too long!"), stated_reason("a bit more playful please", ["plain", "playful"])
    (StatedReason(about='wording', less='long', more=''), StatedReason(about='wording', less='', more='playful'))
    >>> stated_reason("that's not what I asked"), stated_reason("it is too late for lunch")
    (StatedReason(about='content', less='', more=''), None)
    """
    said = " ".join(text.lower().replace("’", "'").split())
    if not said or len(said.split()) > MAX_REASON_WORDS:
        return None
    less, more = _wording(said, frozenset(value.lower() for value in values))
    content = _CONTENT.search(said) is not None
    if less or more:
        return None if content else StatedReason(about="wording", less=less, more=more)
    return StatedReason(about="content") if content or corrects(said) else None


def _wording(said: str, values: frozenset[str]) -> tuple[str, str]:
    """The quality that there was too much of, and the one that was missing; empty where none was named."""
    missing = _first(_ENOUGH, said, values)
    if missing:
        return "", missing
    if less := _first(_LESS, said, values):
        return less, ""
    for quality, phrase in _PHRASES.items():
        if re.search(rf"\b(?:{phrase})\b", said):
            return quality, ""
    bare = _BARE.match(said)
    return "", _quality(bare[1], values) if bare else _first(_MORE, said, values)


def _first(pattern: re.Pattern[str], said: str, values: frozenset[str]) -> str:
    return next((found for match in pattern.finditer(said) if (found := _quality(match[1], values))), "")


def _quality(word: str, values: frozenset[str]) -> str:
    """The quality that a word names; empty: it names none."""
    own = word.replace("-", "_")
    return own if own in values else _QUALITY_OF.get(word, "")
