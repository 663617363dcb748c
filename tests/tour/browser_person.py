"""A person at the web chat in a real browser."""

from __future__ import annotations

import re
from collections.abc import Mapping

from playwright.async_api import FilePayload, Locator, Page, expect

from tests.acceptance.browsing import replies
from tests.tour.transcript import StepFailed, Transcript


class BrowserPerson:
    """Writes into the page, and waits for the answer that is expected."""

    def __init__(self, name: str, page: Page, wrong: list[str], transcript: Transcript) -> None:
        """Args: ``wrong`` gets what goes wrong on the page."""
        self.name, self.page, self.wrong, self.transcript = name, page, wrong, transcript
        self.place = "browser"

    @property
    def last(self) -> Locator:
        return replies(self.page).last

    async def say(self, text: str, expected: str, *, files: Mapping[str, bytes] | None = None) -> Locator:
        """Write a message, and return the newest reply, once it matches ``expected``.

        Raises:
            StepFailed: it does not.
        """
        for name, content in (files or {}).items():
            payload = FilePayload(name=name, mimeType="application/octet-stream", buffer=content)
            await self.page.locator("#files").set_input_files(payload)
            await expect(self.page.locator("#attached li small")).to_have_text(re.compile(r"B$"))  # it has arrived
        before = await replies(self.page).count()
        self.transcript.said(
            "browser", self.name, ", ".join(filter(None, [text, *(f"[{each}]" for each in files or ())]))
        )
        await self.page.locator("#text").focus()
        await self.page.locator("#text").fill(text)
        await self.page.keyboard.press("Enter")
        return await self.answered(before, expected)

    async def choose(self, language: str, connected: str, expected: str) -> None:
        """Choose a language. The page loads again, and then says in it that it is ``connected``."""
        self.transcript.said("browser", self.name, f"/language {language}")
        await self.page.locator("#text").fill(f"/language {language}")
        await self.page.keyboard.press("Enter")
        await expect(self.page.locator("#connection")).to_have_text(connected)
        await self.answered(0, expected)

    async def command(self, line: str, expected: str) -> Locator:
        """Give a slash command, which is a message here."""
        return await self.say(line, expected)

    async def press(self, shown: Locator, label: str, expected: str) -> Locator:
        """Press a button of an answer. The answer may be a new message, or take the place of the old one."""
        self.transcript.said("browser", self.name, f"(presses “{label}”)")
        before = await replies(self.page).count()
        await shown.get_by_role("button", name=label, exact=True).click()
        return await self.answered(before - 1, expected)

    async def reads(self, expected: str, seconds: float) -> Locator:
        """Wait until a message of the bot matches, whenever it came."""
        fitting = replies(self.page).filter(has_text=re.compile(expected, re.DOTALL | re.IGNORECASE))
        await expect(fitting).not_to_have_count(0, timeout=seconds * 1000)
        self.transcript.said("browser", "bot", f"(by itself) {await fitting.last.locator('.body').inner_text()}")
        return fitting.last

    async def sees_picture(self, words: str) -> None:
        """Wait for a picture whose words match, and until it is drawn."""
        image = replies(self.page).get_by_role("img", name=re.compile(words, re.IGNORECASE)).last
        await expect(image).to_be_visible()
        await image.evaluate("image => image.decode()")
        await image.scroll_into_view_if_needed()
        self.transcript.said("browser", "bot", f"[picture: {await image.get_attribute('alt')}]")

    async def text_of(self, shown: Locator) -> str:
        """The words of an answer."""
        return await shown.locator(".body").inner_text()

    async def click(self, button: Locator, expected: str) -> Locator:
        """Press a button that is answered."""
        before = await replies(self.page).count()
        self.transcript.said("browser", self.name, f"(presses “{await button.inner_text()}”)")
        await button.click()
        return await self.answered(before, expected)

    async def answered(self, before: int, expected: str) -> Locator:
        """The newest reply, once there are more than ``before`` and one of the new ones matches."""
        fitting = replies(self.page).filter(has_text=re.compile(expected, re.DOTALL | re.IGNORECASE))
        try:
            await self.page.wait_for_function(
                "([before, source]) => [...document.querySelectorAll('#log .message.bot')].slice(before)"
                ".some((node) => new RegExp(source, 'is').test(node.innerText))",
                arg=[before, expected],
            )
        except Exception as error:
            seen = await replies(self.page).last.inner_text()
            raise StepFailed(f"browser: expected {expected!r}; seen last: {seen}") from error
        answer = fitting.last
        self.transcript.said("browser", "bot", re.sub(r"\n\s*\n", "\n", await answer.locator(".body").inner_text()))
        return answer

    async def picture(self, name: str, *, full: bool = False) -> None:
        """A screenshot of the page as it stands."""
        await self.page.wait_for_timeout(400)  # whatever moves has come to rest
        await self.page.screenshot(path=self.transcript.picture(name), full_page=full)
