"""Reading lines from a terminal, and rewriting what stands on it."""

from __future__ import annotations

import asyncio
import codecs
import os
import shutil
import unicodedata
from collections.abc import AsyncGenerator, Mapping
from typing import TextIO

READ_BYTES = 65536  #: that are read at once


def width(text: str) -> int:
    """How many columns ``text`` takes on a terminal."""
    marks = sum(unicodedata.combining(character) != 0 or character in "\ufe0f\u200d" for character in text)
    wide = sum(unicodedata.east_asian_width(character) in "WF" for character in text)
    return len(text) + wide - marks


def rewriting(before: str, after: str, out: TextIO) -> str:
    """What to write to turn ``before``, which was just written to ``out``, into ``after``.

    If ``after`` continues ``before``, only the rest is written. Otherwise all of ``before`` is erased first.
    """
    if after.startswith(before):
        return after[len(before) :]
    try:
        columns = os.get_terminal_size(out.fileno()).columns
    except (OSError, ValueError):
        columns = shutil.get_terminal_size().columns
    rows = sum(max(0, width(line) - 1) // max(columns, 1) for line in before.split("\n")) + before.count("\n")
    return (f"\x1b[{rows}A" if rows else "") + "\r\x1b[J" + after


async def lines(source: TextIO) -> AsyncGenerator[str]:
    """The lines of a terminal, pipe or file.

    No thread waits for input: it would hold up the end of the process.
    """
    loop = asyncio.get_running_loop()
    descriptor = source.fileno()
    chunks: asyncio.Queue[bytes] = asyncio.Queue()

    def readable() -> None:
        try:
            chunk = os.read(descriptor, READ_BYTES)
        except OSError:  # the terminal hung up
            chunk = b""
        if not chunk:
            loop.remove_reader(descriptor)
        chunks.put_nowait(chunk)

    try:
        loop.add_reader(descriptor, readable)
    except PermissionError:  # a regular file: epoll does not take one, and reading it never waits
        chunks.put_nowait(await asyncio.to_thread(source.buffer.read) if hasattr(source, "buffer") else b"")
        chunks.put_nowait(b"")
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    try:
        while chunk := await chunks.get():
            *whole, rest = (rest + decoder.decode(chunk)).split("\n")
            for line in whole:
                yield line
        if rest:
            yield rest
    finally:
        loop.remove_reader(descriptor)


def terminal_locale(environment: Mapping[str, str] | None = None) -> str:
    """The language tag of the terminal; empty: it says none. The variables are POSIX's, in their order.

    >>> terminal_locale({"LC_ALL": "de_AT.UTF-8", "LANG": "es_ES"}), terminal_locale({"LANG": "C.UTF-8"})
    ('de-AT', '')
    """
    found = os.environ if environment is None else environment
    named = next(filter(None, (found.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    tag = named.partition(".")[0].partition("@")[0].replace("_", "-")
    return "" if tag in ("C", "POSIX") else tag
