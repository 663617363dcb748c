"""Ten people who agree react to a bot, and the shared LoRA is trained by every method: what does the gate say?

    python -m benchmarks.shared_training chatty --seeds 0-4 --methods distil,kto,dpo,sft,reinforce
    python -m benchmarks.shared_training calendar --taste brief --seeds 0-4

The host, the ledger, the plan of a job and the gate are the real ones; only the platform is in memory. ``chatty`` is
the small model of the tests, which is trained first. Every person says the same kinds of things in another order, in a
style that is liked or in another one, and reacts to about half of the replies in words. Requests for a tool get no
reaction. What people say is in no probe of the gate. Beside the verdict it is measured, on wordings that nobody has
said before, which share of the replies is as people like it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chatty_model import DIARY, save_chatty_model
from tests.chatty_model import TALK as CHATTY_TALK
from tests.tiny_model import calendar_chats

from llmagent_os.bot import Bot, job_setting
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.ledger.training_values import Level
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy.contract import DIMENSIONS, Dimensions
from llmagent_os.runtime import Runtime
from llmagent_os.testing import MemoryAdapter, Sent, running
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.probe import ask
from llmagent_os.training.reaction_plan import ReactionPlan
from llmagent_os.training.training_plan import Candidate, JobSite, NothingToLearn

PEOPLE = 10

BOT = """
name = "{name}"
model = "{model}"
{plugins}
remembered_turns = 0
temperature = {temperature}
model_seconds = 900
{behavior}
[policy]
learner = "fixed"
[consent]
training = true
ask = false

