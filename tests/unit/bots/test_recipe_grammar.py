"""Whoever writes wordings for the calendar model needs to be told which line is wrong, and to get what they wrote."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from llmagent_os.bots.calendar.recipe.check_grammar import check_grammar
from llmagent_os.bots.calendar.recipe.grammar_syntax import GrammarError
from llmagent_os.bots.calendar.recipe.marked_text import opening_mark
from llmagent_os.bots.calendar.recipe.phrase_grammar import Grammar


def drawn(text: str, rule: str = "x", count: int = 40) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """What ``rule`` gives in so many tries."""
    grammar = Grammar()
    grammar.add(text, "test")
    rng = random.Random(0)
    phrases = [grammar.draw(rule, rng) for _ in range(count)]
    return {(phrase.text, tuple(phrase.marks.items())) for phrase in phrases}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("book (a table", r"column 14: '\)' is missing"),
        ("book [a table", r"'\]' is missing"),
        ("book {title:a table", "'}' is missing"),
        ("book <title", "'>' is missing"),
        ("book <>", "a rule's name is missing"),
        ("book {Title}", "a mark is {arg}, {arg=rule} or {arg:inline text}"),
        ("book {title=thing:a table}", "a rule or an inline text, not both"),
        ("book a table)", r"column 13: unexpected '\)'"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, why: str) -> None:
    """Without file and line nobody finds a bracket among ten thousand lines."""
    with pytest.raises(GrammarError, match=rf"^create\.txt, line 3, column \d+: .*{why.split(': ')[-1]}") as caught:
        Grammar().add(f"# a comment\n== ask\n{line}\n", "create.txt")
    assert repr(line) in str(caught.value)
    if why.startswith("column"):
        assert why.split(":")[0] in str(caught.value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello\n== ask\nhi", "line 1: a rule starts with '== name', found 'hello'"),
        ("== Ask me\nhi", "not a rule name"),
    ],
)
def test_a_rule_without_a_proper_name_is_refused(text: str, why: str) -> None:
    """Its lines would end up in another rule, or in none."""
    with pytest.raises(GrammarError, match=why):
        Grammar().add(text, "create.txt")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A file saved in another encoding must not end in a traceback about bytes."""
    (tmp_path / "create.txt").write_bytes("== ask\nhi\ncafé\n".encode("latin-1"))
    with pytest.raises(GrammarError, match=r"create\.txt, line 3: this is not UTF-8 text"):
        Grammar().load(tmp_path)


def test_choices_and_options_give_every_alternative() -> None:
    """An alternative that never comes is wording the model never learns."""
    assert {text for text, _ in drawn("== x\n(book|reserve|) [a|the] table")} == {
        f"{verb} {article} table".replace("  ", " ").strip()
        for verb in ("book", "reserve", "")
        for article in ("a", "the", "")
    }


def test_marks_nest_and_take_the_text_of_rules() -> None:
    """The arguments of a call are these: a wrong one is a wrong call learned."""
    text = "== x\nbook {title:lunch with {person=name}} {date}, ok\n== name\nana\n== date\non {day}\n== day\nfriday"
    assert drawn(text, count=1) == {
        (
            "book lunch with ana on friday, ok",
            (("date", "on friday"), ("day", "friday"), ("person", "ana"), ("title", "lunch with ana")),
        )
    }


def test_spaces_and_articles_are_put_right() -> None:
    """Doubled spaces, a space before a comma, or 'a event' are things that people do not write by the thousand."""
    assert drawn("== x\nadd a  {title: event } , {person:  ana } 's [|] one", count=1) == {
        ("add an event, ana's one", (("person", "ana"), ("title", "event")))
    }


def test_nothing_is_drawn_from_a_rule_that_is_not_there() -> None:
    """A misspelled rule must be found before the training, by its name."""
    grammar = Grammar()
    grammar.add("== ask\nbook <titel>\n== empty\n", "test")
    assert grammar.undefined() == {"titel", "empty"}
    with pytest.raises(GrammarError, match="'titel'"):
        grammar.draw("ask", random.Random(0))


def test_rules_supplied_by_code_come_first() -> None:
    """Names are drawn by code; a rule of that name in a file must not hide them."""
    grammar = Grammar(sources={"name": lambda _rng: "Bo"})
    grammar.add("== ask\n{person=name}\n== name\nana", "test")
    assert grammar.undefined() == set()
    assert grammar.draw("ask", random.Random(0)).marks == {"person": "Bo"}


def test_there_are_marks_for_so_many_arguments_only() -> None:
    """One more would silently become another character of the text."""
    assert opening_mark(0) != opening_mark(255)
    with pytest.raises(ValueError, match="256"):
        opening_mark(256)


def checked(tmp_path: Path, text: str, *options: str) -> Result:
    (tmp_path / "mine.txt").write_text(text, encoding="utf-8")
    (tmp_path / "others.txt").write_text("== date\ntomorrow\n", encoding="utf-8")
    return CliRunner().invoke(check_grammar, [str(tmp_path / "mine.txt"), "--seed", "1", *options])


def test_the_checker_shows_samples(tmp_path: Path) -> None:
    """Writers see what their lines give, with other files' rules, names drawn by code, and data of results."""
    result = checked(tmp_path, "== ask\nadd {date} with <person>\n== r_x\nDone: <data_title>.", "--samples", "1")
    assert result.exit_code == 0, result.output
    assert "== ask (1 lines)" in result.output
    assert "{'date': 'tomorrow'}" in result.output
    assert "Done: <title>." in result.output


def test_the_checker_tells_what_is_wrong(tmp_path: Path) -> None:
    """A script can rely on the exit code: 2 for what cannot be read, 1 for what is not defined."""
    broken, undefined = checked(tmp_path, "== ask\nadd ("), checked(tmp_path, "== ask\nadd <titel>")
    assert broken.exit_code == 2
    assert "mine.txt, line 2" in broken.output
    assert undefined.exit_code == 1
    assert "nothing defines titel" in undefined.output
