"""Has one of the hosts that share a ledger learn, and the others follow what it has learned.

Whoever learns tells the others after every page of rewards that was stored. They read what is new. What was told and
not heard is made good by looking every :data:`LOOK_SECONDS`. A person is read again before each reply anyway, with all
rewards of theirs that are in the ledger: see :mod:`~llmagent_os.policy_worker.policy_reader`.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from llmagent_os.errors import LedgerError
from llmagent_os.ledger import Ledger, Membership
from llmagent_os.policy_worker.worker import PolicyWorker

_log = structlog.stdlib.get_logger(__name__)

#: On this topic hosts tell each other that something was learned.
LEARNED = "learned"

#: How often a host that does not learn looks for what was learned and not heard of, in seconds.
LOOK_SECONDS = 2.0

#: How long a host waits with the lease before it tries again to read what it goes on from.
RETRY_SECONDS = 1.0


async def learn_together(worker: PolicyWorker, ledger: Ledger, lease: str) -> None:
    """Learn while this host has the lease, and follow whoever has it meanwhile, until cancelled.

    Nothing is stored without the lease: each transaction makes sure that it is this host's.

    Args:
        worker: of the bot's policy. It leads where the host is alone.
        ledger: the bot's.
        lease: the name of the learner's lease.
    """
    membership = ledger.membership
    if not membership.is_shared:
        await worker.run()
        return
    ledger.learned.guard = lambda database, _policy: membership.check_held(database, lease)
    stops = (
        membership.watch(LEARNED, lambda _: worker.wake()),
        worker.watch_learned(lambda: membership.tell(LEARNED)),
    )
    try:
        await membership.while_held(lease, lambda: _lead(worker, membership), lambda: _follow(worker))
        await _follow(worker)  # the host is about to stop, and answers what it runs
    finally:
        for stop in stops:
            stop()


async def _lead(worker: PolicyWorker, membership: Membership) -> None:
    """Learn until the lease is lost, or the host is about to stop: what was learned is stored before that."""
    try:
        while True:
            try:
                await worker.lead()
                break
            except LedgerError as error:
                _log.error("what was learned cannot be read; trying again", error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
        learning, stopping = asyncio.create_task(worker.run()), asyncio.create_task(membership.retired())
        try:
            await asyncio.wait({learning, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if learning.done():
                learning.result()  # it ends by an error alone
        finally:
            learning.cancel()
            stopping.cancel()
            # A lost lease has nothing stored: whoever has it learns again what was only noted.
            await asyncio.gather(learning, stopping, return_exceptions=True)
    finally:
        with contextlib.suppress(LedgerError):  # it is read when it is needed
            await worker.step_down()


async def _follow(worker: PolicyWorker) -> None:
    """Take up what another host learns, until cancelled."""
    running = asyncio.create_task(worker.run())
    try:
        while True:
            worker.wake()
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
