"""Versions of the registry on vLLM servers, in the real host: as with the engine, and gone from the server in time.

What breaks without this: a part is not joined, and people on a server get the base model for ever, or a person who was
erased goes on answering there.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import CompletionRecord, Interaction
from llmagent_os.runtime import Runtime
from llmagent_os.serving import vllm_watch
from llmagent_os.serving.drawn_words import drawn_words
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import locate
from llmagent_os.testing import MemoryAdapter, running
from llmagent_os.training import registry_resolver
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level, LoraVersion, Stage
from llmagent_os.training.recorded_turn import logged_tokens
from llmagent_os.training.training_plan import Candidate
from tests.tiny_model import save_lora, save_model
from tests.unit.serving.vllm_server import LOGPROBS, PROMPT, TOKENS, VllmTwin, until

BOT = """
name = "parrot"
model = "openai:base"
max_tokens = 4
temperature = 1.0
[policy]
learner = "fixed"
[consent]
training = true
ask = false
[training]
plan = ""
[training.canary]
share = 0.5
"""

ANA = Identity("memory::ana")


class Installation:
    """A bot whose model is on servers."""

    def __init__(self, folder: Path, model: Path, twins: list[VllmTwin]) -> None:
        (folder / "bot").mkdir()
        (folder / "bot" / "bot.toml").write_text(BOT)
        self.bot = Bot.load(folder / "bot")
        self.settings = Settings.load(
            env_file=None,
            data=folder / "data",
            base_url=twins[0].url,
            more_base_urls=",".join(twin.url for twin in twins[1:]),
            served_model=str(model),
        )
        self.folder, self.model, self.twins = folder, model, twins
        self.runtime: Runtime
        self.platform = MemoryAdapter()

    @contextlib.asynccontextmanager
    async def host(self) -> AsyncGenerator[None]:
        async with (
            Runtime.open(self.settings, self.bot, adapters=[self.platform]) as self.runtime,
            running(self.runtime),
        ):
            yield

    async def publish(self, seed: int, stage: Stage, level: Level = Level.SHARED, subject: str = "") -> LoraVersion:
        made = Candidate(
            folder=await asyncio.to_thread(save_lora, self.folder / f"made-{seed}", self.model, seed=seed),
            base_model=str(self.model),
            base_hash=model_hash(locate(str(self.model))),
            data_hash="",
            method="sft",
            stage=stage,
            contributors=(PersonId(subject),) if subject else (),
        )
        job = new_job(self.bot.name, level, subject, f"made {seed}", "for a test", 0, now())
        version = await self.runtime.training.registry.publish(made, job, leased=False)
        assert version is not None
        await self.runtime.training.resolver.refresh()
        return version

    async def say(self, name: str) -> Interaction:
        message = self.platform.message("hello", channel=name, user=name)
        await self.platform.deliver(message)
        sent = await self.platform.replied(message)
        while (kept := await self.runtime.ledger.interaction_of("memory", name, sent.message_id)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        return kept

    async def written_by(self, name: str) -> str:
        return (await self.say(name)).lora_version.partition("@")[0]

    def on_servers(self) -> set[str]:
        """The names of the versions that any server has."""
        return {name.split(".", 1)[1].partition("@")[0] for twin in self.twins for name in twin.loaded}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
async def installation(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Installation]:
    monkeypatch.setattr(registry_resolver, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(vllm_watch, "WATCH_SECONDS", 0.02)
    twins = [VllmTwin(), VllmTwin()]
    for twin in twins:
        twin.processed = True  # as docs/vllm.md says to start it: a bot draws with a floor
        await twin.start()
    yield Installation(tmp_path, model, twins)
    for twin in twins:
        await twin.stop()


async def test_versions_answer_on_servers_as_they_do_here(installation: Installation) -> None:
    """Base, shared, canary, personal, rollback: the same levels, whoever computes."""
    async with installation.host():
        assert (await installation.say("ana")).lora_version == "base"
        shared = await installation.publish(1, Stage.ACTIVE)
        await until(lambda: all(len(twin.loaded) == 1 for twin in installation.twins))
        assert await installation.written_by("ana") == shared.name
        own = await installation.publish(2, Stage.ACTIVE, Level.PERSONAL, ANA)
        assert [await installation.written_by("ana"), await installation.written_by("ben")] == [own.name, shared.name]
        canary = await installation.publish(3, Stage.CANARY)
        said = {await installation.written_by(f"p{number}") for number in range(16)}
        assert said == {shared.name, canary.name}
        registry = installation.runtime.training.registry
        await registry.roll_back(canary, "for a test")
        assert canary.name not in installation.on_servers()
        assert {await installation.written_by(f"p{number}") for number in range(16)} == {shared.name}


async def test_a_person_who_is_erased_is_gone_from_the_servers(installation: Installation) -> None:
    """The files go, and no server may go on answering from what it has read of them."""
    async with installation.host():
        own = await installation.publish(1, Stage.ACTIVE, Level.PERSONAL, ANA)
        assert await installation.written_by("ana") == own.name
        assert own.name in installation.on_servers()
        await installation.runtime.training.registry.take_back([ANA])
        assert installation.on_servers() == set()
        assert not await asyncio.to_thread(installation.runtime.training.registry.folder_of(own).exists)
        assert (await installation.say("ana")).lora_version == "base"


async def test_servers_that_are_updated_one_by_one_lose_no_reply(installation: Installation) -> None:
    """Every reply is written by the version that it should be, also while servers are restarted."""
    async with installation.host():
        shared = await installation.publish(1, Stage.ACTIVE)
        for twin in installation.twins:
            await twin.stop()
            assert await installation.written_by("ben") == shared.name
            await twin.start()
            assert await installation.written_by("ben") == shared.name
        await until(lambda: all(len(twin.loaded) == 1 for twin in installation.twins))


async def test_replies_are_kept_as_a_training_needs_them(installation: Installation) -> None:
    """With tokens, their probabilities, the rule by which they were drawn, and the hash of the weights."""
    async with installation.host():
        shared = await installation.publish(1, Stage.ACTIVE)
        kept = await installation.say("ana")
        (record,) = await installation.runtime.ledger.completions_of(kept.interaction_id)
    assert isinstance(record, CompletionRecord)
    assert ([*(record.prompt_token_ids or ())], [*record.token_ids]) == (PROMPT, TOKENS)
    assert [*record.behavior_logprobs] == LOGPROBS
    assert (record.model_hash, record.lora_version.partition("@")[0]) == (shared.base_hash, shared.name)
    logged = logged_tokens(record)
    assert logged is not None
    location = locate(str(installation.model))
    vocabulary = vocabulary_of(load_model(location), load_tokenizer(location))
    rule = drawn_words(logged.constraint, logged.temperature, logged.token_ids, vocabulary)
    assert rule is not None
    assert (rule.temperature, rule.forbidden) == (1.0, ())


async def test_nobodys_prompts_are_found_in_the_cache_of_another(installation: Installation) -> None:
    """Each person has a salt of their own, which stays the same and does not name them."""
    async with installation.host():
        for name in ("ana", "ben", "ana"):
            await installation.say(name)
    salts = [body["cache_salt"] for twin in installation.twins for body in twin.asked]
    assert len(salts) == 3
    assert len(set(salts)) == 2
    assert not any("ana" in salt for salt in salts)
