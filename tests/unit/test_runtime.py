"""The whole bot, composed as an installation runs it: a part that is not joined is missed by the first message."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Literal

import pytest

from llmagent_os import testing
from llmagent_os.admin import profile_command as people
from llmagent_os.admin import versions_command
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelNotFoundError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.runtime import Runtime
from llmagent_os.serving.engine import Engine
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import locate
from llmagent_os.testing import MemoryAdapter
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level
from llmagent_os.training.training_plan import Candidate
from tests.tiny_model import save_lora, save_model

ACCOUNT = Identity("memory::u1")

BOT = """
name = "parrot"
title = "Parrot"
model = "tiny"
adapters = ["web"]
permissions = ["dice.*"]
knowledge = "facts.json"
plugin_folder = "plugins"
max_tokens = 8
[behavior]
verbosity = "brief"
"""

DICE = """
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool

class Dice(Plugin):
    name = "dice"
    commands = {"roll": "roll a die"}

    @tool(permission="dice.roll")
    async def roll_die(self, context: ToolContext) -> ToolResult:
        '''Roll a die.'''
        return ToolResult({"status": "rolled"}, "You rolled a 4.")

    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        await context.records.put("last", {"rolled": 4})
        return ToolResult({"status": "rolled"}, "You rolled a 4.")
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def bot(tmp_path: Path) -> Bot:
    folder = tmp_path / "parrot"
    (folder / "plugins").mkdir(parents=True)
    (folder / "bot.toml").write_text(BOT)
    (folder / "facts.json").write_text(json.dumps(["Parrots eat seeds."]))
    (folder / "plugins" / "dice.py").write_text(DICE)
    return Bot.load(folder)


@pytest.fixture
def settings(tmp_path: Path, model: Path) -> Settings:
    return Settings.load(env_file=None, data=tmp_path / "data", model=str(model), threads=1, time_zone="Europe/Berlin")


@contextlib.asynccontextmanager
async def running(settings: Settings, bot: Bot, platform: MemoryAdapter) -> AsyncGenerator[Runtime]:
    async with Runtime.open(settings, bot, adapters=[platform]) as runtime, testing.running(runtime):
        yield runtime


async def test_message_is_answered_by_every_part_together(settings: Settings, bot: Bot) -> None:
    """Model, plugins of the bot's own folder, knowledge, behaviour, profile and ledger."""
    platform = MemoryAdapter()
    async with running(settings, bot, platform) as runtime:
        await platform.say("hello")
        await platform.say("/roll")
        sent = await platform.sent(2)
        assert sent[1].reply.text == "You rolled a 4."
        kept, rolled = await runtime.ledger.history(sent[0].conversation.key, ACCOUNT, 10)
        assert kept.action["verbosity"] == "brief"
        assert kept.pscore == 1.0
        (written,) = await runtime.ledger.completions_of(kept.interaction_id)
        assert written.prompt_token_ids and written.token_ids and written.model_hash
        assert (written.completion, written.sent, written.sampled) == (kept.completion, True, False)
        assert rolled.context["reply"] == "You rolled a 4."
        assert runtime.agent.services.settings.time_zone == "Europe/Berlin"
        assert [spec.name for spec in runtime.plugins.specs()] == ["roll_die"]
        assert runtime.agent.kb.retrieve_knowledge("what do parrots eat?")


