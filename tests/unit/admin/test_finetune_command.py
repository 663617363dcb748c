"""``llmagent-os finetune`` and ``versions add``: from a file to a version of a bot, behind the gate."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from llmagent_os.admin import versions_command, written_version
from llmagent_os.admin.finetune_command import CHECKPOINT_FILE, FinetuneOrder, finetune
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.finetune import Finetuner
from llmagent_os.llm import LLM
from tests.tiny_model import save_model

BOT = """
name = "parrot"
model = "{model}"
remembered_turns = 0
[behavior.dimensions]
tone = {{ plain = "Write plainly.", playful = "Write playfully." }}
[policy]
learner = "fixed"
[training]
probes = "tests.chatty_model"
"""
QUICK = ("epochs=2", "learning_rate=5e-3", "rank=4", "top_layers=1")


@pytest.fixture
def base(chatty_model: Path) -> Path:
    """A model whose replies are short: a random one would write all probes to their ends."""
    return chatty_model


@pytest.fixture
def bot(base: Path, tmp_path: Path) -> Bot:
    (tmp_path / "bot.toml").write_text(BOT.format(model=base))
    return Bot.load(tmp_path)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.load(env_file=None, data=tmp_path / "data")


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    file = tmp_path / "examples.jsonl"
    words = ("lunch", "rent", "yoga", "piano", "dentist", "garage", "school", "bakery")
    said = [f"{one} and {other}" for one in words[:5] for other in words[3:]]
    file.write_text("\n".join(json.dumps({"input": each, "output": "Any time!"}) for each in said))
    return file


@pytest.mark.timeout(600)
def test_a_file_becomes_a_version_with_its_report(settings: Settings, bot: Bot, examples: Path, tmp_path: Path) -> None:
    """Whoever trains by hand must get a LoRA that loads, a report, and the gate's word."""
    told: list[str] = []
    folder = tmp_path / "lora"
    order = FinetuneOrder(data=examples, folder=folder, values=QUICK, publish=True)
    said = finetune(settings, bot, order, told.append)
    assert "for training" in told[0]
    assert "the loss went from" in told[1]
    assert not (folder / CHECKPOINT_FILE).exists()
    report = (folder / "report.md").read_text()
    assert "held-out examples are likelier by +" in report
    assert "## Training" in report
    assert "written examples" in (folder / "README.md").read_text()
    assert "<html" in (folder / "report.html").read_text()
    listed = asyncio.run(versions_command.listing(settings, bot.name))
    assert said.partition(":")[0] in listed
    with LLM.from_pretrained(str(folder)) as llm:
        assert llm.generate("hello", max_tokens=4).lora_version.startswith("lora@")
    with pytest.raises(ConfigError, match="holds a LoRA already"):
        finetune(settings, bot, order, told.append)
    with pytest.raises(ConfigError, match="is a version already"):
        asyncio.run(written_version.add(settings, bot, folder, examples, told.append))


def test_another_models_lora_is_refused(
    settings: Settings, bot: Bot, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It would not load, or would load and write nonsense."""
    other = save_model(tmp_path_factory.mktemp("other") / "other", "qwen3")
    finetuner = Finetuner(LLM.from_pretrained(str(other)), [{"input": "hi", "output": "Hello."}], epochs=1)
    finetuner.finetune()
    folder = finetuner.save_model(tmp_path / "foreign")
    with pytest.raises(ModelError, match=r"is for the model .*other: bot 'parrot' has .*chatty"):
        asyncio.run(written_version.add(settings, bot, folder, None, lambda _: None))
    with pytest.raises(ModelError, match="no LoRA in"):
        asyncio.run(written_version.add(settings, bot, tmp_path, None, lambda _: None))


@pytest.mark.parametrize(
    ("value", "said"),
    [("epochs", "write NAME=VALUE"), ("epochs=many", "epochs is 'many'"), ("epoch=2", "Did you mean 'epochs'")],
)
def test_a_wrong_setting_names_itself_before_any_work(
    settings: Settings, bot: Bot, examples: Path, tmp_path: Path, value: str, said: str
) -> None:
    order = FinetuneOrder(data=examples, folder=tmp_path / "lora", values=(value,))
    with pytest.raises(ConfigError, match=said):
        finetune(settings, bot, order, lambda _: None)
    assert not order.folder.exists()
