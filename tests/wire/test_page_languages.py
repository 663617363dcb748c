"""The languages of the web page. What breaks without this: people read a page in a language that is not theirs."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from importlib.resources import files
from pathlib import Path

import pytest

from llmagent_os.adapter import Reply
from llmagent_os.adapters.web import WebAdapter
from llmagent_os.adapters.web.page_texts import COOKIE, PAGE_TEXTS
from llmagent_os.events import Conversation
from llmagent_os.languages import speaking

from .contract import Inbox, Running
from .page import FakePage

PAGE = files("llmagent_os.adapters.web") / "page"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[WebAdapter, FakePage, Inbox]]:
    adapter, inbox = WebAdapter(port=0, data=tmp_path), Inbox()
    running = Running(adapter, inbox.accept)
    running.start()
    page = FakePage(await adapter.started())
    yield adapter, page, inbox
    await page.http.close()
    await running.stop()


def test_the_page_uses_every_text_and_no_other() -> None:
    scripts = [each.read_text(encoding="utf-8") for each in PAGE.iterdir() if each.name.endswith(".js")]
    used = {name for script in scripts for name in re.findall(r"\bt\(\"(\w+)\"", script)}
    used |= set(re.findall(r"\$(\w+)", (PAGE / "index.html").read_text(encoding="utf-8"))) - {"lang"}
    used |= {"connected", "connecting", "waiting"}  # which the script chooses by the connection's state
    assert used == {name for name in PAGE_TEXTS if name.isidentifier()}


async def test_a_browser_gets_the_page_in_its_language(site: tuple[WebAdapter, FakePage, Inbox]) -> None:
    adapter, page, _ = site
    asked = {"Accept-Language": "fr, de-CH;q=0.8, en;q=0.5"}
    async with page.http.get(adapter.url, headers=asked) as answer:
        html = await answer.text()
        assert answer.headers["Content-Language"] == "de"
        assert "script-src" not in answer.headers["Content-Security-Policy"], "scripts are files of this server only"
    assert '<html lang="de">' in html
    assert "Zum Eingabefeld springen" in html
    assert "$" not in html
    async with page.http.get(f"{adapter.url}texts.js", headers=asked) as answer:
        assert "Wird gesendet" in await answer.text()
    async with page.http.get(adapter.url, headers=asked | {"Cookie": f"{COOKIE}=zh"}) as answer:
        assert '<html lang="zh-Hans">' in await answer.text()
    async with page.http.get(adapter.url, headers={"Accept-Language": "fr"}) as answer:
        assert '<html lang="en">' in await answer.text()


@pytest.mark.parametrize(("said", "told"), [("/language es", "es"), ("/language auto", "")])
async def test_the_page_follows_the_language_that_was_chosen(
    site: tuple[WebAdapter, FakePage, Inbox], said: str, told: str
) -> None:
    adapter, page, _ = site
    await page.open()
    await page.act({"type": "message", "id": "language-1", "conversation": page.conversation, "text": said})
    where = Conversation(platform="web", workspace="local", channel=page.conversation or "")
    with speaking("es"):  # as the host does for whoever chose it
        await adapter.send(where, Reply("Hecho."), key="1")
    await page.until(lambda: any(frame["type"] == "language" for frame in page.frames))
    assert [frame["language"] for frame in page.frames if frame["type"] == "language"] == [told]


async def test_the_host_is_told_what_the_browser_asks_for(site: tuple[WebAdapter, FakePage, Inbox]) -> None:
    _, page, inbox = site
    page.http.headers["Accept-Language"] = "zh-CN"
    await page.open()
    refused = await page.act({"type": "message", "id": "empty-001", "conversation": page.conversation, "text": " "})
    assert refused["reason"] == "这条消息是空的。"
    await page.act({"type": "message", "id": "hello-001", "conversation": page.conversation, "text": "hello"})
    assert [event.sender.locale for event in inbox.events.values()] == ["zh"]