async def test_a_running_bot_takes_up_a_lora_and_gives_it_up_again(
    settings: Settings, bot: Bot, model: Path, tmp_path: Path
) -> None:
    """Promoted and rolled back by other processes: the next reply is the new version's, then the base model's."""
    made = Candidate(
        folder=save_lora(tmp_path / "made", model),
        base_model=str(model),
        base_hash=model_hash(locate(str(model))),
        data_hash="",
        method="sft",
    )
    job = new_job(bot.name, Level.SHARED, "", "made by hand", "for a test", 0, now())
    platform = MemoryAdapter()
    async with running(settings, bot, platform) as runtime:
        version = await runtime.training.registry.publish(made, job, leased=False)
        assert version is not None
        await platform.say("hello")
        await platform.sent(1)
        await versions_command.promote(settings, version.name, "it passed")
        await until(lambda: runtime.training.resolver.resolve(PersonId(ACCOUNT)) is not None)
        await platform.say("hello")
        await platform.sent(2)
        await versions_command.roll_back(settings, version.name, "people complain")
        await until(lambda: runtime.training.resolver.resolve(PersonId(ACCOUNT)) is None)
        await platform.say("hello")
        sent = await platform.sent(3)
        replies = await runtime.ledger.history(sent[0].conversation.key, ACCOUNT, 10)
        assert [reply.lora_version for reply in replies] == ["base", f"{version.name}@{version.sha256[:12]}", "base"]
        assert (await runtime.health.report())["training"] == {"job": None, "serving": {}, "canary": {}}


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("learner", ["fixed", "bayes"])
async def test_a_bots_own_dimensions_reach_the_model_and_the_profile(
    settings: Settings, bot: Bot, learner: str
) -> None:
    settings = settings.model_copy(update={"policy": learner})
    file = bot.folder / "bot.toml"
    tone = 'tone = "playful"\n[behavior.dimensions]\ntone = { formal = "Be formal.", playful = "Be playful." }\n'
    file.write_text(file.read_text().replace('verbosity = "brief"\n', tone))
    platform = MemoryAdapter()
    async with running(settings, Bot.load(file), platform) as runtime:
        await platform.say("hello")
        await platform.say("/profile set formal")
        await platform.say("hello again")
        sent = await platform.sent(3)
        first, _, last = await runtime.ledger.history(sent[0].conversation.key, ACCOUNT, 10)
        assert (first.action, last.action) == ({"tone": "playful"}, {"tone": "formal"})
        (written_first,), (written_last,) = [
            await runtime.ledger.completions_of(kept.interaction_id) for kept in (first, last)
        ]
        assert "Be playful." in written_first.prompt and "Be formal." in written_last.prompt


async def test_reactions_of_somebody_who_is_not_learned_from_are_not_kept(settings: Settings, bot: Bot) -> None:
    platform = MemoryAdapter()
    async with running(settings, bot, platform) as runtime:
        await platform.say("hello")
        await platform.react((await platform.sent(1))[0], "👍")
        await platform.say("/profile learning off")
        sent = (await platform.sent(2))[0]
        await platform.react(sent, "👎")
        await platform.react(sent, "👍", removed=True)
        await platform.say("/profile")
        await platform.sent(3)
        while await runtime.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        kept = (await runtime.ledger.history(sent.conversation.key, ACCOUNT, 10))[0]
        rows = [(row.raw_value, row.op, row.reward) for row in await runtime.ledger.rewards_of(kept.interaction_id)]
        assert rows == [("👍", "add", 1.0), ("👍", "remove", -1.0)]


@pytest.mark.parametrize(
    ("policy", "feedback", "asks"), [("bayes", "", True), ("fixed", "", False), ("bayes", "ask_why = false", False)]
)
async def test_a_dislike_is_asked_about_where_the_bot_learns_and_its_owner_does_not_mind(
    settings: Settings, bot: Bot, policy: Literal["bayes", "fixed"], feedback: str, asks: bool
) -> None:
    (bot.folder / "bot.toml").write_text(f"{BOT}[feedback]\n{feedback}\n")
    platform = MemoryAdapter()
    async with running(settings.model_copy(update={"policy": policy}), Bot.load(bot.folder), platform) as runtime:
        await platform.say("hello")
        await platform.react((await platform.sent(1))[0], "👎")
        if asks:
            question = (await platform.sent(2))[1]
            await platform.press(question, question.reply.buttons[1].value)
        while await runtime.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        exported = await runtime.ledger.export(ACCOUNT)
        reasons = [(row["op"], row["raw_value"]) for row in exported["rewards"] if row["kind"] == "reason"]
        assert reasons == ([("ask", ""), ("add", "too_long")] if asks else [])
        assert len(platform.posted) == 1 + asks
        await runtime.ledger.forget(ACCOUNT)
        assert (await runtime.ledger.export(ACCOUNT))["rewards"] == []


async def test_person_is_remembered_across_a_restart_then_exported_and_forgotten(settings: Settings, bot: Bot) -> None:
    """What ``llmagent-os profile`` shows is what the host keeps, and what it erases is gone."""
    person = "memory::u1"
    platform = MemoryAdapter()
    async with running(settings, bot, platform) as runtime:
        await runtime.profiles.update(PersonId(person), name="Sam")
        await platform.say("/roll")
        await platform.say("my mail is ana@example.org")
        await platform.sent(2)
    platform = MemoryAdapter()
    async with running(settings, bot, platform):
        await platform.say("/profile", event_id="again")
        assert "Sam" in (await platform.sent(1))[0].reply.text
    assert "name: Sam" in await people.show(settings, person)
    exported = json.loads(await people.export(settings, person))
    assert exported["records"] == [{"plugin": "dice", "key": "last", "record": {"rolled": 4}}]
    assert [each["said"] for each in exported["interactions"] if each["said"]] == ["my mail is [email]"]
    assert "erased" in await people.forget(settings, person)
    exported = json.loads(await people.export(settings, person))
    assert exported["interactions"] == exported["rewards"] == exported["records"] == []
    assert "Sam" not in await people.show(settings, person)


