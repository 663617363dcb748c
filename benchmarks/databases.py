"""What a message costs the ledger on SQLite and on PostgreSQL: accept, prepare and finish, alone and with many at once.

    python benchmarks/databases.py postgresql://user:password@host/database

The URL is of an empty database, which is full of messages afterwards. Without a URL only SQLite is measured. CPU is of
this process, all threads; the server's own is not in it. Every commit waits for the disk, as in a running host. Rounds
of all databases take turns, so that what else runs on the machine meets each of them. At the end, several ledgers write
to the PostgreSQL database at once, as several hosts do.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.events import Conversation, Message, Sender, event_key
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction, Ledger

#: How many ledgers write to one database.
HOSTS = 4

AT = datetime(2026, 11, 22, 18, tzinfo=UTC)


def message(number: int) -> Message:
    """One of the messages: each is in a conversation of its own."""
    room = Conversation(platform="bench", channel=f"c{number}")
    return Message(
        event_id=str(number), conversation=room, sender=Sender(f"u{number}"), text="hello there", message_id="m", at=AT
    )


async def answer(ledger: Ledger, event: Message) -> None:
    """What the host does with the ledger for one message."""
    await ledger.accept(event, max_pending=9)
    kept = Interaction(
        interaction_id=event_key(event),
        event_id=event.event_id,
        episode_id="e",
        turn_index=0,
        user_id=identity_of(event),
        conversation_key=event.conversation.key,
        context={"features": {"hour": 9.0}},
        action={"length": "short"},
        action_dist={"short": 0.75, "long": 0.25},
        pscore=0.75,
        policy_version="p1",
        completion="hi",
        lora_version="",
        model="calendar",
        tool_calls=[],
        said=event.text,
        created_at=AT,
    )
    await ledger.prepare(event, Reply("hi"), kept)
    await ledger.finish(event, Receipt((f"sent{event.event_id}",)))


async def measure(ledger: Ledger, first: int, count: int, in_flight: int) -> tuple[float, float]:
    """CPU microseconds and milliseconds of one message, over ``count`` messages."""
    left = iter(range(first, first + count))

    async def worker() -> None:
        for number in left:
            await answer(ledger, message(number))

    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(in_flight)))
    return (time.process_time() - cpu) / count * 1e6, (time.perf_counter() - wall) / count * 1e3


async def compare(urls: Sequence[str], messages: int, rounds: int) -> None:
    """Print the medians of all rounds for every URL."""
    ledgers = [await Ledger.open(url) for url in urls]
    for in_flight in (1, 64):
        found: dict[str, list[tuple[float, float]]] = {url: [] for url in urls}
        for number in range(rounds + 1):  # the first is not counted: caches are cold
            for url, ledger in zip(urls, ledgers, strict=True):
                first = (in_flight * 1000 + number) * messages
                figures = await measure(ledger, first, messages, in_flight)
                if number:
                    found[url].append(figures)
        for url, figures in found.items():
            cpu, wall = (statistics.median(column) for column in zip(*figures, strict=True))
            name = url.partition(":")[0]
            print(f"{name:<11} {in_flight:>3} in flight: {cpu:7.0f} us of CPU, {wall:6.2f} ms a message")
    for ledger in ledgers:
        await ledger.close()


async def together(url: str, hosts: int, messages: int, in_flight: int, first: int) -> float:
    """How many messages a second several ledgers on one database answer together."""
    ledgers = [await Ledger.open(url) for _ in range(hosts)]
    begun = time.perf_counter()
    places = (first + number * messages for number in range(hosts))
    await asyncio.gather(*(measure(each, at, messages, in_flight) for each, at in zip(ledgers, places, strict=True)))
    taken = time.perf_counter() - begun
    for ledger in ledgers:
        await ledger.close()
    return hosts * messages / taken


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("postgresql", nargs="?", help="the URL of an empty database")
    parser.add_argument("--messages", type=int, default=300, help="of one round")
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = [f"sqlite:///{folder}/ledger.db", *([given.postgresql] if given.postgresql else [])]
        asyncio.run(compare(urls, given.messages, given.rounds))
    for number, in_flight in enumerate((1, 16) if given.postgresql else ()):
        first = 10**9 + number * 10**6
        rate = asyncio.run(together(given.postgresql, HOSTS, given.messages, in_flight, first))
        print(f"{HOSTS} ledgers, {in_flight:>2} in flight in each: {rate:5.0f} messages a second")


if __name__ == "__main__":
    main()
