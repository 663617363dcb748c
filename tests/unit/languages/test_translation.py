"""Texts in the language in force."""

from __future__ import annotations

import asyncio
from gettext import NullTranslations

import pytest

from llmagent_os.languages import LazyText, gettext, language_in_force, lazy_gettext, ngettext, speaking, translation

TEXT = "That person belongs to another workspace than the one that you are an admin of."


def test_a_text_is_in_the_language_of_the_person() -> None:
    with speaking("de"):
        assert gettext(TEXT) == "Diese Person gehört zu einem anderen Workspace als dem, in dem du Admin bist."
    assert gettext(TEXT) == TEXT


def test_a_constant_is_translated_when_it_is_said() -> None:
    constant = lazy_gettext(TEXT)
    with speaking("zh"):
        assert str(constant) == "此人所属的工作区不是你管理的工作区。"
    assert f"{constant}" == TEXT


async def test_two_people_at_once_hear_their_own_languages() -> None:
    """The language belongs to the task that answers, and to the threads that it starts."""

    async def hears(language: str) -> tuple[str, str]:
        with speaking(language):
            await asyncio.sleep(0)
            return language_in_force(), await asyncio.to_thread(language_in_force)

    assert [*await asyncio.gather(hears("de"), hears("es"))] == [("de", "de"), ("es", "es")]
    assert language_in_force() == "en"


@pytest.mark.parametrize("language", ["fr", "../de", ""])
def test_a_language_without_texts_is_spoken_to_in_english(language: str) -> None:
    with speaking(language):
        assert gettext(TEXT) == TEXT
        assert ngettext("{count} day", "{count} days", 2) == "2 days"


class WrongCatalogue(NullTranslations):
    """Translates every text by one with a placeholder that nobody fills."""

    def gettext(self, message: str) -> str:
        return "Hallo {wer.x} {0"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "{anzahl} Tage"


def test_a_wrong_translation_is_given_in_english(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(language: str) -> NullTranslations:
        return WrongCatalogue()

    monkeypatch.setattr(translation, "catalogue", wrong)
    assert gettext("Hello {name}.", name="{Ana}") == "Hello {Ana}."
    assert ngettext("{count} day", "{count} days", 3) == "3 days"


def test_a_placeholder_without_its_value_is_a_fault_of_the_caller() -> None:
    with pytest.raises(KeyError, match="name"):
        gettext("Hello {name}.", nam="Ana")
    with pytest.raises(KeyError, match="name"):
        LazyText("Hello {name}.").format(nam="Ana")


@pytest.mark.parametrize(("language", "written"), [("en", "1,234 days"), ("de", "1.234 days"), ("zh", "1,234 days")])
def test_numbers_are_written_as_the_language_writes_them(language: str, written: str) -> None:
    with speaking(language):
        assert ngettext("{count} day", "{count} days", 1234) == written
