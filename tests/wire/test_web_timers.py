"""What breaks without this: a reminder is sent into a browser that does not show it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmagent_os.adapter import Button, Reply
from llmagent_os.adapters.web import WebAdapter
from llmagent_os.events import Event, Timer, event_key
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.host import Host
from llmagent_os.ledger import Ledger
from llmagent_os.testing import EchoHandler, ManualClock, running

from .page import FakePage

SIX = datetime(2026, 11, 22, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Reminding(EchoHandler):
    """Answers every message, and sets a timer for the number of minutes in it."""

    def __init__(self, ledger: Ledger, clock: ManualClock) -> None:
        super().__init__()
        self.ledger, self.clock = ledger, clock

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        outcome = await super().handle(event, draft)
        if isinstance(event, Timer):
            return Outcome(Reply(event.key, buttons=(Button("Done", "calendar:done"),)), outcome.interaction)
        assert outcome.interaction is not None
        said = outcome.interaction.said
        if said.isdigit():
            await self.ledger.timers("calendar", event).set(f"after {said}", self.clock.now() + int(said) * MINUTE)
        return outcome


async def test_an_open_page_shows_a_reminder_and_one_that_comes_back_finds_it(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    clock, adapter = ManualClock(SIX), WebAdapter(port=0, data=tmp_path)
    handler = Reminding(ledger, clock)
    async with running(Host(handler, ledger, [adapter], clock=clock)):
        page = FakePage(await adapter.started())
        await page.open()
        for minutes in (1, 2):
            await page.act({"type": "message", "id": f"m-{minutes:08}", "text": str(minutes)})
        await page.until(lambda: len(page.listed("bot")) == 2)

        clock.advance(MINUTE)
        await page.until(lambda: len(page.listed("bot")) == 3)
        assert page.listed("bot")[-1]["text"] == "after 1"

        await page.close()
        clock.advance(MINUTE)
        while not any(isinstance(event, Timer) and event.key == "after 2" for event in handler.handled):
            await adapter.transcript.owner("")  # gives the transcript's thread and the event loop a turn
        await page.open()
        await page.until(lambda: len(page.listed("bot")) == 4)
        last = page.listed("bot")[-1]
        assert (last["text"], [button["label"] for button in last["buttons"]]) == ("after 2", ["Done"])

        react = {"type": "reaction", "id": "r-00000001", "message_id": last["message_id"], "emoji": "👍", "on": True}
        await page.act(react)
        await page.act({"type": "message", "id": "m-00000009", "text": "bye"})
        await page.until(lambda: page.listed("bot")[-1]["text"] == "bye")
        reminder = next(event for event in handler.handled if isinstance(event, Timer) and event.key == "after 2")
        assert [reward.reward for reward in await ledger.rewards_of(event_key(reminder))] == [1.0]
        await page.quit()
    await ledger.close()
