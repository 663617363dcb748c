"""Voice messages. What breaks without this: a recording is kept, misread, or answered with nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from llmagent_os.agent import Agent
from llmagent_os.chat import ToolCall
from llmagent_os.errors import RecordingError, VoiceBusyError, VoiceError
from llmagent_os.events import Attachment, Message
from llmagent_os.reply.services import Services
from llmagent_os.reply.spoken_message import NO_ENGINE, TOO_BUSY, quoted
from llmagent_os.testing import ScriptedLLM
from tests.unit.agent_bench import NOON, Bench, no_draft
from tests.unit.reply.fake_voice import FakeEngine, fake_voice


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def agent_of(bench: Bench, engine: FakeEngine, *script: str | ToolCall, keeps: bool = False) -> Agent:
    bench.llm = ScriptedLLM(*script)
    services = Services(
        ledger=bench.ledger,
        profiles=bench.profiles,
        plugins=bench.plugins,
        clock=lambda: NOON,
        voice=fake_voice(engine, keeps_recordings=keeps),
        outgoing=bench.folder / "outgoing",
    )
    return Agent(llm=bench.llm, services=services)


def said(bench: Bench, words: str, *, text: str = "", kind: str = "audio/ogg", voice: bool = True) -> Message:
    """A message with a recording, whose file lies in a folder of its own as an adapter keeps it."""
    message = bench.message(text)
    folder = bench.folder / "files" / message.message_id
    folder.mkdir(parents=True)
    path = folder / "voice.ogg"
    path.write_text(words, encoding="utf-8")
    recording = Attachment(path.name, kind, str(path), path.stat().st_size, voice)
    return msgspec.structs.replace(message, attachments=(recording,))


def path_of(message: Message) -> Path:
    return Path(message.attachments[0].path)


async def test_a_recording_is_answered_as_its_words_which_are_shown_and_its_file_is_erased(
    bench: Bench, engine: FakeEngine
) -> None:
    agent, message, drafts = agent_of(bench, engine, "At noon."), said(bench, "when is lunch?"), list[str]()

    async def draft(text: str) -> None:
        drafts.append(text)

    outcome = await agent.handle(message, draft)
    assert outcome.reply is not None
    assert outcome.reply.text == "> You said: when is lunch?\n\nAt noon."
    assert drafts[0] == "> You said: when is lunch?", "the person sees at once what was understood"
    assert outcome.interaction is not None
    assert outcome.interaction.said == "when is lunch?"
    assert outcome.interaction.context["reply"] == "At noon.", "nothing is learned from the words of the person"
    assert bench.llm.requests[0].messages[-1]["content"] == "when is lunch?"
    assert not path_of(message).parent.exists()


async def test_the_owner_may_keep_recordings(bench: Bench, engine: FakeEngine) -> None:
    message = said(bench, "when is lunch?")
    await agent_of(bench, engine, "At noon.", keeps=True).handle(message, no_draft)
    assert path_of(message).exists()


async def test_secrets_that_are_spoken_are_masked(bench: Bench, engine: FakeEngine) -> None:
    outcome = await agent_of(bench, engine, "Thanks.").handle(said(bench, "my card is 4111 1111 1111 1111"), no_draft)
    assert outcome.reply is not None
    assert outcome.interaction is not None
    assert "4111" not in outcome.reply.text + outcome.interaction.said


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (RecordingError("I could not understand your recording."), "I could not understand your recording."),
        (VoiceBusyError(), str(TOO_BUSY)),
        (VoiceError("the engine died"), str(NO_ENGINE)),
    ],
)
async def test_what_cannot_be_understood_is_said_in_one_sentence_and_erased_too(
    bench: Bench, engine: FakeEngine, error: VoiceError, answer: str
) -> None:
    engine.error = error
    message = said(bench, "when is lunch?")
    outcome = await agent_of(bench, engine).handle(message, no_draft)
    assert outcome.reply is not None
    assert outcome.reply.text == answer
    assert not path_of(message).exists()
    overheard = msgspec.structs.replace(said(bench, "between others"), addressed=False)
    assert (await agent_of(bench, engine).handle(overheard, no_draft)).reply is None


async def test_a_stopping_host_keeps_the_recording_for_its_next_start(bench: Bench, engine: FakeEngine) -> None:
    message, waiting = said(bench, "when is lunch?"), asyncio.Event()

    async def draft(_: str) -> None:
        waiting.set()
        await asyncio.Event().wait()

    answering = asyncio.ensure_future(agent_of(bench, engine, "At noon.").handle(message, draft))
    await waiting.wait()
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    outcome = await agent_of(bench, engine, "At noon.").handle(message, no_draft)
    assert outcome.reply is not None
    assert "when is lunch?" in outcome.reply.text


async def test_the_words_outlive_a_crash_between_the_erasing_of_the_recording_and_the_storing_of_the_answer(
    bench: Bench, engine: FakeEngine
) -> None:
    message = said(bench, "when is lunch?")
    await bench.ledger.accept(message, max_pending=9)
    await agent_of(bench, engine, "At noon.").handle(message, no_draft)
    assert not path_of(message).exists()
    (again,) = [row.event for row in await bench.ledger.claim() if isinstance(row.event, Message)]
    assert (again.event_id, again.text, again.attachments) == (message.event_id, "when is lunch?", ())
    await agent_of(bench, engine, "At noon.").handle(again, no_draft)
    assert bench.llm.requests[0].messages[-1]["content"] == "when is lunch?"


async def test_words_beside_a_recording_come_first(bench: Bench, engine: FakeEngine) -> None:
    await agent_of(bench, engine, "Hi.").handle(said(bench, "and call Ben", text="Note this:"), no_draft)
    assert bench.llm.requests[0].messages[-1]["content"] == "Note this: and call Ben"


async def test_a_sound_file_is_listened_to_only_where_it_is_the_whole_message(bench: Bench, engine: FakeEngine) -> None:
    song = said(bench, "la la la", text="Do you like my song?", kind="audio/mpeg", voice=False)
    await agent_of(bench, engine, "Yes.").handle(song, no_draft)
    assert bench.llm.requests[0].messages[-1]["content"] == "Do you like my song?"
    assert path_of(song).exists()
    memo = said(bench, "note this", kind="audio/mpeg", voice=False)
    await agent_of(bench, engine, "Noted.").handle(memo, no_draft)
    assert bench.llm.requests[0].messages[-1]["content"] == "note this"


async def test_without_an_engine_a_voice_message_is_answered_as_before(bench: Bench) -> None:
    outcome = await bench.agent("unused").handle(said(bench, "when is lunch?"), no_draft)
    assert outcome.reply is not None
    assert "your voice message" in outcome.reply.text


async def test_marks_in_what_was_said_are_no_markup() -> None:
    assert quoted("5 * 3 * 2 < 40 (really)") == r"> You said: 5 \* 3 \* 2 \< 40 (really)"
