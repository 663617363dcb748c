"""Ledgers to test: in memory and on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.ledger import Ledger


@pytest.fixture(params=["memory", "disk", "postgresql"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    match request.param:
        case "memory":
            url = "sqlite://"
        case "disk":
            url = f"sqlite:///{tmp_path}/ledger.db"
        case _:
            url = request.getfixturevalue("postgresql_url")
    opened = await Ledger.open(url)
    yield opened
    await opened.close()


@pytest.fixture
async def on_disk(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    await opened.close()
