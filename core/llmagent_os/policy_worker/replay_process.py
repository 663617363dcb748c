"""A long replay of the ledger in a process of its own, so that it takes nothing from the host's event loop.

The process runs at a low priority and with one thread for linear algebra. It opens the ledger only to read it, and
writes what it has learned to its output, a frame at a time: the host stores the frame and then asks for the next one.
The process ends when the host does, because its input ends then.

A frame is its length in 8 bytes, and a :class:`Learned` as MessagePack.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from llmagent_os.errors import LLMAgentOSError
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.policy_worker.learned_state import LearnedState
from llmagent_os.sealing.mounts import Mount, mount_all, mounted

if TYPE_CHECKING:
    from llmagent_os.policy.learned import LearnedPolicy

#: The number of rows that are read at once.
PAGE_ROWS = 64
#: A frame is sent after this many rows, and at the latest after this many seconds.
FRAME_ROWS, FRAME_SECONDS = 512, 5.0
#: The most bytes of a frame.
MAX_FRAME_BYTES = 1 << 30
#: By how much the priority of the process is lower than the host's (``nice``).
NICENESS = 10
#: Read when numpy is loaded.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

_LENGTH_BYTES = 8


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be replayed."""

    url: str  #: of the ledger
    learner: str  #: the name of the learner
    made: str  #: the learner's options, as JSON
    dimensions: dict[str, tuple[str, ...]]  #: the bot's dimensions
    progress: Progress  #: the stored state to go on from
    mounts: tuple[Mount, ...] = ()  #: opens the ledger, if it is sealed


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """What was learned since the frame before."""

    through: int  #: the row up to which was learned
    rows: int  #: how many rows that were
    parts: dict[str, bytes]  #: the parts that have changed


class ReplayError(LLMAgentOSError):
    """The process ended before it had learned every row."""


def order_of(policy: LearnedPolicy, url: str | None, progress: Progress) -> Order | None:
    """Return the order to replay a ledger; None: another process can open neither the ledger nor such a policy."""
    if url is None or not policy.made:
        return None
    return Order(
        url=url,
        learner=policy.learner.name,
        made=policy.made,
        dimensions=policy.actions.dimensions,
        progress=progress,
        mounts=mounted(),
    )


class ReplayProcess:
    """The host's side of the process."""

    def __init__(self, order: Order) -> None:
        self._order = order

    async def run(self) -> AsyncGenerator[Learned]:
        """Start the process, and return what it has learned, a frame at a time, up to the last row of the ledger.

        The process goes on once the next frame is asked for. It is ended when the generator is closed.

        Raises:
            ReplayError: the process cannot be started, or ended too early.
        """
        command = (sys.executable, "-P", "-c", f"from {__name__} import main; main()")
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=pipe, stdout=pipe, env={**os.environ, **ONE_THREAD}
            )
        except OSError as error:
            raise ReplayError(f"the process cannot be started: {error}") from error
        try:
            if process.stdin is None or process.stdout is None:
                raise ReplayError("the process has no pipes")
            process.stdin.write(msgspec.json.encode(self._order) + b"\n")
            while (frame := await _read_frame(process.stdout)) is not None:
                yield frame
                process.stdin.write(b"\n")  # stored: go on
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
            await process.wait()


async def _read_frame(stream: asyncio.StreamReader) -> Learned | None:
    """Return the next frame; None: the process has learned every row."""
    try:
        size = int.from_bytes(await stream.readexactly(_LENGTH_BYTES))
        if not size:
            return None
        if size > MAX_FRAME_BYTES:
            raise ReplayError(f"the process sent a frame of {size} bytes")
        return msgspec.msgpack.decode(await stream.readexactly(size), type=Learned)
    except (asyncio.IncompleteReadError, OSError) as error:
        raise ReplayError("the process ended too early; its last words are above") from error
    except msgspec.MsgspecError as error:
        raise ReplayError(f"the process sent something else than it should: {error}") from error


# ── in the process ────────────────────────────────────────────────────────────────────────────────────────────────────


async def replay(order: Order, frames: BinaryIO, answers: BinaryIO) -> None:
    """Learn every row after ``order.progress``.

    Args:
        order: what to replay.
        frames: takes the frames.
        answers: gives one line for every frame that was stored.
    """
    from llmagent_os.policy.actions import ActionSpace  # imports numpy, which a host needs only where it learns
    from llmagent_os.policy.learned import LearnedPolicy, make_learner

    actions = ActionSpace(order.dimensions)
    learner = make_learner(order.learner, actions, **msgspec.json.decode(order.made))
    ledger = Ledger.open_to_read(order.url)
    try:
        state = LearnedState(LearnedPolicy(learner, actions, made=order.made), ledger)
        if order.progress.through:
            await state.restore(order.progress)
        else:
            state.begin(order.progress)
        rows, since = 0, time.monotonic()
        while True:
            page = await ledger.rewards_after(state.through, PAGE_ROWS)
            if page:
                await state.load({row.person for row in page})
                await state.learn(page)
                rows += len(page)
            if rows and (not page or rows >= FRAME_ROWS or time.monotonic() - since > FRAME_SECONDS):
                _send(frames, msgspec.msgpack.encode(Learned(through=state.through, rows=rows, parts=state.changes())))
                if not answers.readline():  # the host has ended
                    return
                state.policy.learner.trim()
                rows, since = 0, time.monotonic()
            if not page:
                break
    finally:
        await ledger.close()
    _send(frames, b"")


def _send(frames: BinaryIO, frame: bytes) -> None:
    frames.write(len(frame).to_bytes(_LENGTH_BYTES))
    frames.write(frame)
    frames.flush()


def main() -> None:
    """Replay the ledger that the first line of the input names."""
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    frames = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what is printed is no frame
    answers = sys.stdin.buffer
    order = msgspec.json.decode(answers.readline(), type=Order)
    mount_all(order.mounts, KeyRows)
    with contextlib.suppress(BrokenPipeError):  # the host has ended
        asyncio.run(replay(order, frames, answers))
