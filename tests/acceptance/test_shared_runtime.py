"""The whole bot on two hosts: what one host learns or is told, the other would not know."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest

from llmagent_os import testing
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import LedgerError
from llmagent_os.identity import Identity, PersonId
from llmagent_os.policy.bayes.bayes_learner import Bayes
from llmagent_os.policy.contract import Context
from llmagent_os.policy.learned import LearnedPolicy
from llmagent_os.policy_worker import PolicyWorker
from llmagent_os.policy_worker.reward_learning import decision_of
from llmagent_os.runtime import Runtime
from llmagent_os.testing import MemoryAdapter, Sent
from tests.tiny_model import save_model

ANA = PersonId("memory::ana")

BOT = """
name = "parrot"
title = "Parrot"
model = "tiny"
adapters = ["web"]
max_tokens = 8
"""


class Machine:
    """A host of the bot. Whoever talks to it is answered by it."""

    def __init__(self, runtime: Runtime, platform: MemoryAdapter, running: contextlib.AsyncExitStack) -> None:
        self.runtime, self.platform = runtime, platform
        self._running = running

    async def stop(self) -> None:
        await self._running.aclose()

    @property
    def worker(self) -> PolicyWorker:
        assert self.runtime.policy_worker is not None
        return self.runtime.policy_worker

    async def asked(self, text: str) -> Sent:
        """The reply to what Ana says to this host. A host with something unfinished of hers would answer instead."""
        await until(lambda: is_idle(self))
        event = self.platform.message(text, user="ana", channel="ana's")
        await self.platform.deliver(event)
        return await self.platform.replied(event)

    @property
    def policy(self) -> LearnedPolicy:
        found = self.runtime.agent.services.behavior.policy
        assert isinstance(found, LearnedPolicy)
        return found

    async def expects(self) -> list[float]:
        """How content this host holds Ana to be with each way to answer."""
        await self.worker.load(ANA)
        assert isinstance(self.policy.learner, Bayes)
        return [float(each) for each in self.policy.learner.expected(ANA, {})]

    async def chances(self, context: Context) -> list[float]:
        """How likely this host would answer Ana in each way now."""
        await self.worker.load(ANA)
        everything = np.ones(len(self.policy.actions), np.bool_)
        return [float(each) for each in self.policy.learner.probabilities(ANA, context, everything)]

    async def decision(self, reply: Sent) -> tuple[Context, int, float]:
        """The situation in which a reply was given, the way that was drawn, and how likely that was."""
        rows = await self.runtime.ledger.history(reply.conversation.key, Identity(ANA), 9)
        kept = next(row for row in rows if row.interaction_id == reply.key)
        made, chosen = decision_of(kept, ANA), self.policy.actions.index(kept.action)
        assert made is not None and chosen is not None and kept.pscore is not None
        return made.context, chosen, kept.pscore


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


Start = Callable[[str], Awaitable[Machine]]


@pytest.fixture
async def start(tmp_path: Path, model: Path, postgresql_url: str) -> AsyncGenerator[Start]:
    """Starts hosts of one bot on one database."""
    (tmp_path / "parrot").mkdir()
    (tmp_path / "parrot" / "bot.toml").write_text(BOT)
    bot = Bot.load(tmp_path / "parrot")
    posted: list[Sent] = []
    async with contextlib.AsyncExitStack() as stack:

        async def begin(name: str) -> Machine:
            settings = Settings.load(
                env_file=None,
                data=tmp_path / "data",
                model=str(model),
                threads=1,
                policy="bayes",
                database_url=postgresql_url,
                host_name=name,
            )
            platform = MemoryAdapter()
            platform.posted = posted  # people see what any of them posts
            platform._count = 1000 * len(name)  # pyright: ignore[reportPrivateUsage]
            runtime = await stack.enter_async_context(Runtime.open(settings, bot, adapters=[platform]))
            running = await stack.enter_async_context(contextlib.AsyncExitStack())
            await running.enter_async_context(testing.running(runtime))
            return Machine(runtime, platform, running)

        yield begin


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():  # noqa: ASYNC110  # asked again: the test ends as soon as it is true
            await asyncio.sleep(0.02)


async def is_idle(machine: Machine) -> bool:
    return not await machine.runtime.ledger.unfinished()


async def leads(machine: Machine) -> bool:
    return machine.worker.leads


async def test_what_one_host_is_told_decides_the_next_reply_of_the_other(start: Start) -> None:
    """A person whose messages go to two hosts would teach each of them apart, or one of them nothing."""
    a = await start("a")
    await until(lambda: leads(a))
    b = await start("bb")
    assert not b.worker.leads
    first = await a.asked("hello")
    before = await b.expects()
    assert before == pytest.approx(await a.expects())
    await a.platform.react(first, "👎", user="ana")
    await until(lambda: has_rewards(a, 1))
    _, disliked, _ = await a.decision(first)
    assert (await b.expects())[disliked] < before[disliked]
    second = await b.asked("hello again")
    context, chosen, pscore = await b.decision(second)
    assert pscore == pytest.approx((await b.chances(context))[chosen]), "it was drawn from what was learned"
    await b.platform.react(second, "👎", user="ana")  # b takes it, and a learns it
    await until(lambda: has_rewards(a, 2))
    await until(lambda: has_learned_all(a))
    await a.stop()
    stored = await b.runtime.ledger.learned.progress("parrot:bayes")
    assert stored is not None and stored.through >= 2, "b would learn the same reactions twice, or not at all"


async def has_rewards(machine: Machine, count: int) -> bool:
    return await machine.runtime.ledger.last_reward() >= count


async def has_learned_all(machine: Machine) -> bool:
    return machine.worker.through >= await machine.runtime.ledger.last_reward()


async def test_learning_goes_on_at_another_host_when_its_host_stops(start: Start) -> None:
    """Reactions would be stored and nobody would learn from them; or two hosts would write over each other."""
    a, b = await start("a"), await start("bb")
    await until(lambda: leads(a))
    await a.platform.react(await a.asked("hello"), "👍", user="ana")
    await until(lambda: has_rewards(a, 1))
    await until(lambda: has_learned_all(a))
    await a.stop()
    await until(lambda: leads(b))
    await b.platform.react(await b.asked("hello"), "👍", user="ana")
    await until(lambda: has_rewards(b, 2))
    await until(lambda: has_learned_all(b))
    progress = await b.runtime.ledger.learned.progress("parrot:bayes")
    assert progress is not None and progress.through == await b.runtime.ledger.last_reward()


async def test_a_host_without_the_lease_stores_nothing_of_what_was_learned(start: Start) -> None:
    """A host that was only slow would write over what the next one has learned."""
    a, b = await start("a"), await start("bb")
    await until(lambda: leads(a))
    await a.platform.react(await a.asked("hello"), "👍", user="ana")
    await until(lambda: has_rewards(a, 1))
    await until(lambda: has_learned_all(a))
    learned = b.runtime.ledger.learned
    now = await learned.progress("parrot:bayes")
    assert now is not None
    writes: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: learned.begin("parrot:bayes"),
        lambda: learned.note(now, now.through, []),
        lambda: learned.advance(now, now.through, {}),
        lambda: learned.rewind(now, 0),
        lambda: learned.swap("parrot:bayes", now, now),
        lambda: learned.distrust("parrot:bayes"),
        lambda: learned.lose(now.state, ANA),
        lambda: learned.drop("parrot:bayes"),
    )
    for write in writes:
        with pytest.raises(LedgerError, match="learner:parrot is not this host's"):
            await write()
    assert await learned.progress("parrot:bayes") == now