async def test_the_model_has_nothing_in_memory_of_who_was_forgotten(settings: Settings, bot: Bot) -> None:
    """What it computed of a conversation would answer the next one that begins alike, for a quarter of an hour."""
    platform = MemoryAdapter()
    before = {id(each) for each in gc.get_objects() if isinstance(each, Engine)}
    async with running(settings, bot, platform) as runtime:
        await platform.say("my sister Ypsilanti flies a zeppelin")
        (sent,) = await platform.sent(1)
        (kept,) = await runtime.ledger.history(sent.conversation.key, ACCOUNT, 10)
        (written,) = await runtime.ledger.completions_of(kept.interaction_id)
        assert written.prompt_token_ids
        (engine,) = (each for each in gc.get_objects() if isinstance(each, Engine) and id(each) not in before)
        assert engine.prefixes.get("base", written.prompt_token_ids)
        assert len(engine.prefixes) > 1, "the person's salt came to the engine, which kept the person's words"
        await platform.say("/forget")
        asked = (await platform.sent(2))[1]
        await platform.press(asked, asked.reply.buttons[0].value)
        assert (await platform.sent(3))[2].reply.text == "Done: I have forgotten you."
        assert not engine.prefixes.get("base", written.prompt_token_ids)
        assert len(engine.prefixes) == 0


async def test_health_follows_the_model_and_the_host(settings: Settings, bot: Bot) -> None:
    """``/healthz`` tells a supervisor whether to send people here."""
    platform = MemoryAdapter()
    async with Runtime.open(settings, bot, adapters=[platform]) as runtime:
        before = await runtime.health.report()
        assert (before["ok"], before["model"]["state"]) == (False, "not loaded")
        await runtime.warm_up()
        assert (await runtime.health.report())["model"]["state"] == "ready"
    async with running(settings, bot, platform) as runtime:
        await platform.say("hello", event_id="h")
        await platform.sent(1)
        report = await runtime.health.report()
        assert report["ok"], report
        assert report["adapters"] == {"memory": "running"}
        assert report["plugins"] == {"dice": "working"}
        assert b"llmagent_os_accepted_total 1.0" in runtime.health.metrics()


async def test_model_that_cannot_be_loaded_is_said_by_health(settings: Settings, bot: Bot, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{}")
    settings = settings.model_copy(update={"model": str(broken)})
    async with Runtime.open(settings, bot, adapters=[MemoryAdapter()]) as runtime:
        await runtime.warm_up()
        report = await runtime.health.report()
        assert report["model"]["state"] == "failed"
        assert report["model"]["problem"]


@pytest.mark.parametrize(
    ("change", "adapters", "error", "message"),
    [
        ({"model": "/nowhere/at/all"}, ["web"], ModelNotFoundError, "/nowhere/at/all"),
        ({"data": Path(__file__) / "data"}, ["web"], ConfigError, "the data folder .* cannot be made"),
        ({}, ["wab"], ConfigError, "there is no adapter 'wab'; did you mean 'web'"),
        ({}, [], ConfigError, "has no adapter"),
        ({"web_host": "0.0.0.0"}, ["web"], ConfigError, "token"),
    ],
)
async def test_wrong_configuration_is_said_at_the_start(
    settings: Settings,
    bot: Bot,
    change: dict[str, object],
    adapters: list[str],
    error: type[Exception],
    message: str,
) -> None:
    """Not at the first message, and with everything closed again: the next start works."""
    with pytest.raises(error, match=message):
        async with Runtime.open(settings.model_copy(update=change), bot, adapters=adapters):
            pass
    async with Runtime.open(settings, bot, adapters=[MemoryAdapter()]):
        pass


@pytest.mark.parametrize("wrong", ["sam", "web:sam", "::", "web:local:"])
async def test_person_id_that_is_none_is_refused(settings: Settings, wrong: str) -> None:
    """A typo would otherwise report that there was nothing to erase."""
    with pytest.raises(ConfigError, match="platform:workspace:id"):
        await people.forget(settings, wrong)
