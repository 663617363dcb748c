"""What breaks without this: a bot's file names what is not there, and its author looks for the place by hand."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from llmagent_os.admin.bot_check import check, check_references, schema
from llmagent_os.bot import Bot, BotConfig
from llmagent_os.config import Settings
from llmagent_os.config.mistakes import MistakesError

CHECKOUT = Path(__file__).parents[3]
#: The complete bot of the page about bots.
WHOLE = (CHECKOUT / "docs" / "bots.md").read_text("utf-8").split("```toml\n")[1].split("```")[0]
SHIPPED = CHECKOUT / "bots" / "llmagent_os" / "bots" / "calendar" / "bot.toml"

FILE = """name = "parrot"
model = "{model}"
adapters = ["web", "slak"]
plugins = ["calendar"{plugin}]
permissions = ["calendar.*", "calender.read"]
[knowledge]
documents = ["faq.md", "gone.md"]
facts = "facts.jsn"
[training]
plan = "no_such_module:plan"
probes = "llmagent_os.no_such_module"
examples = "gone.jsonl"
"""


@pytest.fixture
def machine(tmp_path: Path) -> Settings:
    (tmp_path / "faq.md").write_text("# Hours\n\nWe open at 8.")
    (tmp_path / "facts.json").write_text("{}")
    return Settings.load(env_file=None, data=tmp_path / "data")


async def found(machine: Settings, folder: Path, text: str, *, complete: bool = True) -> list[tuple[int, int, str]]:
    (folder / "bot.toml").write_text(text)
    with pytest.raises(MistakesError) as caught:
        await check_references(machine, Bot.load(folder), complete=complete)
    return [(each.place.line, each.place.column, each.text) for each in caught.value.mistakes]


async def test_everything_that_is_not_there_is_named_with_its_place(machine: Settings, tmp_path: Path) -> None:
    mistakes = await found(machine, tmp_path, FILE.format(model=f"{tmp_path}/none", plugin=""))
    assert [place for *place, _ in mistakes] == [[2, 9], [3, 20], [5, 30], [7, 24], [8, 9], [10, 8], [11, 10], [12, 12]]
    texts = "\n".join(text for *_, text in mistakes)
    for part in (
        "no model ",
        "there is no adapter 'slak'; did you mean 'slack'?",
        "'calender.read' matches no permission of this bot's plugins; did you mean 'calendar.read'?",
        "`knowledge.documents`: there is no file 'gone.md'",
        "did you mean 'facts.json'?",
        "there is no module 'no_such_module'",
        "there is no module 'llmagent_os.no_such_module'",
        "`training.examples`: there is no file 'gone.jsonl'",
    ):
        assert part in texts


async def test_permissions_are_not_judged_where_a_plugin_is_not_there(machine: Settings, tmp_path: Path) -> None:
    mistakes = await found(machine, tmp_path, FILE.format(model="calendar", plugin=', "calender"'))
    assert [(line, column) for line, column, _ in mistakes if line < 6] == [(3, 20), (4, 24)]


async def test_a_start_looks_for_the_model_itself_unless_something_is_wrong(machine: Settings, tmp_path: Path) -> None:
    wrong = f'name = "parrot"\nmodel = "{tmp_path}/none"\npermissions = ["nothing"]\n'
    (tmp_path / "bot.toml").write_text(wrong)
    await check_references(machine, Bot.load(tmp_path), complete=False)
    mistakes = await found(machine, tmp_path, f'{wrong}adapters = ["slak"]\n', complete=False)
    assert [line for line, *_ in mistakes] == [2, 3, 4]


async def test_the_shipped_bot_and_the_bot_of_the_page_about_bots_are_right(machine: Settings, tmp_path: Path) -> None:
    """The page's example is what authors copy. It is checked with the files that it names, which are made here."""
    assert await check(machine, "calendar") == f"{SHIPPED} is right."
    folder = tmp_path / "whole"
    (folder / "handbook").mkdir(parents=True)
    (folder / "plugins").mkdir()
    for name in ("faq.json", "facts.json", "examples.jsonl"):
        (folder / name).write_text("[]")
    (folder / "bot.toml").write_text(WHOLE, "utf-8")
    assert await check(machine, str(folder)) == f"{folder / 'bot.toml'} is right."
    assert set(BotConfig.model_fields) <= set(tomllib.loads(WHOLE)), "a field that is not described"


def test_editors_are_told_the_form_of_the_file() -> None:
    form: dict[str, Any] = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(form)
    validator: Any = jsonschema.Draft202012Validator(form)
    for text in (WHOLE, SHIPPED.read_text("utf-8")):
        validator.validate(json.loads(json.dumps(tomllib.loads(text), default=str)))  # editors take a day for a text
    least = 'name = "a"\nmodel = "m"\n'
    validator.validate(tomllib.loads(f'{least}knowledge = "faq.json"\n[training]\nexamples = "a.jsonl"'))
    for wrong in (
        "plugin = []",
        "max_tokens = 0",
        '[policy]\nlearner = "bays"',
        "[behavior]\nmode = 1",
        "[behavior.dimensions]\ntone = 3",
        "[behavior.platforms.web]\ntone = true",
    ):
        assert list(validator.iter_errors(tomllib.loads(least + wrong))), wrong
    assert form["properties"]["title"]["description"] == "what people see"
    missing = [name for name, field in form["properties"].items() if "description" not in field and "$ref" not in field]
    assert set(missing) <= {"adapters", "persona"}
