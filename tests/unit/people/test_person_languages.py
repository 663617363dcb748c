"""In which language a person is spoken to. What breaks without this: one quotation changes a person's language."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.events import Command, Conversation, Event, Message, Sender
from llmagent_os.handler import Draft, Outcome
from llmagent_os.identity import PersonId, identity_of
from llmagent_os.languages import language_in_force
from llmagent_os.ledger import Interaction
from llmagent_os.people.directory import Directory
from llmagent_os.people.person_languages import PersonLanguages
from llmagent_os.people.profiles import Profiles
from llmagent_os.people.speaking_handler import SpeakingHandler

ANA = PersonId("memory::ana")
ROOM = Conversation(platform="memory", channel="c1")
LONG = {
    "de": "Was habe ich morgen Nachmittag eigentlich vor?",
    "es": "¿Qué reuniones tengo mañana por la tarde?",
    "zh": "我明天下午有什么安排？",
    "en": "what do I have tomorrow in the afternoon?",
}


class Rooms:
    """The languages of the people of one bot, and what they write."""

    def __init__(
        self, folder: Path, languages: tuple[str, ...] = ("en", "de", "es", "zh"), understood: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self.profiles = Profiles(folder)
        directory = Directory(None, self.profiles)
        self.languages = PersonLanguages(directory, self.profiles, languages, understood)
        self.handler = SpeakingHandler(Recorder(), self.languages)
        self.number = 0

    async def writes(self, text: str, *, locale: str = "", user: str = "ana", time_zone: str = "") -> str:
        """The language in which the message is answered."""
        self.number += 1
        key = str(self.number)
        sender = Sender(user, locale=locale, time_zone=time_zone)
        said: Event = Message(event_id=key, conversation=ROOM, sender=sender, text=text, message_id=key)
        if text.startswith("/"):
            said = Command(event_id=key, conversation=ROOM, sender=sender, name=text[1:])
        outcome = await self.handler.handle(said, no_draft)
        assert outcome.reply is not None
        return outcome.reply.text


class Recorder:
    """Answers with the language in force, and keeps the exchange of all but strangers."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if event.sender.user_id == "bystander":
            aside = Interaction(
                interaction_id=event.event_id,
                event_id=event.event_id,
                user_id=identity_of(event),
                conversation_key=event.conversation.key,
                silent=True,
            )
            return Outcome(Reply(language_in_force()), aside)
        if event.sender.user_id == "stranger":
            return Outcome(Reply(language_in_force()))
        kept = Interaction(
            interaction_id=event.event_id,
            event_id=event.event_id,
            user_id=identity_of(event),
            conversation_key=event.conversation.key,
        )
        return Outcome(Reply(language_in_force()), kept)


async def no_draft(text: str) -> None:
    """Nobody watches."""


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(tmp_path / "profiles")


@pytest.mark.parametrize("language", ["de", "es", "zh"])
async def test_a_person_is_answered_in_the_language_of_the_first_long_message(rooms: Rooms, language: str) -> None:
    assert await rooms.writes(LONG[language]) == language
    assert await rooms.writes("/help") == language
    again = Rooms(rooms.folder)  # the bot was started again
    assert await again.writes("/help") == language
    assert (await again.profiles.get(ANA)).noticed_language == language


async def test_short_and_mixed_messages_change_nothing(rooms: Rooms) -> None:
    for text in ("hola", "ciao", "Guten Morgen", "add Zahnarzt tomorrow at 3pm", "lunch at El Toro de la Plaza", "ok"):
        assert await rooms.writes(text) == "en", text


async def test_an_english_person_who_quotes_german_is_still_answered_in_english(rooms: Rooms) -> None:
    for _ in range(3):
        await rooms.writes(LONG["en"])
    assert await rooms.writes(LONG["de"]) == "en"
    assert await rooms.writes(LONG["en"]) == "en"


async def test_a_person_who_goes_over_to_german_is_followed(rooms: Rooms) -> None:
    for _ in range(3):
        await rooms.writes(LONG["en"])
    heard = [await rooms.writes(LONG["de"]) for _ in range(3)]
    assert heard[-1] == "de"
    assert await rooms.writes("ok") == "de"


async def test_a_language_that_the_bot_does_not_speak_changes_nothing(rooms: Rooms) -> None:
    for _ in range(3):
        assert await rooms.writes("quel est mon programme pour demain après-midi ?") == "en"


async def test_an_english_person_gets_no_profile_by_writing(rooms: Rooms) -> None:
    for _ in range(5):
        await rooms.writes(LONG["en"])
    assert not list(rooms.folder.glob("*.json"))