[training]
probes = "{probes}"
priority = "normal"
opinions = 1000
personal_opinions = 1000
[training.canary]
share = 0.0
"""

#: What people say to the calendar. None of it is asked by the gate.
CALENDAR_TALK = (
    "hey there", "good afternoon", "thanks a lot", "how do you do?", "are you a robot?", "sing me a song",
    "is it going to rain?", "order me a taxi", "what's the time in Tokyo", "how tall is Mount Everest",
    "open the garage", "well done", "see you later", "what are you for?", "tell me a story", "book a hotel",
    "I feel tired today", "call my sister", "is my phone charged?", "solve this riddle",
)  # fmt: skip
CALENDAR_REQUESTS = (
    "add dinner with Sam on Friday at 7pm", "what's on my calendar for Wednesday?", "cancel the call with the bank",
    "remind me to buy stamps tomorrow", "show me next week", "create an event called gym on Sunday morning",
    "remove the gym from Sunday", "do I have plans on Saturday?", "put chess club on Monday at 6pm",
    "schedule a walk with Kim for tomorrow at noon", "what is on today?", "book the vet for Tuesday at 9am",
)  # fmt: skip
#: Nobody has said these before the training.
CALENDAR_FRESH = (
    "hi bot", "good day", "many thanks", "how is it going?", "are you human?", "play a game with me",
    "will it snow?", "recommend a book", "get me a cab", "how old is the universe", "phone my brother",
    "lock the door", "good job", "this is not right", "bye bye", "make me a coffee", "how deep is the sea",
)  # fmt: skip
TONES: Dimensions = {"tone": {"plain": "Write plainly.", "playful": "Write playfully."}}


@dataclass(frozen=True)
class World:
    """A bot, and people who talk to it."""

    name: str
    model: str
    probes: str
    plugins: str
    dimensions: Dimensions
    usual: dict[str, str]  #: the defaults
    talk: tuple[str, ...]
    requests: tuple[str, ...]
    fresh: tuple[str, ...]
    liked: str  #: a value of a dimension
    disliked: tuple[str, ...]  #: the values that are tried beside it

    def system(self, value: str) -> str:
        """The system message with a value of a dimension, and else the defaults."""
        changed = {name: value for name, values in self.dimensions.items() if value in values}
        return system_text({**self.usual, **changed}, dimensions=self.dimensions)


def chatty(model: Path, taste: str) -> World:
    """The small model of the tests: two tones, two tools."""
    usual = "playful" if taste == "plain" else "plain"
    return World(
        name="chatty",
        model=str(model),
        probes="tests.chatty_model",
        plugins='plugin_folder = "plugins"\npermissions = ["diary.*"]',
        dimensions={"tone": {usual: TONES["tone"][usual], taste: TONES["tone"][taste]}},
        usual={"tone": usual},
        talk=tuple(said for prompts in CHATTY_TALK for said in prompts[:5]),
        requests=tuple(str(chat[0]["content"]) for chat in calendar_chats(60, 11) if chat[-1].get("tool_calls")),
        fresh=tuple(said for prompts in CHATTY_TALK for said in prompts[5:]),
        liked=taste,
        disliked=(usual,),
    )


def calendar(taste: str) -> World:
    """The shipped bot: three lengths, two modes."""
    usual = {"mode": "task_oriented", "verbosity": "normal"}
    (name,) = (name for name, values in DIMENSIONS.items() if taste in values)
    return World(
        name="calendar",
        model="calendar",
        probes="llmagent_os.bots.calendar.gate_probes",
        plugins='plugins = ["calendar", "profile"]\npermissions = ["calendar.read", "calendar.write", "profile.write"]',
        dimensions=DIMENSIONS,
        usual=usual,
        talk=CALENDAR_TALK,
        requests=CALENDAR_REQUESTS,
        fresh=CALENDAR_FRESH,
        liked=taste,
        disliked=tuple(value for value in DIMENSIONS[name] if value != taste),
    )


class Talk:
    """A running host, and people who talk to it side by side."""

    def __init__(self, world: World, runtime: Runtime, platform: MemoryAdapter, seed: str) -> None:
        self._world, self._runtime, self._platform, self._seed = world, runtime, platform, seed

    async def say(self, who: str, text: str) -> Sent:
        """Have somebody say something, and wait until the answer is kept."""
        before = len(self._answers(who))
        await self._platform.say(text, user=who, channel=who)
        await self._platform.until(lambda: len(self._answers(who)) > before)
        sent = self._answers(who)[before]
        while not await self._runtime.ledger.is_reply("memory", who, sent.message_id):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return sent

    def _answers(self, who: str) -> list[Sent]:
        return [each for each in self._platform.posted if each.conversation.channel == who]

    async def react(self, who: str, sent: Sent, emoji: str) -> None:
        """Have somebody react, and wait for the ledger."""
        ledger = self._runtime.ledger
        kept = await ledger.interaction_of("memory", who, sent.message_id)
        assert kept is not None
        await self._platform.react(sent, emoji, user=who)
        while not await ledger.rewards_of(kept.interaction_id):  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async def live(self, who: str) -> None:
        """Have somebody talk in turns of both styles, ask for tools, and react to about half of the talk."""
        world, order = self._world, random.Random(f"{self._seed}:{who}")
        for number, said in enumerate(order.sample(world.talk, 8)):
            style = world.liked if number % 2 else order.choice(world.disliked)
            await self.say(who, f"/profile set {style}")
            sent = await self.say(who, said)
            if number < 6:
                await self.react(who, sent, "👍" if style == world.liked else "👎")
        (changed,) = (name for name, values in world.dimensions.items() if world.liked in values)
        await self.say(who, f"/profile clear {changed}")
        for said in order.sample(world.requests, 3):
            await self.say(who, said)


@contextlib.asynccontextmanager
async def hosting(world: World, folder: Path, temperature: float) -> AsyncGenerator[tuple[Settings, Bot, Runtime, Any]]:
    """Run a host of the world's bot."""
    (folder / "bot" / "plugins").mkdir(parents=True)
    (folder / "bot" / "plugins" / "diary.py").write_text(DIARY)
    behavior = "[behavior]\n" + "".join(f'{name} = "{value}"\n' for name, value in world.usual.items())
    if world.dimensions is not DIMENSIONS:
        lines = (
            f"{name} = {{ " + ", ".join(f'{value} = "{words}"' for value, words in values.items()) + " }"
            for name, values in world.dimensions.items()
        )
        behavior = "[behavior.dimensions]\n" + "\n".join(lines)
    text = BOT.format(
        name=world.name,
        model=world.model,
        plugins=world.plugins,
        behavior=behavior,
        probes=world.probes,
        temperature=temperature,
    )
    (folder / "bot" / "bot.toml").write_text(text)
    settings, bot = Settings.load(env_file=None, data=folder / "data", threads=1), Bot.load(folder / "bot")
    platform = MemoryAdapter()
    async with Runtime.open(settings, bot, adapters=[platform]) as runtime, running(runtime):
        yield settings, bot, runtime, platform


def train(settings: Settings, bot: Bot, name: str, options: dict[str, Any]) -> Candidate | NothingToLearn:
    """Run the plan of a shared training in this process."""
    given = job_setting(settings, bot)
    folder = settings.data / name
    folder.mkdir()
    site = JobSite(
        folder=folder,
        data=settings.data,
        ledger_url=given.ledger_url,
        model=given.model,
        bot=given.bot_config,
        training=given.bot_config["training"] | {"settings": {"threads": 1, **options}},
    )
    job = new_job(bot.name, Level.SHARED, "", name, "for a benchmark", 0, now())
    return ReactionPlan().run(job, site, lambda _: None, lambda: False)


