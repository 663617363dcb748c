"""Gives a completion as the ledger keeps it the form of a chat's turn, and of the tokens that were served."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.chat import Message, ToolCall
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger
from llmagent_os.ledger.values import PASSAGES
from llmagent_os.training.training_example import LoggedTokens


async def learnable_completions(ledger: Ledger, interaction: Interaction) -> tuple[CompletionRecord, ...]:
    """All that models wrote for one reply, in order, but for what was asked with passages of documents in the prompt.

    These may be one person's, or of one workspace alone: no weights are trained on them. A prompt with passages is the
    one without tools; a call that was refused there may be what a document asked for.
    """
    found = await ledger.completions_of(interaction.interaction_id)
    return tuple(each for each in found if each.tools != "" or not interaction.context.get(PASSAGES))


def assistant_turn(record: CompletionRecord) -> Message:
    """Return what the model wrote as the assistant's turn of a chat."""
    return turn_of(record.completion, record.tool_calls)


def turn_of(text: str, calls: Sequence[ToolCall]) -> Message:
    """Return words and tool calls as the assistant's turn of a chat."""
    turn: Message = {"role": "assistant", "content": text}
    if calls:
        turn["tool_calls"] = [{"function": {"name": call.name, "arguments": call.arguments}} for call in calls]
    return turn


def logged_tokens(record: CompletionRecord) -> LoggedTokens | None:
    """The tokens as they were served. None: they were not kept, as they spell out what was masked."""
    if record.masked or not record.token_ids or not record.prompt_token_ids or record.temperature is None:
        return None
    return LoggedTokens(
        prompt_token_ids=record.prompt_token_ids,
        token_ids=record.token_ids,
        logprobs=record.behavior_logprobs,
        temperature=record.temperature,
        constraint=record.constraint or "",
        model_hash=record.model_hash,
        lora_version=record.lora_version,
    )
