"""Which words may be the value of a statement: a job, a name, a language, or a thing that somebody likes."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

MOST_WORDS = 6  #: of a value; more words are a story, no value

#: Whether words may be a value.
IsValue = Callable[[str], bool]

_POINTING = re.compile(
    r"^(?:it|its|that|this|these|those|there|here|you|your|yours|him|her|his|them|their|they|he|she|me|us|myself|"
    r"how|what|when|where|who|why|which|whether|everything|anything|something|nothing|both|all|some|many|one|ones|"
    r"lots|any|none|each|more|most|less|least|best|better|worse|sth|stuff|things|my|our|no|not|only|either|neither|"
    r"another|much|enough|well|being|having|getting|doing|to be|to have|to get|to see you|to know|to hear|to think|to say)\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"\b(?:you|your|it|that|this|one|ones|option|version|draft|idea|answer|answers|reply|replies|suggestion|slot|"
    r"brief|concise|formal|informal|chatty|verbose|messages?|responses?|explanations?|details?|emojis?|small ?talk|"
    r"better|there|here|instead|when|because|than|who|which|if|about|reminder|meeting|appointment|\d{1,2}(?::\d\d)? ?[ap]m|"
    r"o'clock|monday|tuesday|wednesday|thursday|friday|saturday|sunday|yesterday|weekend)\b|\[\w+\]",
    re.IGNORECASE,
)
#: Things with "the" that are known without a context: "I love the sea".
_KNOWN = re.compile(
    r"^the (?:sea|seaside|ocean|beach|mountains?|outdoors|rain|snow|cold|heat|sun|dark|night|forest|woods|countryside|"
    r"theat(?:re|er)|cinema|opera|ballet|gym|colou?r|smell|taste|sound|sunshine|winter|summer|spring|autumn|desert|"
    r"stars|moon|dentist|city|[A-Z]\w+)\b"
)
_PLACE = re.compile(
    r"^(?:the (?:netherlands|uk|us|usa|u\.s\.|united (?:states|kingdom)|hague|bronx|philippines|bahamas|maldives|"
    r"czech republic|bay area)|(?!(?:the|a|an|my|our|your|this|that|hope|fear|peace|love|time|style|bed|town|person|"
    r"touch|charge|general|here|there|it|luxury|poverty|sin|denial|exile)\b)[^\W\d_][\w.'-]*(?:,? [^\W\d_][\w.'-]*){0,3})$",
    re.IGNORECASE,
)
_NAME = re.compile(r"^(?:(?:Dr|Mr|Mrs|Ms|Prof)\.? )?[A-ZÀ-Þ][\w'’-]*(?: [A-ZÀ-Þ][\w'’-]*){0,2}$")
_COMPANY = re.compile(
    r"^(?!(?:my|home|it|this|that|night|nights|the (?:moment|office|weekend|same)|a|an|you|now|noon|least|most|all|"
    r"once|times|\d+)\b)[\w&.'-]+(?: [\w&.'-]+){0,4}$",
    re.IGNORECASE,
)
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|sept|oct|nov|dec)[a-z]*"
_DATE = re.compile(
    rf"^(?:the )?(?:\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}|{_MONTH}(?: the)? \d{{1,2}}(?:st|nd|rd|th)?|"
    rf"\d{{1,2}}[./]\d{{1,2}}\.?|{_MONTH})(?:,? \d{{4}}|[./]\d{{2,4}})?$",
    re.IGNORECASE,
)


def is_thing(words: str) -> bool:
    """Whether ``words`` name something that one can like whatever else is said.

    >>> [is_thing(each) for each in ("green tea", "the sea", "the second one", "it when you smile", "Mondays")]
    [True, True, False, False, True]
    """
    if _POINTING.search(words) or _INSIDE.search(words) or len(words.split()) > MOST_WORDS or len(words) > 80:
        return False
    return not words.casefold().startswith("the ") or _KNOWN.match(words) is not None


def is_place(words: str) -> bool:
    """Whether ``words`` may be the name of a place."""
    return _PLACE.match(words) is not None and not _INSIDE.search(words)


def is_name(words: str) -> bool:
    """Whether ``words`` are written like a name."""
    return _NAME.match(words) is not None


def is_company(words: str) -> bool:
    """Whether ``words`` may be the name of a company or a school."""
    return _COMPANY.match(words) is not None and not _INSIDE.search(words)


def is_date(words: str) -> bool:
    """Whether ``words`` are a day of the year."""
    return _DATE.match(words) is not None


def is_job(words: str) -> bool:
    """Whether ``words`` end with a known job.

    >>> is_job("primary school teacher"), is_job("potato")
    (True, False)
    """
    last = words.casefold().split()[-1] if words.split() else ""
    return last in word_list("jobs") and len(words.split()) <= MOST_WORDS


def is_language(words: str) -> bool:
    """Whether ``words`` are a language, or several."""
    named = re.split(r",? and |, | & ", words)
    return all(each.casefold().removeprefix("some ") in word_list("languages") for each in named)


def is_device(words: str) -> bool:
    """Whether ``words`` end with something that people own and use."""
    lowered = words.casefold()
    return len(words.split()) <= MOST_WORDS and any(
        re.search(rf"\b{re.escape(word)}s?\b", lowered) for word in word_list("devices")
    )


def is_any(words: str) -> bool:
    """Whether ``words`` are short enough to be a value at all."""
    return len(words.split()) <= MOST_WORDS + 4 and not re.search(r"\[\w+\]", words)


@lru_cache(maxsize=8)
def word_list(name: str) -> frozenset[str]:
    """Return one list of ``word_lists.toml``: ``jobs``, ``languages``, ``devices``, ``diets`` or ``pets``."""
    import tomllib

    raw = files(__package__).joinpath("word_lists.toml").read_text(encoding="utf-8")
    return frozenset(str(tomllib.loads(raw)[name]).split("|"))
