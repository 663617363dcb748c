"""What breaks without this: a crash loses messages that the platform was told are safe, or answers some twice.

A host runs in a process of its own, on a ledger on disk; this process is its platform, over a loopback socket. People
in many conversations send messages as fast as they are acknowledged, each message again until it is. The host is
killed with SIGKILL several times in the middle of that, and started again. In the end every message must be answered,
each once, in order.

``python tests/acceptance/test_kill.py`` does the same and prints the counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.errors import HostBusyError
from llmagent_os.events import Conversation, Event, Message, Sender, event_key
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction, Ledger

CONVERSATIONS = 40
MESSAGES = 20  # in each
KILLS = 6
PENDING = 5  # in each conversation, so that the host has to push back too


class Counts(NamedTuple):
    """What the platform saw."""

    messages: int
    acknowledged: int
    deliveries: int  #: of messages, also of those delivered again
    refused: int  #: deliveries answered with "busy"
    kills: int
    waiting_at_kills: int  #: acknowledged and not yet answered when the host was killed, over all kills
    answered: int  #: messages with at least one reply shown
    shown_twice: int  #: replies shown under a second key, or with a second text
    sends_dropped: int  #: replies sent again and dropped by the platform, because it knew the key
    changed: int  #: of those, with another text than the first time: the handler was asked again
    out_of_order: int


class Platform:
    """The receiving side: it delivers messages until they are acknowledged, and shows each key once."""

    def __init__(self, kill_after: list[int]) -> None:
        self.kill_after = kill_after
        self.deliveries = self.refused = self.kills = self.waiting_at_kills = 0
        self.sends_dropped = self.changed = 0
        self.acknowledged: set[str] = set()
        self.shown: dict[str, str] = {}  # key -> text
        self.texts: dict[int, list[str]] = {number: [] for number in range(CONVERSATIONS)}
        self.next = dict.fromkeys(range(CONVERSATIONS), 0)  # the message that each conversation delivers now
        self.done = asyncio.Event()
        self.process: asyncio.subprocess.Process | None = None
        self.writer: asyncio.StreamWriter | None = None

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """A host has come up: deliver what it has not acknowledged."""
        self.writer = writer
        with contextlib.suppress(ConnectionError):
            for number in self.next:
                self.deliver(number)
            while line := await reader.readline():
                self.heard(json.loads(line))
        writer.close()

    def tell(self, **fields: Any) -> None:
        """Send one line to the host, which may be dead already."""
        if self.writer is not None and not self.writer.is_closing():
            self.writer.write(json.dumps(fields).encode() + b"\n")

    def deliver(self, number: int) -> None:
        """Deliver the conversation's next message, or the same again."""
        if self.next[number] < MESSAGES:
            self.deliveries += 1
            self.tell(id=f"{number}.{self.next[number]}", channel=str(number))

    def heard(self, line: dict[str, str]) -> None:
        """The host acknowledges, refuses, or replies."""
        if "ack" in line:
            number, count = map(int, line["ack"].split("."))
            self.acknowledged.add(line["ack"])
            if count == self.next[number]:
                self.next[number] += 1
                self.deliver(number)
        elif "busy" in line:
            self.refused += 1  # delivered again at the conversation's next reply
        else:
            self.replied(line["key"], int(line["channel"]), line["text"])

    def replied(self, key: str, number: int, text: str) -> None:
        """Show a reply, unless its key was shown before."""
        if key in self.shown:
            self.sends_dropped += 1
            self.changed += self.shown[key] != text
        else:
            self.shown[key] = text
            if not key.endswith(":busy"):
                self.texts[number].append(text.split(" ")[0])
        self.tell(ok=key)
        self.deliver(number)
        answered = sum(map(len, self.texts.values()))
        if self.kills < len(self.kill_after) and answered >= self.kill_after[self.kills] and self.process is not None:
            self.kills += 1
            self.waiting_at_kills += len(self.acknowledged) - answered
            self.process.kill()
        elif answered >= CONVERSATIONS * MESSAGES:
            self.done.set()

    def counts(self) -> Counts:
        shown = [text for texts in self.texts.values() for text in texts]
        first_seen = {number: list(dict.fromkeys(texts)) for number, texts in self.texts.items()}
        return Counts(
            messages=CONVERSATIONS * MESSAGES,
            acknowledged=len(self.acknowledged),
            deliveries=self.deliveries,
            refused=self.refused,
            kills=self.kills,
            waiting_at_kills=self.waiting_at_kills,
            answered=len(set(shown)),
            shown_twice=sum(count - 1 for count in Counter(shown).values()),
            sends_dropped=self.sends_dropped,
            changed=self.changed,
            out_of_order=sum(
                texts != sorted(texts, key=lambda text: int(text.split(".")[1])) for texts in first_seen.values()
            ),
        )


