"""Messages that are made to keep the rules busy: each is read, or left to the model, within a moment."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from llmagent_os.bots.calendar.talk.other_work import other_work
from llmagent_os.bots.calendar.talk.small_talk import kind_of_talk
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.message_size import MAX_CHARACTERS, is_readable
from llmagent_os.plugins.calendar.requests.request_reading import read_message
from llmagent_os.plugins.calendar.requests.self_correction import corrected
from llmagent_os.plugins.calendar.requests.spelling import put_right
from llmagent_os.plugins.calendar.time.time_mentions import time_mentions
from llmagent_os.plugins.profile.about_person import told
from llmagent_os.plugins.profile.answer_style import style_meant

HOSTILE = [
    "wait" + "." * 400,
    "." * 60 + " !",
    "remind me to " + "5pm " * 900,
    "don't " + "1 " * 290,
    "at 5 and on to minutes before " * 50,
    "friday at 8\u200b \n\n pm berlin ( two ) 15.00 of weekend",
    "my name is " + "! " * 280,
    "remind me to " + "a " * 280,
    "no i mean " * 55,
    "and so but and " * 39,
    "— so - but … " * 44,
    "it's its it's not " * 32,
    "\u0301" * 4000,
    "(" * 4000,
    "'" * 590,
    "every second " * 45,
    "1st of the " * 53,
    "don't " + " - " * 30 + " the ",
    "move it, - . ! " * 20 + " x",
    "a : with " * 66,
    "what " + ": " * 290,
    "it … " * 120,
    "the at " * 85,
    "but it " * 85,
    "have dentist friday 2, " * 26,
    "sorry the gym, no the " * 27,
    "cancel it, " * 54,
]
MOMENT = datetime(2026, 12, 1, 10)


def _seconds(text: str) -> float:
    time_mentions.cache_clear()
    before = time.process_time()
    time_mentions(text)
    if is_readable(text):
        read_message(corrected(Clause.of(put_right(text), MOMENT)))
    kind_of_talk(text)
    other_work(text)
    style_meant(text)
    told(text, "", lambda _: False)
    return time.process_time() - before


def _additions() -> float:
    """The seconds of a million additions, so that the test says the same on a slow machine."""
    before = time.process_time()
    total = 0
    for number in range(1_000_000):
        total += number * number
    assert total
    return time.process_time() - before


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: text[:24].encode("unicode_escape").decode())
def test_a_hostile_message_is_read_within_a_moment(text: str) -> None:
    """The moment is that of a million additions, fifteen times over: a pattern that tries everything takes minutes."""
    _seconds("remind me to call mum tomorrow at 5")  # the tables that are read once
    assert max(_seconds(text), _seconds(text[:MAX_CHARACTERS])) < 15 * _additions()


def test_a_row_of_times_is_no_time() -> None:
    assert time_mentions("5pm " * 200) == ()
    assert len(time_mentions("lunch friday at noon, dinner saturday at 7pm, yoga every monday at 7am until march")) > 3
