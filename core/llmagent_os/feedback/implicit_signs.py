"""What the next message says of the reply before it, where nobody reacted: asked again, corrected, thanked."""

from __future__ import annotations

import re
from datetime import datetime

from rapidfuzz import fuzz

from llmagent_os.events import Edit, Event, event_key
from llmagent_os.feedback.emoji_table import IMPLICIT
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction, RewardEvent
from llmagent_os.policy import Kind

#: The version of the rules below, kept beside every reward that they gave.
VERSION = "implicit-3"

#: How alike two messages are, in percent, of which the second asks the first again in other words.
ALIKE = 72.0

_THANKS = re.compile(
    r"\b(thanks|thank you|thx|ty|cheers|love it|well done|good (job|bot|one)|that('s| is) (right|great|perfect|it))\b"
    r"|🙏|❤"
    # Praise, and not what is asked for: "great!", "ok, very nice one", but no "great restaurants", nor "not great".
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
#: What tells one request from another that is put in the same words: a number, a day, a name inside the sentence.
_DETAIL = re.compile(
    r"\d+|\b(?i:mon|tues|wednes|thurs|fri|satur|sun)day\b|\b(?i:today|tonight|tomorrow)\b|(?<=[a-z,] )[A-Z]\w+"
)
#: A reply that asks something: what comes next answers it, and is no re-ask.
_ASKING = frozenset({"missing", "unclear", "confirm", "conflict", "ambiguous"})


def sign(before: Interaction, said: str) -> Kind:
    """What ``said`` says of the reply ``before`` it.

    >>> from llmagent_os.identity import parse
    >>> ana = parse("web:local:ana")
    >>> ask = Interaction(interaction_id="1", event_id="1", user_id=ana, conversation_key="c", said="what's on friday?")
    >>> sign(ask, "what do I have on friday"), sign(ask, "no, I meant saturday"), sign(ask, "perfect, thanks!")
    ('reask', 'correction', 'thanks')
    >>> sign(ask, "book lunch with Ben at noon")
    'went_on'
    """
    text = " ".join(said.split())
    asked = any(call.get("result", {}).get("status") in _ASKING for call in before.tool_calls[-1:])
    if not asked and _CORRECTION.search(text):
        return "correction"
    if len(text.split()) <= 8 and _THANKS.search(text):
        return "thanks"
    alike = fuzz.token_set_ratio(_words(before.said), _words(text)) >= ALIKE
    if not asked and before.said and alike and not _other(before.said, text):
        return "reask"
    return "went_on"


def _other(before: str, text: str) -> bool:
    """Whether each names a day, a number or a name that the other does not: then it is another request.

    >>> _other("book lunch with Ana on Friday", "book lunch with Eva on Friday"), _other("lunch at 1", "lunch at 1 pm")
    (True, False)
    """
    one, two = ({each.lower() for each in _DETAIL.findall(said)} for said in (before, text))
    return bool(one - two) and bool(two - one)


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def reward_of(kind: Kind, on: Interaction, event: Event, rater_id: Identity, at: datetime) -> RewardEvent:
    """The row of the ledger that says so: the same for the same event, so that a crash adds nothing twice."""
    return RewardEvent(
        reward_id=f"{event_key(event)}:{'edited' if isinstance(event, Edit) else kind}",
        event_id=event.event_id,
        interaction_id=on.interaction_id,
        rater_id=rater_id,
        user_id=on.user_id,
        kind=kind,
        op="add",
        raw_value="",
        reward=IMPLICIT[kind],
        mapping_version=VERSION,
        at=at,
    )
