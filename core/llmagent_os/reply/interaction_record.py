"""What the ledger keeps of an exchange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from llmagent_os.adapter import Button, Reply
from llmagent_os.chat import Completion, ToolCall, ToolSpec
from llmagent_os.events import Event, Message
from llmagent_os.handler import Outcome
from llmagent_os.ledger import CompletionRecord, Interaction
from llmagent_os.ledger.canary_values import TRIAL
from llmagent_os.ledger.values import BY_RULES, PASSAGES
from llmagent_os.modules import PrivacyModule
from llmagent_os.policy.contract import PRESENCE
from llmagent_os.reply.answer import Answer
from llmagent_os.reply.exchange import Exchange, Intent, open_exchange
from llmagent_os.reply.open_presence import is_open
from llmagent_os.reply.services import Services
from llmagent_os.reply.shown_dimensions import shown_dimensions, words_were_sent


def record(
    privacy: PrivacyModule, exchange: Exchange, answer: Answer, reply: Reply, *, specs: Sequence[ToolSpec] = ()
) -> Interaction:
    """The interaction with all completions of its reply, with secrets masked.

    Call it in a thread: a long prompt takes tens of milliseconds to mask, where its lines are new.

    Args:
        privacy: masks.
        exchange: what was answered, and how the policy decided.
        answer: what the model said and which tools it called; empty where no model was asked.
        reply: what is sent.
        specs: the tools that could be called.
    """
    last = answer.completions[-1] if answer.completions else None
    event, decision = exchange.event, exchange.decision
    calls = [
        {"name": call.name, "arguments": call.arguments, "result": result.data}
        for call, result in zip(answer.calls, answer.results, strict=False)
    ]
    return Interaction(
        interaction_id=exchange.key,
        event_id=event.event_id,
        episode_id=exchange.session,
        turn_index=exchange.episode.turn_index,
        user_id=exchange.identity,
        conversation_key=event.conversation.key,
        context=_context(privacy, exchange, answer, reply, specs),
        action=decision.action,
        action_dist=decision.action_dist,
        pscore=decision.pscore,
        policy_version=decision.policy_version,
        completion=privacy.keep(last.text)[0] if last else "",
        lora_version=last.lora_version if last else "",
        model=last.model if last else "",
        completions=tuple(_completions(privacy, answer, reply)),
        tools=tuple(specs) if answer.completions or answer.rejected else (),
        found_tools=tuple(answer.found_tools),
        tool_calls=privacy.keep_all(calls),
        said=privacy.keep(exchange.text)[0],
    )


def _completions(privacy: PrivacyModule, answer: Answer, reply: Reply) -> Iterator[CompletionRecord]:
    """All that the model wrote, in order."""
    for place, completion in enumerate(answer.completions, 1):
        for rejected in completion.rejected:
            yield _kept(privacy, rejected, sent=False)
        # People react to the words that they saw. Where these are a tool's, no reward is about the model's words. Nor
        # where the model read a document: no weights are trained on what may be one person's, or a stranger's.
        is_last = place == len(answer.completions) and not answer.passages
        yield _kept(privacy, completion, sent=is_last and words_were_sent(privacy, answer, reply))
    for rejected in answer.rejected:
        yield _kept(privacy, rejected, sent=False)


def _kept(privacy: PrivacyModule, completion: Completion, *, sent: bool) -> CompletionRecord:
    """One completion, with secrets masked. Where something was masked, no tokens are kept: they would spell it out."""
    prompt, prompt_masked = privacy.keep(completion.prompt)
    text, text_masked = privacy.keep(completion.text)
    given = [call.arguments for call in completion.tool_calls]
    arguments = privacy.keep_all(given)
    # As one text: a number that is no string, or the name of a nested field, can be a secret too.
    spelled_out = privacy.keep(msgspec.json.encode(given).decode())[1]
    reasoning, reasoning_masked = privacy.keep(completion.reasoning)
    masked = prompt_masked or text_masked or reasoning_masked or spelled_out or arguments != given
    return CompletionRecord(
        prompt=prompt,
        prompt_token_ids=() if masked else completion.prompt_token_ids,
        completion=text,
        tool_calls=tuple(
            ToolCall(call.name, kept) for call, kept in zip(completion.tool_calls, arguments, strict=True)
        ),
        token_ids=() if masked else completion.token_ids,
        behavior_logprobs=() if masked else completion.logprobs,
        temperature=completion.temperature,
        constraint=completion.constraint,
        model=completion.model,
        model_hash=completion.model_hash,
        lora_version=completion.lora_version,
        reasoning=reasoning,
        messages=tuple(privacy.keep_all(list(completion.messages))),
        tools=completion.tools,
        masked=masked,
        sent=sent,
    )


def _context(
    privacy: PrivacyModule, exchange: Exchange, answer: Answer, reply: Reply, specs: Iterable[ToolSpec]
) -> dict[str, Any]:
    """What the policy saw, what was asked for, and what the reply looked like."""
    context: dict[str, Any] = {}
    if exchange.intent:
        context["intent"] = exchange.intent
    elif isinstance(exchange.event, Message):
        shown = shown_dimensions(privacy, exchange.decision.action, answer, reply, specs)
        if PRESENCE in exchange.decision.action and is_open(exchange.event):
            shown.append(PRESENCE)
        if (taught := exchange.decision.shown) is not None:  # what the platform lacks is not credited
            shown = [name for name in shown if name in taught]
        context |= {"message_id": exchange.event.message_id, "features": exchange.features, "shown": shown}
    if exchange.lora.trial is not None:
        context[TRIAL] = msgspec.to_builtins(exchange.lora.trial)
    if answer.calls:
        context["intent"] = answer.calls[0].name
    if answer.passages:
        context[PASSAGES] = answer.passages
    if answer.by_rules:
        context[BY_RULES] = answer.by_rules
    # A reply that was replaced says nothing about the decision or the model's words: nothing is learned from it.
    marks = {"replaced": answer.replaced(privacy), "failure": answer.failure, "ungrounded": answer.fault(privacy)}
    context |= {name: mark for name, mark in marks.items() if mark is not None}
    if reply.buttons:
        context["buttons"] = [_kept_button(privacy, button) for button in reply.buttons]
    return context | {"reply": privacy.keep(reply.text)[0]}


def _kept_button(privacy: PrivacyModule, button: Button) -> list[str]:
    kept = [privacy.keep(button.label)[0], button.value]
    return [*kept, button.style] if button.style == "danger" else kept


def rendered(services: Services, exchange: Exchange, reply: Reply, answer: Answer | None = None) -> Outcome:
    """The outcome of an exchange that no model was asked about: ``reply`` for the platform, and its record."""
    reply = services.interaction.render(reply)
    return Outcome(reply, record(services.privacy, exchange, answer or Answer(), reply))


async def fixed_outcome(services: Services, event: Event, reply: Reply, *, intent: Intent, said: str = "") -> Outcome:
    """The outcome of a reply that no policy decided. People can rate it, and "yes" can mean one of its buttons."""
    exchange = await open_exchange(services, event, said, intent=intent, read_profile=False)
    return rendered(services, exchange, reply)
