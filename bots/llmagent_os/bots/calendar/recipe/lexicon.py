"""Draws names, words and places: lists that are too long for a grammar file.

Most of them come from Faker's lists. The rest is invented from syllables: a model that has never seen a name can only
copy it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Any

_ONSETS = """
    b bl br c ch cl cr d dr f fl fr g gl gr h j k kl kr l m n p ph pl pr qu r s sc sh sk sl sm sn sp st str t th tr v w
    y z
""".split()
_NUCLEI = "a e i o u a e i o ai ea ee ie oo ou oa y au ei".split()
_CODAS = (*"b ck d f g k l ll m n ng nd nk nt p r rd rk rn rt s sh sk ss st t th x z".split(), "")
#: Words of Faker's list that the name of a thing does not begin with.
_FUNCTION_WORDS = frozenset(
    """
    a about above across after again against all almost along already also although always am among an and another any
    anyone anything are around as at away be because become been before behind being below between both but by can
    cannot could did do does done down during each either else enough even ever every everyone everything few for from
    get go goes had has have he her here herself him himself his how however i if in into is it its itself just least
    less let like many may maybe me might more most much must my myself near need neither never next no nobody none nor
    not nothing now of off often on once one only onto or other others our out over own per perhaps quite rather really
    same several shall she should since so some somebody someone something sometimes soon still such than that the
    their them themselves then there these they this those though through throughout thus to together too toward
    towards under until up upon us very was we were what whatever when where whether which while who whole whom whose
    why will with within without would yes yet you your yourself was'nt today tomorrow tonight yesterday day week month
    year monday tuesday wednesday thursday friday saturday sunday morning afternoon evening night minute hour two three
    four five six seven eight nine ten first second third last
    """.split()
)
_LOCALES = "en_US en_GB en_IN de_DE fr_FR es_ES it_IT nl_NL pl_PL tr_TR sv_SE pt_BR".split()
_UNSTABLE = ("city", "it_IT")  #: Faker keeps these in a set, whose order differs from process to process
_TITLES = "Dr. Dr Mr. Mrs. Ms. Prof. Doctor Mr Mrs Aunt Uncle Coach Father".split()
_COMPANY_ENDINGS = ("", "", " Inc", " Ltd", " & Sons", "ly", "tech")
_MAX_CHARACTERS = 24  #: of a name or word; Faker's longer ones are left out


def invented(rng: random.Random, syllables: int | None = None) -> str:
    """Invent a pronounceable word, mostly of two syllables."""
    count = syllables or rng.choice((1, 2, 2, 2, 3))
    parts: list[str] = []
    for left in reversed(range(count)):
        parts += (rng.choice(_ONSETS), rng.choice(_NUCLEI))
        if left == 0 or rng.random() < 0.3:
            parts.append(rng.choice(_CODAS))
    return "".join(parts)


@cache
def _pool(kind: str) -> tuple[str, ...]:
    """Return some thousand names or words of ``kind`` from Faker, the same in every run."""
    from faker import Faker

    names = kind in ("first_name", "last_name", "city")
    words: set[str] = set()
    for locale in _LOCALES if names else ["en_US"]:
        if (kind, locale) == _UNSTABLE:
            continue
        faker: Any = Faker(locale)
        faker.seed_instance(7)
        draw = getattr(faker, kind)
        words.update(str(draw()) for _ in range(6000 if kind == "word" else 700))
    if kind == "word":
        words -= _FUNCTION_WORDS
    return tuple(sorted(word for word in words if len(word) < _MAX_CHARACTERS))


def _draw(kind: str, made_up: float, rng: random.Random) -> str:
    """Draw a name or word of ``kind``. ``made_up`` is the share of invented ones."""
    return invented(rng) if rng.random() < made_up else rng.choice(_pool(kind))


def first_name(rng: random.Random) -> str:
    """Draw a given name. One in five is invented."""
    return _draw("first_name", 0.2, rng).capitalize()


def person(rng: random.Random) -> str:
    """Draw a way to refer to a person: mostly a first name, sometimes with surname or title."""
    last = _draw("last_name", 0.2, rng).capitalize()
    style = rng.random()
    if style < 0.62:
        return first_name(rng)
    if style < 0.82:
        return f"{first_name(rng)} {last}"
    if style < 0.94:
        return f"{rng.choice(_TITLES)} {last}"
    return f"{first_name(rng)} and {first_name(rng)}"


def word(rng: random.Random) -> str:
    """Draw an English word. One in four is invented."""
    return _draw("word", 0.25, rng)


def city(rng: random.Random) -> str:
    """Draw the name of a town. One in ten is invented."""
    return _draw("city", 0.1, rng).title()


def company(rng: random.Random) -> str:
    """Draw the name of a business. Three in ten are invented."""
    if rng.random() < 0.7:
        return rng.choice(_pool("company"))
    return invented(rng).capitalize() + rng.choice(_COMPANY_ENDINGS)


#: Rules of the grammar that are functions.
SOURCES: dict[str, Callable[[random.Random], str]] = {
    "person": person,
    "name": first_name,
    "word": word,
    "city": city,
    "company": company,
}
