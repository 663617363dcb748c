"""Turns rows of the ledger into frozen values, and frozen values into rows.

Functions named ``encode_…`` give what a row holds; ``decode_…`` give the value and raise where a row is damaged or of
another version; ``readable_…`` note such a row (``damaged_rows``) and give None.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import sqlalchemy as sa

from llmagent_os.adapter import Reply
from llmagent_os.chat import ToolSpec, tools_sha256
from llmagent_os.events import Conversation, Event, Sender, Timer, decode
from llmagent_os.ledger.damaged_rows import UNREADABLE, note
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.schema import PREPARED, REVIVED, completions, interactions, rewards, tool_sets
from llmagent_os.ledger.statements import COMPLETION_COLUMNS, INTERACTION_COLUMNS, REWARD_COLUMNS
from llmagent_os.ledger.values import CompletionRecord, Interaction, RewardEvent, UnfinishedEvent

_encoder = msgspec.json.Encoder()
_tools_decoder = msgspec.json.Decoder(tuple[ToolSpec, ...])
_reply_decoder = msgspec.json.Decoder(Reply)
_conversation_decoder = msgspec.json.Decoder(Conversation)
_sender_decoder = msgspec.json.Decoder(Sender)

#: The columns of an interaction that hold JSON.
_JSON_COLUMNS = frozenset({"context", "action", "action_dist", "tool_calls"})

#: The columns of a completion that hold JSON, or null.
_COMPLETION_JSON_COLUMNS = frozenset({"prompt_token_ids", "tool_calls", "token_ids", "behavior_logprobs", "messages"})


class _CallShape(msgspec.Struct, frozen=True):
    """What every tool call of an interaction has. Readers rely on it."""

    name: str
    arguments: dict[str, Any]
    result: dict[str, Any] = {}


class _ContextShape(msgspec.Struct, frozen=True):
    """What the context of an interaction has, if it has it."""

    reply: str = ""
    #: label, value, and the style where it is not the usual one
    buttons: list[Annotated[list[str], msgspec.Meta(min_length=2, max_length=3)]] = []


# ── interactions ──────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_interaction(interaction: Interaction) -> tuple[Any, ...]:
    """The values of :data:`~llmagent_os.ledger.statements.INTERACTION_COLUMNS`: all but the completions.

    Raises:
        ValueError: a number is not finite.
        TypeError, OverflowError: a value cannot be stored.
    """
    if not all(map(math.isfinite, (interaction.pscore, *interaction.action_dist.values()))):
        # It could not be read again, and later turns could not be run.
        raise ValueError(
            f"interaction {interaction.interaction_id!r}: pscore or action_dist holds a number that is not finite"
        )

    def value(name: str) -> Any:
        raw = getattr(interaction, name)
        return _encoder.encode(raw).decode() if name in _JSON_COLUMNS else raw

    return (*(value(name) for name in INTERACTION_COLUMNS[:-1]), interaction.created_at.timestamp())


def decode_interaction(row: sa.RowMapping) -> Interaction:
    """The interaction of a row, without its completions."""
    fields: dict[str, Any] = {name: row[name] for name in INTERACTION_COLUMNS}
    for name in _JSON_COLUMNS:
        fields[name] = msgspec.json.decode(fields[name])
    fields["created_at"] = datetime.fromtimestamp(fields["created_at"], UTC)
    found = msgspec.convert(fields, Interaction)
    msgspec.convert(found.tool_calls, list[_CallShape])
    msgspec.convert(found.context, _ContextShape)
    if not all(map(math.isfinite, (found.pscore, *found.action_dist.values()))):
        raise ValueError("pscore or action_dist holds a number that is not finite")
    return found


def readable_interaction(database: Database, row: sa.RowMapping) -> Interaction | None:
    """The interaction of a row. None: the row is damaged; nothing is learned from it."""
    try:
        return decode_interaction(row)
    except UNREADABLE as error:
        note(database, interactions, [row["interaction_id"]], row["user_id"], error)
        return None


# ── completions ───────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_completions(interaction: Interaction) -> list[tuple[Any, ...]]:
    """For each completion, the values of :data:`~llmagent_os.ledger.statements.COMPLETION_COLUMNS`.

    Raises:
        ValueError: a number is not finite.
        TypeError: a value cannot be stored.
    """
    return [
        _encode_completion(completion, interaction.interaction_id, position)
        for position, completion in enumerate(interaction.completions)
    ]


def _encode_completion(completion: CompletionRecord, interaction_id: str, position: int) -> tuple[Any, ...]:
    if not all(map(math.isfinite, (*completion.behavior_logprobs, completion.temperature or 0.0))):
        raise ValueError(
            f"completion {position} of interaction {interaction_id!r}: behavior_logprobs or temperature holds a number "
            "that is not finite"
        )

    def value(name: str) -> Any:
        raw = getattr(completion, name)
        return _encoder.encode(raw).decode() if name in _COMPLETION_JSON_COLUMNS and raw is not None else raw

    return (interaction_id, position, *(value(name) for name in COMPLETION_COLUMNS[2:]))


def decode_completion(row: sa.RowMapping) -> CompletionRecord:
    """The completion of a row."""
    fields: dict[str, Any] = {name: row[name] for name in COMPLETION_COLUMNS[2:]}
    for name in _COMPLETION_JSON_COLUMNS:
        if fields[name] is not None:
            fields[name] = msgspec.json.decode(fields[name])
    return msgspec.convert(fields, CompletionRecord)


def readable_completion(database: Database, row: sa.RowMapping) -> CompletionRecord | None:
    """The completion of a row. None: the row is damaged; nothing is learned from it."""
    try:
        return decode_completion(row)
    except UNREADABLE as error:
        answered = sa.select(interactions.c.user_id).where(interactions.c.interaction_id == row["interaction_id"])
        identity = database.sql.execute(answered).scalar() or ""
        note(database, completions, [row["interaction_id"], row["position"]], identity, error)
        return None


def readable_completions(database: Database, rows: Iterable[sa.RowMapping]) -> tuple[CompletionRecord, ...]:
    """The completions of the rows that can be read."""
    return tuple(found for row in rows if (found := readable_completion(database, row)) is not None)


# ── sets of tools ─────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_tool_set(tools: Sequence[ToolSpec]) -> tuple[str, str]:
    """The values that :data:`~llmagent_os.ledger.statements.INSERT_TOOL_SET` takes."""
    return tools_sha256(tools), _encoder.encode(list(tools)).decode()


def readable_tool_set(database: Database, row: sa.RowMapping) -> tuple[ToolSpec, ...] | None:
    """The tools of a row. None: the row is damaged."""
    try:
        return _tools_decoder.decode(row["tools"])
    except UNREADABLE as error:
        note(database, tool_sets, [row["sha256"]], "", error)
        return None


# ── rewards ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def encode_reward(reward: RewardEvent) -> tuple[Any, ...]:
    """The values of :data:`~llmagent_os.ledger.statements.REWARD_COLUMNS`.

    Raises:
        ValueError: the reward is not finite.
    """
    if not math.isfinite(reward.reward):
        raise ValueError(f"reward {reward.reward_id!r} is {reward.reward}, which is not finite")
    return tuple(reward.at.timestamp() if name == "at" else getattr(reward, name) for name in REWARD_COLUMNS)


def decode_reward(row: sa.RowMapping) -> RewardEvent:
    """The reward of a row."""
    fields: dict[str, Any] = {name: row[name] for name in RewardEvent.__struct_fields__}
    fields["at"] = datetime.fromtimestamp(row["at"], UTC)
    found = msgspec.convert(fields, RewardEvent)
    if not math.isfinite(found.reward):
        raise ValueError("the reward is not finite")
    return found


def readable_reward(database: Database, row: sa.RowMapping) -> RewardEvent | None:
    """The reward of a row. None: the row is damaged."""
    try:
        return decode_reward(row)
    except UNREADABLE as error:
        note(database, rewards, [row["reward_id"]], row["rater_id"], error)
        return None


def readable_rewards(database: Database, rows: Iterable[sa.RowMapping]) -> list[RewardEvent]:
    """The rewards of the rows that can be read."""
    return [reward for row in rows if (reward := readable_reward(database, row)) is not None]


# ── inbox and timers ──────────────────────────────────────────────────────────────────────────────────────────────────


def encode_reply(reply: Reply) -> str:
    """A reply as JSON.

    Raises:
        TypeError, ValueError, OverflowError: JSON cannot hold the reply.
    """
    return _encoder.encode(reply).decode()


def decode_unfinished(row: sa.Row[Any]) -> UnfinishedEvent:
    """The event of a row of the inbox, with the reply that was decided for it.

    Raises:
        BadEventError: the event is damaged or of another version.
        msgspec.MsgspecError: the reply is.
    """
    return UnfinishedEvent(
        seq=row.seq,
        event=decode(row.body),
        prepared=row.state == PREPARED,
        reply=None if row.reply is None else _reply_decoder.decode(row.reply),
        why=row.why,
        tries=row.tries,
        revived=row.state == REVIVED,
    )


def encode_destination(event: Event) -> dict[str, str]:
    """Where an answer to ``event`` goes and whom it is for, as columns of the timers."""
    return {
        "conversation": _encoder.encode(event.conversation).decode(),
        "sender": _encoder.encode(event.sender).decode(),
    }


def decode_timer(row: sa.RowMapping) -> Timer:
    """The event of a timer that is due.

    Raises:
        msgspec.MsgspecError: the row is damaged or of another version.
    """
    # The event id says nothing about the person: it stays in the inbox after the person is erased.
    parts = (
        row["plugin"],
        row["user_id"],
        row["key"],
        repr(row["due"]),
        *([str(row["tries"])] if row["tries"] else []),
        *([repr(row["at"])] if row["deferrable"] and row["at"] != row["due"] else []),  # it was held back until then
    )
    return Timer(
        event_id="timer-" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32],
        conversation=_conversation_decoder.decode(row["conversation"]),
        sender=_sender_decoder.decode(row["sender"]),
        at=datetime.fromtimestamp(row["due"], UTC),
        plugin=row["plugin"],
        key=row["key"],
        tries=row["tries"],
        deferrable=bool(row["deferrable"]),
    )


# ── exports ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def moment_as_json(seconds: float) -> Any:
    """A moment, in seconds since 1970, as the text that JSON has for it. What is no moment stays as it is."""
    moment = readable_moment(seconds)
    return seconds if moment is None else msgspec.to_builtins(moment)


def readable_moment(seconds: float) -> datetime | None:
    """A moment, in seconds since 1970; None: the row is damaged."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except UNREADABLE:
        return None
