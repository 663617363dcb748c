"""What the model is given: the system message, the conversation so far, and the tools."""

from __future__ import annotations

from collections.abc import Iterable

from llmagent_os.chat import ChatRequest, ToolSpec
from llmagent_os.identity import NOBODY
from llmagent_os.modules.behavior import system_text
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.services import Services


def chat_request(services: Services, exchange: Exchange, facts: Iterable[str], *, native: bool) -> ChatRequest:
    """The request for the reply to a message.

    Args:
        services: the settings, the tools, and who chooses the LoRA.
        exchange: the message, its person and the policy's decision.
        facts: what the knowledge base found, in words.
        native: whether the model was trained on this project's prompts, so that it needs no notes.
    """
    settings = services.settings
    system = system_text(
        exchange.decision.action,
        dimensions=services.behavior.dimensions,
        name=exchange.profile.name,
        facts=facts,
        notes=_notes(services, native=native),
    )
    return ChatRequest(
        messages=[
            {"role": "system", "content": system},
            *(exchange.episode.messages() if settings.remembered_turns else ()),
            {"role": "user", "content": exchange.text},
        ],
        tools=_tools(services),
        lora=services.lora.resolve(exchange.profile.user_id),
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
    )


def warm_up_request(services: Services, *, native: bool) -> ChatRequest:
    """A request that has the model read what every conversation begins with."""
    behavior = services.behavior
    action = behavior.decide(NOBODY, {}, {}, learn=True).action
    system = system_text(action, dimensions=behavior.dimensions, notes=_notes(services, native=native))
    return ChatRequest(
        messages=[{"role": "system", "content": system}, {"role": "user", "content": "hello"}],
        tools=_tools(services),
        max_tokens=1,
    )


def _notes(services: Services, *, native: bool) -> str:
    return "" if native else services.settings.notes


def _tools(services: Services) -> tuple[ToolSpec, ...]:
    return services.plugins.specs(services.settings.permissions) if services.plugins else ()
