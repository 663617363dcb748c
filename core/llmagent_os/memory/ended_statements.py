"""Reads that something holds no longer: "I don't like tea any more", "I stopped playing chess", "I eat meat again"."""

from __future__ import annotations

import re

import msgspec

_FREE = frozenset({"hobby", "likes", "learning", "drinks", "avoids", "uses", "goal", "routine", "diet", "member"})
_TASTE = frozenset({"likes", "hobby", "drinks", "favourite"})

_NEGATED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), positive)
    for pattern, positive in (
        (r"(i|we) no longer (?!eat|drink|smoke|touch)(.+)", r"\1 \2"),
        (r"(i|we) (am|are) no longer (.+)", r"\1 \2 \3"),
        (r"(i|we) (?:do not|did not) (?!eat|drink|smoke|touch)(.+?) any more", r"\1 \2"),
        (r"(i|we) (am|are|have) not (.+?) any more", r"\1 \2 \3"),
        (r"(my .+?) (is|are) (?:no longer|not) (.+?)(?: any more)?", r"\1 \2 \3"),
        (r"(i|we) used to (?!eat|be )(.+)", r"\1 \2"),
        (r"(i|we) used to be (.+)", r"\1 am \2"),
    )
)
_ENDED: tuple[tuple[re.Pattern[str], frozenset[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), topics, now)
    for pattern, topics, now in (
        (
            r"(?:i|we) (?:do not|no longer) work there(?: any more)?(?P<x>)|(?:i|we) (?:have )?(?:quit|lost|left|"
            r"gave up) "
            r"(?:my|the) job|(?:i|we) (?:was|were|got) (?:laid off|fired|made redundant)",
            frozenset({"employer"}),
            "",
        ),
        (
            r"(?:i|we) (?:have )?(?:broken|broke|split) up(?: with .+)?(?P<x>)",
            frozenset({"partner"}),
            "I am single",
        ),
        (r"(?:i|we) got divorced(?P<x>)", frozenset({"partner"}), "I am divorced"),
        (
            r"(?:i|we) (?:have )?(?:stopped|quit|gave up|given up|dropped|ditched)(?: (?:playing|being|doing|"
            r"going|eating|"
            r"drinking|taking|learning|using|practi[sc]ing|collecting|studying))? (?:an? |the |my |on )?(?P<x>.+)",
            _FREE,
            "",
        ),
        (
            r"(?:i|we) (?:have )?(?:gone off|went off|lost interest in|grown tired of|am done with) (?P<x>.+)",
            _TASTE,
            "",
        ),
        (
            r"(?:i|we) (?:do not mind|have made (?:my )?peace with) (?P<x>.+?)(?: any more)?",
            frozenset({"dislikes"}),
            "",
        ),
        (
            r"(?:i|we) (?:have )?(?:come|grown|learned|learnt|started|begun) to (?:like|love|enjoy) (?P<x>.+)",
            frozenset({"dislikes"}),
            "I like {x}",
        ),
        (
            r"(?:i|we) (?:(?:have )?(?:started|began|begun) (?:to )?)?(?:eat|eating|drink|drinking|have|having) "
            r"(?P<x>.+?) again",
            frozenset({"avoids", "diet"}),
            "",
        ),
        (
            r"(?:i|we) (?:have )?(?:sold|lost|gave away|got rid of|do not (?:have|own|drive)) (?:an? |my |our |the )?"
            r"(?P<x>.+?)(?: any more)?",
            frozenset({"owns", "car", "uses", "pet"}),
            "",
        ),
        (r"(?:my|our) (?P<x>.+?) (?:has )?(?:died|passed away|broke|was stolen)", frozenset({"pet", "owns"}), ""),
        (
            r"(?:i|we) (?:have )?(?:left|quit|resigned from)(?: (?:my )?(?:job|work|post) (?:at|with))? (?P<x>.+)",
            frozenset({"employer"}),
            "",
        ),
        (r"(?:my|our) (?P<x>.+?) allergy (?:is|has) (?:gone|cured|over)(?: away)?", frozenset({"allergy"}), ""),
    )
)

_NO_VALUE = re.compile(r"(?:it|that|this|there|here|you|work|home|time|my|the|a|early|late)\b", re.IGNORECASE)


class TakenBack(msgspec.Struct, frozen=True):
    """What a clause takes back: either the positive statement, or topics and a value."""

    positive: str = ""  #: the statement that holds no longer
    topics: frozenset[str] = frozenset()  #: on these, what has :attr:`value` holds no longer
    value: str = ""  #: empty: whatever the person has on these topics
    now: str = ""  #: the statement that holds instead; empty: none


def without_taking_back(plain: str) -> TakenBack | None:
    """Return what a clause takes back. None: it takes nothing back.

    >>> without_taking_back("I do not like tea any more").positive, without_taking_back("I like tea")
    ('I like tea', None)
    """
    for pattern, topics, now in _ENDED:
        if match := pattern.fullmatch(plain):
            value = (match["x"] or "").strip()
            if len(value.split()) <= 5 and not _NO_VALUE.match(value):
                return TakenBack(topics=topics, value=value, now=now.replace("{x}", value))
    for pattern, positive in _NEGATED:
        if match := pattern.fullmatch(plain):
            return TakenBack(positive=match.expand(positive))
    return None