async def kill_and_count(folder: Path, seed: int = 0) -> Counts:
    """Run the host, kill it again and again under load, and count."""
    total = CONVERSATIONS * MESSAGES
    platform = Platform(sorted(random.Random(seed).sample(range(total // 20, total - total // 10), KILLS)))
    server = await asyncio.start_server(platform.connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    finished = asyncio.create_task(platform.done.wait())
    while not finished.done():
        platform.process = await asyncio.create_subprocess_exec(
            sys.executable, __file__, "host", str(port), str(folder / "ledger.db")
        )
        died = asyncio.create_task(platform.process.wait())
        await asyncio.wait({died, finished}, return_when=asyncio.FIRST_COMPLETED)
        if not finished.done() and await died != -9:
            raise RuntimeError(f"the host ended by itself, with {platform.process.returncode}")
    if platform.process is not None:
        platform.process.terminate()
        await platform.process.wait()
    if platform.writer is not None:
        platform.writer.close()
    server.close()
    await server.wait_closed()
    return platform.counts()


@pytest.mark.usefixtures("warm_programs")
async def test_a_host_killed_under_load_loses_nothing_and_repeats_nothing(tmp_path: Path) -> None:
    counts = await kill_and_count(tmp_path)
    print(counts)
    assert counts.kills == KILLS
    assert counts.waiting_at_kills > 0, "the kills hit nothing: they came when the host had no work"
    assert counts.acknowledged == counts.answered == counts.messages
    assert counts.shown_twice == 0
    assert counts.changed == 0
    assert counts.out_of_order == 0


@pytest.mark.usefixtures("warm_programs")
async def test_what_was_left_in_the_inbox_is_done_in_the_end(tmp_path: Path) -> None:
    """An event that stays unfinished would be run at every start for ever."""
    await kill_and_count(tmp_path, seed=1)
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    try:
        assert await ledger.failed() == []
        left = await ledger.unfinished()
        assert not [row for row in left if not row.prepared]
    finally:
        await ledger.close()


# ── the process that is killed ────────────────────────────────────────────────────────────────────────────────────────


class SocketAdapter:
    """A platform at the other end of a socket, which drops a second send with the same key."""

    name = "socket"
    capabilities = Capabilities(idempotent_send=True)

    def __init__(self, port: int) -> None:
        self._port = port
        self._connected: asyncio.Future[asyncio.StreamWriter] = asyncio.get_running_loop().create_future()
        self._sent: dict[str, asyncio.Future[None]] = {}

    async def run(self, accept: Accept) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._connected.set_result(writer)
        deliveries: set[asyncio.Task[None]] = set()
        while line := await reader.readline():
            fields = json.loads(line)
            if "ok" in fields:
                self._sent.pop(fields["ok"]).set_result(None)
            else:
                task = asyncio.create_task(self._deliver(accept, fields["id"], fields["channel"]))
                deliveries.add(task)
                task.add_done_callback(deliveries.discard)

    async def _deliver(self, accept: Accept, event_id: str, channel: str) -> None:
        room = Conversation(platform=self.name, channel=channel)
        sender = Sender(f"u{channel}")
        try:
            await accept(
                Message(event_id=event_id, conversation=room, sender=sender, text=event_id, message_id=event_id)
            )
        except HostBusyError:
            await self._tell(busy=event_id)
        else:
            await self._tell(ack=event_id)

    async def _tell(self, **fields: str) -> None:
        writer = await asyncio.shield(self._connected)  # what was left over is sent again before that
        writer.write(json.dumps(fields).encode() + b"\n")

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        shown = self._sent.setdefault(key, asyncio.get_running_loop().create_future())
        await self._tell(key=key, channel=conversation.channel, text=reply.text)
        await shown
        return Receipt((key,))

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None: ...

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None: ...

    async def typing(self, conversation: Conversation) -> None: ...


class Thinker:
    """Echoes after a moment of thought, and never answers the same message twice with the same words."""

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        await asyncio.sleep(random.uniform(0, 0.004))
        text = f"{event.text if isinstance(event, Message) else ''} {random.getrandbits(64):x}"
        interaction = Interaction(
            interaction_id=event_key(event),
            event_id=event.event_id,
            user_id=identity_of(event),
            conversation_key=event.conversation.key,
            completion=text,
        )
        return Outcome(Reply(text), interaction)


async def host(port: int, path: str) -> None:
    """What the killed process does."""
    ledger = await Ledger.open(f"sqlite:///{path}")
    limits = Limits(max_pending_per_conversation=PENDING, max_running=16)
    try:
        await Host(Thinker(), ledger, [SocketAdapter(port)], limits=limits).run()
    finally:
        await ledger.close()


async def main() -> None:
    """Print the counts of one run."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        counts = await kill_and_count(Path(folder))
    for name, value in counts._asdict().items():
        print(f"{name.replace('_', ' '):>18} {value:6}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["host"]:
        asyncio.run(host(int(sys.argv[2]), sys.argv[3]))
    else:
        asyncio.run(main())
