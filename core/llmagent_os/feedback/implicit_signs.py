"""Reads implicit signs: what a person's next message says of the reply before it.

The person may ask again, correct the bot, thank it, or simply go on. What each sign is worth is declared in
:mod:`~llmagent_os.feedback.signals`.
"""

from __future__ import annotations

import re
from datetime import datetime

from rapidfuzz import fuzz

from llmagent_os.events import Edit, Event, event_key
from llmagent_os.feedback.signals import SIGNALS, Kind
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, RewardEvent

#: The version of the rules below. The ledger keeps it with every reward that the rules gave.
RULES_VERSION = "implicit-4"

#: The similarity of two messages, in percent, from which on the second asks the first again in other words.
MIN_REASK_SIMILARITY_PERCENT = 72.0

#: The number of words up to which a message can be thanks. A longer message says something else as well.
MAX_THANKS_WORDS = 8

_THANKS = re.compile(
    r"\b(thanks|thank you|thx|ty|cheers|love it|well done|good (job|bot|one)|that('s| is) (right|great|perfect|it))\b"
    r"|🙏|❤"
    # Praise for the reply: "great!" and "ok, very nice one", but neither "great restaurants" nor "not great".
    r"|^\W*((oh|ok|okay|yes|yeah|yep|very|so|really|just|wow|that('s| is| was)|it('s| is))\W+)*"
    r"(perfect|great|awesome|excellent|wonderful|brilliant|lovely|exactly|nice)(?=\W*$|\s*[,.!;:)]|\s+(one|job|work)\b)",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"^\s*(no+\b(?!\W+(thanks|thank you|problem|worries|need|rush|more|one|that's (all|it|fine))\b)|nope\b|wrong\b"
    r"|not (that|what|the)\b|actually\b(?! (that's|perfect|great|thanks))"
    r"|i (said|meant|mean|asked)\b|that('s| is|s)? (not|wrong|incorrect)\b|that isn('t|t)\b"
    r"|you (misunderstood|got it wrong|didn('t|t))\b|incorrect\b)"
    r"|\b(i meant|that('s| is) (wrong|not (what|right))|not what i (said|asked|meant|wanted))\b",
    re.IGNORECASE,
)
#: The details that distinguish two requests in the same words: a number, a day, a name inside the sentence.
_DETAIL = re.compile(
    r"\d+|\b(?i:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?i:today|tonight|tomorrow)\b|(?<=[a-z,] )[A-Z]\w+"
)
#: The statuses of tool results whose reply asks the person something. The next message then answers, and is no re-ask.
_QUESTION_STATUSES = frozenset({"missing", "unclear", "confirm", "conflict", "ambiguous"})


def sign(before: Interaction, said: str) -> Kind:
    """Return the signal that the message ``said`` gives about the reply ``before`` it.

    >>> from llmagent_os.identity import parse
    >>> ana = parse("web:local:ana")
    >>> ask = Interaction(interaction_id="1", event_id="1", user_id=ana, conversation_key="c", said="what's on friday?")
    >>> sign(ask, "what do I have on friday"), sign(ask, "no, I meant saturday"), sign(ask, "perfect, thanks!")
    ('reask', 'correction', 'thanks')
    >>> sign(ask, "book lunch with Ben at noon")
    'went_on'
    """
    text = " ".join(said.split())
    asked = any(call.get("result", {}).get("status") in _QUESTION_STATUSES for call in before.tool_calls[-1:])
    if not asked and corrects(text):
        return "correction"
    if len(text.split()) <= MAX_THANKS_WORDS and _THANKS.search(text):
        return "thanks"
    alike = fuzz.token_set_ratio(_words(before.said), _words(text)) >= MIN_REASK_SIMILARITY_PERCENT
    if not asked and before.said and alike and not _differ_in_detail(before.said, text):
        return "reask"
    return "went_on"


def corrects(text: str) -> bool:
    """Return whether the words of a message correct what was said or done before it.

    >>> corrects("no, I meant thursday"), corrects("no thanks")
    (True, False)
    """
    return _CORRECTION.search(" ".join(text.split())) is not None


def _differ_in_detail(before: str, text: str) -> bool:
    """Return whether both messages name a day, a number or a name that the other does not: they are two requests.

    >>> _differ_in_detail("book lunch with Ana on Friday", "book lunch with Eva on Friday")
    True
    >>> _differ_in_detail("lunch at 1", "lunch at 1 pm")
    False
    """
    one, two = ({detail.lower() for detail in _DETAIL.findall(message)} for message in (before, text))
    return bool(one - two) and bool(two - one)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def reward_of(
    kind: Kind, on: Interaction, event: Event, rater_id: Identity, at: datetime, words: str = ""
) -> RewardEvent:
    """Return the ledger's row for a signal. The same event gives the same row, so that a crash adds nothing twice.

    Args:
        kind: the signal.
        on: the reply that the signal is about.
        event: the event that the signal was read from.
        rater_id: the identity that caused the event.
        at: when the event happened.
        words: what the ledger keeps of the event's words; what is secret in them is masked.
    """
    return RewardEvent(
        reward_id=f"{event_key(event)}:{'edited' if isinstance(event, Edit) else kind}",
        event_id=event.event_id,
        interaction_id=on.interaction_id,
        rater_id=rater_id,
        user_id=on.user_id,
        kind=kind,
        op="add",
        raw_value=words,
        reward=SIGNALS[kind].reward,
        mapping_version=RULES_VERSION,
        at=at,
    )


def event_key_of(sign: RewardEvent) -> str:
    """Return the key of the event that :func:`reward_of` made ``sign`` from: the id of the reply to that event."""
    return sign.reward_id.rpartition(":")[0]
