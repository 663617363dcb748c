"""Declares every signal that tells how a reply was taken, and what each signal means.

The ledger's query of opinions, the learners, the feedback model of offline evaluation and the rules for implicit signs
take the signals from here. A new signal is a name in :data:`Kind`, an entry at the end of :data:`SIGNALS`, and a prior
in the feedback models that count signals. This file imports nothing else of the project, so that the policy library can
import it.

>>> SIGNALS["reask"].reward, SIGNALS["reask"].next
(-0.5, 'against')
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

#: The name of a signal, as the ledger keeps it. ``reaction``: an emoji on the reply. ``reask``, ``correction``,
#: ``edited``, ``thanks`` and ``went_on``: what the person did next. ``tool_failed``: a fault of the reply itself.
#: ``confirmed`` and ``declined``: the answer to "Shall I?". ``reason``: why a
#: reply was not liked; it says what the dislike is about, and is no opinion of its own.
Kind = Literal[
    "reaction",
    "went_on",
    "reask",
    "correction",
    "edited",
    "thanks",
    "tool_failed",
    "confirmed",
    "declined",
    "reason",
]

#: What the person did next, in the three categories that offline evaluation tells apart.
NextCategory = Literal["went_on", "against", "thanks"]

#: The category of what came next; a category's position is its code. Where several signals follow one reply, the
#: highest code wins: thanks, then anything that speaks against the reply, then going on.
NEXT_CATEGORIES: Final[tuple[Literal["unknown"] | NextCategory, ...]] = ("unknown", "went_on", "against", "thanks")


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of one signal."""

    kind: Kind
    #: The reward in [-1, 1] that the ledger keeps with the signal. A reaction's reward comes from the emoji table.
    reward: float = 0.0
    #: What learners that add up rewards count instead of the ledger's reward; None: they count the ledger's reward.
    worth: float | None = None
    #: Whether the signal says what the person thinks of the reply, or only what happened next.
    is_opinion: bool
    #: The category of what the person did next; None: the signal is a reaction or its reason, which are no next steps,
    #: or an answer to a tool's question.
    next: NextCategory | None
    #: Whether the signal says nothing of the way of answering, but only of the tool call: no policy learns from it.
    is_of_call: bool = False


#: All signals by kind. The order is part of learned states that are stored (see :data:`NEXT_KINDS`): append only.
SIGNALS: Final[Mapping[str, Signal]] = MappingProxyType(
    {
        signal.kind: signal
        for signal in (
            Signal(kind="reaction", is_opinion=True, next=None),
            # No opinion, but no re-ask either: the person was content, as far as anybody knows.
            Signal(kind="went_on", reward=0.0, worth=0.25, is_opinion=False, next="went_on"),
            Signal(kind="reask", reward=-0.5, is_opinion=True, next="against"),
            Signal(kind="correction", reward=-1.0, is_opinion=True, next="against"),
            Signal(kind="edited", reward=-0.5, is_opinion=True, next="against"),
            Signal(kind="thanks", reward=1.0, is_opinion=True, next="thanks"),
            Signal(kind="tool_failed", reward=-0.5, is_opinion=False, next="against"),
            Signal(kind="confirmed", reward=0.5, worth=0.0, is_opinion=False, next=None, is_of_call=True),
            Signal(kind="declined", reward=-0.5, worth=0.0, is_opinion=True, next=None, is_of_call=True),
            Signal(kind="reason", is_opinion=False, next=None),
        )
    }
)

#: The kinds of everything but reactions. A learner that codes what came next codes it by position, and 0 is unknown.
NEXT_KINDS: Final[tuple[Kind, ...]] = tuple(signal.kind for signal in SIGNALS.values() if signal.next is not None)

#: The kinds that say what the person thinks, although the person did not react.
SPOKEN_OPINION_KINDS: Final[tuple[Kind, ...]] = tuple(kind for kind in NEXT_KINDS if SIGNALS[kind].is_opinion)


def worth_of(kind: str, reward: float) -> float:
    """Return what learners that add up rewards count for a signal of ``kind`` that the ledger keeps with ``reward``.

    >>> worth_of("went_on", 0.0), worth_of("thanks", 1.0)
    (0.25, 1.0)
    """
    signal = SIGNALS.get(kind)
    return reward if signal is None or signal.worth is None else signal.worth


def next_code(kinds: Iterable[str]) -> int:
    """Return the code in :data:`NEXT_CATEGORIES` of what came next, where signals of these ``kinds`` stand.

    >>> next_code(["went_on", "reask"]), next_code(["reaction"])
    (2, 0)
    """
    categories = (SIGNALS[kind].next for kind in kinds if kind in SIGNALS)
    return max((NEXT_CATEGORIES.index(category) for category in categories if category is not None), default=0)
