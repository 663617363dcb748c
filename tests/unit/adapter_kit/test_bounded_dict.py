"""The bounded dictionary. What breaks without this: a bot that runs for months fills the memory."""

from __future__ import annotations

from llmagent_os.adapter_kit.bounded_dict import BoundedDict


def test_the_entries_that_were_set_last_are_kept() -> None:
    kept: BoundedDict[str, int] = BoundedDict(3)
    for number, key in enumerate("abcad"):
        kept[key] = number
    assert list(kept.items()) == [("c", 2), ("a", 3), ("d", 4)]


def test_reading_an_entry_does_not_prolong_its_life() -> None:
    kept: BoundedDict[str, int] = BoundedDict(2)
    kept.update(a=1, b=2)
    assert kept["a"] == 1
    kept["c"] = 3
    assert "a" not in kept


def test_it_is_a_dictionary_otherwise() -> None:
    kept: BoundedDict[str, int] = BoundedDict(2)
    assert kept.setdefault("a", 1) == 1
    assert kept.setdefault("a", 2) == 1
    assert kept.pop("a") == 1
    assert kept.get("a") is None
    assert len(kept) == 0