@pytest.mark.parametrize(("locale", "language"), [("de-AT", "de"), ("zh-hans", "zh"), ("pt-br", "en"), ("", "en")])
async def test_the_platform_says_the_language_until_the_person_writes(rooms: Rooms, locale: str, language: str) -> None:
    assert await rooms.writes("/help", locale=locale) == language
    assert await rooms.writes(LONG["es"], locale=locale) == "es"


async def test_a_bot_speaks_its_own_languages_only(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path, ("de", "en"))
    assert await rooms.writes("/help") == "de"
    assert await rooms.writes(LONG["es"], locale="es") == "de"
    assert await rooms.writes(LONG["en"]) == "en"


async def test_what_a_person_chose_stands_above_what_they_write(rooms: Rooms) -> None:
    await rooms.profiles.update(ANA, language="es")
    assert await rooms.writes(LONG["de"], locale="zh") == "es"
    await rooms.profiles.update(ANA, language_from="")
    assert await rooms.writes("/help") == "de"


async def test_undo_takes_back_what_the_person_did_and_not_what_was_noticed(rooms: Rooms) -> None:
    await rooms.profiles.update(ANA, name="Ana")
    await rooms.writes(LONG["de"])
    await rooms.profiles.undo(ANA)
    profile = await rooms.profiles.get(ANA)
    assert (profile.name, profile.language_evidence) == (None, {"de": 2})
    assert await rooms.writes("/help") == "de"


async def test_of_a_person_who_is_not_remembered_nothing_is_kept(rooms: Rooms) -> None:
    await rooms.profiles.update(ANA, remember="off")
    assert await rooms.writes(LONG["de"]) == "de"
    assert await rooms.writes("/help") == "de"  # in memory
    assert (await rooms.profiles.get(ANA)).language_evidence == {}
    rooms.languages.forget(ANA, ())
    assert await rooms.writes("/help") == "en"


async def test_a_stranger_is_answered_in_their_language_and_leaves_nothing(rooms: Rooms) -> None:
    assert await rooms.writes(LONG["de"], user="stranger") == "de"
    assert not list(rooms.folder.glob("*.json"))


async def test_the_host_knows_the_language_without_a_file(rooms: Rooms) -> None:
    await rooms.writes(LONG["zh"])
    event = Command(event_id="x", conversation=ROOM, sender=Sender("ana", locale="de"), name="help")
    assert rooms.languages.last_known(event) == "zh"
    new = Command(event_id="y", conversation=ROOM, sender=Sender("ben", locale="de"), name="help")
    assert rooms.languages.last_known(new) == "de"


async def test_a_profile_of_an_earlier_version_says_no_language(rooms: Rooms) -> None:
    await rooms.profiles.update(ANA, name="Ana")
    profile = await rooms.profiles.get(ANA)
    assert (profile.language, profile.chosen_language, profile.noticed_language) == ("en", None, None)
    assert await rooms.writes("/help", locale="de") == "de"


async def test_who_has_to_write_english_for_the_model_keeps_their_language(tmp_path: Path) -> None:
    rooms, asked = Rooms(tmp_path, understood=("en",)), "what do I have tomorrow in the afternoon?"
    assert await rooms.writes("Was habe ich morgen eigentlich vor?") == "de"
    assert [await rooms.writes(asked) for _ in range(5)] == ["de"] * 5
    assert [await rooms.writes(asked, user="ben", locale="es-MX") for _ in range(5)] == ["es"] * 5
    assert await rooms.writes("¿Qué reuniones tengo mañana por la tarde?", user="ben", locale="es-MX") == "es"
    assert await rooms.writes(asked, user="eva") == "en"


async def test_what_people_say_to_each_other_is_no_evidence(rooms: Rooms) -> None:
    """The bot was silent, and has kept which language the talk was in."""
    for _ in range(3):
        await rooms.writes(LONG["de"], user="bystander")
    assert await rooms.writes("/help", user="bystander") == "en"
    assert not rooms.folder.exists() or not any("language" in path.read_text() for path in rooms.folder.glob("*.json"))


async def test_the_zone_of_the_browser_is_kept_and_the_person_s_own_wins(tmp_path: Path) -> None:
    """Without it, every reminder of the web chat rings by UTC."""
    rooms = Rooms(tmp_path)
    await rooms.writes("hello", time_zone="../etc/passwd")
    assert (await rooms.profiles.get(ANA)).known_zone is None
    await rooms.writes("hello", time_zone="Asia/Tokyo")
    await rooms.writes("hello")
    assert (await rooms.profiles.get(ANA)).known_zone == "Asia/Tokyo"
    await rooms.profiles.update(ANA, time_zone="Europe/Berlin")
    await rooms.writes("hello", time_zone="America/Lima")
    assert (await rooms.profiles.get(ANA)).known_zone == "Europe/Berlin"
    await rooms.profiles.undo(ANA)
    assert (await rooms.profiles.get(ANA)).known_zone == "America/Lima"
