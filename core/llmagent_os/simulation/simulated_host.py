"""A real host with a bot in a data folder of its own, on which simulated people act.

The bot is an installed one. Only its schedule is changed: trainings begin at any hour, as soon as they are due. A round
of talk is an hour of the people's time, so that nobody reacts to thirty replies within ten minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta

import msgspec

from llmagent_os.bot import Bot, ConsentConfig, job_setting
from llmagent_os.config import Settings
from llmagent_os.errors import LLMAgentOSError
from llmagent_os.events import Event, Reaction, Sender, event_key, now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.runtime import Runtime
from llmagent_os.serving.model_catalogue import MODELS_FOLDER
from llmagent_os.simulation.simulation_options import SimulationOptions, SimulationPlace
from llmagent_os.testing import MemoryAdapter, Sent
from llmagent_os.training.job_runner import JobRunner
from llmagent_os.training.job_schedule import JobSchedule
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_job import TrainingJob

#: How often it is looked whether a reply has come, or a job has got further.
LOOK_SECONDS = 0.05
#: How long the host may take to count a reaction.
REACTION_SECONDS = 120.0
#: The people's time between two rounds of talk.
ROUND = timedelta(hours=1)
#: How a new shared version is tried: on half of the conversations, so that little talk says much.
CANARY = {"canary": {"share": 0.5, "margin": 0.3, "min_conversations": 8, "conversation_minutes": 0.05}}
#: New opinions of one person that wake a training of theirs.
PERSONAL_OPINIONS = 20


class SimulatedHost:
    """A running host, and what people and the passing of time do to it."""

    def __init__(self, runtime: Runtime, platform: MemoryAdapter, running: asyncio.Task[None], begin: datetime) -> None:
        self.runtime = runtime
        self.platform = platform
        self._running = running
        self._time = begin  #: of the people
        setting = job_setting(runtime.settings, runtime.bot)
        self._schedule = JobSchedule(
            runtime.bot.name, runtime.bot.config.training, runtime.ledger, self._consenting, now
        )
        self._runner = JobRunner(setting, runtime.ledger, now)

    @property
    def bot(self) -> str:
        """The bot's name."""
        return self.runtime.bot.name

    def pass_time(self) -> None:
        """Let a round's time pass for the people."""
        self._time += ROUND

    async def say(self, texts: Sequence[tuple[str, str]]) -> list[Sent]:
        """Have people say something at the same time, each in a conversation of its own; gives the replies in order.

        Args:
            texts: account and text.

        Raises:
            LLMAgentOSError: the host has ended.
        """
        keys: list[str] = []
        for person, text in texts:
            said = self.platform.message(text, user=person)
            room = self.platform.room(f"{person}-{said.event_id}")
            keys.append(await self._deliver(msgspec.structs.replace(said, conversation=room, at=self._time)))
        return [await self._reply(key) for key in keys]

    async def react(self, person: str, sent: Sent, emoji: str, *, removed: bool = False) -> None:
        """Have a person put an emoji on a reply, or take it off.

        Raises:
            LLMAgentOSError: the host has ended, or does not count the reaction.
        """
        number = len(self.platform.posted) + await self.runtime.ledger.last_reward()
        reaction = Reaction(
            event_id=f"{'off' if removed else 'on'}-{person}-{sent.message_id}-{number}",
            conversation=sent.conversation,
            sender=Sender(person),
            at=self._time,
            message_id=sent.message_id,
            emoji=emoji,
            action="removed" if removed else "added",
        )
        before = await self.runtime.ledger.last_reward()
        await self._deliver(reaction)
        waited_until = time.monotonic() + REACTION_SECONDS
        while await self.runtime.ledger.last_reward() == before:
            self._check()
            if time.monotonic() > waited_until:
                raise LLMAgentOSError(f"the host has not counted a reaction of {person} within {REACTION_SECONDS:g} s")
            await asyncio.sleep(LOOK_SECONDS / 5)

    async def press(self, person: str, sent: Sent, value: str) -> None:
        """Have a person press a button of a reply, and wait until that is done."""
        await self.platform.press(sent, value, user=person)
        while await self.runtime.ledger.unfinished():
            self._check()
            await asyncio.sleep(LOOK_SECONDS)

    async def learn(self) -> None:
        """Have the behaviour policy learn what it has not learned yet."""
        if self.runtime.policy_worker is not None:
            await self.runtime.policy_worker.catch_up()

    async def train(self, watch: Callable[[TrainingJob], None]) -> list[TrainingJob]:
        """Ask the bot's schedule what is due, and wait until all of it has been run; gives the jobs as they ended.

        Args:
            watch: called whenever a job has got further.
        """
        asked = await self._schedule.ask()
        working = asyncio.create_task(self._run_all())
        try:
            while not working.done():
                running = await self.runtime.ledger.training_jobs.running(self.bot)
                if running is not None:
                    watch(running)
                await asyncio.wait([working], timeout=10 * LOOK_SECONDS)
            working.result()
        finally:
            working.cancel()
            await asyncio.wait([working])
        await self.runtime.training.resolver.refresh()
        ended = [await self.runtime.ledger.training_jobs.get(job.job_id) for job in asked]
        return [job for job in ended if job is not None]

    async def _run_all(self) -> None:
        """Run what waits. The host's own runner may take up a job first: then that one is waited for."""
        while True:
            ran = await self._runner.run_next()
            if not ran and await self.runtime.ledger.training_jobs.running(self.bot) is None:
                return
            await asyncio.sleep(LOOK_SECONDS)

    async def _deliver(self, event: Event) -> str:
        await self.platform.deliver(event)
        return event_key(event)

    async def _reply(self, key: str) -> Sent:
        while True:
            found = next((sent for sent in reversed(self.platform.posted) if sent.key == key), None)
            if found is not None:
                return found
            self._check()
            await asyncio.sleep(LOOK_SECONDS / 5)

    def _check(self) -> None:
        if self._running.done():
            self._running.result()
            raise LLMAgentOSError("the simulated host has ended")

    async def _consenting(self, identity: Identity) -> PersonId | None:
        directory = self.runtime.agent.services.directory
        person = await directory.person_of(identity)
        return person if await directory.consents_to_training(person) else None


