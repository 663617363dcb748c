"""Checks a reply against what its model was taught to say of a result: nothing else can be true.

Every text that the model was taught for a kind of result is filled with the values of the result. A reply passes if it
is made of such sentences, says what was done, and leaves out nothing that the model has words for. What is said of
another outcome, a swapped time, a dropped "not" and a sentence that the model lost its way in are none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

from llmagent_os.serving.taught_replies import TaughtReplies

#: Values of a result that a reply has to hold wherever the result has them: left out, they would be thought undone.
MUST_SAY = ("repeat", "conflict", "place")
#: Keys of a result that say how it is told. A reply need not name them.
_UNSAID = frozenset(("status", "kind", "free", "need"))

#: What a system message says of a slot begins with this word.
_TITLES = {"user": "Name", "fact": "Fact"}

_SLOT = re.compile(r"<(\w+)>")
_NEXT_SENTENCE = re.compile(r"(?<=[.!?]) (?=[A-Z<])")
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "!": "."})


class Sayable(NamedTuple):
    """The sentences of which a true reply is made, all as :func:`plain` gives them."""

    needed: tuple[frozenset[str], ...]  #: the reply has at least one sentence of each set
    all: frozenset[str]  #: the sentences that it may be made of
    held: tuple[str, ...] = ()  #: values that it holds
    has_words: bool = True  #: whether the model has words for all that the result tells


def plain(text: str) -> str:
    r"""``text`` as it is compared: in lower case, with straight quotes, single spaces and no exclamation.

    >>> plain("I’ve  added “Tea”!")
    'i\'ve added "tea".'
    """
    return " ".join(text.translate(_PLAIN).casefold().split())


def known_values(system: str) -> dict[str, list[str]]:
    r"""Read the person's name and the facts in a system message, as ``modules.behavior.system_text`` writes them.

    >>> known_values("Style: brief.\nName: Sam\nFact: Tea is at 4 PM.")
    {'user': ['Sam'], 'fact': ['Tea is at 4 PM.']}
    """
    lines = [line.partition(": ") for line in system.splitlines()]
    return {slot: [rest for head, _, rest in lines if head == title] for slot, title in _TITLES.items()}


def of_result(taught: TaughtReplies, tool: str, data: Mapping[str, Any], known: Mapping[str, Sequence[str]]) -> Sayable:
    """Return what may be said of a result.

    Args:
        taught: the model's texts.
        tool: that gave the result.
        data: of the result.
        known: values of further slots: the person's name, and facts.
    """
    values = {key: [str(value)] for key, value in data.items()} | dict(known)
    needed: list[frozenset[str]] = []
    others = set(_filled(taught.remarks, values))
    for reply in taught.of(tool, data):
        main: set[str] = set()
        for text in reply.texts:
            sentences = _NEXT_SENTENCE.split(text)
            telling = [each for each in sentences if _SLOT.search(each)] or _plainest(sentences)
            main |= set(_filled(telling, values))
            others |= set(_filled(sentences, values))
        needed.append(frozenset(main))
    return Sayable(
        needed=tuple(needed),
        all=frozenset(others).union(*needed),
        held=tuple(plain(str(data[key])) for key in MUST_SAY if key in data),
        has_words=bool(needed) and not data.keys() - _slots(taught) - _UNSAID,
    )


def of_talk(taught: TaughtReplies, known: Mapping[str, Sequence[str]]) -> Sayable:
    """Return what may be said where no tool was called. ``known`` is that of :func:`of_result`."""
    filled = frozenset(_filled((each for text in taught.talk for each in _NEXT_SENTENCE.split(text)), known))
    return Sayable((filled,), filled)


def is_sayable(text: str, said: Sayable) -> bool:
    """Return whether the whole reply ``text`` says what there is to say, and nothing else.

    >>> said = Sayable((frozenset(["added tea."]),), frozenset(["added tea.", "undo brings it back."]))
    >>> is_sayable("Added tea. Undo brings it back.", said), is_sayable("Undo brings it back.", said)
    (True, False)
    """
    flat = plain(text)
    made_of = _sentences(flat, said.all, whole=True)
    return (
        said.has_words
        and made_of is not None
        and all(needed.intersection(made_of) for needed in said.needed)
        and all(value in flat for value in said.held)
    )


def may_begin(text: str, said: Sayable) -> bool:
    """Return whether ``text`` may be the beginning of a reply that :func:`is_sayable`.

    >>> said = Sayable((), frozenset(["added tea."]))
    >>> may_begin("Added", said), may_begin("Dele", said)
    (True, False)
    """
    return said.has_words and _sentences(plain(text), said.all, whole=False) is not None


def _slots(taught: TaughtReplies) -> set[str]:
    """The keys that the model has words for: values that it copies, and those that its words stand for."""
    texts = [*taught.remarks, *(text for reply in taught.results for text in reply.texts)]
    keys = {key for reply in taught.results for key in reply.kind.given}
    return keys | {slot for text in texts for slot in _SLOT.findall(text)}


def _plainest(sentences: Sequence[str]) -> list[str]:
    """The sentence that says it, of a text without values. "I can do that! What should I call it?": the question."""
    return [next((each for each in sentences if not each.endswith("!")), sentences[0])]


def _filled(texts: Iterable[str], values: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Fill the slots of ``texts`` with all of their values. A text with a slot that has no value is left out."""
    for text in texts:
        slots = list(dict.fromkeys(_SLOT.findall(text)))
        for chosen in product(*(values.get(slot, ()) for slot in slots)):
            yield plain(_fill(text, dict(zip(slots, chosen, strict=True))))


def _fill(text: str, values: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda slot: values[slot[1]], text)


def _sentences(text: str, known: frozenset[str], *, whole: bool) -> list[str] | None:
    """Split ``text`` into ``known`` sentences that all differ; None: it is not made of them.

    No sentence counts twice: a model that repeats itself has lost its way.
    """
    if not text:
        return []
    for sentence in sorted(known, key=len, reverse=True):
        if text == sentence or text.startswith(f"{sentence} "):
            rest = _sentences(text[len(sentence) + 1 :], known - {sentence}, whole=whole)
            if rest is not None:
                return [sentence, *rest]
        elif not whole and sentence.startswith(text):
            return [sentence]
    return None
