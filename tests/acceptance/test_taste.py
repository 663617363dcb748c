"""Two people chat with the calendar bot in the browser and react, and each gets the answers that they like.

What breaks without this: thumbs that change nothing, one person's taste given to another, a ``/profile`` that says
something else than what the bot does, and reactions that cannot be taken back.

It is the bot that a newcomer starts, but for its few tries at random, which are off, so that the test repeats.

The people judge what they can see. A reply that asks for a Yes is in the calendar's own words, whatever the style. It
is not judged.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from llmagent_os.bot import Bot
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.policy.bayes.bayes_learner import Bayes
from llmagent_os.policy.learned import make_policy
from llmagent_os.policy_worker import PolicyWorker
from tests.acceptance.browsing import WAIT, desk, launched, needs_chromium, replies, say, visit

#: What each likes, as the ledger calls it; every other reply whose style they can see gets a 👎.
TASTES: Mapping[str, Mapping[str, str]] = {
    "ana": {"mode": "task_oriented", "verbosity": "brief"},
    "ben": {"mode": "conversational"},
}
TALK = (
    "Schedule a meeting with John at 3pm tomorrow",
    "what do I have tomorrow?",
    "book lunch with Lea next Tuesday at noon",
    "am I free next Wednesday afternoon?",
    "remind me to water the plants next Friday at 6pm",
    "add dentist next Thursday at 10am",
    "what's on next week?",
    "cancel the dentist",
    "put gym on the 20th at 7am",
    "dinner with Mia next Saturday at 8pm",
    "do I have anything on the 21st?",
    "delete the gym",
    "plan a call with Tom next Wednesday at 2pm",
    "when is lunch with Lea?",
    "set up a review with Kim next Monday at 4",
)
LATER = (
    "what do I have tomorrow?",
    "is there anything on the 25th?",
    "what's on in January?",
    "am I free on the 26th?",
    "hello",
    "when is dinner with Mia?",
)

pytestmark = [pytest.mark.asyncio(loop_scope="module"), needs_chromium, pytest.mark.timeout(300)]


class Calendar:
    """``llmagent-os run`` with the calendar bot, in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "bot.toml"
        self.data = folder / "data"
        self.url = ""
        self._log = folder / "log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        installed = Bot.load("calendar")
        assert installed.facts is not None
        settings = (installed.folder / "bot.toml").read_text()
        self.file.write_text(f"{settings}\n[policy]\nexploration = 0.0\n[consent]\nask = false\n")
        shutil.copy(installed.facts, self.file.parent)
        kept = {key: value for key, value in os.environ.items() if not key.startswith("LLMAGENT_OS_")}
        own = {"DATA": str(self.data), "POLICY": "bayes", "TIME_ZONE": "UTC", "THREADS": "1"}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(Path(sys.executable).with_name("llmagent-os"), "run", self.file, "--port", "0"),
                env=kept | {f"LLMAGENT_OS_{key}": value for key, value in own.items()},
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if found := re.search(rb"http://\S+", line):
                self.url = found[0].decode()
                return
        pytest.fail(f"the bot ended: {self._log.read_text()}")

    async def stop(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    def rows(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        """What the ledger holds, which another process writes."""
        with contextlib.closing(sqlite3.connect(self.data / "ledger.db")) as database:
            return database.execute(query, values).fetchall()

    async def settled(self, name: str, clicks: int) -> None:
        """Wait until so many clicks on somebody's reactions are in the ledger, and all that is there is learned."""
        here = "SELECT count(*) FROM rewards WHERE kind = 'reaction' AND rater_id = ?"
        done = "(SELECT coalesce(max(through), 0) FROM policy_states WHERE stale_from IS NULL)"
        behind = f"SELECT coalesce(max(seq), 0) - {done} FROM rewards"
        async with asyncio.timeout(WAIT / 1000):
            while True:
                if self.rows(here, _identity(name)) == [(clicks,)] and self.rows(behind) == [(0,)]:
                    return
                await asyncio.sleep(0.02)

    async def believes(self, name: str) -> float:
        """How much likelier somebody is held to be content with what they like than with all else."""
        copy = self.data / "copy.db"
        with (
            contextlib.closing(sqlite3.connect(self.data / "ledger.db")) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        ledger = await Ledger.open(f"sqlite:///{copy}")
        try:
            policy = make_policy("bayes", defaults=Bot.load("calendar").config.behavior.model_dump())
            await PolicyWorker(policy, ledger, "calendar:bayes").catch_up()
        finally:
            await ledger.close()
        assert isinstance(policy.learner, Bayes)
        content = policy.learner.expected(PersonId(_identity(name)), {})
        theirs = policy.actions.allowed(TASTES[name])
        return float(content[theirs].mean() - content[~theirs].mean())


class Person:
    """Somebody at their browser, who likes some answers and not others."""

    def __init__(self, name: str, page: Page, bot: Calendar) -> None:
        self.name, self.page, self.bot = name, page, bot
        self.asked = self.clicks = 0

    async def ask(self, text: str) -> Locator:
        """Say something; returns the reply."""
        await say(self.page, text)
        self.asked += 1
        await expect(replies(self.page)).to_have_count(self.asked)
        return replies(self.page).last

    async def told(self, text: str) -> str:
        """Say something; returns the words of the reply."""
        return await (await self.ask(text)).locator(".body").inner_text()

    def content(self) -> bool:
        """Whether the last reply was given as this person likes it."""
        query = "SELECT action FROM interactions WHERE user_id = ? ORDER BY seq DESC LIMIT 1"
        ((kept,),) = self.bot.rows(query, _identity(self.name))
        action: dict[str, str] = json.loads(kept)
        return TASTES[self.name].items() <= action.items()

    async def shows_style(self, reply: Locator) -> bool:
        """Whether this person sees in a reply how the bot answers: not if the reply asks for a Yes."""
        return await reply.get_by_role("button", name="Yes").count() == 0

    async def click(self, button: Locator) -> None:
        """Put a reaction on, or take it off, and wait until the bot has learned from it."""
        await button.click()
        self.clicks += 1
        await self.bot.settled(self.name, self.clicks)

    async def judge(self, reply: Locator, good: bool) -> None:
        """👍 or 👎."""
        await self.click(reply.get_by_role("button", name="Thumbs up" if good else "Thumbs down"))


def _identity(name: str) -> Identity:
    return Identity(f"web:local:person-{name}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def bot(warm_programs: None, tmp_path: Path) -> AsyncIterator[Calendar]:
    bot = Calendar(tmp_path)
    try:
        await bot.start()
        yield bot
    finally:
        await bot.stop()


async def at_their_browser(browser: Browser, bot: Calendar, name: str) -> Person:
    page, _ = await visit(await desk(browser), bot.url, name)
    return Person(name, page, bot)


async def test_what_counts_is_what_is_shown_however_hurried_the_clicks(browser: Browser, bot: Calendar) -> None:
    """Double clicks, a changed mind, two tabs at once, and a reload before the click has arrived."""
    ana = await at_their_browser(browser, bot, "ana")
    for text in TALK[:4]:
        await ana.ask(text)
    other, _ = await visit(ana.page.context, bot.url, "ana")
    await expect(replies(other)).to_have_count(4)

    def thumb(page: Page, at: int, way: str) -> Locator:
        return replies(page).nth(at).get_by_role("button", name=f"Thumbs {way}")

    await thumb(ana.page, 0, "up").dblclick()
    await thumb(ana.page, 1, "up").click(click_count=3)
    await thumb(ana.page, 2, "up").click()
    await thumb(ana.page, 2, "down").click()
    await thumb(ana.page, 2, "up").click()
    await asyncio.gather(thumb(ana.page, 3, "down").click(), thumb(other, 3, "down").click())
    await asyncio.gather(thumb(ana.page, 3, "up").click(), thumb(other, 3, "up").click())
    await thumb(other, 0, "down").click()
    await other.reload()
    await expect(thumb(ana.page, 0, "down")).to_have_attribute("aria-pressed", "true")
    await ana.told("/profile")  # answered: all that was clicked before is in the ledger
    await expect(replies(other)).to_have_count(ana.asked)

    shown = [await _pressed(page) for page in (ana.page, other)]
    assert shown[0] == shown[1]
    assert shown[0][:3] == [["👎"], ["👍"], ["👎"]]
    query = """SELECT round(coalesce(sum(rewards.reward), 0), 9) FROM interactions
        LEFT JOIN rewards ON rewards.interaction_id = interactions.interaction_id AND rewards.kind = 'reaction'
        GROUP BY interactions.seq ORDER BY interactions.seq"""
    counted = [row[0] for row in bot.rows(query)]
    assert counted[:3] == [-1, 1, -1]
    assert [bool(each) for each in counted] == [bool(each) for each in shown[0]]


async def _pressed(page: Page) -> list[list[str]]:
    """The reactions shown on each reply."""
    found: list[list[str]] = await replies(page).evaluate_all(
        "nodes => nodes.map((node) => [...node.querySelectorAll('[aria-pressed=true]')].map((e) => e.dataset.emoji))"
    )
    return found


async def test_each_gets_their_own_within_15_reactions_and_taking_them_back_unlearns_it(
    browser: Browser, bot: Calendar
) -> None:
    ana, ben = people = [await at_their_browser(browser, bot, name) for name in TASTES]
    assert "From your reactions I have learned nothing yet" in await ana.told("/profile")
    for text in TALK:
        for person in people:
            reply = await person.ask(text)
            if await person.shows_style(reply):
                await person.judge(reply, person.content())

    judged = {person.name: person.clicks for person in people}  # at most 15 each
    of_ana, of_ben = [await person.told("/profile") for person in people]
    assert f"From your reactions on {judged['ana']} replies" in of_ana
    assert f"From your reactions on {judged['ben']} replies" in of_ben
    assert re.search(r"task-oriented answers rather than chatty ones \(\d+% sure\)", of_ana)
    assert re.search(r"short answers \(\d+% sure\)", of_ana)
    assert re.search(r"chatty answers rather than task-oriented ones \(\d+% sure\)", of_ben)
    assert "short answers (" not in of_ben

    # From now on nobody reacts.
    said: dict[str, list[str]] = {}
    liked: dict[str, list[bool]] = {}
    for person in people:
        said[person.name], liked[person.name] = [], []
        for text in LATER:
            said[person.name].append(await person.told(text))
            liked[person.name].append(person.content())
    assert sum(liked["ana"]) >= 4 and sum(liked["ben"]) >= 4, (liked, said)
    for at in range(len(LATER)):
        if liked["ana"][at] and liked["ben"][at]:
            assert said["ana"][at] != said["ben"][at]

    # Ana judges what was said since, too, and then clicks everything off again; Ben leaves it as it is.
    for at, good in enumerate(liked["ana"], ana.asked - len(LATER)):
        await ana.judge(replies(ana.page).nth(at), good)
    before = await bot.believes("ana")
    pressed = ana.page.locator(".react[aria-pressed=true]")
    await expect(pressed).to_have_count(ana.clicks)
    for left in range(ana.clicks, 0, -1):
        await ana.click(pressed.last)
        await expect(pressed).to_have_count(left - 1)
    await ana.page.reload()
    await expect(replies(ana.page)).to_have_count(ana.asked)
    await expect(pressed).to_have_count(0)
    assert "From your reactions I have learned nothing yet" in await ana.told("/profile")
    assert f"From your reactions on {judged['ben']} replies" in await ben.told("/profile")
    assert await bot.believes("ana") < before / 2
