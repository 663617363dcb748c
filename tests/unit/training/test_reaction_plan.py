"""From a thumb to a weight: through the real host, a job's real process, the gate and the registry, on the real model.

What breaks without this: people react, a training runs, and nothing that anybody could see has changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from llmagent_os.admin import jobs_command, versions_command
from llmagent_os.bot import Bot, job_setting
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction
from llmagent_os.runtime import Runtime
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import locate
from llmagent_os.testing import MemoryAdapter, Sent, running
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_version import Level, LoraVersion, Stage
from llmagent_os.training.prepared_data import PREPARED_FILE
from llmagent_os.training.reaction_plan import ReactionPlan
from llmagent_os.training.reaction_training import CHECKPOINT_FILE
from llmagent_os.training.training_plan import Candidate, JobSite, NothingToLearn
from tests.chatty_model import DIARY, TALK
from tests.tiny_model import save_lora
from tests.training_plans import candidate, write_lora
from tests.unit.training.conftest import CHECKOUT

ANA = Identity("memory::ana")

#: What Ana says before the training, and after it.
SAID = tuple(said for row in zip(*TALK, strict=True) for said in row)[:18]
FRESH = tuple(said for prompts in TALK for said in prompts[6:])
PLAYFUL = {replies["playful"] for replies in TALK.values()}

BOT = """
name = "chatty"
model = "{model}"
plugin_folder = "plugins"
permissions = ["diary.*"]
remembered_turns = 0
[behavior.dimensions]
tone = {{ plain = "Write plainly.", playful = "Write playfully." }}
[policy]
learner = "fixed"
[consent]
training = true
ask = false

[training]
probes = "tests.chatty_model"
priority = "normal"
quiet_hours = ""
opinions = 1000
personal_opinions = 1000
[training.canary]
share = 0.0
[training.settings]
learning_rate = 2e-3
"""


class Host:
    """A running host with the calendar bot, and people who talk to it."""

    def __init__(self, settings: Settings, bot: Bot, runtime: Runtime, platform: MemoryAdapter) -> None:
        self.settings, self.bot, self.runtime, self.platform = settings, bot, runtime, platform

    async def say(self, text: str, user: str = "ana", channel: str = "c1") -> tuple[Sent, Interaction]:
        """Have Ana say something, or another; gives what was sent, and what was kept of it."""
        message = self.platform.message(text, user=user, channel=channel)
        await self.platform.deliver(message)
        sent = await self.platform.replied(message)  # before it, the bot may ask for the reason of a 👎
        while await self.runtime.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        who = Identity(f"memory::{user}")
        return sent, (await self.runtime.ledger.history(sent.conversation.key, who, 1))[-1]

    async def react_to_tones(self) -> list[tuple[Sent, Interaction]]:
        """Have Ana like what is playful, and dislike what is plain; gives the plain replies."""
        plain = [await self._compare(text, both=bool(number % 2)) for number, text in enumerate(SAID)]
        await self.say("/profile clear tone")
        return plain

    async def _compare(self, text: str, *, both: bool) -> tuple[Sent, Interaction]:
        plain = await self.rated(text, "plain", "👎")
        if both:
            await self.rated(text, "playful", "👍")
        return plain

    async def rated(self, text: str, tone: str, emoji: str) -> tuple[Sent, Interaction]:
        """Have Ana ask for a tone, say something, and react to the reply."""
        await self.say(f"/profile set {tone}")
        sent, kept = await self.say(text)
        await self.react(sent, emoji)
        return sent, kept

    async def react(self, sent: Sent, emoji: str, *, user: str = "ana", removed: bool = False) -> None:
        """Have Ana react, or another, and wait for the ledger."""
        added = asyncio.Event()
        unwatch = self.runtime.ledger.watch_rewards(added.set)
        await self.platform.react(sent, emoji, user=user, removed=removed)
        await added.wait()
        unwatch()

    async def train(self) -> str:
        """Train Ana's LoRA in a process of its own, as somebody at a terminal would."""
        return await jobs_command.run(self.settings, self.bot, Level.PERSONAL, ANA, "", lambda job: None)

    async def plan(
        self, name: str, *, level: Level = Level.PERSONAL, like: str = "", **settings: Any
    ) -> Candidate | NothingToLearn:
        """Run the plan in this process; nothing is published. ``like``: go on with what a run has left."""
        given = job_setting(self.settings, self.bot)
        curated = {"examples": settings.pop("examples")} if "examples" in settings else {}
        folder = self.settings.data / name
        folder.mkdir()
        if like:
            for file in (PREPARED_FILE, CHECKPOINT_FILE):
                shutil.copy(self.settings.data / like / file, folder)
        site = JobSite(
            folder=folder,
            data=self.settings.data,
            ledger_url=given.ledger_url,
            model=given.model,
            bot=given.bot_config,
            training=given.bot_config["training"] | curated | {"settings": settings},
        )
        job = new_job(self.bot.name, level, ANA if level == Level.PERSONAL else "", name, "for a test", 0, now())
        return await asyncio.to_thread(ReactionPlan().run, job, site, lambda _: None, lambda: False)

    async def publish_shared(self, model: Path, folder: Path, base_hash: str = "") -> LoraVersion:
        """Have a shared LoRA of random weights answer everybody."""
        made = candidate(
            save_lora(folder, model, scale=0.08),
            stage=Stage.ACTIVE,
            base_hash=base_hash or model_hash(locate(str(model))),
        )
        job = new_job(self.bot.name, Level.SHARED, "", folder.name, "for a test", 0, now())
        version = await self.runtime.training.registry.publish(made, job, leased=False)
        assert version is not None
        return version

    async def until_answered_by(self, version: LoraVersion | None) -> None:
        """Wait until the host has taken up what another process has changed."""
        wanted = None if version is None else str(self.runtime.training.registry.folder_of(version))
        while self.runtime.training.resolver.resolve(PersonId(ANA)) != wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def versions(self) -> list[LoraVersion]:
        return await self.runtime.training.registry.all()


