"""What simulated people say to the calendar bot: requests that it can do, questions about the calendar, and small talk.

The three parts have no title and no small talk in common: what a person has reacted to is never what is measured.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from types import MappingProxyType

_TITLES: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "talk": (
            "lunch with Mara",
            "the dentist",
            "a haircut",
            "book club",
            "yoga class",
            "dinner with Tom",
            "chess night",
        ),
        "fresh": ("coffee with Nia", "the vet", "swimming", "piano lesson", "the team meeting", "a walk with Leo"),
        "calibration": ("tea with Omar", "the plumber", "football", "choir practice", "the parents' evening", "brunch"),
    }
)
_SMALL_TALK: Mapping[str, Sequence[str]] = MappingProxyType(
    {
        "talk": ("hello", "thanks", "who are you?", "tell me a joke", "what is the weather like?", "are you a robot?",
                 "sing a song", "order a pizza", "how tall is Everest?", "good night"),
        "fresh": ("hi there", "thank you so much", "what are you?", "say something funny", "will it rain tomorrow?",
                  "tell me about yourself", "play some jazz", "call a taxi", "who wrote Faust?", "goodbye"),
        "calibration": ("good morning", "many thanks", "what's your name?", "make me laugh", "is it cold outside?",
                        "who built you?", "turn on the radio", "book a flight", "what is 7 times 8?", "bye"),
    }
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_TIMES = ("at 9am", "at 10:30", "at noon", "at 3pm", "at 5pm", "at 8pm")
_REQUESTS = (
    "add {title} on {day} {time}",
    "schedule {title} for next {day} {time}",
    "put {title} in my calendar for {day} {time}",
    "please book {title} {day} {time}",
)


def talk(part: str, count: int, rng: random.Random) -> list[str]:
    """Write messages, half of them requests and half of them small talk.

    Args:
        part: ``talk``, ``fresh`` or ``calibration``.
        count: how many.
        rng: the source of the draws.
    """
    said: list[str] = []
    small: list[str] = []
    for number in range(count):
        if number % 2:
            small = small or rng.sample(_SMALL_TALK[part], len(_SMALL_TALK[part]))
            said.append(small.pop())
        else:
            form = rng.choice(_REQUESTS)
            said.append(form.format(title=rng.choice(_TITLES[part]), day=rng.choice(_DAYS), time=rng.choice(_TIMES)))
    return said
