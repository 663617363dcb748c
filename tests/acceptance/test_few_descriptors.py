"""A host with few descriptors, and clients that send nothing. What breaks without this: service ends, the log grows."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.wire.page import FakePage

PATIENCE = 60.0
#: Half-open requests, four times the host's descriptors; fewer where the machine allows the test itself no more.
HALF_OPEN = 1000
TOKEN = "a-token-of-enough-length"

PROGRAM = """
import asyncio, pathlib, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
sys.path.insert(0, {here!r})
from llmagent_os.admin.log_setup import configure
from tests.acceptance.chat_server import main
configure("info", "json")
asyncio.run(main(pathlib.Path({data!r}), 0, {token!r}))
"""


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a host that has 256 descriptors; its log is ``log`` in ``tmp_path``."""
    here = str(Path(__file__).parents[2])
    program = PROGRAM.format(here=here, data=str(tmp_path), token=TOKEN)
    with (tmp_path / "log").open("wb") as log:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, stderr=log
        )
        assert child.stdout is not None
        async with asyncio.timeout(PATIENCE):
            found = (await child.stdout.readline()).decode().strip()
        yield found
        child.terminate()
        await child.wait()


async def half_open(url: str, count: int) -> list[asyncio.StreamWriter]:
    """Requests that are never finished."""
    address, found = urlsplit(url), list[asyncio.StreamWriter]()
    for _ in range(count):
        with contextlib.suppress(ConnectionError):
            _, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(b"POST /session HTTP/1.1\r\nHost: 127.0.0.1\r\n")
            found.append(writer)
    return found


async def test_a_thousand_half_open_requests_stop_nobody(url: str, tmp_path: Path) -> None:
    """Before any token was asked, 3,000 of them ended the service, and the log grew by 22 MB."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = FakePage(url, token=TOKEN)
    await before.open()
    slow = await half_open(url, min(HALF_OPEN, soft - 200))
    async with aiohttp.ClientSession() as session, session.get(f"{url}healthz") as answer:
        assert (answer.status, await answer.json()) == (200, {"ok": True})
    after = FakePage(url, token=TOKEN)
    await after.open()
    for number, page in enumerate((before, after)):
        frame = {"type": "message", "id": f"message-{number}", "text": "hello"}
        assert (await page.act(frame))["type"] == "ack", "one that was open, and one that comes now"
        await page.until(lambda page=page: len(page.listed("bot")) == 1)  # type: ignore[misc]
        await page.quit()
    for writer in slow:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in slow), return_exceptions=True)
    assert (tmp_path / "log").stat().st_size < 20_000, (tmp_path / "log").read_text()[-2000:]
