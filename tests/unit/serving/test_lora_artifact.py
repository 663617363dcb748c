"""What is checked of a LoRA before a server is sent its path: vLLM takes much on trust."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from llmagent_os.errors import LoraError
from llmagent_os.serving.lora_artifact import ArtifactCache, check_fits, read_artifact, read_shapes, version_of
from llmagent_os.serving.lora_weights import read_lora
from llmagent_os.serving.model_location import locate
from llmagent_os.training.lora_folder import publish_folder
from tests.tiny_model import save_lora, save_model
from tests.unit.serving.vllm_server import write_lora


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("base") / "base", "qwen3")


def test_a_folder_of_peft_is_read_as_the_engine_reads_it(base: Path, tmp_path: Path) -> None:
    """The same LoRA has the same version, whether a server or the engine wrote the reply: trainings compare them."""
    folder = save_lora(tmp_path / "mine", base, rank=4)
    artifact, engine = read_artifact(folder), read_lora(folder)
    assert (artifact.version, artifact.rank) == (engine.version, engine.rank)
    assert set(artifact.layers) == set(engine.layers)
    assert all(artifact.layers[name] == (layer.a.shape[0], layer.b.shape[1]) for name, layer in engine.layers.items())
    check_fits(artifact, locate(str(base)))


def test_the_keys_are_those_that_vllm_takes(base: Path, tmp_path: Path) -> None:
    """``parse_fine_tuned_lora_name`` of vLLM knows ``base_model.model.LAYER.lora_A.weight``, and no adapter's name."""
    keys = [*read_shapes(save_lora(tmp_path / "mine", base) / "adapter_model.safetensors")]
    assert keys
    for key in keys:
        assert key.startswith("base_model.model.model.layers.")
        assert key.split(".")[-2:] in (["lora_A", "weight"], ["lora_B", "weight"])


def test_a_lora_of_another_model_is_refused(base: Path, tmp_path: Path) -> None:
    """vLLM loads it without a word, and every reply of the person is nonsense."""
    other = read_artifact(write_lora(tmp_path / "other", inputs=7))
    with pytest.raises(LoraError, match=r"trained on another model than .*q_proj has 7 inputs"):
        check_fits(other, locate(str(base)))
    with pytest.raises(LoraError, match="another model"):
        ArtifactCache(locate(str(base))).get(tmp_path / "other")


def test_weights_that_are_not_safetensors_are_never_offered(tmp_path: Path) -> None:
    """vLLM would unpickle them: whoever can write there could run code on the server."""
    folder = write_lora(tmp_path / "mine")
    (folder / "adapter_model.safetensors").unlink()
    torch.save({}, folder / "adapter_model.bin")
    with pytest.raises(LoraError, match=r"adapter_model.safetensors is missing; servers are given safetensors only"):
        read_artifact(folder)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"use_dora": True}, "use_dora is True"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern"),
        ({"r": 8}, "says rank 8"),
        ({"lora_alpha": "x"}, "lora_alpha is 'x'"),
        ({"r": 0}, "r is 0"),
        ({"peft_type": "IA3"}, "peft_type is 'IA3'"),
    ],
)
def test_what_servers_compute_otherwise_is_refused(tmp_path: Path, changed: dict[str, object], why: str) -> None:
    """Else the same version answers otherwise on a server than it was judged here."""
    folder = write_lora(tmp_path / "mine")
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changed))
    with pytest.raises(LoraError, match=why):
        read_artifact(folder)


@pytest.mark.parametrize(
    "garbage", [b"", b"\xff" * 40, (5).to_bytes(8, "little") + b"[1,2]", b"\x02" + bytes(7) + b"{}"]
)
def test_damaged_weights_are_an_error_in_words(tmp_path: Path, garbage: bytes) -> None:
    """A half-written file must not end in a traceback."""
    folder = write_lora(tmp_path / "mine")
    (folder / "adapter_model.safetensors").write_bytes(garbage)
    with pytest.raises(LoraError, match=r"adapter_model.safetensors"):
        read_artifact(folder)


def test_a_published_version_is_known_without_reading_its_weights(tmp_path: Path) -> None:
    """A thousand personal versions are named at every change of the registry."""
    folder = publish_folder(write_lora(tmp_path / "mine"), tmp_path / "loras", "bot-shared-1", {})
    version = read_artifact(folder).version
    assert version_of(folder) == version
    (folder / "adapter_model.safetensors").write_bytes(b"")
    assert version_of(folder) == version
    with pytest.raises(LoraError, match="damaged: its files are not those of SHA256SUMS"):
        read_artifact(folder)


def test_changed_files_are_read_again(tmp_path: Path) -> None:
    """A name on a server stands for one set of weights, so new weights need a new name."""
    cache = ArtifactCache()
    first = cache.get(write_lora(tmp_path / "mine", seed=1))
    assert cache.get(tmp_path / "mine") is first
    assert cache.get(write_lora(tmp_path / "mine", seed=2, rank=8)).version != first.version
