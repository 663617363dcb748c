"""Which words may be the value of a statement: a job, a name, a language, or a thing that somebody likes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

MOST_WORDS = 6  #: of a value; more words are a story, no value

#: Whether words may be a value.
IsValue = Callable[[str], bool]

_POINTING = re.compile(
    r"^(?:it|its|that|this|these|those|there|here|you|your|yours|him|her|his|them|their|they|he|she|me|us|myself|"
    r"how|what|when|where|who|why|which|whether|everything|anything|something|nothing|both|all|some|many|one|ones|"
    r"lots|any|none|each|more|most|less|least|best|better|worse|sth|stuff|things|my|our|no|not|only|either|neither|"
    r"another|much|enough|well|being|having|getting|doing|to be|to have|to get|to see you|to know|to hear|to "
    r"think|to say)\b",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"\b(?:you|your|it|that|this|one|ones|option|version|draft|idea|answer|answers|reply|replies|suggestion|slot|"
    r"brief|concise|formal|informal|chatty|verbose|messages?|responses?|explanations?|details?|emojis?|small ?talk|"
    r"better|there|here|instead|when|because|than|who|which|if|about|reminder|meeting|appointment|"
    r"\d{1,2}(?::\d\d)? ?[ap]m|"
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
    r"touch|charge|general|here|there|it|luxury|poverty|sin|denial|exile)\b)[^\W\d_][\w.'-]*(?:,? "
    r"[^\W\d_][\w.'-]*){0,3})$",
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

_SIZE = re.compile(r"(?:an? )?(?:[\d.,/ ½]{1,8}|x{0,4}(?:s|m|l)|small|medium|(?:extra )?large)", re.IGNORECASE)
_NOT_PLAYED = re.compile(
    r"^(?:with|around|along|it|that|this|games? with|a role|dumb|dead|safe|by|a part|the (?!\w+$))", re.IGNORECASE
)
_NOT_EATEN = re.compile(r"(?:alone|out|at|in|before|after|with|well|much|enough|breakfast)\b", re.IGNORECASE)


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


def is_town(words: str) -> bool:
    """Whether ``words`` are a place written like a name."""
    return is_place(words) and words[:1].isupper()


def is_firm(words: str) -> bool:
    """Whether ``words`` are a company written like a name."""
    return is_company(words) and words[:1].isupper()


def is_called(words: str) -> bool:
    """Whether ``words`` are a name in the middle of a sentence, where only names are written with a capital."""
    return is_name(words) and words[:1].isupper()


def is_size(words: str) -> bool:
    """Whether ``words`` are a size of clothes or shoes."""
    return _SIZE.fullmatch(words) is not None


def is_hobby(words: str) -> bool:
    """Whether ``words`` are something to do in one's free time."""
    return is_thing(words) or (is_any(words) and re.match(r"the \w+$", words) is not None)


def is_played(words: str) -> bool:
    """Whether ``words`` are a game, a sport or an instrument."""
    return is_hobby(words) and not _NOT_PLAYED.match(words)


def is_eaten(words: str) -> bool:
    """Whether ``words`` are food or a drink."""
    return is_thing(words) and not _NOT_EATEN.match(words)


def is_choice(words: str) -> bool:
    """Whether ``words`` name what is preferred, beyond one conversation."""
    return is_any(words) and not re.search(r"\b(?:you|your|it|that|this|one|option|\d)\b", words)


@lru_cache(maxsize=8)
def word_list(name: str) -> frozenset[str]:
    """Return one list of ``word_lists.toml``: ``jobs``, ``languages``, ``devices``, ``diets`` or ``pets``."""
    raw = files("llmagent_os.memory").joinpath("word_lists.toml").read_text(encoding="utf-8")
    return frozenset(str(tomllib.loads(raw)[name]).split("|"))


#: The checks by the name that a rule gives them.
CHECKS: Mapping[str, IsValue] = MappingProxyType(
    {
        "called": is_called,
        "choice": is_choice,
        "company": is_company,
        "date": is_date,
        "device": is_device,
        "eaten": is_eaten,
        "firm": is_firm,
        "hobby": is_hobby,
        "job": is_job,
        "language": is_language,
        "name": is_name,
        "place": is_place,
        "played": is_played,
        "size": is_size,
        "thing": is_thing,
        "town": is_town,
    }
)
