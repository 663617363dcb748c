"""What breaks without this: nobody is asked, or twice after a crash, or strangers find each other by name.

``llmagent-os run calendar`` in a process of its own, over Telegram's real client and sockets, with its own model.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.test_platforms import Bot
from tests.platforms.server import Shown
from tests.platforms.telegram import TelegramServer

PATIENCE = 120.0  #: seconds that a model may take on a busy machine
SAID = "lunch with Ana on 26 November 2027 at noon"


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramServer]:
    server = TelegramServer()
    await server.start()
    yield server
    await server.stop()


async def said(server: TelegramServer, user: str, words: str, channel: str = "") -> Shown:
    """The first finished message of the bot to a person that has these words."""

    def found() -> list[Shown]:
        return [one for one in server.shown(channel or user) if not one.draft and words in one.text]

    await server.wait(lambda: bool(found()), PATIENCE)
    return found()[0]


async def replies(server: TelegramServer, channel: str, count: int) -> None:
    """Wait until the bot has written so many messages in a conversation."""
    await server.wait(lambda: len(server.shown(channel)) >= count, PATIENCE)


async def settled(data: Path) -> None:
    """Wait until the bot has nothing left to do."""
    unfinished = "SELECT (SELECT count(*) FROM inbox WHERE state < 2) + (SELECT count(*) FROM timers)"
    async with asyncio.timeout(PATIENCE):
        while True:
            with contextlib.closing(sqlite3.connect(data / "ledger.db")) as database:
                if database.execute(unfinished).fetchone() == (0,):
                    return
            await asyncio.sleep(0.1)


@pytest.fixture
async def bot(warm_programs: None, telegram: TelegramServer, tmp_path: Path) -> AsyncIterator[Bot]:
    bot = Bot(tmp_path / "data", telegram.environment)
    await bot.start()
    await telegram.connected()
    yield bot
    await bot.stop()


@pytest.mark.timeout(400)  # two starts, with a model
async def test_ana_is_asked_once_through_a_crash_and_ben_is_told(
    telegram: TelegramServer, bot: Bot, tmp_path: Path
) -> None:
    ana, ben, group = telegram.ana, telegram.ben, telegram.group
    await telegram.say("hi", user=ana)
    await replies(telegram, ana, 1)
    await telegram.say(SAID, user=ben)
    alone = await said(telegram, ben, "lunch")
    assert alone.buttons == ("Undo",), "on Telegram a stranger is not found by name"

    for number, user in enumerate((ana, ben), 1):
        await telegram.say("hello", user=user, channel=group, mention=True)
        await replies(telegram, group, number)
    await telegram.say(SAID.replace("lunch", "dinner").replace("noon", "7pm"), user=ben)
    offered = await said(telegram, ben, "dinner")
    assert set(offered.buttons) == {"Invite Ana", "Undo"}
    await settled(tmp_path / "data")
    before = len(telegram.shown(ana))

    await bot.kill()
    await telegram.press(offered.message_id, "Invite Ana", user=ben)
    await bot.start()
    asked = await said(telegram, ana, "invites you")
    assert asked.text == "Ben invites you to dinner, Friday 26 November 2027 at 7 PM."
    assert asked.buttons == ("Accept", "Decline")
    assert len(telegram.shown(ana)) == before + 1, "nobody was asked without the press"
    await settled(tmp_path / "data")

    await telegram.press(asked.message_id, "Accept", user=ana)
    added = await said(telegram, ana, "added")
    assert added.text == "I've added dinner with Ben for Friday 26 November 2027 at 7 PM. I'll tell Ben."
    told = await said(telegram, ben, "accepted")
    assert told.text == "Ana has accepted: dinner with Ana, Friday 26 November 2027 at 7 PM."
    await telegram.say("delete the dinner", user=ben)
    news = await said(telegram, ana, "cancelled")
    assert news.text == "Ben has cancelled dinner. I've taken it out of your calendar."
    assert sum("invites you" in one.text for one in telegram.shown(ana)) == 1

    count = len(telegram.shown(ana))
    await telegram.command("forget", user=ana)
    await replies(telegram, ana, count + 1)
    sure = telegram.shown(ana)[-1]
    await telegram.press(sure.message_id, sure.buttons[0], user=ana)
    await replies(telegram, ana, count + 2)
    assert await bot.stop() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "ledger.db")) as database:
        for left in ("records WHERE shared_with IS NOT NULL", f"contacts WHERE identity LIKE '%:{ana}'"):
            assert database.execute(f"SELECT count(*) FROM {left}").fetchone() == (0,)
