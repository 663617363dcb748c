"""Passages on disk. What breaks without this: a restart loses knowledge, or a removed document is still there."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge import passage_rows
from llmagent_os.knowledge.passage_base import PassageBase
from llmagent_os.knowledge.passages import Document, Section
from llmagent_os.knowledge.search_terms import words
from llmagent_os.modules import KnowledgeBase


def put(base: PassageBase, key: str, *texts: str) -> None:
    base.put(Document(document_id=key, title=key), [Section(text, f"page {at}") for at, text in enumerate(texts, 1)])


def found(base: PassageBase, question: str) -> list[str]:
    return [passage.text for passage, _, _ in base.best(words(question))]


def bytes_of(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


def test_a_restart_builds_nothing_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.md").write_text("# Tea\nTea is at four.")
    kb = KnowledgeBase(tmp_path / "kb.db")
    assert kb.load_only(None, (tmp_path / "files",)) == 1
    kb.base.close()

    def must_not_be_called(*_: object) -> None:
        raise AssertionError("a file that has not changed was read or indexed again")

    monkeypatch.setattr("llmagent_os.modules.knowledge.read_document", must_not_be_called)
    monkeypatch.setattr(passage_rows.PassageRows, "index_again", must_not_be_called)
    kb = KnowledgeBase(tmp_path / "kb.db")
    assert kb.load_only(None, (tmp_path / "files",)) == 1
    assert kb.retrieve_knowledge("when is tea?")[0].passage.source == "Tea"


def test_changed_files_are_read_again_and_missing_ones_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.md").write_text("Tea is at four.")
    (folder / "b.md").write_text("Coffee is never served.")
    kb = KnowledgeBase(tmp_path / "kb.db")
    kb.add("The printer is in room 4.")
    kb.load_only(None, (folder,))
    (folder / "a.md").write_text("Tea is at five.")
    (folder / "b.md").unlink()
    assert kb.load_only(None, (folder,)) == 1
    assert kb.retrieve_knowledge("when is tea")[0].passage.text == "Tea is at five."
    assert kb.retrieve_knowledge("coffee served") == []
    assert kb.retrieve_knowledge("where is the printer"), "what was added by hand stays"


def test_what_was_removed_is_in_no_byte_of_the_files(tmp_path: Path) -> None:
    base = PassageBase(tmp_path / "kb.db")
    put(base, "keep", "Tea is at four.")
    put(base, "gone", "The gugelhupf is in the zeppelin.", "Second gugelhupf.")
    base.close()
    base = PassageBase(tmp_path / "kb.db")
    assert b"gugelhupf" in bytes_of(tmp_path)
    assert base.remove("gone")
    base.compact()
    assert b"gugelhupf" not in bytes_of(tmp_path)
    assert b"zeppelin" not in bytes_of(tmp_path)
    assert found(base, "tea") == ["Tea is at four."]


def test_an_update_replaces_all_passages_of_a_document() -> None:
    base = PassageBase()
    put(base, "a", "Tea is at four.", "Coffee is at five.")
    put(base, "a", "Tea is at six.")
    assert found(base, "tea coffee") == ["Tea is at six."]
    assert len(base) == 1


def test_a_document_that_cannot_be_kept_changes_nothing() -> None:
    base = PassageBase()
    put(base, "a", "Tea is at four.")
    with pytest.raises(ConfigError, match="needs a text"):
        put(base, "a", "  ")
    assert found(base, "tea") == ["Tea is at four."]


def test_another_process_that_erases_the_file_is_noticed(tmp_path: Path) -> None:
    """`llmagent-os profile forget` runs beside the host: the host must not answer from what is gone."""
    host, command_line = PassageBase(tmp_path / "kb.db"), PassageBase(tmp_path / "kb.db")
    put(host, "a", "Tea is at four.")
    assert found(host, "tea")
    assert command_line.erase() == 1
    assert not (tmp_path / "kb.db").exists()
    assert found(host, "tea") == []
    assert list(tmp_path.glob("*")) != [], "the host has a new and empty base now"
    put(host, "b", "Coffee is at five.")
    assert found(PassageBase(tmp_path / "kb.db"), "coffee")


def test_other_terms_are_indexed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An update of the program may split words in another way: questions must find what was indexed before."""
    base = PassageBase(tmp_path / "kb.db")
    put(base, "a", "Tea is at four.")
    base.close()

    def backwards(text: str) -> list[str]:
        return [word[::-1] for word in words(text)]

    monkeypatch.setattr(passage_rows, "words", backwards)
    monkeypatch.setattr(passage_rows, "TERMS_VERSION", "backwards")
    base = PassageBase(tmp_path / "kb.db")
    assert [passage.text for passage, _, _ in base.best(["aet"])] == ["Tea is at four."]
    assert base.remove("a")
    assert base.best(["aet"]) == []


def test_a_base_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    PassageBase(tmp_path / "kb.db").documents()
    with sqlite3.connect(tmp_path / "kb.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigError, match="later version"):
        PassageBase(tmp_path / "kb.db").documents()
    (tmp_path / "text.db").write_text("this is no database, but a text that is long enough to be looked at" * 20)
    with pytest.raises(ConfigError, match=r"text\.db cannot be opened"):
        PassageBase(tmp_path / "text.db").documents()


def test_common_words_find_nothing_by_themselves_in_a_big_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """They count for the order all the same."""
    monkeypatch.setattr(passage_rows, "SMALL", 10)
    base = PassageBase()
    put(base, "all", *(f"Page number{at} of the handbook." for at in range(100)), "The handbook has a page on tea.")
    best = base.best(words("which page of the handbook is on tea?"))
    assert [passage.text for passage, _, _ in best] == ["The handbook has a page on tea."]
    assert best[0][2] == 1.0
    assert len(base.best(words("handbook page"))) == 50


def test_questions_in_other_scripts_and_with_odd_signs(tmp_path: Path) -> None:
    base = PassageBase(tmp_path / "kb.db")
    put(base, "zh", "会议室在三楼。", "食堂十二点开门。")
    put(base, "de", "Die Straße heißt Übungsweg.")
    assert found(base, "会议室在哪里")[0] == "会议室在三楼。"
    assert found(base, "STRASSE übungsweg") == ["Die Straße heißt Übungsweg."]
    for odd in ('"', "' OR 1=1 --", "a* NEAR(b)", "{terms}: x", "😀", "\x00", "- ^ ( )"):
        base.best(words(odd))


def test_a_long_question_is_answered() -> None:
    base = PassageBase()
    put(base, "a", "Tea is at four.")
    assert found(base, "tea " + " ".join(f"word{at}" for at in range(5000)))
