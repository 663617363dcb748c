"""Makes the scripted conversations of ``benchmarks.memory``: who says what where, and what should be remembered.

People state facts, change them and take them back, between small talk, requests, questions, jokes, suppositions, things
of the past and facts about other people. The wordings are in ``memory_talk/``. Names of towns, companies and people are
made up and belong to one person only, so that a fact of one person can be found in another person's prompt.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TALK = Path(__file__).parent / "memory_talk"

#: Values that people share. The others are made up.
VALUES = {
    "job": "nurse|carpenter|teacher|software engineer|baker|dentist|tailor|librarian|photographer|plumber",
    "diet": "vegetarian|vegan|pescatarian",
    "allergen": "peanuts|shellfish|pollen|penicillin|soy|cat hair|strawberries|latex",
    "thing": "jazz|hiking|crime novels|green tea|old maps|baroque music|sailing|street food|silent films|gardening",
    "food": "olives|mushrooms|coriander|liver|beetroot|anchovies|blue cheese|oysters|liquorice|brussels sprouts",
    "colour": "green|dark blue|orange|purple|turquoise|yellow",
    "language": "Greek|Portuguese|Polish|Korean|Swahili|Danish|Turkish|Hungarian",
    "date": "3 May|14 February|July 9|the 21st of October|1 December",
    "vehicle": "bike|train|tram|car|ferry|bus",
    "hobby": "chess|tennis|the cello|badminton|the piano|football|volleyball",
    "size": "38|39|41|42|43|45",
    "weekday": "Monday|Tuesday|Wednesday|Thursday|Friday",
    "drink": "oat milk|sparkling water|ginger tea|espresso|tomato juice",
    "device": "MacBook|Pixel|Kindle|ThinkPad|Linux laptop|Fairphone",
}
MADE_UP = frozenset(("city", "company", "person", "pet"))
_SYLLABLES = (
    "ba ce do fi gu ha ki lo mu ne po ra si tu va we xo ya zi bro cla dre fle gri kno pla sta tri vel wen".split()
)


@dataclass(frozen=True)
class Fact:
    """What should be remembered."""

    topic: str
    value: str
    room: str  #: where it was said


@dataclass(frozen=True)
class Line:
    """One message of a script."""

    person: str
    room: str
    text: str
    kind: str  #: fact, change, end, ask, or what kind of junk
    wanted: str = ""  #: for ``ask``: the value of a fact that the prompt should hold


@dataclass
class Person:
    """One person: what holds, and what held."""

    name: str
    facts: list[Fact] = field(default_factory=list[Fact])
    past: list[Fact] = field(default_factory=list[Fact])
    own_names: set[str] = field(default_factory=set[str])


class Scripts:
    """All conversations of one run."""

    def __init__(self, bank: str, seed: int, conversations: int, people: int) -> None:
        self.random = random.Random(seed)
        talk: dict[str, Any] = tomllib.loads((TALK / f"{bank}.toml").read_text(encoding="utf-8"))
        self.topics: list[dict[str, Any]] = talk["fact"]
        self.junk: dict[str, list[str]] = talk["junk"]
        self.people = [Person(f"p{number}") for number in range(people)]
        self._names: set[str] = set()
        self.conversations = [[*self._conversation(number)] for number in range(conversations)]

    def _conversation(self, number: int) -> Iterator[Line]:
        """One conversation: of one person alone with the bot, or of two in a group."""
        speakers = self.random.sample(self.people, 1 if number % 4 else 2)
        room = f"dm-{speakers[0].name}" if len(speakers) == 1 else f"group-{number % 8}"
        for _ in range(self.random.randint(8, 14)):
            person = self.random.choice(speakers)
            drawn = self.random.random()
            if drawn < 0.25:
                yield self._fact(person, room)
            elif drawn < 0.40 and (changed := self._change(person, room)):
                yield changed
            elif drawn < 0.47 and (asked := self._ask(person, room)):
                yield asked
            else:
                kind = self.random.choice(sorted(self.junk))
                yield Line(person.name, room, self.random.choice(self.junk[kind]), kind)

    def _fact(self, person: Person, room: str) -> Line:
        topic = self.random.choice(self.topics)
        held = [fact for fact in person.facts if fact.topic == topic["topic"]]
        if held and not topic.get("many"):
            changed = self._change_of(person, room, topic, held[0])
            return changed or self._junk(person, room)
        value = self._value(person, topic["slot"])
        if any(same_value(value, fact.value) for fact in person.facts):
            return self._junk(person, room)
        person.facts.append(Fact(topic["topic"], value, room))
        return Line(person.name, room, self._said(topic["says"], value), "fact")

    def _junk(self, person: Person, room: str) -> Line:
        kind = self.random.choice(sorted(self.junk))
        return Line(person.name, room, self.random.choice(self.junk[kind]), kind)

    def _change(self, person: Person, room: str) -> Line | None:
        by_topic = {topic["topic"]: topic for topic in self.topics}
        can = [fact for fact in person.facts if by_topic[fact.topic].keys() & {"changes", "ends"}]
        if not can:
            return None
        fact = self.random.choice(can)
        topic = by_topic[fact.topic]
        if "ends" in topic and ("changes" not in topic or self.random.random() < 0.5):
            return self._end(person, room, topic, fact)
        return self._change_of(person, room, topic, fact)

    def _end(self, person: Person, room: str, topic: dict[str, Any], fact: Fact) -> Line:
        person.facts.remove(fact)
        person.past.append(fact)
        text = self._said(topic["ends"], fact.value)
        if topic["topic"] == "dislikes" and re.search(r"\blike\b", text) and "mind" not in text:
            person.facts.append(Fact("likes", fact.value, room))  # "I like olives now"
        return Line(person.name, room, text, "end")

    def _change_of(self, person: Person, room: str, topic: dict[str, Any], fact: Fact) -> Line | None:
        value = self._value(person, topic["slot"])
        if "changes" not in topic or any(same_value(value, other.value) for other in person.facts):
            return None
        person.facts.remove(fact)
        person.past.append(fact)
        person.facts.append(Fact(topic["topic"], value, room))
        return Line(person.name, room, self._said(topic["changes"], value), "change")

    def _ask(self, person: Person, room: str) -> Line | None:
        by_topic = {topic["topic"]: topic for topic in self.topics}
        can = [fact for fact in person.facts if by_topic[fact.topic].get("asks") and may_be_said(fact, room)]
        if not can:
            return None
        fact = self.random.choice(can)
        return Line(person.name, room, self.random.choice(by_topic[fact.topic]["asks"]), "ask", wanted=fact.value)

    def _said(self, wordings: list[str], value: str) -> str:
        text = self.random.choice(wordings).replace("{}", value)
        return text[:1].upper() + text[1:] if self.random.random() < 0.5 else text

    def _value(self, person: Person, slot: str) -> str:
        if slot not in MADE_UP:
            return self.random.choice(VALUES[slot].split("|"))
        while (name := "".join(self.random.choices(_SYLLABLES, k=3)).capitalize()) in self._names:
            pass
        self._names.add(name)
        person.own_names.add(name)
        return name


def may_be_said(fact: Fact, room: str) -> bool:
    """Whether a fact may be used in a room: alone with the bot, or where it was said."""
    return room.startswith("dm-") or fact.room == room


def same_value(one: str, other: str) -> bool:
    """Whether two values are the same words, whatever their case and articles."""
    return _plain(one) == _plain(other)


def holds(text: str, value: str) -> bool:
    """Whether a kept text names a value."""
    return re.search(rf"\b{re.escape(_plain(value))}s?\b", _plain(text)) is not None


def _plain(text: str) -> str:
    return re.sub(r"^(?:the|a|an) ", "", " ".join(text.casefold().split()))
