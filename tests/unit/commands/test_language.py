"""``/language``, and commands in the language of the person. What breaks without this: Germans read English."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.adapter import Reply
from llmagent_os.agent import Agent
from llmagent_os.commands.learn_files import is_teaching
from llmagent_os.events import Attachment, Command, Conversation, Message, Sender
from llmagent_os.handler import Handler
from llmagent_os.identity import PersonId
from llmagent_os.languages import speaking
from llmagent_os.people.person_languages import PersonLanguages
from llmagent_os.people.speaking_handler import SpeakingHandler
from llmagent_os.reply.model_language import understood_languages
from llmagent_os.serving.model_card import ModelCard
from tests.unit.agent_bench import Bench, no_draft

PERSON = PersonId("memory::u1")


class Speaker:
    """An agent that speaks the languages of its people."""

    def __init__(self, bench: Bench, *script: str, understands: tuple[str, ...] = ()) -> None:
        plain = bench.agent(*script)
        languages = PersonLanguages(plain.services.directory, bench.profiles)
        settings = msgspec.structs.replace(plain.settings, model_languages=understands)
        services = msgspec.structs.replace(plain.services, languages=languages, settings=settings)
        self.handler: Handler = SpeakingHandler(Agent(llm=plain.llm, services=services), languages)
        self.number = 0

    async def hears(self, text: str, *, channel: str = "c1", locale: str = "") -> Reply:
        self.number += 1
        room, sender = Conversation(platform="memory", channel=channel), Sender("u1", locale=locale)
        key = str(self.number)
        if text.startswith("/"):
            name, _, arguments = text[1:].partition(" ")
            event: Command | Message = Command(
                event_id=key, conversation=room, sender=sender, name=name, arguments=arguments
            )
        else:
            event = Message(event_id=key, conversation=room, sender=sender, text=text, message_id=key)
        reply = (await self.handler.handle(event, no_draft)).reply
        assert reply is not None
        return reply


@pytest.mark.parametrize(
    ("language", "written", "helps", "allows", "button"),
    [
        ("de", "Was habe ich morgen eigentlich vor?", "was ich kann", "Ich darf mir merken", "Merken: ausschalten"),
        (
            "es",
            "¿Qué reuniones tengo mañana por la tarde?",
            "lo que sé hacer",
            "puedo recordar",
            "Recordar: desactivar",
        ),
        ("zh", "我明天下午有什么安排？", "我能做什么", "我可以记住", "记忆：关闭"),
    ],
)
async def test_commands_answer_in_the_language_that_a_person_writes(
    bench: Bench, language: str, written: str, helps: str, allows: str, button: str
) -> None:
    speaker = Speaker(bench, "ok")
    await speaker.hears(written)
    assert helps in (await speaker.hears("/help")).text
    shown = await speaker.hears("/privacy")
    assert allows in shown.text
    assert shown.buttons[0].label == button
    assert shown.buttons[0].value == "agent:privacy:remember:off"
    assert (await bench.profiles.get(PERSON)).noticed_language == language


async def test_a_person_chooses_a_language_and_leaves_it_to_the_bot_again(bench: Bench) -> None:
    speaker = Speaker(bench)
    assert "- `/language de`: Deutsch" in (await speaker.hears("/language")).text
    assert (await speaker.hears("/language Deutsch")).text == "Erledigt: Ab jetzt spreche ich Deutsch mit dir."
    assert "weil du das gewählt hast" in (await speaker.hears("/language")).text
    assert "Sprache: Deutsch (von dir gewählt" in (await speaker.hears("/profile")).text
    assert "Klingon" in (await speaker.hears("/language Klingon")).text
    assert (await speaker.hears("/language auto")).text.startswith("Done: I speak the language that you write in.")


async def test_undo_takes_a_choice_back(bench: Bench) -> None:
    speaker = Speaker(bench)
    await speaker.hears("/language zh")
    await speaker.hears("/profile undo")
    assert (await speaker.hears("/help")).text.startswith("I am")


async def test_a_model_that_understands_english_says_so_at_first_and_now_and_then(bench: Bench) -> None:
    speaker = Speaker(bench, "one", "two", "three", "four", understands=("en",))
    days = ("morgen", "am Montag", "am Dienstag", "am Mittwoch", "am Freitag", "am Sonntag")
    replies = [(await speaker.hears(f"Was habe ich {day} eigentlich vor?")).text for day in days]
    assert "versteht nur Englisch. Bitte schreib" in replies[0]
    assert replies[1:5] == ["one", "two", "three", "four"]
    assert replies[5].startswith("Wie gesagt, das Modell hier versteht nur Englisch.")


async def test_each_conversation_is_told_what_the_model_understands(bench: Bench) -> None:
    speaker = Speaker(bench, "one", "two", "three", understands=("en",))
    assert "versteht nur Englisch" in (await speaker.hears("Was habe ich morgen vor?")).text
    assert (await speaker.hears("Was habe ich übermorgen denn vor?")).text == "one"
    assert "versteht nur Englisch" in (await speaker.hears("Und was ist am Freitag bei mir?", channel="c2")).text
    assert (await speaker.hears("what do I have tomorrow?")).text == "two"


@pytest.mark.parametrize(("understands", "told"), [((), False), (("en", "de"), False), (("fr", "en"), True)])
async def test_who_is_told_what_the_model_understands(bench: Bench, understands: tuple[str, ...], told: bool) -> None:
    reply = await Speaker(bench, "words", understands=understands).hears("Was habe ich morgen vor?")
    assert ("Französisch und Englisch" in reply.text) is told


def test_the_bots_file_stands_above_the_models_card(bench: Bench) -> None:
    services, card = bench.agent().services, ModelCard(languages=("en",))
    assert understood_languages(services, card) == ("en",)
    settings = msgspec.structs.replace(services.settings, model_languages=())
    assert understood_languages(msgspec.structs.replace(services, settings=settings), card) == ()


async def test_a_model_of_many_languages_is_told_the_persons_language(bench: Bench) -> None:
    speaker = Speaker(bench, "Nichts.", "Nothing.")
    await speaker.hears("Was habe ich morgen eigentlich vor?")
    assert "answer in German" in bench.llm.requests[0].messages[0]["content"]
    with speaking("en"):
        await Speaker(bench, "Nothing.").hears("/language en")
    speaker = Speaker(bench, "Nothing.")
    await speaker.hears("Was habe ich morgen eigentlich vor?")
    assert "answer in English" in bench.llm.requests[0].messages[0]["content"]


@pytest.mark.parametrize(
    "text", ["learn this", "Lerne das bitte!", "bitte lern das", "Aprende esto", "学习这个。", "请给大家学习这个文件"]
)
def test_a_file_is_taught_in_every_language(text: str) -> None:
    file = Attachment("faq.txt", "text/plain", "/faq.txt")
    room = Conversation(platform="memory", channel="c1")
    said = Message(event_id="1", conversation=room, sender=Sender("u1"), text=text, message_id="1", attachments=(file,))
    assert is_teaching(said)
    assert not is_teaching(msgspec.structs.replace(said, text=f"{text} x"))
