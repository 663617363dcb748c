"""What a behaviour policy may look at when it decides: a few typed features, none of them what was said."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

from llmagent_os.events import Message
from llmagent_os.people.profiles import Profile
from llmagent_os.policy import Context

_QUESTION = re.compile(
    r"^(what|when|where|who|why|how|which|am|are|is|do|does|did|can|could|will|would|have|has)\b", re.I
)
_TALK = re.compile(r"^(hi|hello|hey|good (morning|afternoon|evening)|thanks|thank you|bye|how are you)\b", re.I)
_DAY = ((5, "night"), (12, "morning"), (17, "afternoon"), (22, "evening"), (24, "night"))


def features_of(message: Message, text: str, turn: int, person: Profile, now: datetime) -> Context:
    """The situation of a message.

    Args:
        message: what was said, and where.
        text: its words.
        turn: how many turns its session had before.
        person: who said it.
        now: the present, aware; the time of day is the person's own where their zone is known.
    """
    words = len(text.split())
    hour = now.astimezone(ZoneInfo(person.time_zone)).hour if person.time_zone else now.hour
    return {
        "intent": "talk" if _TALK.match(text) else "ask" if "?" in text or _QUESTION.match(text) else "request",
        "kind": message.conversation.kind,
        "length": "short" if words <= 4 else "medium" if words <= 15 else "long",
        "day": next(name for end, name in _DAY if hour < end),
        "platform": message.conversation.platform,
        "language": person.language,
        "turn": min(turn, 6) / 3,
    }
