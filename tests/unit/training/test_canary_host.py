"""A canary in the real host, on a real model: people talk and react, and the host does the rest by itself.

What breaks without this: a part is not joined, and a canary stays a canary for ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from llmagent_os.admin import versions_command
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction
from llmagent_os.runtime import Runtime
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import locate
from llmagent_os.testing import MemoryAdapter, running
from llmagent_os.training import canary_watch, registry_resolver
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level, LoraVersion, Stage
from llmagent_os.training.training_plan import Candidate
from tests.tiny_model import save_lora, save_model

BOT = """
name = "parrot"
model = "{model}"
max_tokens = 4
[policy]
learner = "fixed"
[consent]
training = true
ask = false

[training]
plan = ""
[training.canary]
share = 0.5
margin = 0.5
min_conversations = 3
"""


class Installation:
    """A bot with an active version and a canary, whose host is started and killed."""

    def __init__(self, folder: Path, model: Path) -> None:
        (folder / "bot").mkdir()
        (folder / "bot" / "bot.toml").write_text(BOT.format(model=model))
        self.bot = Bot.load(folder / "bot")
        self.settings = Settings.load(env_file=None, data=folder / "data", threads=1)
        self.folder, self.model = folder, model
        self.later = timedelta()  #: how much later it is for the tests of canaries
        self.runtime: Runtime
        self.platform = MemoryAdapter()  # the same for every host: its events have new numbers

    @contextlib.asynccontextmanager
    async def host(self) -> AsyncGenerator[None]:
        async with (
            Runtime.open(self.settings, self.bot, adapters=[self.platform]) as self.runtime,
            running(self.runtime),
        ):
            # A test makes LoRAs of the model, too, and transformers does not load two models at the same time.
            while (await self.runtime.health.report())["model"]["state"] != "ready":  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield

    async def publish(self, seed: int, stage: Stage) -> LoraVersion:
        made = Candidate(
            folder=save_lora(self.folder / f"made-{seed}", self.model, seed=seed),
            base_model=str(self.model),
            base_hash=model_hash(locate(str(self.model))),
            data_hash="",
            method="sft",
            stage=stage,
        )
        job = new_job(self.bot.name, Level.SHARED, "", f"made {seed}", "for a test", 0, now())
        version = await self.runtime.training.registry.publish(made, job, leased=False)
        assert version is not None
        await self.runtime.training.resolver.refresh()
        return version

    async def say(self, name: str, emoji: Callable[[str], str] = lambda _: "") -> Interaction:
        """Have a person say something in a room of theirs, and react to the reply, given the version that wrote it."""
        message = self.platform.message("hello", channel=name, user=name)
        await self.platform.deliver(message)
        sent = await self.platform.replied(message)  # before it, the bot may ask for the reason of a 👎
        ledger = self.runtime.ledger
        while (kept := await ledger.interaction_of("memory", name, sent.message_id)) is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if chosen := emoji(kept.lora_version.partition("@")[0]):
            added = asyncio.Event()
            unwatch = ledger.watch_rewards(added.set)
            await self.platform.react(sent, chosen, user=name)
            await added.wait()
            unwatch()
        return kept

    async def until_stage(self, version: LoraVersion, stage: Stage) -> LoraVersion:
        registry = self.runtime.training.registry
        said = self.runtime.training.canaries.report
        while not said().get(version.name, "").startswith(stage):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        return await registry.get(version.name)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def installation(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    made = Installation(tmp_path, model)
    monkeypatch.setattr("llmagent_os.runtime.now", lambda: now() + made.later)
    monkeypatch.setattr(canary_watch, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(registry_resolver, "POLL_SECONDS", 0.02)
    return made


async def test_a_canary_that_people_like_is_promoted_though_the_host_was_restarted(installation: Installation) -> None:
    async with installation.host():
        active = await installation.publish(1, Stage.ACTIVE)
        canary = await installation.publish(2, Stage.CANARY)

        def like(version: str) -> str:
            return "👍" if version == canary.name else "👎"

        replies = [await installation.say(f"p{number}", like) for number in range(12)]
        assert {reply.lora_version.partition("@")[0] for reply in replies} == {active.name, canary.name}
        installation.later = timedelta(minutes=61)
        counted = installation.runtime.ledger.canary_tests.conversations
        while len(await counted(canary.name)) < 12:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        shown = await versions_command.show(installation.settings, canary.name)
        assert "canary: against " in shown and "evidence that it is worse" in shown
        page = Path(await versions_command.report(installation.settings, canary.name))
        assert (await asyncio.to_thread(page.read_text)).count("<svg") == 1
    installation.later = timedelta()
    async with installation.host():
        for number in range(12, 40):
            await installation.say(f"p{number}", like)
        installation.later = timedelta(minutes=61)
        version = await installation.until_stage(canary, Stage.ACTIVE)
        reply = await installation.say("p1")
        assert reply.lora_version.partition("@")[0] == canary.name and "canary" not in reply.context
        said = (await installation.runtime.health.report())["training"]
        assert said["serving"] == {canary.name: "active"}
        assert said["canary"] == {canary.name: f"active: {version.why}"}
        assert version.why.startswith("promoted by its canary")
        written = await asyncio.to_thread(page.read_text)
        assert written.count("<svg") == 1 and "promoted by its canary" in written
        assert len(await installation.runtime.ledger.canary_tests.conversations(canary.name)) <= 40
        assert "promoted by its canary" in await versions_command.show(installation.settings, canary.name)


async def test_a_canary_that_people_dislike_is_rolled_back_and_the_next_reply_is_the_old_versions(
    installation: Installation,
) -> None:
    async with installation.host():
        active = await installation.publish(1, Stage.ACTIVE)
        canary = await installation.publish(2, Stage.CANARY)
        for number in range(40):
            await installation.say(f"p{number}", lambda version: "👎" if version == canary.name else "👍")
        installation.later = timedelta(minutes=61)
        version = await installation.until_stage(canary, Stage.ROLLED_BACK)
        assert version.why.startswith("rolled back by its canary, it is worse")
        replies = [await installation.say(f"n{number}") for number in range(12)]
        assert {reply.lora_version for reply in replies} == {f"{active.name}@{active.sha256[:12]}"}


async def test_a_session_keeps_its_version_and_another_is_drawn_anew(installation: Installation) -> None:
    async with installation.host():
        await installation.publish(1, Stage.ACTIVE)
        await installation.publish(2, Stage.CANARY)
        sessions = [[await installation.say(f"p{number}") for _ in range(3)] for number in range(8)]
        versions = [{reply.lora_version for reply in replies} for replies in sessions]
        assert all(len(each) == 1 for each in versions)
        assert len({version for each in versions for version in each}) == 2
        assert all(reply.context["canary"]["share"] == 0.5 for replies in sessions for reply in replies)
        await installation.say("quiet")
        await installation.platform.say("/profile learning off", channel="quiet", user="quiet")
        await installation.platform.sent(26)
        assert "canary" not in (await installation.say("quiet")).context


@pytest.mark.parametrize("damage", ["deleted", "changed"])
async def test_a_lora_that_is_gone_between_choice_and_load_is_replaced_by_the_level_above(
    installation: Installation, damage: str
) -> None:
    """A person must not get an apology because somebody's LoRA was deleted. The record says who really answered."""
    async with installation.host():
        shared = await installation.publish(1, Stage.ACTIVE)
        ana = Identity("memory::ana")
        job = new_job(installation.bot.name, Level.PERSONAL, ana, "hers", "for a test", 0, now())
        made = Candidate(
            folder=save_lora(installation.folder / "hers", installation.model, seed=5),
            base_model="",
            base_hash=shared.base_hash,
            data_hash="",
            method="sft",
            stage=Stage.ACTIVE,
        )
        registry = installation.runtime.training.registry
        personal = await registry.publish(made, job, leased=False)
        assert personal is not None
        await installation.runtime.training.resolver.refresh()
        before = await installation.say("ana")
        for version in (personal, shared):
            folder = registry.folder_of(version)
            if damage == "deleted":
                shutil.rmtree(folder)
            else:
                (folder / "adapter_model.safetensors").write_bytes(b"something else")
            assert installation.runtime.training.resolver.resolve(
                await installation.runtime.ledger.identities.person(ana)
            )
            after = await installation.say("ana")
            (written,) = await installation.runtime.ledger.completions_of(after.interaction_id)
            expected = shared.name if version is personal else "base"
            assert after.lora_version.partition("@")[0] == written.lora_version.partition("@")[0] == expected
            assert "failure" not in after.context
        assert before.lora_version.partition("@")[0] == personal.name
