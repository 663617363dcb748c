"""What breaks without this: a host of several that is killed, paused, cut off or updated loses or doubles messages.

Three host processes share a PostgreSQL ledger and Slack, Discord and Telegram on loopback, with the real client
libraries. ``make soak`` does the same with 10,000 messages.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from benchmarks.endurance.shared_soak import Seen, World, print_seen, soak

from tests import postgresql_server

MESSAGES, TALKERS, LEASE_SECONDS = 180, 6, 3.0


def check(seen: dict[str, list[Seen]]) -> None:
    print_seen(seen)
    assert {name: sum(each.lost for each in talkers) for name, talkers in seen.items()} == dict.fromkeys(seen, 0)
    # Discord drops a second send by its nonce, and Slack is asked for the reply. Telegram has neither.
    assert sum(each.doubled for each in seen["discord"]) == 0
    assert sum(each.out_of_order for each in [*seen["discord"], *seen["telegram"]]) == 0


async def test_three_hosts_lose_nothing_through_kills_pauses_cuts_and_updates(
    tmp_path: Path, postgresql: postgresql_server.Server, postgresql_url: str
) -> None:
    world = World(tmp_path, postgresql, postgresql_url, LEASE_SECONDS, seed=2)
    async with asyncio.timeout(540), world.open():
        seen = await soak(world, MESSAGES, TALKERS, 2, pause=0.8, trouble=0.8)
    print(dict(world.done))
    assert sum(world.done.values()) > 3, "nothing happened to the hosts"
    check(seen)


async def test_the_database_is_away_for_all_hosts_and_nothing_is_lost(
    tmp_path: Path, postgresql: postgresql_server.Server, postgresql_url: str
) -> None:
    """Longer than the lease: every host drops what it runs, and joins again when the database is back."""
    world = World(tmp_path, postgresql, postgresql_url, LEASE_SECONDS, seed=3)
    async with asyncio.timeout(540), world.open():

        async def away() -> None:
            for seconds in (0.5, 2 * LEASE_SECONDS):
                await asyncio.sleep(1.0)
                await asyncio.gather(*(machine.database.cut(seconds) for machine in world.machines))

        outages = asyncio.create_task(away())
        seen = await soak(world, 60, 4, 3, pause=1.0, trouble=1e9)
        await outages
        assert all(machine.lives for machine in world.machines)
    check(seen)


pytestmark = pytest.mark.usefixtures("warm_programs")
