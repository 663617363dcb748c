"""Requests of the command line to a running host: to reload a plugin. They are files, in the data folder.

A request is a file ``ID.request``. The host takes the file away, does what it says, and writes the answer into
``ID.answer``, which the command line reads and takes away.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from uuid import uuid4

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.ledger.connection import host_lock

REQUESTS_FOLDER = "requests"  #: inside the folder of plugins
#: How long the command line waits until a host has seen the request, and then for the answer.
SEEN_SECONDS, ANSWER_SECONDS = 10.0, 60.0
OLD_SECONDS = 600.0  #: after which a request or an answer that nobody took is removed
_PAUSE = 0.05


def is_host_running(ledger_url: str) -> bool:
    """Whether a host runs on this ledger. Of a ledger in memory that is not known: True."""
    lock = host_lock(ledger_url)
    return lock is None or lock.is_held()


class PluginRequest(msgspec.Struct, frozen=True):
    """What a running host is asked for."""

    reload: str = ""  #: the name of a plugin; empty: none, only what there is is asked


class PluginAnswer(msgspec.Struct, frozen=True):
    """What the host has done."""

    done: bool
    text: str  #: what was done, or why not
    states: dict[str, str] = {}  #: of every plugin of the host, by name
    sources: dict[str, str] = {}  #: where each comes from, by name: see ``PluginHealth.source``


async def ask(folder: Path, request: PluginRequest) -> PluginAnswer:
    """Ask the running host.

    Args:
        folder: of plugins, in the data folder.
        request: what is asked for.

    Raises:
        ConfigError: no host runs on this data folder, or it does not answer.
    """
    box = folder / REQUESTS_FOLDER
    await asyncio.to_thread(box.mkdir, mode=0o700, parents=True, exist_ok=True)
    name = uuid4().hex
    asked, answered = box / f"{name}.request", box / f"{name}.answer"
    await asyncio.to_thread(_write, asked, request)
    try:
        if not await _until(lambda: not asked.exists(), SEEN_SECONDS):
            raise ConfigError(f"no host runs on the data folder {folder.parent}; the next start loads what is there")
        if not await _until(answered.exists, ANSWER_SECONDS):
            raise ConfigError("the host took the request, and has not answered it: its log says why")
        return msgspec.json.decode(await asyncio.to_thread(answered.read_bytes), type=PluginAnswer)
    finally:
        asked.unlink(missing_ok=True)
        answered.unlink(missing_ok=True)


async def answer_requests(folder: Path, answer: Callable[[PluginRequest], Awaitable[PluginAnswer]]) -> None:
    """Answer what was asked so far, in the running host."""
    box = folder / REQUESTS_FOLDER
    for path, request in await asyncio.to_thread(lambda: [*_taken(box)]):
        given = await answer(request)
        await asyncio.to_thread(_write, path.with_suffix(".answer"), given)


def _taken(box: Path) -> Iterator[tuple[Path, PluginRequest]]:
    """The requests, which are taken away. What cannot be read is taken away, too."""
    for path in sorted(box.glob("*.request")):
        with contextlib.suppress(OSError, msgspec.MsgspecError):
            content = path.read_bytes()
            path.unlink()
            yield path, msgspec.json.decode(content, type=PluginRequest)
    for path in box.glob("*.answer"):
        with contextlib.suppress(OSError):
            if time.time() - path.stat().st_mtime > OLD_SECONDS:
                path.unlink()


def _write(path: Path, value: msgspec.Struct) -> None:
    part = path.with_suffix(".part")
    part.write_bytes(msgspec.json.encode(value))
    part.replace(path)


async def _until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not await asyncio.to_thread(true):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(_PAUSE)
    return True
