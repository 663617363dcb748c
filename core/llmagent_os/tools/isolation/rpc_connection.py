"""Questions and answers between two processes, in both directions and several at a time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from llmagent_os.adapter_kit.containment import contain, contained
from llmagent_os.credentials.credential import CredentialError, Lack
from llmagent_os.errors import LedgerError, PluginError, ToolArgumentError
from llmagent_os.tools.isolation.rpc_frame import RpcFrame, encoded, read_frame

#: Answers a question: takes its method and its body, and returns what is written as the answer.
Answerer = Callable[[str, msgspec.Raw], Awaitable[object]]

MAX_OPEN_ASKS = 64  #: questions of the other side that are worked on at a time; further ones wait unread
#: What the other side may send in a second, on average over :data:`RATE_SECONDS`. A side that sends more is cut off.
MAX_FRAMES_A_SECOND = 5_000
MAX_BYTES_A_SECOND = 64 * 1024 * 1024
RATE_SECONDS = 2.0
MAX_ERROR_CHARACTERS = 2_000  #: of an error's text
CLOSED = "the process of the plugin has ended"

#: Errors that keep their class on the way. Any other arrives as a :class:`PluginError` that names its class.
_KEPT_ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind for kind in (PluginError, ToolArgumentError, LedgerError, TimeoutError, ValueError)
}


class RpcConnection:
    """One end of a connection. Use :meth:`serve` as a task beside the questions.

    Args:
        reader: from the other side.
        writer: to the other side.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.answer: Answerer = _answer_nothing  #: answers the other side's questions
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[msgspec.Raw]] = {}
        self._working: dict[int, asyncio.Task[None]] = {}
        self._free = asyncio.Semaphore(MAX_OPEN_ASKS)
        self._closed: Exception | None = None

    async def ask(self, method: str, body: object, kind: Any) -> Any:
        """Ask the other side, and wait for its answer. Where the wait is cancelled, the other side is told.

        Args:
            method: names the question.
            body: what is asked, as MessagePack knows it.
            kind: the type of the answer.

        Raises:
            PluginError: the connection is closed, the other side failed, or its answer is not of this type.
        """
        if self._closed is not None:
            raise PluginError(str(self._closed))
        number = next(self._numbers)
        answered: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answered
        try:
            await self._send(RpcFrame("ask", number, method, msgspec.Raw(_packed(body))))
            raw = await answered
        except asyncio.CancelledError:
            with contextlib.suppress(PluginError):
                self._writer.write(encoded(RpcFrame("cancel", number)))
            raise
        finally:
            self._waiting.pop(number, None)
        return unpacked(raw, kind, method)

    @property
    def is_closed(self) -> bool:
        """Whether nothing can be asked any more."""
        return self._closed is not None

    async def serve(self) -> None:
        """Read what the other side sends until it closes the connection.

        Raises:
            PluginError: the other side sent what cannot be read.
        """
        clock = asyncio.get_running_loop().time
        began, frames, size = clock(), 0, 0
        try:
            while (frame := await read_frame(self._reader)) is not None:
                frames, size = frames + 1, size + len(bytes(frame.body))
                if frames > MAX_FRAMES_A_SECOND * RATE_SECONDS or size > MAX_BYTES_A_SECOND * RATE_SECONDS:
                    raise PluginError(f"it has sent {frames} frames of {size} bytes in {clock() - began:.1f} s")
                if clock() - began > RATE_SECONDS:
                    began, frames, size = clock(), 0, 0
                await self._received(frame)
                if not frames % 100:
                    await asyncio.sleep(0)  # what is read already would hold up the loop
        finally:
            self.close(PluginError(CLOSED))

    def close(self, why: Exception) -> None:
        """End the connection. Every question that waits fails with ``why``."""
        self._closed = self._closed or why
        for task in self._working.values():
            task.cancel()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(self._closed)
        self._writer.close()

    async def _received(self, frame: RpcFrame) -> None:
        if frame.kind == "ask":
            await self._free.acquire()  # a flood of questions waits in its own pipe
            task = asyncio.create_task(self._work(frame), name=f"plugin process: {frame.method}"[:80])
            self._working[frame.number] = task
            task.add_done_callback(lambda _: self._done(frame.number))
            return
        if frame.kind == "cancel":
            if frame.number in self._working:
                self._working[frame.number].cancel()
            return
        waiting = self._waiting.get(frame.number)
        if waiting is None or waiting.done():
            return
        if frame.kind == "answer":
            waiting.set_result(msgspec.Raw(bytes(frame.body)))
        else:
            waiting.set_exception(_error(frame))

    def _done(self, number: int) -> None:
        self._working.pop(number, None)
        self._free.release()

    async def _work(self, frame: RpcFrame) -> None:
        try:
            answer = await contained(self.answer(frame.method, frame.body))
            reply = encoded(RpcFrame("answer", frame.number, frame.method, msgspec.Raw(_packed(answer))))
        except BaseException as raised:
            reply = encoded(
                RpcFrame("error", frame.number, frame.method, msgspec.Raw(_packed(_passed(contain(raised)))))
            )
        with contextlib.suppress(ConnectionError, RuntimeError):
            self._writer.write(reply)
            await self._writer.drain()

    async def _send(self, frame: RpcFrame) -> None:
        try:
            self._writer.write(encoded(frame))
            await self._writer.drain()
        except (ConnectionError, RuntimeError) as error:
            raise PluginError(CLOSED) from error


def unpacked(raw: msgspec.Raw, kind: Any, what: str) -> Any:
    """Read MessagePack as a value of a type.

    Raises:
        PluginError: it is none; ``what`` names it in the message.
    """
    try:
        return msgspec.msgpack.decode(raw, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise PluginError(f"{what}: what came is not sound: {error}") from error


def _packed(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise PluginError(f"it is not JSON: {error}") from error


class _PassedError(msgspec.Struct, frozen=True):
    """An error on its way."""

    kind: str  #: the name of its class
    text: str
    credential: tuple[str, Lack, str] | None = None  #: of a :class:`CredentialError`: its name, lack and why


def _passed(error: Exception) -> _PassedError:
    credential = (error.name, error.lack, error.why) if isinstance(error, CredentialError) else None
    return _PassedError(type(error).__name__, str(error)[:MAX_ERROR_CHARACTERS], credential)


def _error(frame: RpcFrame) -> Exception:
    passed: _PassedError = unpacked(frame.body, _PassedError, frame.method)
    if passed.credential is not None:
        return CredentialError(*passed.credential)
    kept = _KEPT_ERRORS.get(passed.kind)
    return PluginError(f"{passed.kind}: {passed.text}") if kept is None else kept(passed.text)


async def _answer_nothing(method: str, _: msgspec.Raw) -> object:
    raise PluginError(f"nobody answers {method!r} here")
