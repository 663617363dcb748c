"""Hands on what other hosts that share the ledger have changed, so that nothing old is read from memory."""

from __future__ import annotations

import asyncio

from llmagent_os.ledger import Membership
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.ledger.membership import CHANGED, DEAF


async def hear_changes(membership: Membership, announcements: Announcements) -> None:
    """Tell ``announcements`` whatever other hosts have changed, until cancelled.

    While nothing is heard, because the connection broke, parts of the host read from the database each time. What was
    told meanwhile may have been missed, and they are told that, too.
    """

    def told(what: str) -> None:
        if what:
            announcements.tell(what)
            return
        announcements.tell_missed()
        announcements.hears_others = True

    def deaf(_: str) -> None:
        announcements.hears_others = False

    stop = membership.watch(CHANGED, told)
    stop_deaf = membership.watch(DEAF, deaf)
    if membership.is_shared and membership.hears:
        told("")
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        announcements.hears_others = False
        stop()
        stop_deaf()
