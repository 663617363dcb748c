"""What breaks without this: nobody is asked, or twice after a crash, or strangers find each other by name.

``llmagent-os run calendar`` in a process of its own, over Telegram's real client and sockets, with its own model.
"""

from __future__ import annotations

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


async def answers(server: TelegramServer, count: int, user: str) -> list[Shown]:
    """What the bot has said to a person, once these are ``count`` finished messages."""

    def finished() -> list[Shown]:
        return [one for one in server.shown(user) if not one.draft]

    await server.wait(lambda: len(finished()) >= count, PATIENCE)
    return finished()


@pytest.fixture
async def bot(telegram: TelegramServer, tmp_path: Path) -> AsyncIterator[Bot]:
    bot = Bot(tmp_path / "data", telegram.environment)
    await bot.start()
    await telegram.connected()
    yield bot
    await bot.stop()


async def test_ana_is_asked_once_through_a_crash_and_ben_is_told(
    telegram: TelegramServer, bot: Bot, tmp_path: Path
) -> None:
    ana, ben, group = telegram.ana, telegram.ben, telegram.group
    await telegram.say("hi", user=ana)
    await answers(telegram, 1, ana)
    await telegram.say(SAID, user=ben)
    (alone,) = await answers(telegram, 1, ben)
    assert alone.buttons == (), "on Telegram a stranger is not found by name"

    for user in (ana, ben):
        await telegram.say("hello", user=user, channel=group, mention=True)
    await answers(telegram, 2, group)
    await telegram.say(SAID.replace("lunch", "dinner").replace("noon", "7pm"), user=ben)
    offered = (await answers(telegram, 2, ben))[-1]
    assert offered.buttons == ("Invite Ana",)
    assert len(await answers(telegram, 1, ana)) == 1, "nobody is asked without the press"

    await telegram.press(offered.message_id, "Invite Ana", user=ben)
    await bot.kill()
    await bot.start()
    asked = (await answers(telegram, 2, ana))[-1]
    assert asked.text == "Ben invites you to dinner, Friday 26 November 2027 at 7 PM."
    assert asked.buttons == ("Accept", "Decline")
    await telegram.press(asked.message_id, "Accept", user=ana)
    seen = await answers(telegram, 3, ana)
    assert seen[-1].text == "I've added dinner with Ben for Friday 26 November 2027 at 7 PM. I'll tell Ben."
    told = (await answers(telegram, 4, ben))[-1]
    assert told.text == "Ana has accepted: dinner with Ana, Friday 26 November 2027 at 7 PM."

    await telegram.say("delete the dinner", user=ben)
    news = (await answers(telegram, 4, ana))[-1]
    assert news.text == "Ben has cancelled dinner. I've taken it out of your calendar."
    assert sum("invites you" in one.text for one in telegram.shown(ana)) == 1
    await telegram.command("forget", user=ana)
    sure = (await answers(telegram, 5, ana))[-1]
    await telegram.press(sure.message_id, sure.buttons[0], user=ana)
    await answers(telegram, 6, ana)
    assert await bot.stop() == 0
    database = sqlite3.connect(tmp_path / "data" / "ledger.db")
    assert database.execute("SELECT count(*) FROM records WHERE shared_with LIKE ?", (f"%{ana}",)).fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM contacts WHERE identity LIKE ?", (f"%{ana}",)).fetchone() == (0,)
    database.close()
