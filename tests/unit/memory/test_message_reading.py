"""What is read as a statement, and what is not. What breaks without this: a memory full of junk, or of other people."""

from __future__ import annotations

import pytest

from llmagent_os.memory.message_reading import read, stated_in


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Hi! I'm an architect and I can't stand cabbage.", ["You work as an architect", "You do not like cabbage"]),
        ("We moved to Turin in 2024", ["You live in Turin"]),
        ("my wife Greta says hello", ["Your wife is called Greta"]),
        ("I'm allergic to walnuts and kiwis", ["You are allergic to walnuts", "You are allergic to kiwis"]),
        ("I'm pescatarian, find a place for tonight", ["You are pescatarian"]),
        ("I love blues, play me some", ["You like blues"]),
        ("I'm pescatarian, what could I cook tonight?", ["You are pescatarian"]),
        ("I prefer trains over planes", ["You prefer trains over planes"]),
        ("our hamster is called Pip", ["You have a hamster called Pip"]),
        ("remember that I park in row 7", ["You park in row 7"]),
    ],
)
def test_statements_of_oneself_are_read(said: str, kept: list[str]) -> None:
    assert [each.text for each in read(said).statements] == kept


@pytest.mark.parametrize(
    "said",
    [
        "do I like cabbage?",  # questions
        "I like cabbage, don't I",
        "I like cabbage, right?",
        "I like cabbage, isn't that so?",
        "if I lived in Turin I'd buy a scooter",  # suppositions, wishes and plans
        "I might become an architect",
        "I'd love a coffee",
        "I'm a dragon haha",  # jokes
        "I live in Turin, just kidding",
        "my brother is an architect",  # other people
        "Greta lives in Turin",
        "I'm hungry",  # moments
        "I have a meeting with Greta at 5",
        "I want pizza tonight",
        "I like your answer",
        "I love it",
        "I love that idea",
        "translate: I live in Turin",  # texts to work on, and quotations
        "she wrote “I live in Turin”",
        "I like long answers",  # the profile keeps how to answer
        "I used to live in Turin when I was small",
        "I am diabetic",  # special categories, unless asked for
        "remember that Greta likes cabbage",
    ],
)
def test_junk_is_not_kept(said: str) -> None:
    assert [each for each in read(said).statements if not each.ends] == []


def test_what_holds_no_longer_is_read_as_ended() -> None:
    (ended,) = read("I don't like cabbage any more").statements
    assert ended.value == "cabbage"
    assert ended.ends == {"likes"}
    ended, now = read("I've come to like cabbage").statements
    assert ended.ends == {"dislikes"}
    assert now.text == "You like cabbage"


def test_special_categories_are_kept_where_the_person_asks() -> None:
    reading = read("please remember that I am diabetic")
    assert [each.text for each in reading.statements] == ["You are diabetic"]
    assert reading.is_asked_for


def test_a_message_is_whole_only_where_nothing_else_is_asked() -> None:
    assert read("Hello, I'm an architect.").is_whole
    assert not read("I'm an architect. What do I have tomorrow?").is_whole


def test_a_clause_is_read_by_itself() -> None:
    assert [each.topic for each in stated_in("I like cabbage")] == ["likes"]
