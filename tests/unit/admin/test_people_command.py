"""`llmagent-os people list`: where an owner finds the account that a token, an export or a role is for."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.admin import mcp_command, people_command
from llmagent_os.config import Settings
from tests.unit.agent_bench import Bench


async def test_people_who_talked_are_listed_by_the_account_that_a_token_takes(bench: Bench, tmp_path: Path) -> None:
    settings = Settings.load(env_file=None, data=tmp_path, access="everyone")
    assert settings.ledger_url == f"sqlite:///{tmp_path / 'ledger.db'}"
    await bench.say(bench.agent("Hello."), "hello", user="ana")
    listed = await people_command.listing(settings)
    assert "Who has talked to the bot, the latest first:\nmemory::ana  last answered " in listed
    added = [
        await mcp_command.add_token(settings, name, f"memory::{name}", ("*",), (), private=False, days=None)
        for name in ("ana", "anna")
    ]
    assert ["warning: nobody" in text for text in added] == [False, True]
