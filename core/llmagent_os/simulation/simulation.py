"""Runs a simulation: people talk and react, trainings run when they are due, and fresh questions show what was learned.

Nothing is short-cut: messages and reactions go through an adapter and the host into the ledger, the behaviour policy
learns from them, the bot's own schedule asks for trainings, each in a process of its own, and the gate decides.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

from llmagent_os.errors import ConfigError
from llmagent_os.identity import PersonId
from llmagent_os.ledger.training_values import Level, LoraVersion, TrainingJob
from llmagent_os.policy import Action
from llmagent_os.policy.contract import NO_STYLES
from llmagent_os.simulation.fresh_replies import GivenLora, ask, bystander
from llmagent_os.simulation.live_view import LiveView
from llmagent_os.simulation.population import expressible, make_people, tastes_of
from llmagent_os.simulation.simulated_host import SimulatedHost
from llmagent_os.simulation.simulated_person import SimulatedPerson
from llmagent_os.simulation.simulation_options import SimulationOptions
from llmagent_os.simulation.simulation_record import JobOutcome, Measured, SimulationRecord
from llmagent_os.simulation.style_recognition import StyledReply, StyleRecognition
from llmagent_os.simulation.talk import Talk, talk_of
from llmagent_os.testing import Sent
from llmagent_os.training.lora_version import fits_style

#: Questions that the model answers in every style, so that people learn to recognise the styles.
CALIBRATION_QUESTIONS = 24
#: With more combinations of values, one dimension is changed at a time.
MOST_STYLES = 8
#: Messages that a person may say without that there is a reaction to any of them.
MOST_MESSAGES = 20


class Simulation:
    """One run. What it has found so far is in :attr:`record` at any time."""

    def __init__(
        self, host: SimulatedHost, options: SimulationOptions, record: SimulationRecord, view: LiveView
    ) -> None:
        self.host = host
        self.options = options
        self.record = record
        self.view = view
        self.people: list[SimulatedPerson] = []
        self.recognition: StyleRecognition | None = None
        self.given: dict[str, list[tuple[Sent, str]]] = {}  #: by person, the replies that they reacted to, and how
        self._talk: Talk = talk_of(host.runtime.bot)
        self._fresh = self._talk("fresh", options.questions, random.Random(f"{options.seed} fresh"))
        self._to_say: dict[str, list[str]] = {}
        self._usual: dict[tuple[str, str | None], list[str]] = {}  # replies without the policy, by person and LoRA
        #: by folder, the personal versions, and what answers in another style than theirs
        self._elsewhere: dict[str, tuple[LoraVersion, str | None]] = {}
        self._begun = time.monotonic()

    async def run(self) -> None:
        """Have the people talk until each has given its reactions, and measure on the way."""
        await self.meet()
        await self.measure(0)
        step = self.options.measured_every
        for reactions in [*range(step, self.options.reactions, step), self.options.reactions]:
            await self.talk_until(self.people, reactions)
            await self.train(reactions)
            await self.measure(reactions)

    # ── who there is ──────────────────────────────────────────────────────────────────────────────────────────────

    async def meet(self) -> None:
        """Find the styles that the model can be brought to, and make the people who like them.

        Raises:
            ConfigError: the model has no style that shows.
        """
        config = self.host.runtime.bot.config
        dimensions, defaults = config.behavior.dimensions, config.behavior.model_dump()
        questions = self._talk("calibration", CALIBRATION_QUESTIONS, random.Random(f"{self.options.seed} calibration"))
        samples: list[StyledReply] = []
        held_out: list[StyledReply] = []
        styles = styles_of({name: list(dimensions[name]) for name in dimensions if name not in NO_STYLES}, defaults)
        for number, style in enumerate(styles):
            self.view.phase(f"looks at what the model says in {len(styles)} styles", number, len(styles))
            async with bystander(self.host.runtime, GivenLora(lambda person, style: None), style) as agent:
                replies = await ask(agent, self.host.platform.name, f"style-{number}", questions)
            styled = [StyledReply(text, style) for text in replies]
            samples += styled[: len(styled) // 2]
            held_out += styled[len(styled) // 2 :]
        # Whether a style shows is not read off what it was learned from.
        shares = StyleRecognition(samples).recognised(held_out)
        self.recognition = StyleRecognition([*samples, *held_out])
        values = expressible(dimensions, shares)
        self.record.recognised = {f"{name}={value}": share for (name, value), share in shares.items()}
        self.record.left_out = tuple(
            f"{name}={value}" for name, value in shares if value not in values.get(name, ()) and name not in NO_STYLES
        )
        tastes = tastes_of(values, defaults, self.options.people)
        self.people = make_people(tastes, values, self.recognition, self.options)
        self.record.tastes = {each.name: dict(each.taste) for each in self.people}
        self.record.turning = tuple(each.name for each in self.people if each.changes)
        self.view.people(self.record)

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────────────

    async def talk_until(self, people: Sequence[SimulatedPerson], reactions: int) -> None:
        """Have people say something, round by round, until each has given so many reactions.

        Raises:
            ConfigError: somebody reacts to nothing.
        """
        rounds = 0
        while talking := [each for each in people if each.reactions < reactions]:
            least = min(each.reactions for each in talking)
            self.view.phase(f"people talk and react, up to {reactions} reactions each", least, reactions)
            sent = await self.host.say([(each.name, self._next(each)) for each in talking])
            for person, reply in zip(talking, sent, strict=True):
                if emoji := person.react(reply.reply.text):
                    await self.host.react(person.name, reply, emoji)
                    self.given.setdefault(person.name, []).append((reply, emoji))
            self.host.pass_time()
            await self.host.learn()
            rounds += 1
            if rounds > MOST_MESSAGES * reactions:
                raise ConfigError(f"{talking[0].name} has reacted to nothing for {rounds} rounds: lower --silent")

    def _next(self, person: SimulatedPerson) -> str:
        waiting = self._to_say.setdefault(person.name, [])
        if not waiting:
            rng = random.Random(f"{self.options.seed} {person.name} {person.reactions}")
            waiting += self._talk("talk", 2 * MOST_MESSAGES, rng)[::-1]
        return waiting.pop()

    # ── what becomes of it ────────────────────────────────────────────────────────────────────────────────────────

    async def train(self, reactions: int) -> list[JobOutcome]:
        """Run the trainings that are due now, and note what came of them."""
        ended = await self.host.train(self.view.job)
        outcomes = [await self._outcome(job, reactions) for job in ended]
        self.record.jobs += outcomes
        for each in outcomes:
            self.view.outcome(each)
        return outcomes

    async def _outcome(self, job: TrainingJob, reactions: int) -> JobOutcome:
        registry = self.host.runtime.training.registry
        version = await registry.get(job.version) if job.version else None
        rows: list[dict[str, Any]] = [] if version is None else version.evaluation.get("gate", [])
        kept = {
            row["name"]: row["value"]
            for row in rows
            if row["name"].split(":")[0] in ("task", "control", "fact") and row["value"] is not None
        }
        return JobOutcome(
            reactions=reactions,
            level=job.level.value,
            subject=job.subject,
            seconds=job.seconds,
            outcome=job.status.value if version is None else version.stage.value,
            why=job.why if version is None else version.why,
            failed=tuple(row["name"] for row in rows if not row["passed"]),
            kept=kept,
            drift=next((row["value"] for row in rows if row["name"] == "drift"), None),
            notes=() if version is None else tuple(version.evaluation.get("notes", ())),
        )

    async def measure(self, reactions: int) -> None:
        """Ask everybody's fresh questions at every level. A level without a LoRA of its own is the one above it."""
        shared = await self.served(Level.SHARED)
        versions = {
            each.name: await self.version(Level.PERSONAL, each.person_id(self.host.platform.name))
            for each in self.people
        }
        owners = {name: self._folder_of(version) for name, version in versions.items()}
        self._elsewhere = {
            folder: (version, shared)
            for version in versions.values()
            if version is not None and (folder := self._folder_of(version)) is not None
        }
        choices: dict[str, dict[str, str | None]] = {"policy": dict.fromkeys(owners)}
        choices["shared"] = dict.fromkeys(owners, shared)
        choices["personal"] = {name: own or shared for name, own in owners.items()}
        asked: dict[tuple[str, str | None], list[str]] = {}
        for number, (level, loras) in enumerate(choices.items()):
            self.view.phase(f"asks fresh questions after {reactions} reactions", number, len(choices) + 1)
            new = [each for each in self.people if (each.name, loras[each.name]) not in asked]
            replies = await self.replies(new, loras)
            asked |= {(each.name, loras[each.name]): said for each, said in zip(new, replies, strict=True)}
            self._note(reactions, level, [asked[each.name, loras[each.name]] for each in self.people])
        self.record.samples = [
            (each.name, question, reply)
            for each in self.people
            for question, reply in zip(self._fresh, asked[each.name, choices["personal"][each.name]], strict=True)
        ]
        await self._ask_without_policy(choices["personal"])
        self._note(
            reactions, "weights", [self._usual[each.name, choices["personal"][each.name]] for each in self.people]
        )
        self.record.seconds = time.monotonic() - self._begun
        self.view.measured(self.record, reactions)

    async def _ask_without_policy(self, loras: dict[str, str | None]) -> None:
        """Ask in the bot's usual style. The replies change with the LoRA alone, so those that are known are kept."""
        new = [each for each in self.people if (each.name, loras[each.name]) not in self._usual]
        defaults = self.host.runtime.bot.config.behavior.model_dump()
        for person, said in zip(new, await self.replies(new, loras, defaults), strict=True):
            self._usual[person.name, loras[person.name]] = said

    def _note(self, reactions: int, level: str, replies: Sequence[Sequence[str]]) -> None:
        for person, said in zip(self.people, replies, strict=True):
            liked = sum(map(person.likes, said)) / len(said)
            self.record.measured.append(
                Measured(person=person.name, reactions=reactions, level=level, liked=liked, replies=len(said))
            )

    async def replies(
        self, people: Sequence[SimulatedPerson], loras: dict[str, str | None], style: Action | None = None
    ) -> list[list[str]]:
        """What people are answered to the fresh questions, without a trace.

        Args:
            people: who asks.
            loras: by person, the folder of the LoRA; None: the base.
            style: how everybody is answered; None: as the policy chooses.
        """
        platform = self.host.platform.name
        by_id: dict[PersonId, str | None] = {each.person_id(platform): loras[each.name] for each in people}

        def choose(person: PersonId, asked: Mapping[str, str]) -> str | None:
            """The LoRA, as the host would choose it; with a given style whichever it was judged in."""
            lora = by_id.get(person)
            version, above = self._elsewhere.get(lora or "", (None, None))
            return lora if style is not None or version is None or fits_style(version, asked) else above

        async with bystander(self.host.runtime, GivenLora(choose), style) as agent:
            return list(await asyncio.gather(*(ask(agent, platform, each.name, self._fresh) for each in people)))

    async def served(self, level: Level, subject: str = "") -> str | None:
        """The folder of :meth:`version`; None: there is none."""
        return self._folder_of(await self.version(level, subject))

    def _folder_of(self, version: LoraVersion | None) -> str | None:
        return None if version is None else str(self.host.runtime.training.registry.folder_of(version))

    async def version(self, level: Level, subject: str = "") -> LoraVersion | None:
        """The version that writes a level's replies, a canary before the active one; None: there is none."""
        found = await self.host.runtime.training.registry.served(self.host.bot)
        mine = [each for each in found if (each.level, each.subject) == (level, subject)]
        return max(mine, key=lambda each: each.created_at, default=None)


def styles_of(values: dict[str, list[str]], defaults: Action) -> list[Action]:
    """The styles in which the model is looked at: all combinations, or, where they are many, one dimension changed.

    >>> len(styles_of({"mode": ["a", "b"], "length": ["c", "d", "e"]}, {"mode": "a", "length": "c"}))
    6
    """
    every = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
    if len(every) <= MOST_STYLES:
        return every
    usual = {name: defaults[name] for name in values}
    changed = [usual | {name: value} for name, each in values.items() for value in each if value != usual[name]]
    return [usual, *changed]
