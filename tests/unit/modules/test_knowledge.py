"""What breaks without this: the bot tells the wrong fact, or none, or cannot say what is wrong in a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.modules import KnowledgeBase


@pytest.fixture
def kb() -> KnowledgeBase:
    made = KnowledgeBase()
    made.add("The office opens at 8 AM.", about="hours building")
    made.add("Type /export to get your calendar as a file.", about="download ics")
    made.add("Parking is behind the house.")
    return made


def test_finds_the_fact_asked_for_best_first_with_scores(kb: KnowledgeBase) -> None:
    hits = kb.retrieve_knowledge("when does the office open?")
    assert hits[0].fact.text == "The office opens at 8 AM."
    assert hits[0].score > 0
    assert 0 < hits[0].coverage <= 1


def test_says_nothing_where_it_knows_nothing(kb: KnowledgeBase) -> None:
    """A fact that only shares a small word with the question must not be told."""
    assert kb.retrieve_knowledge("schedule a meeting with the landlord about the flat tomorrow") == []
    assert kb.retrieve_knowledge("the of and") == []
    assert KnowledgeBase().retrieve_knowledge("anything") == []


def test_removed_facts_are_gone(kb: KnowledgeBase) -> None:
    added = kb.add("The printer is in room 4.")
    assert kb.retrieve_knowledge("where is the printer")
    assert kb.remove(added)
    assert not kb.remove(added)
    assert kb.retrieve_knowledge("where is the printer") == []


def test_ids_are_never_taken_twice(kb: KnowledgeBase) -> None:
    first = kb.add("one")
    kb.remove("fact-1")
    assert kb.add("two") != first


def test_a_fact_with_the_same_id_is_replaced(kb: KnowledgeBase) -> None:
    size = len(kb)
    kb.add("Lunch is at noon.", fact_id="lunch")
    kb.add("Lunch is at one.", fact_id="lunch")
    assert len(kb) == size + 1
    assert kb.retrieve_knowledge("when is lunch")[0].fact.text == "Lunch is at one."


def test_loads_texts_and_objects(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    path.write_text(json.dumps(["Tea is at four.", {"id": "x", "text": "Rain is wet.", "about": "weather"}]))
    kb = KnowledgeBase()
    assert kb.load_knowledge(path) == 2
    assert kb.retrieve_knowledge("weather")[0].fact.fact_id == "x"


def test_a_bare_name_is_found_in_the_installed_bots() -> None:
    assert KnowledgeBase().load_knowledge("calendar_knowledge.json") > 3


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        ("{\n", r":2:1 is not JSON: Expecting property name"),
        ('{"a": 1}', "under .a.: a number"),
        ('["ok", 3]', "item 2"),
        ('["  "]', "needs a text"),
    ],
)
def test_bad_files_say_what_is_wrong(tmp_path: Path, content: str, wrong: str) -> None:
    path = tmp_path / "facts.json"
    path.write_text(content)
    with pytest.raises(ConfigError, match=wrong):
        KnowledgeBase().load_knowledge(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json"):
        KnowledgeBase().load_knowledge(tmp_path / "none.json")


def test_a_fact_of_nothing_but_small_words_is_no_answer_and_no_error() -> None:
    """Somebody's one odd fact must not keep every message from being answered."""
    kb = KnowledgeBase()
    kb.add("Who are you?")
    assert kb.retrieve_knowledge("tea") == []
    kb.add("Tea is at four.")
    assert [hit.fact.text for hit in kb.retrieve_knowledge("when is tea")] == ["Tea is at four."]
