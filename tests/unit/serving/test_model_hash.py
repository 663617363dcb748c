"""The name of a model's weights: replies are compared, and learned from, only within one model."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM

from llmagent_os.errors import ModelError
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location, locate
from tests.tiny_model import save_lora, save_model


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("llama") / "base")


def test_one_file_has_the_hash_that_sha256sum_prints(base: Path, tmp_path: Path) -> None:
    """Anyone can check which weights wrote a reply, and another model never passes for this one."""
    expected = hashlib.sha256(base.joinpath("model.safetensors").read_bytes()).hexdigest()
    assert model_hash(locate(str(base))) == expected[:12]
    other = save_model(tmp_path / "other", seed=1)
    assert model_hash(locate(str(other))) != expected[:12]
    lora = save_lora(tmp_path / "lora", base)
    assert model_hash(locate(str(lora))) == expected[:12], "a LoRA has a version of its own"


def test_several_files_have_the_hash_of_what_sha256sum_prints(base: Path, tmp_path: Path) -> None:
    """Large models come in parts."""
    model = AutoModelForCausalLM.from_pretrained(base)
    model.save_pretrained(tmp_path, max_shard_size="200KB")
    files = sorted(tmp_path.glob("*.safetensors"))
    assert len(files) > 1
    printed = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    assert model_hash(locate(str(tmp_path))) == hashlib.sha256(printed.encode()).hexdigest()[:12]


def test_a_model_of_the_hub_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub's cache names a file by its SHA-256; hashing many gigabytes would take minutes."""
    digest = hashlib.sha256(b"the weights").hexdigest()
    repository = tmp_path / "models--some--model"
    for folder in ("blobs", "refs", "snapshots/abc"):
        repository.joinpath(folder).mkdir(parents=True)
    repository.joinpath("refs/main").write_text("abc")
    repository.joinpath("blobs", digest).write_bytes(b"not looked at")
    repository.joinpath("snapshots/abc/model.safetensors").symlink_to(f"../../blobs/{digest}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    assert model_hash(Location("some/model", "some/model", local=False)) == digest[:12]
    assert model_hash(Location("other/model", "other/model", local=False)) == "", "its files are not known"


def test_a_file_is_read_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine and the trainings both ask. A file of many gigabytes would be read twice at every start."""
    weights, read = tmp_path / "model.safetensors", list[str]()
    weights.write_bytes(b"one")
    digest = hashlib.file_digest

    def counted(file: Any, name: Any) -> Any:
        read.append(file.name)
        return digest(file, name)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    location = locate_folder(tmp_path)
    first = {model_hash(location) for _ in range(3)}
    assert len(read) == len(first) == 1
    weights.write_bytes(b"another")
    assert model_hash(location) not in first


def locate_folder(folder: Path) -> Location:
    return Location(str(folder), str(folder), local=True)


def test_a_damaged_index_names_the_model(tmp_path: Path) -> None:
    """Without the name, a user could not tell which download to repeat."""
    tmp_path.joinpath("model.safetensors.index.json").write_text("{")
    with pytest.raises(ModelError, match=str(tmp_path)):
        model_hash(Location("damaged", str(tmp_path), local=True))
