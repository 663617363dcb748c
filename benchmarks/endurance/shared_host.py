"""``python -m benchmarks.endurance.shared_host LOG``: starts hosts that share a ledger, quickly one after another.

The process imports everything once. Every line of its input is an :class:`Order` as JSON: it forks, and prints the
child's process id. The child is a host with Slack, Discord and Telegram, and a handler that thinks for a moment and
repeats the mark of the message. It ends by SIGTERM as ``llmagent-os run`` does.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import sys
from pathlib import Path

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.setup import AdapterSetup, BotDescription, make_adapter
from llmagent_os.admin.log_setup import configure
from llmagent_os.config import Settings
from llmagent_os.events import Event, Message, event_key
from llmagent_os.handler import Draft, Outcome
from llmagent_os.host.health import Health
from llmagent_os.host.host import Host
from llmagent_os.host.limits import Limits
from llmagent_os.identity import NO_ACCOUNT, identity_of
from llmagent_os.ledger import HostCard, Interaction, Ledger
from llmagent_os.ledger.shared_rows import SharedRows

PLATFORMS = ("slack", "discord", "telegram")
MARK = re.compile(r"m\d+x\d+")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A host to be started."""

    name: str
    url: str  #: of the ledger
    data: str  #: its folder
    environment: dict[str, str]  #: where the platforms are
    lease_seconds: float
    think_seconds: float  #: how long it thinks at most
    seed: int


class Thinker:
    """Repeats the mark of a message after a moment."""

    def __init__(self, order: Order) -> None:
        self._seconds = order.think_seconds
        self._random = random.Random(order.seed)

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        await asyncio.sleep(self._random.uniform(0, self._seconds))
        found = MARK.search(event.text) if isinstance(event, Message) else None
        text = f"noted {found[0]}" if found else "noted"
        interaction = Interaction(
            interaction_id=event_key(event),
            event_id=event.event_id,
            user_id=identity_of(event),
            conversation_key=event.conversation.key,
            completion=text,
        )
        return Outcome(Reply(text), interaction)


async def run_host(order: Order) -> None:
    """Be a host until cancelled."""
    settings = Settings.load(None)
    health = Health("soak", "none")
    card = HostCard(name=order.name, lease_seconds=order.lease_seconds)
    ledger = await Ledger.open(order.url, host=card)

    def setup(name: str) -> AdapterSetup:
        return AdapterSetup(
            settings,
            BotDescription("soak"),
            Path(order.data) / name,
            health.report,
            health.metrics,
            store=ledger.records(f"adapter.{name}", NO_ACCOUNT),
            shared=SharedRows.of(order.url),
        )

    limits = Limits(
        shutdown_seconds=5.0,
        send_seconds=10.0,
        send_backoff=Backoff(first=0.3, factor=2.0, most=3.0),
        adapter_backoff=Backoff(first=0.3, most=2.0),
        send_tries=1000,
        max_tries=1000,  # no message is the cause of a kill here
    )
    try:
        adapters = [make_adapter(name, setup(name)) for name in PLATFORMS]
        await Host(Thinker(order), ledger, adapters, limits=limits, status=health.status).run()
    finally:
        await ledger.close()


def _live(order: Order, log: Path) -> None:
    os.environ.update(order.environment)
    with log.open("a") as stream:
        configure("info", "json", stream=stream)
        runner = asyncio.Runner()
        task = runner.get_loop().create_task(run_host(order))
        runner.get_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        try:
            runner.get_loop().run_until_complete(task)
        except asyncio.CancelledError:
            runner.close()


def main(folder: Path) -> None:
    """Start hosts until the input ends."""
    for name in PLATFORMS:  # whatever is imported now does not have to be imported by every child
        __import__(f"llmagent_os.adapters.{name}.adapter")
    __import__("phonenumbers")  # of the log, which masks what people may have written
    __import__("psycopg")
    __import__("sqlalchemy.dialects.postgresql")
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        order = msgspec.json.decode(line, type=Order)
        child = os.fork()
        if not child:
            code = 1
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                _live(order, folder / f"{order.name}.log")
                code = 0
            except BaseException:
                import traceback

                with (folder / f"{order.name}.log").open("a") as stream:
                    traceback.print_exc(file=stream)
            finally:
                os._exit(code)
        print(child, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
