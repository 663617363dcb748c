"""Reads documents of strangers in a process of its own, with little memory and time.

A hostile file can make a reader work for hours or fill the memory. The process ends first, and the event loop never
waits for a library. The process is given the bytes, and not the path: the file is encrypted where the owner wants that.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from pathlib import Path
from weakref import WeakValueDictionary

import msgspec
import structlog

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.document_readers import ReadDocument, UnreadableError, read_content
from llmagent_os.languages import ENGLISH, gettext, language_in_force, lazy_gettext, speaking
from llmagent_os.sealing.sealed_files import read_file

_log = structlog.stdlib.get_logger(__name__)

CPU_SECONDS = 60  #: that a reader may work
WALL_SECONDS = 120.0  #: that a reader may take
MEMORY_BYTES = 2 << 30  #: of addresses that a reader may use; importing trafilatura takes a third of a gigabyte
MAX_OUTPUT = 50_000_000  #: the most bytes that a reader may answer: those of MAX_TEXT characters take fewer
AT_ONCE = 2  #: how many documents are read at the same time

_DAMAGED = lazy_gettext("it is damaged")


class _Order(msgspec.Struct):
    content: bytes
    name: str
    content_type: str
    language: str = ENGLISH  #: of what people read about a document that cannot be read


class _Result(msgspec.Struct):
    document: ReadDocument | None = None
    problem: str = ""


_running = asyncio.Semaphore(AT_ONCE)
_of_person: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # while somebody reads or waits


async def read_file_apart(path: Path, *, name: str = "", content_type: str = "", reader: str = "") -> ReadDocument:
    """Read a file that somebody has sent; see :func:`read_apart`.

    Args:
        path: of the file, which may be sealed.
        name: its name for people; empty: that of ``path``.
        content_type: its media type, if it is known.
        reader: the account that it is read for.
    """
    try:
        content = await asyncio.to_thread(read_file, path)
    except OSError as error:
        _log.warning("a document that was sent cannot be opened", error=str(error))
        raise UnreadableError(gettext("the file is gone")) from error
    return await read_apart(content, name=name or path.name, content_type=content_type, reader=reader)


async def read_apart(content: bytes, *, name: str, content_type: str = "", reader: str = "") -> ReadDocument:
    """Read a document in a process of its own; see :func:`~llmagent_os.knowledge.document_readers.read_content`.

    Args:
        content: the document.
        name: its name for people.
        content_type: its media type, if it is known.
        reader: the account that it is read for. An account's documents are read one after another, so that nobody
            takes every place from the others.

    Raises:
        UnreadableError: it cannot be read, also for lack of time or memory.
    """
    order = msgspec.msgpack.encode(_Order(content, name, content_type, language_in_force()))
    turn = _of_person.setdefault(reader, asyncio.Lock()) if reader else contextlib.nullcontext()
    async with turn, _running:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            __name__,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(WALL_SECONDS):
                out = await _answer(process, order)
        except TimeoutError:
            raise UnreadableError(
                gettext("reading it took more than {seconds} seconds", seconds=f"{WALL_SECONDS:.0f}")
            ) from None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
    if len(out) > MAX_OUTPUT:
        raise UnreadableError(gettext("it holds too much"))
    try:
        result = msgspec.json.decode(out, type=_Result)
    except msgspec.MsgspecError:
        raise UnreadableError(gettext("reading it took too much time or memory")) from None
    if result.document is None:
        raise UnreadableError(str(_DAMAGED) if result.problem == _DAMAGED.message else result.problem)
    return result.document


async def _answer(process: asyncio.subprocess.Process, order: bytes) -> bytes:
    """Send a reader its order and take what it says, up to a little more than :data:`MAX_OUTPUT` bytes."""
    sent = asyncio.create_task(_send(process, order))
    out = bytearray()
    try:
        while process.stdout is not None and len(out) <= MAX_OUTPUT and (part := await process.stdout.read(1 << 16)):
            out += part
    finally:
        sent.cancel()
        await asyncio.gather(sent, return_exceptions=True)
    return bytes(out)


async def _send(process: asyncio.subprocess.Process, order: bytes) -> None:
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(order)
            await process.stdin.drain()
            process.stdin.close()


def main() -> None:
    """Read the document that standard input brings, and write what it holds to standard output."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # a reader has nothing to write
    order = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=_Order)
    try:
        with speaking(order.language):
            answer = msgspec.json.encode(_Result(read_content(order.content, order.name, order.content_type)))
    except (UnreadableError, ConfigError) as error:
        problem = str(error).encode("utf-8", "replace").decode()
        answer = msgspec.json.encode(_Result(problem=problem))
    except Exception:
        answer = msgspec.json.encode(_Result(problem=_DAMAGED.message))
    sys.stdout.buffer.write(answer)


if __name__ == "__main__":
    main()
