"""The catalogues: a text without its translation reaches people in English, and one with a wrong placeholder fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.languages.catalogues import catalogue
from tests import catalogues
from tests.catalogues import TRANSLATED, bad_calls, faults, problems, source_texts, strings_of, translations


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated(language: str) -> None:
    """``python -m tests.catalogues --update`` adds what is missing, and drops what is stale."""
    assert not list(problems(language))


def test_every_call_can_be_translated() -> None:
    assert not list(bad_calls())


@pytest.mark.parametrize("language", TRANSLATED)
def test_people_get_what_the_files_say(language: str) -> None:
    """A text that two rooms have would hide one of its translations."""
    for room in translations(language).values():
        for identifier, message in room.items():
            if isinstance(identifier, str):
                assert catalogue(language).gettext(identifier) == strings_of(message)
            else:
                assert catalogue(language).ngettext(identifier[0], identifier[1], 1) == strings_of(message)[0]


@pytest.mark.parametrize(
    ("english", "translated", "fault"),
    [
        ("Hello {name}.", "Hallo {nam}.", "placeholders"),
        ("Hello {name}.", "Hallo {name.", "cannot be filled"),
        ("`/privacy on` allows it.", "`/privacy an` erlaubt es.", "commands"),
        ("say /undo", "sag /zurück", "commands"),
        ("Done.", "", "no translation"),
        ("Done.", "Fertig. ", "space"),
        (("{count} day", "{count} days"), ("{count} Tag",), "forms"),
    ],
)
def test_a_wrong_translation_is_named(english: str | tuple[str, ...], translated: str, fault: str) -> None:
    assert any(fault in each for each in faults(english, translated, "de"))


@pytest.mark.parametrize(
    ("english", "translated"),
    [
        ("`/approve CODE` lets {name} in.", "`/approve CÓDIGO` deja entrar a {name}."),
        (("{count} day", "{count} days"), ("Ein Tag", "{count} Tage")),
    ],
)
def test_a_right_translation_has_no_fault(english: str | tuple[str, ...], translated: str) -> None:
    assert not list(faults(english, translated, "de"))


def test_update_changes_nothing_that_is_complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else every branch would change every file, and merges would conflict."""
    before = {path: path.read_bytes() for path in catalogues.FOLDER.rglob("*.po")}
    monkeypatch.setattr(catalogues, "FOLDER", tmp_path)
    for path, content in before.items():
        (tmp_path / path.parent.name).mkdir(exist_ok=True)
        (tmp_path / path.parent.name / path.name).write_bytes(content)
    (tmp_path / "de" / "nowhere.po").write_text('msgid "Stale."\nmsgstr "Alt."\n', encoding="utf-8")
    catalogues.update()
    assert {path.relative_to(tmp_path): path.read_bytes() for path in tmp_path.rglob("*.po")} == {
        path.relative_to(path.parents[1]): content for path, content in before.items()
    }


def test_the_sources_have_texts() -> None:
    assert source_texts()["commands"]
