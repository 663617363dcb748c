"""Answers in a passage's own words: for a model that is too small to put a document into words."""

from __future__ import annotations

import re

from llmagent_os.knowledge.passages import Hit
from llmagent_os.knowledge.search_terms import words

#: The longest quotation, in characters.
MAX_QUOTE = 320

#: A message that begins like this asks something, also without a question mark.
_ASKS = re.compile(
    r"\s*(?:(?:please|hey|hi|and|so|ok|okay)[\s,]+)*(?:who|whom|whose|what|what's|which|when|where|why|how|is|are|was|were|"
    r"do|does|did|can|may|must|should|tell me|show me|explain|look up|find)\b",
    re.IGNORECASE,
)


def is_question(text: str) -> bool:
    """Whether ``text`` asks something.

    >>> is_question("wifi password?"), is_question("what is the wifi password"), is_question("thanks a lot")
    (True, True, False)
    """
    return "?" in text or "？" in text or _ASKS.match(text) is not None


def is_strong(question: str, hit: Hit) -> bool:
    """Whether a passage is about all of a question, and not only about one word of it."""
    asked = set(words(question))
    has = set(words(f"{hit.passage.text} {hit.passage.about} {hit.passage.source}"))
    return len(asked & has) >= 2 and len(asked & has) >= 0.6 * len(asked)


def quotation(question: str, text: str, limit: int = MAX_QUOTE) -> str:
    """The sentences of a passage, next to each other, that have most of the question's words.

    >>> quotation("when is lunch", "We open at 8. Lunch is at noon. We close at 6.", 20)
    'Lunch is at noon.'
    """
    asked = set(words(question))
    sentences = re.split(r"(?<=[.!?…])\s+|(?<=[。！？])", text)
    best, most = "", -1.0
    for first in range(len(sentences)):
        for last in range(first + 1, len(sentences) + 1):
            window = " ".join(sentences[first:last]).strip()
            if len(window) > limit and last > first + 1:
                break
            score = len(asked & set(words(window))) - 0.001 * len(window) / limit
            if score > most:
                best, most = window, score
    return best if len(best) <= limit else f"{best[: limit - 1].rsplit(' ', 1)[0]}…"
