"""What replaces what. What breaks without this: two homes, and a list that only grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llmagent_os.ledger.memories import Memory, MemoryChange, NewMemory
from llmagent_os.memory.message_reading import read
from llmagent_os.memory.superseding import MOST_MEMORIES, change_of, held

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SOURCE = NewMemory(source="memory:1", room="r", is_private=True, said_at=NOON)


def remembered(*said: str) -> list[Memory]:
    """Memories of what was said, in order."""
    known: list[Memory] = []
    for text in said:
        change = changed(known, text)
        known = [one for one in known if one.number not in change.end]
        for new in change.add:
            values = {name: getattr(new, name) for name in NewMemory.__struct_fields__}
            known.append(Memory(number=len(known) + 1, **values))
    return known


def remembered_at(day: int, topic: str, value: str) -> Memory:
    """A memory of the day with that number."""
    at = NOON + timedelta(day)
    return Memory(number=day, topic=topic, value=value, source="s", room="r", is_private=True, said_at=at)


def changed(known: list[Memory], text: str) -> MemoryChange:
    return change_of(known, read(text).statements, SOURCE)


def test_a_new_home_replaces_the_old_one() -> None:
    (home,) = remembered("I live in Berlin", "I moved to Rome")
    assert home.text == "You live in Rome"


def test_what_is_said_twice_is_kept_once() -> None:
    known = remembered("I love blues")
    assert changed(known, "I really love the Blues!") == MemoryChange(again=(1,))


def test_a_like_ends_the_dislike() -> None:
    (taste,) = remembered("I hate cabbage", "I like cabbage now")
    assert taste.text == "You like cabbage"


def test_a_reversed_preference_replaces_the_pair() -> None:
    (taste,) = remembered("I prefer tea to coffee", "I prefer coffee to tea")
    assert taste.value == "coffee to tea"


def test_several_pets_stay() -> None:
    assert len(remembered("our dog is called Pip", "our cat is called Tom")) == 2


def test_a_manager_is_a_boss() -> None:
    (boss,) = remembered("my boss is Ida", "my manager is Otto")
    assert boss.text == "Your manager is Otto"


def test_leaving_a_job_ends_the_employer() -> None:
    assert remembered("I work at Contoso", "I don't work there any more") == []


def test_the_number_of_memories_is_bounded() -> None:
    known = [remembered_at(at, "likes", f"v{at}") for at in range(1, MOST_MEMORIES + 1)]
    assert changed(known, "I love blues").erase == (1,)


def test_of_linked_accounts_the_latest_home_holds() -> None:
    old, new = remembered_at(1, "home", "Berlin"), remembered_at(2, "home", "Rome")
    assert held([old, new]) == [new]
