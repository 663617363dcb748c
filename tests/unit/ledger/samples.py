"""Events, replies and rewards that the ledger's tests store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import sqlalchemy as sa

from llmagent_os.chat import ToolCall, ToolSpec, tools_sha256
from llmagent_os.events import Conversation, Event, Message, Sender, Timer, event_key
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger, RewardEvent

SIX = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


#: The tools of the model that wrote :func:`completions`.
TOOLS = (ToolSpec(name="create_event", description="Adds an event.", parameters={"type": "object", "properties": {}}),)


def message(
    event_id: str, *, channel: str = "c", user: str = "u", platform: str = "web", text: str = "hello"
) -> Message:
    room = Conversation(platform=platform, channel=channel)
    return Message(
        event_id=event_id,
        conversation=room,
        sender=Sender(user),
        text=text,
        message_id=f"m{event_id}",
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    )


def reminder_request(user: str = "ana", channel: str = "c") -> Message:
    room = Conversation(platform="web", workspace="w", channel=channel, thread="t", kind="group")
    return Message(event_id="1", conversation=room, sender=Sender(user, "Ana"), text="remind me", message_id="m")


def interaction(event: Message, completion: str = "hi") -> Interaction:
    return Interaction(
        interaction_id=event_key(event),
        event_id=event.event_id,
        episode_id="ep",
        turn_index=3,
        user_id=identity_of(event),
        conversation_key=event.conversation.key,
        context={"hour": 9, "words": ["a"]},
        action={"mode": "task_oriented"},
        action_dist={"task_oriented": 0.75, "conversational": 0.25},
        pscore=0.75,
        policy_version="p1",
        completion=completion,
        lora_version="a1",
        model="calendar",
        completions=completions(completion),
        tools=TOOLS,
        tool_calls=[{"name": "create_event", "arguments": {"title": "lunch"}}],
        said=event.text,
        created_at=event.at,
    )


def completions(said: str = "hi") -> tuple[CompletionRecord, ...]:
    """Two completions: one calls a tool, one says ``said``."""
    first = CompletionRecord(
        prompt="<|user|>hello",
        prompt_token_ids=(1, 2, 3),
        tool_calls=(ToolCall("create_event", {"title": "lunch"}),),
        token_ids=(5, 6),
        behavior_logprobs=(-0.5, -0.25),
        temperature=0.7,
        constraint='{"rules":1,"tools":"f55e"}',
        model="calendar",
        model_hash="0123456789ab",
        lora_version="a1",
        messages=({"role": "user", "content": "hello"},),
        tools=tools_sha256(TOOLS),
    )
    last = msgspec.structs.replace(
        first,
        prompt="<|user|>hello<|tool|>lunch",
        completion=said,
        tool_calls=(),
        temperature=0.0,
        messages=({"role": "user", "content": "hello"}, {"role": "tool", "content": "lunch"}),
        sent=True,
    )
    return first, last


def without_completions(kept: Interaction) -> Interaction:
    """``kept`` as most reads return it: without its tools, too."""
    return msgspec.structs.replace(kept, completions=(), tools=())


def reward(event_id: str, of: str, *, value: float = 1.0, rater: str = "web::u", user: str = "web::u") -> RewardEvent:
    return RewardEvent(
        reward_id=f"web:{event_id}",
        event_id=event_id,
        interaction_id=of,
        rater_id=Identity(rater),
        user_id=Identity(user),
        op="add" if value > 0 else "remove",
        raw_value="👍",
        reward=value,
        mapping_version="v",
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def all_bytes(folder: Path) -> bytes:
    """All that the files of a folder hold."""
    return b"".join(path.read_bytes() for path in folder.iterdir())


def execute(folder: Path, statement: str) -> None:
    """Change the ledger in ``folder`` behind its back."""
    engine = sa.create_engine(f"sqlite:///{folder}/ledger.db")
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


async def moved(ledger: Ledger, now: datetime, limit: int = 100) -> list[Timer]:
    """The timers that are new in the inbox once those that are due have moved there."""
    found: list[Event] = []
    await ledger.move_due_timers(now, limit=limit, stored=found.append)
    return [event for event in found if isinstance(event, Timer)]
