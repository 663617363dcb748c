"""Asks a running bot fresh questions without any trace: nothing gets into its ledger, its policy or anybody's calendar.

The questions go through the bot's own agent, model, policy and tools. Only what would be kept is elsewhere: the tools'
records are in a ledger in memory. The level of the weights is chosen: none, everybody's, or each person's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

import msgspec

from llmagent_os.agent import Agent
from llmagent_os.events import Conversation, Message, Sender
from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.modules.behavior import BehaviorModule
from llmagent_os.policy import Action, FixedPolicy
from llmagent_os.reply.lora_resolver import LoraResolver
from llmagent_os.runtime import Runtime
from llmagent_os.training.lora_choice import ANY_STYLE, LoraChoice

#: Counts the questions of this process: no two have the same id.
_NUMBERS = count()


class GivenLora:
    """A :class:`~llmagent_os.reply.lora_resolver.LoraResolver` that a function decides."""

    def __init__(self, choose: Callable[[PersonId, Mapping[str, str]], str | None]) -> None:
        """Args: ``choose`` is given the person and the style of the reply."""
        self._choose = choose

    async def choose(self, person_id: PersonId, session: str = "", style: Mapping[str, str] = ANY_STYLE) -> LoraChoice:
        """The LoRA that answers a person."""
        return LoraChoice(lora=self._choose(person_id, style))


@asynccontextmanager
async def bystander(runtime: Runtime, lora: LoraResolver, style: Action | None = None) -> AsyncGenerator[Agent]:
    """A twin of a running bot's agent that leaves no trace.

    Args:
        runtime: of the bot.
        lora: chooses the weights.
        style: how everybody is answered; None: as the bot's policy chooses.
    """
    async with AsyncExitStack() as stack:
        memory = await Ledger.open("sqlite://")
        stack.push_async_callback(memory.close)
        config, services = runtime.bot.config, runtime.agent.services
        plugins = await stack.enter_async_context(
            runtime.bot.plugins(runtime.settings, records=memory.records, timers=memory.timers)
        )
        behavior = services.behavior
        if style is not None:
            dimensions = config.behavior.dimensions
            behavior = BehaviorModule(
                FixedPolicy(config.behavior.model_dump() | style, dimensions), dimensions=dimensions
            )
        yield runtime.bot.agent_class()(
            llm=runtime.llm,
            kb=runtime.agent.kb,
            services=msgspec.structs.replace(services, ledger=None, plugins=plugins, behavior=behavior, lora=lora),
        )


async def ask(agent: Agent, platform: str, person: str, questions: Sequence[str]) -> list[str]:
    """Ask questions as a person, each in a conversation of its own; gives the replies in the same order.

    Args:
        agent: of :func:`bystander`.
        platform: where the person is.
        person: the person's account there.
        questions: what the person says.
    """

    async def answer(text: str) -> str:
        key = f"fresh-{next(_NUMBERS)}"
        said = Message(
            event_id=key,
            conversation=Conversation(platform=platform, channel=key),
            sender=Sender(person),
            text=text,
            message_id=key,
        )
        outcome = await agent.respond(said)
        return outcome.reply.text if outcome.reply else ""

    return list(await asyncio.gather(*map(answer, questions)))
