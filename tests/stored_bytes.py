"""Searches every byte of a folder: what an erased person said must be in none of its files."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable
from pathlib import Path


def found(folders: Iterable[Path], texts: Iterable[str]) -> set[tuple[str, str]]:
    """Which file holds which of ``texts``: in its path or in its bytes, as it is, as JSON, as hex or as UTF-16."""
    seen: set[tuple[str, str]] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            content = f"/{path.relative_to(folder)}/".encode() + (path.read_bytes() if path.is_file() else b"")
            for text in texts:
                written = (text.encode(), json.dumps(text)[1:-1].encode(), text.encode().hex().encode())
                if any(each in content for each in (*written, text.encode("utf-16-le"))):
                    seen.add((path.name, text))
    return seen


async def left_over(data: Path, texts: Iterable[str]) -> set[tuple[str, str]]:
    """What :func:`found` finds of an erased person after a minute at most.

    The ledger's file is written anew a moment after the answer, or later while another process reads it.
    """
    wanted = tuple(texts)
    left = await asyncio.to_thread(found, [data], wanted)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(60):
            while left:
                await asyncio.sleep(0.5)
                left = await asyncio.to_thread(found, [data], wanted)
    return left
