"""A host that syncs, in a process of its own, and kills itself in mid-sync if it is told so.

Usage: ``python -m tests.unit.plugins.caldav_child FOLDER [written]``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.credentials.vault import Vault
from llmagent_os.host.host import Host
from llmagent_os.identity import parse
from llmagent_os.ledger import Ledger
from llmagent_os.plugin import WebAccess
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.calendar.caldav.dav_client import DavClient
from llmagent_os.reply.services import Services
from llmagent_os.testing import MemoryAdapter, ScriptedLLM, running
from llmagent_os.tools.registry import Plugins


def kill_after_writing() -> None:
    """Have the process killed once the server has its first object, and before anybody notes that."""
    write = DavClient.write

    async def killed(self: DavClient, calendar: str, href: str, data: bytes, etag: str) -> tuple[int, str]:
        await write(self, calendar, href, data, etag)
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")

    DavClient.write = killed  # type: ignore[method-assign]


async def main(folder: Path) -> None:
    """Run the host until three objects are in step, for a minute at most."""
    ledger = await Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
    vault = Vault(folder / "secrets")
    async with Plugins(installed=(), records=ledger.records, timers=ledger.timers, vault=vault) as plugins:
        await plugins.add(CalendarPlugin())
        settings = AgentSettings(web=WebAccess(allow_private=True), time_zone="Europe/Berlin")
        services = Services(settings=settings, ledger=ledger, plugins=plugins, secrets=folder / "secrets")
        async with running(Host(Agent(llm=ScriptedLLM(), services=services), ledger, [MemoryAdapter("telegram")])):
            records = ledger.records("calendar", parse("telegram::u1"))
            async with asyncio.timeout(60):
                while sum(key.startswith("dav:") for key, _ in await records.items()) < 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
    await ledger.close()


if __name__ == "__main__":
    if sys.argv[2:] == ["written"]:
        kill_after_writing()
    asyncio.run(main(Path(sys.argv[1])))
