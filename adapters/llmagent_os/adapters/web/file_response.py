"""Serves a file of a reply or of a person, opened where it is encrypted on the disk, whole or in part.

A player asks for parts (RFC 9110, section 14): it plays nothing and cannot go back where it gets none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from aiohttp import web

from llmagent_os.sealing.sealed_files import read_file


async def file_response(request: web.Request, path: Path, headers: Mapping[str, str]) -> web.Response:
    """The answer to a request for a file: all of it, or the one range that ``Range`` names.

    Args:
        request: may have a range.
        path: of the file, which may be sealed.
        headers: of the answer.

    Raises:
        OSError: the file cannot be read.
    """
    content = await asyncio.to_thread(read_file, path)
    accepting = {**headers, "Accept-Ranges": "bytes"}
    try:
        part = request.http_range
    except ValueError:  # several ranges, or none that is one: the whole file is the answer
        part = slice(None)
    if part.start is None and part.stop is None:
        return web.Response(body=content, headers=accepting)
    start, stop, _ = part.indices(len(content))
    if start >= stop:
        return web.Response(status=416, headers={**headers, "Content-Range": f"bytes */{len(content)}"})
    accepting["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return web.Response(status=206, body=content[start:stop], headers=accepting)