@asynccontextmanager
async def simulated_host(place: SimulationPlace, options: SimulationOptions) -> AsyncGenerator[SimulatedHost]:
    """Run a host for as long as this is open.

    Args:
        place: the bot and its data folder.
        options: how much people say: trainings for everybody are due after each tenth reaction of each.

    Raises:
        ConfigError: the bot or its model cannot be run.
    """
    bot = Bot.load(place.bot)
    training = bot.config.training.model_dump() | schedule_of(options)
    # Simulated people agree to everything, and are asked nothing: the words of replies are measured.
    changed = {"training": TrainingConfig.model_validate(training), "consent": ConsentConfig(training=True, ask=False)}
    config = bot.config.model_copy(update=changed)
    settings = Settings.load(
        env_file=None, data=place.data, database_url="", model=place.model or None, threads=place.threads, policy=""
    )
    await asyncio.to_thread(_share_models, place)
    platform = MemoryAdapter("simulated")
    begin = now() - ROUND * (4 * options.reactions + 48)
    async with Runtime.open(settings, replace(bot, config=config), adapters=[platform]) as runtime:
        await runtime.warm_up()
        running = asyncio.create_task(runtime.run())
        try:
            yield SimulatedHost(runtime, platform, running, begin)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running


def schedule_of(options: SimulationOptions) -> dict[str, object]:
    """What a simulation changes in a bot's ``[training]``."""
    return {
        "plan": "llmagent_os.training.reaction_plan:ReactionPlan",
        "opinions": 10 * options.people,
        "personal_opinions": min(PERSONAL_OPINIONS, options.reactions),
        "every_hours": 0.0,
        "quiet_hours": "",
        "minutes_a_day": 24 * 60.0,
        "priority": "normal",
        **CANARY,
    }


def _share_models(place: SimulationPlace) -> None:
    """Let the simulation find the models that are installed, without copying them."""
    if place.models.is_dir():
        place.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        link = place.data / MODELS_FOLDER
        if not link.exists():
            link.symlink_to(place.models.resolve(), target_is_directory=True)