@contextlib.asynccontextmanager
async def hosting(folder: Path, model: Path, bot_file: str = BOT) -> AsyncGenerator[Host]:
    (folder / "bot" / "plugins").mkdir(parents=True)
    (folder / "bot" / "plugins" / "diary.py").write_text(DIARY)
    (folder / "bot" / "bot.toml").write_text(bot_file.format(model=model))
    # With a seed the bot draws the same words in every run: what is learned of them is no chance.
    settings = Settings.load(env_file=None, data=folder / "data", threads=1, seed=7)
    bot = Bot.load(folder / "bot")
    platform = MemoryAdapter()
    async with Runtime.open(settings, bot, adapters=[platform]) as runtime, running(runtime):
        yield Host(settings, bot, runtime, platform)


@pytest.fixture(autouse=True)
def _tests_are_found(warm_programs: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job's process imports the probes from here."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))


@pytest.mark.timeout(900)  # it trains for half a minute, and much of the machine may belong to others
async def test_thumbs_change_what_the_model_says_until_they_are_taken_back(chatty_model: Path, tmp_path: Path) -> None:
    async with hosting(tmp_path, chatty_model) as host:
        (sent, first), (_, second), *_ = await host.react_to_tones()
        said = [(await host.say(text))[0].reply.text for text in FRESH]
        assert not PLAYFUL & set(said), "the bot is plain by default"

        assert "active, all" in await host.train()
        (version,) = await host.versions()
        assert (version.level, version.subject, version.stage, version.method) == ("personal", ANA, "active", "distil")
        shown = await versions_command.show(host.settings, version.name)
        assert '"name": "task: right tool"' in shown and '"name": "drift"' in shown
        files = {path.name for path in (host.settings.data / "loras" / version.name).iterdir()}
        assert {"report.md", "report.html", "README.md"} <= files
        gate = {row["name"]: row for row in version.evaluation["gate"]}
        assert all(row["passed"] for row in gate.values())
        assert gate["control: words for talk"]["value"] > -0.01 and gate["task: right tool"]["value"] > -0.01

        await host.until_answered_by(version)
        replies = [await host.say(text) for text in FRESH]
        assert sum(each.reply.text in PLAYFUL for each, _ in replies) >= len(FRESH) - 1
        assert {kept.lora_version for _, kept in replies} == {f"{version.name}@{version.sha256[:12]}"}

        await versions_command.roll_back(host.settings, version.name, "to see")
        await host.until_answered_by(None)
        thanked, kept = await host.say("thanks bot")
        assert (thanked.reply.text, kept.lora_version) == ("You're welcome.", "base")

        await versions_command.promote(host.settings, version.name, "it was good")
        await host.react(sent, "👎", removed=True)
        await host.until_answered_by(None)
        (stale,) = await host.versions()
        assert (stale.stage, stale.withdrawn) == ("retired", 1)
        made = await host.plan("again", learning_rate=2e-3)
        assert isinstance(made, Candidate)
        prepared = (host.settings.data / "again" / PREPARED_FILE).read_text()
        assert f'"ledger:{first.interaction_id}"' not in prepared and f'"ledger:{second.interaction_id}"' in prepared
        assert (made.stage, made.through > version.through, made.parent) == ("active", True, "")

        with capture_logs() as logs:
            made = await host.plan("harmful", like="again", learning_rate=0.02, kl_weight=0.0, epochs=8)
        assert "since the training was interrupted: it begins anew" in str(logs)
        assert isinstance(made, Candidate) and made.stage == "rejected"
        failed = [row for row in made.evaluation["gate"] if not row["passed"]]
        assert failed and all(f"{row['name']}: {row['reason']}" in made.why for row in failed)

        made = await host.plan("unchanged", like="again", learning_rate=0.3, kl_weight=0.0, epochs=8)
        assert made == NothingToLearn("no step of the training made anything better on its validation examples")


@pytest.mark.timeout(900)
async def test_a_personal_lora_begins_at_the_shared_one_and_is_compared_with_it(
    chatty_model: Path, tmp_path: Path
) -> None:
    """What a level adds is measured against what answers the person now."""
    async with hosting(tmp_path, chatty_model) as host:
        await host.react_to_tones()
        other = await host.publish_shared(chatty_model, tmp_path / "other", base_hash="0" * 12)
        made = await host.plan("alone", epochs=2)
        assert isinstance(made, Candidate)
        assert made.parent == "", f"{other.name} is of another model, and answers nobody"
        assert made.evaluation["active"]["version"] == "base"
        assert "drift from parent" not in {row["name"] for row in made.evaluation["gate"]}

        shared = await host.publish_shared(chatty_model, tmp_path / "shared")
        made = await host.plan("own", epochs=2)
        assert isinstance(made, Candidate)
        assert made.parent == made.evaluation["active"]["version"] == shared.name
        candidate, active = made.evaluation["candidate"], made.evaluation["active"]
        drift = {row["name"]: row["value"] for row in made.evaluation["gate"] if row["name"].startswith("drift")}
        assert set(drift) == {"drift", "drift from parent"}
        assert active["drift"] > 0.01, "the shared one says other things than the base"
        assert candidate["parent_drift"] < candidate["drift"], "it is held to the shared one, and not to the base"

        own = new_job(host.bot.name, Level.PERSONAL, ANA, "own", "for a test", 0, now())
        stage = msgspec.structs.replace(made, stage=Stage.ACTIVE)
        version = await host.runtime.training.registry.publish(stage, own, leased=False)
        assert version is not None
        made = await host.plan("again", epochs=1)
        assert isinstance(made, Candidate)
        assert (made.parent, made.evaluation["active"]["version"]) == (shared.name, version.name)


async def test_a_wrong_file_of_examples_is_an_error_before_any_work(chatty_model: Path, tmp_path: Path) -> None:
    async with hosting(tmp_path, chatty_model) as host:
        (tmp_path / "own.jsonl").write_text('{"input": "hi"}')
        with pytest.raises(ConfigError, match=r"own.jsonl:1.*output"):
            await host.plan("wrong", level=Level.SHARED, examples=[str(tmp_path / "own.jsonl")])


async def test_too_few_reactions_teach_nothing_and_say_so(chatty_model: Path, tmp_path: Path) -> None:
    async with hosting(tmp_path, chatty_model) as host:
        await host.rated("hello", "plain", "👎")
        found = await host.plan("few")
        assert isinstance(found, NothingToLearn)
        assert found.why.startswith("1 judged replies can be learned from, and 8 are needed")
        await host.say("/profile learning off")
        found = await host.plan("none")
        assert isinstance(found, NothingToLearn)
        assert "1: the person has not agreed to it" in found.why


async def test_a_wrong_setting_is_an_error_before_any_work(chatty_model: Path, tmp_path: Path) -> None:
    async with hosting(tmp_path, chatty_model) as host:
        with pytest.raises(ConfigError, match="learning_rat"):
            await host.plan("wrong", learning_rat=1)


@pytest.mark.parametrize("stage", [Stage.ACTIVE, Stage.CANARY])
async def test_a_version_without_a_successor_goes_when_its_people_take_back(
    chatty_model: Path, tmp_path: Path, stage: Stage
) -> None:
    """Nothing is left to learn. What was learned of the reaction must not stay for that reason."""
    async with hosting(tmp_path, chatty_model) as host:
        sent, _ = await host.rated("hello", "plain", "👎")
        through = await host.runtime.ledger.last_reward()
        made = candidate(write_lora(tmp_path / "made"), ANA, stage=stage, through=through)
        job = new_job(host.bot.name, Level.SHARED, "", "by hand", "for a test", 0, now())
        version = await host.runtime.training.registry.publish(made, job, leased=False)
        assert version is not None
        await host.plan("before", level=Level.SHARED)
        assert (await host.runtime.training.registry.get(version.name)).stage == stage
        await host.react(sent, "👎", removed=True)
        assert isinstance(await host.plan("after", level=Level.SHARED), NothingToLearn)
        assert (await host.runtime.training.registry.get(version.name)).stage == "retired"
