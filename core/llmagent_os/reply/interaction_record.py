"""What the ledger keeps of an exchange."""

from __future__ import annotations

from typing import Any

from llmagent_os.adapter import Reply
from llmagent_os.events import Event, Message
from llmagent_os.handler import Outcome
from llmagent_os.ledger import Interaction
from llmagent_os.modules import PrivacyModule
from llmagent_os.reply.exchange import Exchange, Intent, open_exchange
from llmagent_os.reply.services import Services
from llmagent_os.reply.tool_loop import Answer


def record(privacy: PrivacyModule, exchange: Exchange, answer: Answer, reply: Reply) -> Interaction:
    """The interaction, with secrets masked.

    The tokens of the completion are kept only where a model may learn from them. Tokens of masked text no longer fit
    the text. Tokens of words that were not sent say nothing, because people react to the reply that they saw.

    Args:
        privacy: masks.
        exchange: what was answered, and how the policy decided.
        answer: what the model said and which tools it called; empty where no model was asked.
        reply: what is sent.
    """
    last = answer.completions[-1] if answer.completions else None
    prompt, prompt_masked = privacy.keep(last.prompt if last else "")
    completion, masked = privacy.keep(last.text if last else "")
    sent = last is not None and not last.tool_calls and privacy.release(last.text) == reply.text
    learnable = sent and not masked and not prompt_masked
    event, decision = exchange.event, exchange.decision
    calls = [
        {"name": call.name, "arguments": call.arguments, "result": result.data}
        for call, result in zip(answer.calls, answer.results, strict=False)
    ]
    return Interaction(
        interaction_id=exchange.key,
        event_id=event.event_id,
        episode_id=exchange.episode.episode_id or exchange.key,
        turn_index=exchange.episode.turn_index,
        user_id=exchange.identity,
        conversation_key=event.conversation.key,
        context=_context(privacy, exchange, answer, reply),
        action=decision.action,
        action_dist=decision.action_dist,
        pscore=decision.pscore,
        policy_version=decision.policy_version,
        prompt=prompt,
        completion=completion,
        token_ids=list(last.token_ids) if last and learnable else [],
        behavior_logprobs=list(last.logprobs) if last and learnable else [],
        adapter_version=last.adapter_version if last else "",
        model=last.model if last else "",
        tool_calls=privacy.keep_all(calls),
        said=privacy.keep(exchange.text)[0],
    )


def _context(privacy: PrivacyModule, exchange: Exchange, answer: Answer, reply: Reply) -> dict[str, Any]:
    """What the policy saw, what was asked for, and what the reply looked like."""
    context: dict[str, Any] = {}
    if exchange.intent:
        context["intent"] = exchange.intent
    elif isinstance(exchange.event, Message):
        context |= {"message_id": exchange.event.message_id, "features": exchange.features}
    if answer.calls:
        context["intent"] = answer.calls[0].name
    if reply.buttons:
        context["buttons"] = [[privacy.keep(button.label)[0], button.value] for button in reply.buttons]
    return context | {"reply": privacy.keep(reply.text)[0]}


def rendered(services: Services, exchange: Exchange, reply: Reply, answer: Answer | None = None) -> Outcome:
    """The outcome of an exchange that no model was asked about: ``reply`` for the platform, and its record."""
    reply = services.interaction.render(reply)
    return Outcome(reply, record(services.privacy, exchange, answer or Answer(), reply))


async def fixed_outcome(services: Services, event: Event, reply: Reply, *, intent: Intent, said: str = "") -> Outcome:
    """The outcome of a reply that no policy decided. People can rate it, and "yes" can mean one of its buttons."""
    exchange = await open_exchange(services, event, said, intent=intent, read_profile=False)
    return rendered(services, exchange, reply)
