"""People who talk to a bot whose new version is a canary: their replies and rewards are in a real ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count

import msgspec

from llmagent_os.events import Conversation, Message, Sender, event_key, now
from llmagent_os.identity import Identity, PersonId, identity_of
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.ledger.canary_values import TRIAL
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.canary_watch import CanaryWatch
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import LoraVersion, Stage
from llmagent_os.training.registry_resolver import RegistryResolver
from tests.training_plans import BASE_HASH
from tests.unit.training.conftest import JobBench
from tests.unit.training.test_lora_registry import publish

#: Certain within tens of conversations, where the two versions are far apart.
QUICK = CanarySettings(share=0.5, margin=0.5, min_conversations=3)

#: What a person thinks of a reply, given whether the canary wrote it: 1, -1, or 0 for nothing.
Thought = Callable[[bool], float]

LIKED: Thought = lambda by_canary: 1.0 if by_canary else -1.0  # noqa: E731
DISLIKED: Thought = lambda by_canary: -1.0 if by_canary else 1.0  # noqa: E731


class Host:
    """What a host has of the tests of canaries. Made again on the same ledger, it is a host that was started again."""

    def __init__(self, bench: CanaryBench, ledger: Ledger, settings: CanarySettings) -> None:
        self.registry = LoraRegistry(ledger, bench.jobs.data)
        self.resolver = RegistryResolver(self.registry, "calendar", BASE_HASH, canary=settings)
        self.watch = CanaryWatch(
            "calendar", settings, ledger, self.registry, self.resolver, bench.consents, lambda: bench.now
        )

    async def look(self) -> None:
        """What a host does every few seconds."""
        await self.resolver.refresh()
        await self.watch.look()


class CanaryBench:
    """An installation with an active version and a canary, and a clock that the test moves."""

    def __init__(self, jobs: JobBench, settings: CanarySettings = QUICK) -> None:
        self.jobs = jobs
        self.ledger = jobs.ledger
        self.settings = settings
        self.now = now()
        self.silent: set[PersonId] = set()  #: who has turned learning off
        self.active: LoraVersion
        self.canary: LoraVersion
        self.host = Host(self, jobs.ledger, settings)
        self._numbers = count()

    async def open(self) -> CanaryBench:
        """Publish the two versions."""
        self.active = await publish(self.jobs, 1, stage=Stage.ACTIVE)
        self.canary = await publish(self.jobs, 2, stage=Stage.CANARY)
        await self.host.look()
        return self

    async def consents(self, person: PersonId) -> bool:
        return person not in self.silent

    def start_again(self, ledger: Ledger | None = None) -> Host:
        """A host that was killed and started again."""
        self.host = Host(self, ledger or self.ledger, self.settings)
        return self.host

    async def converse(
        self, name: str, thought: Thought, *, channel: str = "", minutes: float = 1.0, rater: str = ""
    ) -> Interaction:
        """Have a person get a reply in a session of its own, and think of it; then time passes."""
        reply = await self.reply(name, channel=channel)
        by_canary = reply.lora_version.startswith(self.canary.name)
        if value := thought(by_canary):
            await self.rate(reply, value, rater=rater)
        self.now += timedelta(minutes=minutes)
        return reply

    async def reply(
        self, name: str, *, channel: str = "", before: Interaction | None = None, damaged: bool = False
    ) -> Interaction:
        """Answer a person as the agent does: the resolver chooses, and the record says what it chose.

        Where the canary is ``damaged``, the level above answers.
        """
        number = f"e{next(self._numbers)}"
        room = Conversation(platform="web", workspace="local", channel=channel or name)
        event = Message(event_id=number, conversation=room, sender=Sender(name), text="hi", message_id=number)
        key, person = event_key(event), await self.ledger.identities.person(identity_of(event))
        session = key if before is None else before.episode_id
        choice = await self.host.resolver.choose(person, session if await self.consents(person) else "")
        folder = choice.lora or ""
        if damaged and folder.endswith(self.canary.name):
            folder = choice.above[0] or ""
        kept = Interaction(
            interaction_id=key,
            event_id=number,
            episode_id=session,
            turn_index=0 if before is None else before.turn_index + 1,
            user_id=identity_of(event),
            conversation_key=room.key,
            context={} if choice.trial is None else {TRIAL: msgspec.to_builtins(choice.trial)},
            lora_version=f"{folder.rpartition('/')[2]}@123456789012" if folder else "base",
            model="tiny",
            said="hi",
            created_at=self.now,
        )
        await self.ledger.accept(event, max_pending=100_000)
        await self.ledger.prepare(event, None, kept)
        return kept

    async def rate(self, reply: Interaction, value: float, *, rater: str = "", op: str = "add") -> None:
        """Have somebody react to a reply; the person who was answered, if nobody else is named."""
        number = f"r{next(self._numbers)}"
        reward = RewardEvent(
            reward_id=number,
            event_id=number,
            interaction_id=reply.interaction_id,
            rater_id=Identity(f"web:local:{rater}") if rater else reply.user_id,
            user_id=reply.user_id,
            op="add" if op == "add" else "remove",
            raw_value="👍" if value > 0 else "👎",
            reward=value if op == "add" else -value,
            mapping_version="1",
            at=self.now,
        )
        await self.ledger.add_reward(reward)

    async def hour(self) -> None:
        """Let an hour go by: all conversations are over. The host looks."""
        self.now += timedelta(hours=1, seconds=1)
        await self.host.look()

    async def stage(self) -> tuple[str, str]:
        """The stages of the active version and of the canary."""
        active, canary = [await self.host.registry.get(each.name) for each in (self.active, self.canary)]
        return active.stage.value, canary.stage.value

    def answers(self, name: str) -> str:
        """The name of the version that answers a person in no test."""
        return (self.host.resolver.resolve(PersonId(f"web:local:{name}")) or "").rpartition("/")[2]
