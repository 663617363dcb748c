"""What a behaviour policy may look at when it decides: a few typed features, and never the words themselves."""

from __future__ import annotations

import re
from datetime import datetime

from llmagent_os.languages import language_in_force
from llmagent_os.people.time_zones import zone_or
from llmagent_os.policy import Context
from llmagent_os.reply.exchange import Exchange

_QUESTION = re.compile(
    r"^(what|when|where|who|why|how|which|am|are|is|do|does|did|can|could|will|would|have|has)\b", re.I
)
_TALK = re.compile(r"^(hi|hello|hey|good (morning|afternoon|evening)|thanks|thank you|bye|how are you)\b", re.I)

#: The hour at which each part of the day ends.
_DAY_PARTS = ((5, "night"), (12, "morning"), (17, "afternoon"), (22, "evening"), (24, "night"))


def request_features(exchange: Exchange, now: datetime, default: str = "UTC") -> Context:
    """The features of a message.

    Args:
        exchange: the message, its person and what was said before.
        now: the present, aware. The hour is that of the person's own zone where it is known.
        default: the zone of a person whose own zone this machine lacks.
    """
    text, profile, room = exchange.text, exchange.profile, exchange.event.conversation
    words = len(text.split())
    hour = now.astimezone(zone_or(profile.known_zone, default)).hour if profile.known_zone else now.hour
    return {
        "intent": "talk" if _TALK.match(text) else "ask" if "?" in text or _QUESTION.match(text) else "request",
        "kind": room.kind,
        "length": "short" if words <= 4 else "medium" if words <= 15 else "long",
        "day": next(part for end, part in _DAY_PARTS if hour < end),
        "platform": room.platform,
        "language": language_in_force(),
        "turn": min(exchange.episode.turn_index, 6) / 3,  # a number counts as it is: about one
    }
