"""What new statements change in what is remembered of a person: something is added, ends, or is only stated again.

A person has one home: a new one ends the old one. Nobody likes and dislikes the same thing. What is stated twice is
kept once. So memories do not pile up.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.ledger.memories import Memory, MemoryChange, NewMemory
from llmagent_os.memory.statement import Statement, value_key
from llmagent_os.memory.topics import opposite_of, topic_of

#: Most memories of one person. Beyond it, those that were stated longest ago go.
MOST_MEMORIES = 300

#: Jobs that end an employment.
_NO_EMPLOYER = frozenset({"retired", "unemployed", "self-employed", "self employed"})


def change_of(known: Sequence[Memory], statements: Sequence[Statement], new: NewMemory) -> MemoryChange:
    """Return how statements of one message change what is remembered.

    Args:
        known: what is remembered of the person and holds.
        statements: of the message, in order.
        new: the source of the statements; its topic, value and text are not used.
    """
    add: dict[tuple[str, str], NewMemory] = {}
    ended: dict[int, None] = {}
    again: list[int] = []
    for each in statements:
        if each.ends:
            ended |= dict.fromkeys(one.number for one in known if _is_ended(one, each))
            add = {key: one for key, one in add.items() if key[0] not in each.ends or key[1] != value_key(each.value)}
            continue
        key = each.topic, value_key(each.value)
        same = [one for one in known if (one.topic, value_key(one.value)) == key and one.number not in ended]
        if topic_of(each.topic).is_single:
            add = {other: one for other, one in add.items() if other[0] != each.topic}
        if same:
            again += [one.number for one in same]
        else:
            add[key] = new.with_statement(each.topic, each.value, each.text, each.said)
        ended |= dict.fromkeys(one.number for one in known if one not in same and _is_replaced(one, each))
    kept = len(known) - len(ended) + len(add)
    oldest = sorted((one for one in known if one.number not in ended), key=lambda one: one.said_at)
    too_many = [one.number for one in oldest[: max(kept - MOST_MEMORIES, 0)]]
    return MemoryChange(add=tuple(add.values()), end=tuple(ended), again=tuple(again), erase=tuple(too_many))


def held(memories: Sequence[Memory]) -> list[Memory]:
    """Return what holds of memories of accounts that were linked later: of a topic with one value, the latest."""
    latest: dict[str, Memory] = {}
    for one in memories:
        if topic_of(one.topic).is_single and (one.topic not in latest or latest[one.topic].said_at <= one.said_at):
            latest[one.topic] = one
    return [one for one in memories if latest.get(one.topic, one) is one]


def _is_replaced(one: Memory, by: Statement) -> bool:
    """Whether ``one`` cannot hold beside a new statement."""
    if one.topic == by.topic:
        return topic_of(by.topic).is_single or _is_reversed(one.value, by.value, by.topic)
    if one.topic == "employer" and by.topic == "job":
        return by.value.casefold() in _NO_EMPLOYER
    if one.topic in opposite_of(by.topic):
        return value_key(one.value) == value_key(by.value)
    return by.topic == "commute" and one.topic == "commute"


def _is_reversed(old: str, new: str, topic: str) -> bool:
    """Whether two preferences are the same pair, the other way round: tea to coffee, coffee to tea."""
    pair = [part for part in _pair(new) if part]
    return topic == "prefers" and len(pair) == 2 and _pair(old) == pair[::-1]


def _pair(value: str) -> list[str]:
    for word in (" rather than ", " over ", " to "):
        if word in value:
            return [value_key(part) for part in value.split(word, 1)]
    return [value_key(value)]


def _is_ended(one: Memory, by: Statement) -> bool:
    """Whether a statement that takes something back speaks of ``one``: its value is, or is in, what is remembered."""
    if one.topic.partition(":")[0] not in {topic.partition(":")[0] for topic in by.ends}:
        return False
    gone, value, text = value_key(by.value), value_key(one.value), value_key(one.text)
    return not gone or gone == value or f" {gone} " in f" {value} " or f" {gone} " in f" {text} "
