"""The model folder that ``transformers`` loads, and its place in the installed package."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import Qwen3ForCausalLM
from transformers.utils import logging

from llmagent_os.bots.calendar.recipe.tokenizer import as_pretrained
from llmagent_os.errors import ConfigError

#: A model of this size is sometimes tempted; where it is less sure than this, it had better say what its job is.
CALL_ABOVE = 0.65

#: What a model folder holds.
_FILES = (
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "config.json",
)


def export(model: Qwen3ForCausalLM, tokenizer: Tokenizer, folder: Path, own_words: list[str]) -> Path:
    """Write bfloat16 safetensors, config, tokenizer and chat template to ``folder``; each file is replaced whole.

    The config's card tells the agent that the model knows the short prompts and which words it uses by itself, and the
    engine how sure it must be to call a tool.

    Raises:
        Exception: the folder cannot be written; of which kind is up to the library that finds out.
    """
    half: Any = copy.deepcopy(model)
    half.to(torch.bfloat16)
    half.config.llmagent_os = {"native": True, "call_above": CALL_ABOVE, "own_words": own_words}
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as fresh, _without_bars():
        half.save_pretrained(fresh)
        as_pretrained(tokenizer).save_pretrained(fresh)
        _name_for_all(Path(fresh) / "tokenizer_config.json")
        for path in sorted(Path(fresh).iterdir()):
            path.replace(folder / path.name)
    return folder


def _name_for_all(path: Path) -> None:
    """Name the tokenizer's class as transformers 4 knows it and 5 still does: vLLM and others read with either."""
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _without_bars() -> Generator[None]:
    """Keep the library from drawing its progress bars over the trainer's own."""
    bars: Any = logging
    shown: bool = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def install(folder: Path, home: Path | None = None) -> Path:
    """Put a finished model in place of the one that the installed package offers as ``calendar``.

    Args:
        folder: a model folder of :func:`export`.
        home: where to put it, if not into the installed package.

    Raises:
        ConfigError: ``folder`` holds no whole model; nothing is changed.
        OSError: the package's folder cannot be written.
    """
    if missing := [name for name in _FILES if not (folder / name).is_file()]:
        raise ConfigError(f"{folder} holds no whole model: {', '.join(missing)} is missing")
    home = home or Path(str(files("llmagent_os.bots.calendar"))) / "model"
    home.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copyfile(folder / name, home / f".{name}.new")
        (home / f".{name}.new").replace(home / name)
    return home
