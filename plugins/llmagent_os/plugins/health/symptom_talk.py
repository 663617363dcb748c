"""Tells whether a message plainly tells of the person's own symptoms, so that the plugin may answer it."""

from __future__ import annotations

from llmagent_os.plugins.health.symptoms import symptoms_in
from llmagent_os.plugins.health.word_patterns import matches, parse_pattern, words_of

#: Words that ask what it is, or what to do.
_ASKING = (
    "what could|can|might|may be|have|wrong|this", "whats wrong", "should =see|call|worry doctor|gp|worried|about",
    "was konnte|kann sein|haben", "was_habe_ich", "zum_arzt", "que puede|podria|sera ser|tengo", "deberia medico",
    "什么病", "怎么回事", "怎么办", "要不要 医|医院",
)  # fmt: skip

#: The first words of who tells about themselves.
_OWN = frozenset("i im ive my ich mein meine mir tengo me mi 我".split())


def tells_symptoms(text: str) -> bool:
    """Whether ``text`` names a symptom and asks about it, or begins with the person and names two.

    >>> tells_symptoms("I have a sore throat and a cough"), tells_symptoms("I have a headache, what could it be?")
    (True, True)
    >>> tells_symptoms("buy cough syrup and something for my sore throat")
    False
    """
    present = symptoms_in(text).present
    if not present:
        return False
    words = words_of(text)
    asks = any(True for written in _ASKING for _ in matches(parse_pattern(written), words))
    return asks or (len(present) > 1 and words[0] in _OWN)
