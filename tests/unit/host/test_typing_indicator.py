"""What breaks without this: people read that the bot looks at their calendar long after it has answered, or never."""

from __future__ import annotations

import asyncio

from llmagent_os.adapter import Capabilities
from llmagent_os.events import Conversation, Event, Message
from llmagent_os.handler import Draft, Outcome, note_work
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, MemoryAdapter, running


class StatusAdapter(MemoryAdapter):
    """A platform that shows in words what the bot is doing."""

    def __init__(self) -> None:
        super().__init__(capabilities=Capabilities(drafts=True, edits_per_second=1000.0))
        self.shown: list[str] = []
        self.changed = asyncio.Event()

    async def show_status(self, conversation: Conversation, words: str) -> None:
        self.shown.append(words)
        self.changed.set()

    async def until_shown(self, words: str) -> None:
        async with asyncio.timeout(20):
            while self.shown[-1:] != [words]:
                self.changed.clear()
                await self.changed.wait()


class Worker(EchoHandler):
    """Thinks, then works, and then has an answer or none."""

    def __init__(self, adapter: StatusAdapter) -> None:
        super().__init__()
        self.adapter = adapter

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        await self.adapter.until_shown("is thinking…")
        note_work("is looking at your calendar…")
        await self.adapter.until_shown("is looking at your calendar…")
        await draft("I have")  # the last draft is still on its way when the answer is decided
        silent = isinstance(event, Message) and event.text == "silent"
        return Outcome(None) if silent else await super().handle(event, draft)


async def test_people_read_what_is_being_done_until_it_is_decided(ledger: Ledger) -> None:
    adapter = StatusAdapter()
    async with running(Host(Worker(adapter), ledger, [adapter])):
        await adapter.say("silent")
        await adapter.until_shown("")
        assert adapter.shown == ["is thinking…", "is looking at your calendar…", ""]
        await adapter.say("aloud")
        await adapter.sent(1)
        assert adapter.shown[3:] == ["is thinking…", "is looking at your calendar…"], "the adapter sends, and ends it"


async def test_work_outside_of_a_host_is_nobodys_business() -> None:
    note_work("is looking at your calendar…")
