"""Files of a model that are missing or damaged, and revisions of the hub. Without this a model computes nonsense."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmagent_os.errors import ModelError, ModelNotFoundError, ModelSetupError
from llmagent_os.finetune import Finetuner
from llmagent_os.llm import LLM
from llmagent_os.serving.model_loading import load_model, load_tokenizer
from llmagent_os.serving.model_location import locate
from tests.tiny_model import save_lora, save_model

OLD, NEW = "a" * 40, "b" * 40


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("files") / "base")


@pytest.fixture
def folder(base: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(base, tmp_path / "mine"))


@pytest.mark.parametrize("class_", ["PreTrainedTokenizerFast", "Qwen2Tokenizer", "LlamaTokenizer"])
def test_a_folder_without_its_tokenizer_is_refused(folder: Path, class_: str) -> None:
    """transformers makes up an empty tokenizer for some classes, and the model computed until the time-out."""
    (folder / "tokenizer.json").unlink()
    settings = json.loads((folder / "tokenizer_config.json").read_text()) | {"tokenizer_class": class_}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    with (
        LLM.from_pretrained(str(folder)) as llm,
        pytest.raises(ModelSetupError, match=r"mine.*tokenizer\.json is missing"),
    ):
        llm.generate("hi")


@pytest.mark.parametrize(
    ("file", "content", "why"),
    [
        ("model.safetensors", None, r"model\.safetensors is missing"),
        ("model.safetensors", b"", r"model\.safetensors is empty"),
        ("model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("model.safetensors", b"nothing", "cannot be loaded"),
        ("tokenizer.json", b"{", r"tokenizer\.json\) cannot be loaded"),
        ("tokenizer.json", b"", r"tokenizer\.json is empty"),
        ("chat_template.jinja", None, r"no chat template \(chat_template\.jinja\)"),
        ("config.json", b"{}", "cannot be loaded"),
    ],
)
def test_a_missing_or_damaged_file_is_named(folder: Path, file: str, content: bytes | None, why: str) -> None:
    """The owner learns which file to copy again."""
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with LLM.from_pretrained(str(folder)) as llm, pytest.raises(ModelSetupError, match=why):
        llm.generate("hi")
    if file != "model.safetensors" or content is None:
        with pytest.raises(ModelSetupError, match=why):
            Finetuner(LLM.from_pretrained(str(folder)), [{"input": "hi", "output": "Hello."}]).finetune()


def test_a_missing_part_of_the_weights_is_named(folder: Path) -> None:
    """Large models come in parts, and a download can stop between them."""
    load_model(locate(str(folder))).save_pretrained(folder, max_shard_size="200KB")
    (folder / "model.safetensors").unlink(missing_ok=True)
    part = sorted(folder.glob("model-*.safetensors"))[0]
    part.unlink()
    with pytest.raises(ModelSetupError, match=f"{part.name} is missing"):
        load_model(locate(str(folder)))


def test_the_tokenizer_of_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    """Its tokens would be computed as others, or end the engine."""
    settings = json.loads((folder / "tokenizer.json").read_text())
    settings["model"]["vocab"]["much"] = 5000
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    with LLM.from_pretrained(str(folder)) as llm, pytest.raises(ModelSetupError, match="does not belong to the model"):
        llm.generate("hi")


def test_code_of_a_model_is_never_run(folder: Path) -> None:
    """transformers would ask the terminal whether to run it, and wait for an answer."""
    (folder / "evil.py").write_text("raise SystemExit('run')")
    for name in ("config.json", "tokenizer_config.json"):
        settings = json.loads((folder / name).read_text())
        settings |= {"model_type": "evil", "auto_map": {"AutoConfig": "evil.C", "AutoModelForCausalLM": "evil.M"}}
        settings["auto_map"]["AutoTokenizer"] = ["evil.T", "evil.T"]
        (folder / name).write_text(json.dumps(settings))
    with pytest.raises(ModelSetupError, match=r"trust_remote_code|custom code"):
        load_model(locate(str(folder)))
    with LLM.from_pretrained(str(folder)) as llm, pytest.raises(ModelError):
        llm.generate("hi")


# ── revisions of the hub ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def hub(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of the hub with two revisions of ``some/model``, and no network."""
    repository = tmp_path / "hub" / "models--some--model"
    for commit, seed in ((OLD, 1), (NEW, 2)):
        save_model(repository / "snapshots" / commit, seed=seed)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(NEW)
    (repository / "refs" / "v1").write_text(OLD)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    return repository


@pytest.mark.parametrize(("revision", "commit"), [("", NEW), ("@v1", OLD), (f"@{OLD}", OLD), ("@main", NEW)])
def test_a_revision_can_be_pinned_and_is_recorded(hub: Path, revision: str, commit: str) -> None:
    """A hub model changes under its name; rewards of one revision must not be credited to another."""
    with LLM.from_pretrained(f"some/model{revision}") as llm:
        reply = llm.generate("hi", max_tokens=5)
    with LLM.from_pretrained(str(hub / "snapshots" / commit)) as llm:
        there = llm.generate("hi", max_tokens=5)
    assert reply.token_ids == there.token_ids
    assert reply.model == f"some/model@{commit}"
    assert reply.model_hash == there.model_hash


def test_a_revision_that_is_not_there_is_an_error(hub: Path) -> None:
    """Another revision in its place would be worse than none."""
    with pytest.raises(ModelNotFoundError, match="some/model@v2"):
        locate("some/model@v2")


def test_a_hub_model_without_its_tokenizer_is_refused(hub: Path) -> None:
    (hub / "snapshots" / NEW / "tokenizer.json").unlink()
    with pytest.raises(ModelSetupError, match=r"some/model.*tokenizer\.json"):
        load_tokenizer(locate("some/model"))


def test_a_lora_keeps_the_revision_of_its_base(hub: Path, tmp_path: Path) -> None:
    """On another revision, the LoRA would be noise."""
    tuner = Finetuner(LLM.from_pretrained("some/model@v1"), [{"input": "hi", "output": "Hello."}], epochs=1)
    tuner.finetune()
    saved = tuner.save_model(tmp_path / "mine")
    written = json.loads((saved / "adapter_config.json").read_text())
    assert (written["base_model_name_or_path"], written["revision"]) == ("some/model", "v1")
    found = locate(str(saved))
    assert (found.base, found.revision, found.lora) == ("some/model", "v1", saved.resolve())


def test_a_loras_version_covers_its_configuration(base: Path, tmp_path: Path) -> None:
    """Twice the scaling is another LoRA, though the matrices are the same."""
    lora = save_lora(tmp_path / "lora", base)
    with LLM.from_pretrained(str(lora)) as llm:
        before = llm.generate("hi", max_tokens=8)
        file = lora / "adapter_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"lora_alpha": 40}))
        after = llm.generate("hi", max_tokens=8)
    assert before.lora_version != after.lora_version
    assert before.logprobs != after.logprobs, "the cache noticed the change"
