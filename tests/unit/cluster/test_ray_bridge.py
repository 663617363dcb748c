"""The host's side of the bridge to a cluster, where the process there is not what it should be. Needs no Ray."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from llmagent_os.cluster.bridge_frames import BridgeEnd, BridgeOrder, write_frame
from llmagent_os.cluster.ray_bridge import RayBridge
from llmagent_os.errors import ModelUnavailableError

#: A frame of one byte that MessagePack never uses.
UNREADABLE = (1).to_bytes(8) + b"\xc1"


@contextlib.asynccontextmanager
async def bridge_that_says(said: bytes, folder: Path, patch: pytest.MonkeyPatch) -> AsyncGenerator[RayBridge]:
    """A bridge whose process says this, and goes on running."""
    (folder / "said").write_bytes(said)
    program = folder / "python"
    program.write_text(f"#!/bin/sh\ncat {folder}/said\nexec cat >/dev/null\n")
    program.chmod(0o700)
    patch.setattr(sys, "executable", str(program))
    bridge = RayBridge(BridgeOrder("10.0.0.1:6379", "application", "model"))
    try:
        yield bridge
    finally:
        await asyncio.to_thread(bridge.close)


async def test_an_unreadable_frame_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits would do so until the time for the reply is over, and every reply after it, too."""
    async with bridge_that_says(UNREADABLE, tmp_path, monkeypatch) as bridge:
        for _ in range(2):  # the second time, a new process is asked
            with pytest.raises(ModelUnavailableError, match="the bridge to Ray has ended"):
                await bridge.connect()


async def test_an_unreadable_frame_ends_replies_that_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "connected").open("w+b") as file:
        write_frame(file, BridgeEnd(0))
        file.seek(0)
        connected = file.read()
    async with bridge_that_says(connected + UNREADABLE, tmp_path, monkeypatch) as bridge:
        with pytest.raises(ModelUnavailableError, match="the bridge to Ray has ended"):
            await anext(bridge.ask("", b"what"))
