"""What encryption at rest costs: CPU time of a message and of a read, with a key and without one.

A message is what a host stores for it: the event, the reply, an interaction, and two completions with a prompt of 4000
characters. The two sides take turns, so that both run under the same load; the table shows the median ratio.

    python benchmarks/encryption.py [--messages 500] [--repeats 7]
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.chat import ToolCall
from llmagent_os.events import Conversation, Message, Sender, event_key
from llmagent_os.identity import identity_of
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger
from llmagent_os.sealing.master_keys import new_master_key
from llmagent_os.sealing.mounts import mount

PEOPLE = 50
PROMPT = "You are a calendar. " * 200


class Cost(NamedTuple):
    """CPU microseconds of a message that is stored, and of one that is read."""

    stored: float
    read: float


def message(number: int) -> Message:
    """The message of one of the people."""
    person = f"person-{number % PEOPLE}"
    room = Conversation(platform="bench", channel=person)
    text = "remind me to call the dentist on friday at noon"
    return Message(event_id=str(number), conversation=room, sender=Sender(person), text=text, message_id=str(number))


def interaction(event: Message) -> Interaction:
    """What is kept of the answer."""
    call = ToolCall("create_event", {"title": "call the dentist", "date": "friday", "time": "noon"})
    first = CompletionRecord(prompt=PROMPT, tool_calls=(call,), model="m", token_ids=tuple(range(40)))
    last = CompletionRecord(prompt=PROMPT, completion="Reminder set for Friday at noon.", model="m", sent=True)
    return Interaction(
        interaction_id=event_key(event),
        event_id=event.event_id,
        episode_id="e",
        turn_index=0,
        user_id=identity_of(event),
        conversation_key=event.conversation.key,
        context={"features": {"hour": "9"}, "reply": "Reminder set for Friday at noon."},
        action={"mode": "task_oriented"},
        action_dist={"task_oriented": 1.0},
        pscore=1.0,
        policy_version="p",
        completion=last.completion,
        model="m",
        completions=(first, last),
        tool_calls=[{"name": call.name, "arguments": call.arguments, "result": {"status": "created"}}],
        said=event.text,
    )


async def store(ledger: Ledger, numbers: range) -> None:
    """Store messages as a host does, eight at a time."""

    async def one(number: int) -> None:
        event = message(number)
        await ledger.accept(event, max_pending=10_000)
        await ledger.prepare(event, Reply("Reminder set for Friday at noon."), interaction(event))
        await ledger.finish(event, Receipt((f"r{number}",)))

    for start in range(numbers.start, numbers.stop, 8):
        await asyncio.gather(*(one(number) for number in range(start, min(start + 8, numbers.stop))))


async def measure(ledger: Ledger, numbers: range) -> Cost:
    """The cost of one repetition."""
    begun = time.process_time()
    await store(ledger, numbers)
    stored = time.process_time()
    found = await ledger.replies_after(numbers.start, len(numbers), completions=True)
    read = time.process_time()
    count = len(numbers)
    return Cost((stored - begun) / count * 1e6, (read - stored) / max(len(found), 1) * 1e6)


async def main(messages: int, repeats: int) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        sealed, plain = Path(name) / "sealed", Path(name) / "plain"
        mount(sealed, [new_master_key()])
        ledgers = {
            "without a key": await Ledger.open(f"sqlite:///{plain / 'ledger.db'}"),
            "with a key": await Ledger.open(f"sqlite:///{sealed / 'ledger.db'}"),
        }
        costs: dict[str, list[Cost]] = {side: [] for side in ledgers}
        for turn in range(repeats + 1):  # the first is to warm up
            for side, ledger in ledgers.items():
                costs[side].append(await measure(ledger, range(turn * messages, (turn + 1) * messages)))
        sizes = {side: ledger.file.stat().st_size for side, ledger in ledgers.items() if ledger.file is not None}
        for ledger in ledgers.values():
            await ledger.close()
    print("| | stored, CPU µs a message | read, CPU µs a message |")
    print("| --- | ---: | ---: |")
    for side, found in costs.items():
        print(f"| {side} | {_median([c.stored for c in found]):.0f} | {_median([c.read for c in found]):.0f} |")
    pairs = list(zip(costs["with a key"], costs["without a key"], strict=True))
    stored, read = _median([a.stored / b.stored for a, b in pairs]), _median([a.read / b.read for a, b in pairs])
    print(f"| ratio | {stored:.2f} | {read:.2f} |")
    print(f"\nThe file is {sizes['with a key'] / sizes['without a key']:.2f} times as large.")


def _median(values: list[float]) -> float:
    return statistics.median(values[1:])


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--messages", type=int, default=500, help="messages of a repetition")
    options.add_argument("--repeats", type=int, default=7, help="repetitions; the table shows the median")
    given = options.parse_args()
    asyncio.run(main(given.messages, given.repeats))
