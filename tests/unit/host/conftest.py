"""What every test of the host begins with: a ledger in memory, and a platform in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from llmagent_os.ledger import Ledger
from llmagent_os.testing import MemoryAdapter


@pytest.fixture
async def ledger() -> AsyncIterator[Ledger]:
    opened = await Ledger.open("sqlite://")
    yield opened
    await opened.close()


@pytest.fixture
def platform() -> MemoryAdapter:
    return MemoryAdapter()