async def liked_share(world: World, settings: Settings, lora: str) -> float:
    """The share of replies to fresh talk that the model's own reply in the liked style is more like."""

    async def replies(value: str, lora: str) -> list[str]:
        asked = [
            ChatRequest(messages=list(ask(said, system=world.system(value)).messages), lora=lora, max_tokens=64)
            for said in world.fresh
        ]
        return [each.text if isinstance(each, Completion) else "" for each in await complete_all(llm, asked)]

    async with LLM.from_pretrained(world.model, threads=1) as llm:
        usual = await replies(next(iter(world.usual.values())), "base")
        wanted, got = await replies(world.liked, "base"), await replies("", lora)
    judged = [
        similarity(text, right) > similarity(text, wrong)
        for text, right, wrong in zip(got, wanted, usual, strict=True)
        if right != wrong
    ]
    return sum(judged) / max(1, len(judged))


def similarity(text: str, other: str) -> float:
    """The share of common character trigrams (Jaccard)."""
    first, second = ({f"^{each}$"[at : at + 3] for at in range(len(each))} for each in (text, other))
    return len(first & second) / max(1, len(first | second))


async def run(world: World, seed: int, options: Sequence[dict[str, Any]], temperature: float) -> None:
    """Have people talk, train with each of some options, and print a row each."""
    with tempfile.TemporaryDirectory() as where:
        async with hosting(world, Path(where), temperature) as (settings, bot, runtime, platform):
            talk = Talk(world, runtime, platform, f"{world.name}:{world.liked}:{seed}")
            await asyncio.gather(*(talk.live(f"p{number}") for number in range(PEOPLE)))
        for number, each in enumerate(options):
            begun = time.process_time()
            made = await asyncio.to_thread(train, settings, bot, f"job{number}", {"seed": seed, **each})
            seconds = time.process_time() - begun
            print(await row(world, settings, seed, each, made, seconds), flush=True)


async def row(
    world: World, settings: Settings, seed: int, options: dict[str, Any], made: Candidate | NothingToLearn, cpu: float
) -> str:
    """What a training came to, in a line."""
    named = " ".join(f"{key}={value}" for key, value in options.items())
    head = f"{world.name} {world.liked} seed {seed} {named}: "
    if isinstance(made, NothingToLearn):
        return f"{head}nothing to learn: {made.why} ({cpu:.0f} CPU s)"
    liked = await liked_share(world, settings, str(made.folder))
    figures = made.evaluation["training"]
    values = {each["name"]: each["value"] for each in made.evaluation["gate"]}
    why = made.why if made.stage == "rejected" else ""
    return (
        f"{head}{made.stage.value}, liked {liked:.2f}, reward {values['reward']:+.2f}, drift {values['drift']:.3f}, "
        f"steps {figures['best_step']}/{figures['steps']}, {cpu:.0f} CPU s {why} {' '.join(made.evaluation['notes'])}"
    )


def seeds_of(text: str) -> list[int]:
    """Read ``3`` or ``0-4``."""
    first, _, last = text.partition("-")
    return list(range(int(first), int(last or first) + 1))


def options_of(text: str) -> dict[str, Any]:
    """Read ``learning_rate=1e-3,kl_weight=4``."""
    pairs = (each.partition("=") for each in text.split(",") if each)
    return {key: float(value) if "." in value or "e" in value else int(value) for key, _, value in pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", choices=["chatty", "calendar"])
    parser.add_argument("--taste", default="", help="the liked value; chatty: playful or plain")
    parser.add_argument("--seeds", type=seeds_of, default=[0], help="as 3 or 0-4")
    parser.add_argument("--methods", default="distil")
    parser.add_argument("--settings", action="append", type=options_of, help="as learning_rate=1e-3; may be repeated")
    parser.add_argument("--temperature", type=float, default=0.0, help="of the replies that people judge")
    parser.add_argument("--model", type=Path, help="a folder where the small model is kept")
    given = parser.parse_args()
    options = [{"method": method, **each} for method in given.methods.split(",") for each in given.settings or [{}]]
    with tempfile.TemporaryDirectory() as where:
        if given.world == "chatty":
            folder = given.model or Path(where) / "model"
            if not folder.exists():
                save_chatty_model(folder)
            world = chatty(folder, given.taste or "playful")
        else:
            world = calendar(given.taste or "brief")
        for seed in given.seeds:
            asyncio.run(run(world, seed, options, given.temperature))


if __name__ == "__main__":
    main()
