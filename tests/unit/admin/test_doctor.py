"""The doctor: a problem it overlooks is a night's search for somebody, and one it makes up is trust lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from llmagent_os.admin.doctor import examine
from llmagent_os.admin.findings import Finding, show
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.ledger import Ledger
from tests.tiny_model import save_model

BOT = 'name = "parrot"\nmodel = "tiny"\nadapters = ["web"]\nplugins = []\n'


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bot.toml").write_text(BOT)
    return tmp_path


@pytest.fixture
def settings(folder: Path, model: Path) -> Settings:
    return Settings.load(env_file=None, data=folder / "data", model=str(model), web_port=0, threads=1)


async def problems(settings: Settings, **changed: object) -> list[Finding]:
    found = await examine(lambda: settings.model_copy(update=changed), "bot.toml")
    return [finding for finding in found if finding.state == "problem"]


async def test_right_installation_has_no_problem(settings: Settings) -> None:
    found = await examine(lambda: settings, "bot.toml")
    assert [finding for finding in found if finding.state == "problem"] == []
    sections = list(dict.fromkeys(finding.section for finding in found))
    assert sections == ["python", "settings", "data", "ledger", "bot", "model", "plugins", "adapters"]
    assert not (settings.data).exists(), "looking must not make anything"


async def test_every_problem_has_a_remedy(settings: Settings, folder: Path) -> None:
    (folder / "bot.toml").write_text(BOT.replace("[]", '["nothing"]') + 'knowledge = "none.json"\n')
    found = await problems(settings, model="/nowhere", web_host="0.0.0.0", database_url="mysql://x")
    assert {finding.section for finding in found} == {"ledger", "bot", "model", "plugins", "adapters"}
    assert all(finding.remedy for finding in found)


async def test_deep_look_has_the_model_answer(settings: Settings) -> None:
    """Weights that load can still be of another architecture than the code knows."""
    found = await examine(lambda: settings, "bot.toml", deep=True)
    assert any("it answers 'hello' with" in finding.text for finding in found)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("tokenizer.json", None, "lacks tokenizer.json"),
        ("model.safetensors", None, "lacks its weights"),
        ("model.safetensors", bytes(100), "weights cannot be read"),
    ],
)
async def test_damaged_model_is_found_without_loading_it(
    settings: Settings, tmp_path: Path, file: str, content: bytes | None, message: str
) -> None:
    """An interrupted download is the usual reason."""
    copy = save_model(tmp_path / "copy")
    (copy / file).unlink()
    if content is not None:
        (copy / file).write_bytes(content)
    (problem,) = await problems(settings, model=str(copy))
    assert message in problem.text


async def test_ledger_is_looked_at_and_left_alone(settings: Settings, folder: Path) -> None:
    file = folder / "data" / "ledger.db"
    await (await Ledger.open(settings.ledger_url)).close()
    assert await problems(settings) == []
    with closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE alembic_version SET version_num = '0000'")
        database.commit()
    found = await examine(lambda: settings, "bot.toml")
    assert any("at revision 0000; the next start brings it to" in finding.text for finding in found)
    for extra in file.parent.glob("ledger.db-*"):
        extra.unlink()
    file.write_bytes(b"no database at all, only some text" * 10)
    (problem,) = await problems(settings)
    assert problem.section == "ledger"


async def test_wrong_settings_end_the_examination(folder: Path) -> None:
    def load() -> Settings:
        raise ConfigError("LLMAGENT_OS_A is wrong\nLLMAGENT_OS_B is wrong")

    found = await examine(load, "bot.toml")
    assert [finding.text for finding in found if finding.state == "problem"] == [
        "LLMAGENT_OS_A is wrong",
        "LLMAGENT_OS_B is wrong",
    ]


async def test_env_file_that_others_can_read_is_a_problem(settings: Settings, folder: Path) -> None:
    """It holds the secrets."""
    (folder / ".env").write_text("LLMAGENT_OS_DATA=data\n")
    (folder / ".env").chmod(0o644)
    (problem,) = await problems(settings)
    assert problem.remedy == "chmod 600 .env"


async def test_missing_bot_is_told(settings: Settings) -> None:
    found = await examine(lambda: settings, "calender")
    assert "did you mean 'calendar'" in found[-1].text


def test_exit_code_counts_problems_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert show([Finding("a", "ok", "fine"), Finding("a", "note", "so so")]) == 0
    assert show([Finding("a", "problem", "bad", "mend it")]) == 1
    assert "→ mend it" in capsys.readouterr().out
