"""The words of a reply, as the tests for hacks read them. English only."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE = re.compile(r"[^.!?…]*[.!?…]+|[^.!?…]+$")

#: Words that carry no content of their own.
FUNCTION_WORDS = frozenset(
    "a about after all also always am an and any anything are as at be because been but by can could did do does doing "
    "each else even ever every everything for from get go got had has have having he her here him his how i i'd i'll "
    "i'm i've if in into is it it's its just let like lot made make many may me might more most much must my never no "
    "not of off oh ok okay on one only or other our out over please quite rather really say she should so some "
    "something still such sure than that that's the their them then there these they thing things this those to too "
    "truly under up us very was way we well were what when where which while who why will with would yes yet you "
    "you'd you'll you're you've your".split()
)


def words_of(text: str) -> list[str]:
    """Give the words in lower case.

    >>> words_of("It's 3 PM, Ana!")
    ["it's", '3', 'pm', 'ana']
    """
    return [word.replace("’", "'").lower() for word in _WORD.findall(text)]


def content_words(text: str) -> list[str]:
    """Give the words that carry content, each as often as it occurs.

    >>> content_words("Yes, it is the dentist at 3.")
    ['dentist', '3']
    """
    return [word for word in words_of(text) if word not in FUNCTION_WORDS]


def sentences_of(text: str) -> list[str]:
    """Give the sentences, with their closing marks.

    >>> sentences_of("Done. Anything else?")
    ['Done.', 'Anything else?']
    """
    return [found.strip() for found in _SENTENCE.findall(text) if _WORD.search(found)]
