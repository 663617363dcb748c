"""What breaks without this: two hosts answer the same messages, or a host cannot start after a crash."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.ledger import Ledger


async def test_a_second_host_is_told_which_one_is_there(tmp_path: Path) -> None:
    """Every message would be answered twice, and nobody would know which process to stop."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    first, second = await Ledger.open(url), await Ledger.open(url)
    await first.claim()
    with pytest.raises(LedgerError, match=r"another host \(process \d+\)"):
        await second.claim()
    with pytest.raises(LedgerError, match="already runs"):
        await first.claim()
    await first.close()
    await second.claim()
    await second.close()


async def test_a_killed_host_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    """The bot would stay off after a crash until somebody deletes a file by hand."""
    path = tmp_path / "ledger.db"
    program = f"""
import asyncio, os
from llmagent_os.ledger import Ledger
async def main():
    ledger = await Ledger.open("sqlite:///{path}")
    await ledger.claim()
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program])
    ledger = await Ledger.open(f"sqlite:///{path}")
    assert await ledger.claim() == []
    await ledger.close()
