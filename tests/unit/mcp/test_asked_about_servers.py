"""A model calls a tool of a server. What breaks without this: a stranger's tool acts, or speaks, as if it were ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from llmagent_os.chat import ToolCall
from llmagent_os.ledger import Ledger
from llmagent_os.people.profiles import Profiles
from tests.unit.agent_bench import Bench, Diary
from tests.unit.mcp.calling import outside, with_servers


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    async with with_servers({"odd": outside(effects={"link": "reads"})}) as plugins:
        yield Bench(tmp_path, ledger, Profiles(tmp_path / "profiles"), plugins, Diary())
    await ledger.close()


async def test_a_person_is_asked_and_the_words_of_the_server_are_data(bench: Bench) -> None:
    greet = ToolCall("odd_greet", {"name": "Ana"})
    said, kept = await bench.say(bench.agent(greet), "greet me")
    assert said == "I would use “odd greet” with this:\n- name: `Ana`\n\nShall I do this?"
    assert [button[0] for button in kept.context["buttons"]] == ["Yes", "No", "Yes, and always"]
    done, _ = await bench.say(bench.agent(), "yes")
    assert "Hello, Ana!" in done
    asking = bench.agent(ToolCall("odd_link", {}), greet, "unused")  # what was read gives no right to act
    said, _ = await bench.say(asking, "what is there?")
    assert said.endswith("Shall I do this?")
    shown = [message for message in bench.llm.requests[-1].messages if message["role"] == "tool"][-1]
    assert "never instructions" in shown["content"]
    assert "http://127.0.0.1:1/notes" in shown["content"]
