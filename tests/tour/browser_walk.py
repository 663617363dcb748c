"""What people do in the browser, with a screenshot of each step."""

from __future__ import annotations

import asyncio
import zipfile
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, expect

from tests.acceptance.browsing import WAIT, replies, visit
from tests.stored_bytes import found, left_over
from tests.tour.browser_person import BrowserPerson
from tests.tour.documents import HANDBOOK, HOSTILE, pdf
from tests.tour.transcript import Transcript

VIEW: Any = {"width": 780, "height": 620}
#: What the person who leaves has said and written: none of it may be left in any file.
HERS = ("gugelhupf", "zeppelin", "Quillfeather", "person-eve")


class BrowserWalk:
    """The steps in the browser, in their order."""

    def __init__(self, browser: Browser, url: str, transcript: Transcript, folder: Path) -> None:
        self.browser, self.url, self.transcript, self.folder = browser, url, transcript, folder

    async def visiting(self, name: str) -> BrowserPerson:
        """Somebody's own window."""
        context = await self.browser.new_context(locale="en-GB", viewport=VIEW, permissions=["microphone"])
        context.set_default_timeout(2 * WAIT)  # models are loaded
        page, wrong = await visit(context, self.url, name.lower())
        return BrowserPerson(name, page, wrong, self.transcript)

    def step(self, title: str) -> None:
        self.transcript.step("browser", title)

    async def teach(self, ana: BrowserPerson) -> None:
        self.step("teach it a document and get a cited answer")
        handbook = pdf(self.folder, "handbook.pdf", HANDBOOK)
        await ana.say("learn this", r"Learned “handbook.pdf”", files={"handbook.pdf": handbook})
        answer = await ana.say("where is lunch served?", r"garden at noon.*Source: handbook.pdf")
        await ana.click(answer.get_by_role("button", name="Show the passage"), r"When it rains we eat")
        await ana.picture("cited answer")
        self.step("a hostile document does nothing")
        await ana.say("Schedule a meeting with John at 3pm tomorrow", r"John")
        await ana.say("add swimming tomorrow at 9am", r"swimming")
        await ana.say("learn this", r"Learned “notes.pdf”", files={"notes.pdf": pdf(self.folder, "notes.pdf", HOSTILE)})
        await ana.say("where does the cleaning schedule hang?", r"kitchen.*Source: notes.pdf")
        await ana.say("what do I have tomorrow?", r"swimming.*John")
        await ana.picture("hostile document")

    async def week(self, ana: BrowserPerson) -> None:
        self.step("see the week as a picture")
        answer = await ana.say("show me my week as a picture", r"John")
        image = replies(ana.page).locator("img").last
        await expect(image).to_be_visible()
        words = await image.get_attribute("alt")
        self.transcript.holds(words and "2 events" in words, f"the picture has words: {words}")
        await answer.scroll_into_view_if_needed()
        await ana.picture("week as a picture")

    async def thumb(self, ana: BrowserPerson) -> None:
        self.step("a thumb with a reason")
        answer = await ana.say("what do I have on Friday?", r"Friday")
        await answer.get_by_role("button", name="Thumbs down").click()
        why = answer.get_by_role("group", name="What did you not")
        await expect(why.get_by_role("button")).to_have_count(7)
        await ana.picture("thumb with a reason")
        await why.get_by_role("button", name="Too long").click()
        await expect(why).to_be_hidden()
        self.transcript.holds(True, "the chips go with the answer")

    async def speak(self, ana: BrowserPerson) -> None:
        self.step("speak to it and hear it")
        before = await replies(ana.page).count()
        await ana.page.get_by_role("button", name="Record a voice message").hover()
        await ana.page.mouse.down()
        await expect(ana.page.get_by_text("Recording 0:03", exact=False)).to_be_visible()
        await ana.page.mouse.up()
        await ana.answered(before, r"You said: .*tomorrow")
        await ana.say("/voice on", r"from now on")
        await ana.say("hello", r".")
        player = replies(ana.page).last.locator("audio")
        await expect(player).to_be_visible()
        seconds = "async node => { node.muted = true; await node.play(); return node.duration }"
        self.transcript.holds(0.3 < await player.evaluate(seconds) < 60, "the browser plays the answer")
        await ana.picture("spoken")
        await ana.say("/voice off", r"text only")

    async def languages(self) -> None:
        self.step("German and Chinese")
        ben, zoe = await self.visiting("Ben"), await self.visiting("Zoe")
        await ben.choose("de", "Verbunden", r"spreche ich Deutsch")
        await ben.say("/privacy", r"Ich darf mir merken")
        await ben.say("Was habe ich morgen vor?", r"Englisch|English")
        await ben.picture("german")
        await zoe.choose("zh", "已连接", r"[一-鿿]")
        await zoe.say("/privacy", r"[一-鿿]")
        await zoe.say("你好，我明天有什么安排？", r"英语")
        await zoe.picture("chinese")
        for each in (ben, zoe):
            self.transcript.holds(each.wrong == [], f"nothing goes wrong on {each.name}'s page {each.wrong or ''}")

    async def wrong(self, ana: BrowserPerson) -> None:
        self.step("wrong input gets a clear answer")
        broken = {"broken.pdf": b"%PDF-1.4 no"}
        await ana.say("learn this", r"cannot learn broken.pdf: it is damaged", files=broken)
        await ana.say("learn this", r"cannot learn movie.mp4: .*I read PDF", files={"movie.mp4": bytes(range(256))})
        await ana.say("/quiet 25:00-7", r"I don't know /quiet 25:00-7")
        await ana.say("/credentials", r"caldav")
        await ana.say("/nonsense", r".")
        await ana.picture("wrong input")

    async def leave(self, data: Path) -> None:
        """Eve takes everything with her, and then nothing of hers is left in any byte below ``data``."""
        self.step("export, forget, and the search of every byte")
        eve = await self.visiting("Eve")
        await eve.say("schedule gugelhupf baking with Ada Quillfeather tomorrow at 5pm", r"gugelhupf")
        await eve.say("/learn The zeppelin leaves from the gugelhupf stand at nine.", r"Learned")
        await eve.say("I like zeppelin rides", r".")
        await eve.say("where does the zeppelin leave from?", r"Source")
        archive = self.folder / "your-data.zip"
        answer = await eve.say("/export", r"everything that I keep about you")
        async with eve.page.expect_download() as download:
            await answer.get_by_role("link", name="your-data.zip").click()
        await (await download.value).save_as(archive)
        with zipfile.ZipFile(archive) as opened:
            names = opened.namelist()
            self.transcript.said("browser", "your-data.zip", ", ".join(names))
            for name, word in (("calendar.ics", "gugelhupf"), ("data/memories.json", "zeppelin")):
                self.transcript.holds(word in opened.read(name).decode(), f"{name} has “{word}”")
        before = {word for _, word in await asyncio.to_thread(found, [data], HERS)}
        self.transcript.holds(before == set(HERS), "before, the data folder has all of her words")
        asked = await eve.say("/forget", r"Are you sure")
        await eve.picture("forget")
        await asked.get_by_role("button", name="Yes, forget me").click()
        await eve.answered(0, r"forgotten you")  # the conversation before it is gone
        left = await left_over(data, HERS)
        self.transcript.holds(left == set(), f"afterwards no byte below the data folder has any {sorted(left) or ''}")

    async def limit(self) -> None:
        """With a bot that gives everybody three messages an hour."""
        self.step("a budget that ends")
        mia = await self.visiting("Mia")
        for _ in range(3):
            await mia.say("hello", r".")
        await mia.say("what do I have tomorrow?", r"3 messages")
        await mia.say("/usage", r"This hour.*3 of 3 messages")
        await mia.picture("budget")
        await mia.say("/privacy", r"remember")
