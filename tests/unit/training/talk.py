"""People who talk with a bot and react, through the real host and the real agent: only the model's words are given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from llmagent_os.agent import Agent
from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.events import ButtonPress, Edit, Event, Reaction, Sender, now
from llmagent_os.host.host import Host
from llmagent_os.llm import LLM
from llmagent_os.serving.backend import OnText
from llmagent_os.testing import MemoryAdapter, Sent, running
from llmagent_os.training.ledger_examples import LedgerExamples, ledger_examples
from tests.unit.agent_bench import Bench

NEVER = datetime(2999, 1, 1, tzinfo=UTC)


class DrawnModel:
    """A model of this process, as far as its completions go: each has tokens, which were drawn at random."""

    def __init__(self) -> None:
        self.script: list[str | ToolCall] = []

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        said = self.script.pop(0)
        call = said if isinstance(said, ToolCall) else None
        return Completion(
            text="" if call else str(said),
            tool_calls=(call,) if call else (),
            prompt=str(request.messages),
            prompt_token_ids=(1, 2, 3),
            token_ids=(4, 5),
            logprobs=(-0.5, -0.25),
            temperature=0.7,
            model="tiny",
            model_hash="0123456789ab",
        )

    async def aclose(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


class Talk:
    """A running host with one agent, and what people do there."""

    def __init__(self, bench: Bench, platform: MemoryAdapter, model: DrawnModel, agent: Agent) -> None:
        self.bench = bench
        self.platform = platform
        self.agent = agent
        self._model = model
        self._reactions = 0

    async def say(self, text: str, *script: str | ToolCall, user: str = "u1", channel: str = "c1") -> Sent:
        """Have a person say ``text``; the model answers with ``script``. Returns the reply."""
        self._model.script = list(script)
        message = self.platform.message(text, user=user, channel=channel)
        await self.platform.deliver(message)
        sent = await self.platform.replied(message)
        while await self.bench.ledger.unfinished():  # noqa: ASYNC110
            await asyncio.sleep(0)
        return sent

    async def react(
        self, sent: Sent, emoji: str, *, user: str = "u1", removed: bool = False, after: timedelta = timedelta()
    ) -> None:
        """Have a person react to a reply, some time from now, and wait for the ledger."""
        self._reactions += 1
        await self._rewarding(
            Reaction(
                event_id=f"reaction-{self._reactions}",
                conversation=sent.conversation,
                sender=Sender(user),
                message_id=sent.message_id,
                emoji=emoji,
                action="removed" if removed else "added",
                at=now() + after,
            )
        )

    async def edit(self, message_id: str, text: str, *, user: str = "u1") -> None:
        """Have a person change what they said, and wait for the ledger."""
        edited = Edit(
            event_id=f"edit-{message_id}",
            conversation=self.platform.room("c1"),
            sender=Sender(user),
            message_id=message_id,
            text=text,
        )
        await self._rewarding(edited)

    async def press(self, sent: Sent, value: str) -> None:
        """Have a person press a button, and wait for the answer."""
        before = len(self.platform.posted)
        await self.platform.press(sent, value)
        await self.platform.sent(before + 1)

    async def tap(self, sent: Sent, value: str) -> None:
        """Have a person press a button that is answered without words, and wait for the ledger."""
        self._reactions += 1
        press = ButtonPress(
            event_id=f"tap-{self._reactions}",
            conversation=sent.conversation,
            sender=Sender("u1"),
            message_id=sent.message_id,
            value=value,
        )
        await self._rewarding(press)

    async def examples(self, known: LedgerExamples | None = None) -> LedgerExamples:
        """What the rewards say; with ``known``: those that came since."""
        consents = self.agent.services.directory.consents
        if known is None:
            return await ledger_examples(self.bench.ledger, consents)
        return await ledger_examples(self.bench.ledger, consents, after=known.through, trust=known.trust)

    async def _rewarding(self, event: Event) -> None:
        """Deliver an event, and wait until the ledger has its reward."""
        added = asyncio.Event()
        unwatch = self.bench.ledger.watch_rewards(added.set)
        await self.platform.deliver(event)
        await added.wait()
        unwatch()


@asynccontextmanager
async def talking(bench: Bench, **parts: object) -> AsyncGenerator[Talk]:
    """A host that runs, with nobody there yet. ``parts`` are parts of the agent."""
    platform, model = MemoryAdapter(), DrawnModel()
    # The diary's timers are due at the agent's present moment, which never comes for the host.
    given: dict[str, object] = {"llm": LLM("tiny", model), "clock": lambda: NEVER}
    agent = bench.agent(**(given | parts))
    async with running(Host(agent, bench.ledger, [platform])):
        yield Talk(bench, platform, model, agent)
