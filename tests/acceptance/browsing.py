"""What every test of the web chat in a real browser does.

Needs Debian's ``chromium`` (``apt-get install chromium``); without it these tests are skipped.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncGenerator

import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, async_playwright, expect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT = 30_000  # milliseconds: a slow machine is no failure
expect.set_options(timeout=WAIT)

needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="SKIPPED THE WEB CHAT IN A BROWSER: there is no chromium to run it in"
)


@contextlib.asynccontextmanager
async def launched() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def desk(browser: Browser) -> BrowserContext:
    """Somebody's own browser window, which knows nothing of others."""
    context = await browser.new_context(locale="en-GB", viewport={"width": 1100, "height": 800})
    context.set_default_timeout(WAIT)
    return context


async def visit(context: BrowserContext, url: str, person: str = "ana") -> tuple[Page, list[str]]:
    """A page at ``url``, once it is connected; and what goes wrong on it."""
    page = await context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: wrong.append(request.url) if not request.url.startswith(url) else None)
    await page.goto(f"{url}?person={person}" if person else url)
    await connected(page)
    return page, wrong


async def connected(page: Page) -> None:
    await expect(page.get_by_text("Connected", exact=True)).to_be_visible()


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


def replies(page: Page) -> Locator:
    return page.locator("#log .message.bot")
