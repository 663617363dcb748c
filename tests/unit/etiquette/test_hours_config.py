"""``[hours]``. What breaks without this: a typing error closes a bot for good, or it never closes."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.bot import Bot
from llmagent_os.errors import ConfigError
from llmagent_os.etiquette.hours_config import HoursConfig

OFFICE = HoursConfig.model_validate(
    {
        "time_zone": "Europe/Berlin",
        "working": {"friday": ["09:00-12:00", "13:00-17:00"], "monday": "22:00-02:00"},
        "holidays": ["2026-12-25"],
        "sentence": "Back {opening}.",
    }
)


@pytest.mark.parametrize(
    ("now", "opening"),
    [
        (datetime(2026, 11, 27, 8, tzinfo=UTC), None),  # Friday, 9 in Berlin
        (datetime(2026, 11, 27, 11, 30, tzinfo=UTC), datetime(2026, 11, 27, 12, tzinfo=UTC)),
        (datetime(2026, 11, 27, 16, tzinfo=UTC), datetime(2026, 11, 30, 21, tzinfo=UTC)),
        (datetime(2026, 12, 1, 0, 30, tzinfo=UTC), None),  # the night from Monday to Tuesday
        (datetime(2026, 12, 22, 12, tzinfo=UTC), datetime(2026, 12, 28, 21, tzinfo=UTC)),  # Friday is a holiday
        (datetime(2026, 3, 29, 12, tzinfo=UTC), datetime(2026, 3, 30, 20, tzinfo=UTC)),  # summer time has begun
    ],
)
def test_a_bot_works_at_its_hours_and_names_the_next_opening(now: datetime, opening: datetime | None) -> None:
    assert OFFICE.opening(now) == opening
    assert OFFICE.is_working(now) == (opening is None)


def test_the_sentence_names_the_opening_on_the_bots_clock() -> None:
    assert OFFICE.said(datetime(2026, 11, 30, 21, tzinfo=UTC)) == "Back on Monday at 22:00."
    assert OFFICE.said(None) == "Back later."


def test_without_hours_a_bot_always_works() -> None:
    assert HoursConfig().is_working(datetime(2026, 1, 1, tzinfo=UTC))


def test_the_hours_come_through_json_as_a_training_job_gets_them() -> None:
    assert HoursConfig.model_validate(OFFICE.model_dump(mode="json")) == OFFICE


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ('quiet = "22-7"', "`hours.quiet` cannot be '22-7'"),
        ('quiet = ["00:00-24:00"]', "`hours.quiet` covers the whole day"),
        ("quiet = 22", "`hours.quiet` cannot be 22: write spans of time"),
        ('time_zone = "Mars/Olympus"', "`hours.time_zone` cannot be 'Mars/Olympus'"),
        ('working = { moonday = "09:00-17:00" }', "`hours.working.moonday` is no day"),
        ("working = { monday = [] }", "`hours.working` has no hours"),
        ('working = { monday = "9-5" }', "`hours.working.monday` cannot be '9-5'"),
        ('after_hours = "later"', "`hours.after_hours` cannot be 'later'"),
        ('sentence = "Back {when}."', "nothing stands for {when}"),
        ('sentence = "Back {opening."', "`hours.sentence` cannot be"),
        ('holidays = ["christmas"]', "`hours.holidays.0`"),
        ('quite = "22:00-07:00"', "did you mean `quiet`?"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, toml: str, said: str) -> None:
    file = tmp_path / "bot.toml"
    file.write_text(f'name = "desk"\nmodel = "calendar"\n[hours]\n{toml}\n')
    with pytest.raises(ConfigError) as raised:
        Bot.load(file)
    assert said in str(raised.value)


def test_the_hours_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    file, hours = tmp_path / "bot.toml", dict[str, Any]()
    file.write_text('name = "desk"\nmodel = "calendar"\n[hours]\nquiet = ["22:00-07:00"]\nholidays = [2026-12-25]\n')
    hours = Bot.load(file).config.hours.model_dump(mode="json")
    assert (hours["quiet"], hours["holidays"]) == (["22:00-07:00"], ["2026-12-25"])
