"""Fixtures for the tests of replies and commands."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from llmagent_os.tools.registry import Plugins
from tests.unit.agent_bench import Bench, Diary


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    diary = Diary()
    async with Plugins(installed=(), records=ledger.records, timers=ledger.timers) as plugins:
        await plugins.add(diary)
        yield Bench(tmp_path, ledger, Profiles(tmp_path / "profiles"), plugins, diary)
    await ledger.close()
