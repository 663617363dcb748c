"""Writes the model folder that ``transformers`` loads, and installs it into the package."""

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

import msgspec
import torch
from tokenizers import Tokenizer
from transformers import Qwen3ForCausalLM
from transformers.utils import logging

from llmagent_os.bots.calendar.recipe.tokenizer import as_pretrained
from llmagent_os.errors import ConfigError
from llmagent_os.serving.taught_replies import TaughtReplies

#: The least probability at which the model may call a tool. A model of this size sometimes calls one wrongly; below
#: this probability it says instead what its job is.
CALL_ABOVE = 0.65

#: The files of a model folder.
_FILES = (
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "config.json",
)


def export(
    model: Qwen3ForCausalLM, tokenizer: Tokenizer, folder: Path, own_words: list[str], taught: TaughtReplies
) -> Path:
    """Write bfloat16 safetensors, config, tokenizer and chat template to ``folder``. Every file is replaced as a whole.

    The config has a card. It tells the agent that the model knows the short prompts, which words the model uses by
    itself, and what it was taught to say. It tells the engine the least probability of a tool call.

    Raises:
        Exception: the folder cannot be written. The kind depends on the library that notices.
    """
    half: Any = copy.deepcopy(model)
    half.to(torch.bfloat16)
    half.config.llmagent_os = card(own_words, taught)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as fresh, _without_bars():
        half.save_pretrained(fresh)
        as_pretrained(tokenizer).save_pretrained(fresh)
        _name_for_all(Path(fresh) / "tokenizer_config.json")
        for path in sorted(Path(fresh).iterdir()):
            path.replace(folder / path.name)
    return folder


def card(own_words: list[str], taught: TaughtReplies) -> dict[str, Any]:
    """Return the card of the model, as it stands in ``config.json``."""
    known = {"own_words": own_words, "taught": msgspec.to_builtins(taught)}
    return {"native": True, "languages": ["en"], "grounding": "enforce", "call_above": CALL_ABOVE, **known}


def _name_for_all(path: Path) -> None:
    """Name the tokenizer's class as transformers 4 and 5 both know it. vLLM and others use either version."""
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    config["tokenizer_class"] = "PreTrainedTokenizerFast"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")


@contextmanager
def _without_bars() -> Generator[None]:
    """Hide the library's progress bars, so that they do not cover the trainer's own."""
    bars: Any = logging
    shown: bool = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            bars.enable_progress_bar()


def install(folder: Path, home: Path | None = None) -> Path:
    """Replace the model ``calendar`` of the installed package by a finished model. Returns the folder of the new model.

    Args:
        folder: a model folder of :func:`export`.
        home: the folder to write to. By default it is in the installed package.

    Raises:
        ConfigError: ``folder`` is not a complete model; nothing is changed.
        OSError: the package's folder cannot be written.
    """
    if missing := [name for name in _FILES if not (folder / name).is_file()]:
        raise ConfigError(f"{folder} is not a complete model: {', '.join(missing)} is missing")
    home = home or Path(str(files("llmagent_os.bots.calendar"))) / "model"
    home.mkdir(parents=True, exist_ok=True)
    for name in _FILES:
        shutil.copyfile(folder / name, home / f".{name}.new")
        (home / f".{name}.new").replace(home / name)
    return home
