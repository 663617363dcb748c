"""Gives a model a LoRA that can be trained.

Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models, https://arxiv.org/abs/2106.09685.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError

from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.serving.model_location import Location
from llmagent_os.training.training_device import seeded
from llmagent_os.training.training_settings import TrainingSettings


def target_layers(model: Any, settings: TrainingSettings) -> list[str]:
    """Name the linear layers that get a LoRA: those of the settings' names, in the settings' uppermost blocks.

    Raises:
        ConfigError: the model has no such layer; the message names what it has.
    """
    head = model.get_output_embeddings()
    names = [name for name, each in model.named_modules() if isinstance(each, torch.nn.Linear) and each is not head]
    if missing := set(settings.targets) - {name.rpartition(".")[2] for name in names}:
        there = sorted({name.rpartition(".")[2] for name in names})
        raise ConfigError(f"targets names {', '.join(sorted(missing))}: the model has {', '.join(there)}")
    blocks: int = model.config.num_hidden_layers
    lowest = blocks - min(settings.top_layers or blocks, blocks)
    return [
        name
        for name in names
        if (not settings.targets or name.rpartition(".")[2] in settings.targets) and _block(name, blocks) >= lowest
    ]


def _block(name: str, blocks: int) -> int:
    """The number of the block that a layer is in; a layer outside of the blocks counts as below them."""
    match = re.search(r"\.(\d+)\.", name)
    return min(int(match[1]), blocks) if match else 0


def attach(model: Any, settings: TrainingSettings, start: Path | None = None) -> Any:
    """Make the model a PeftModel, with the LoRA of folder ``start``, or with a new LoRA that changes nothing yet.

    Raises:
        ConfigError: the model has none of the settings' targets.
    """
    from peft import LoraConfig, PeftModel, get_peft_model

    with seeded(settings.seed):
        if start:
            return cast("Any", PeftModel).from_pretrained(model, start, is_trainable=True)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=0.0,
            # PEFT's "all-linear" names every layer in full, and then ignores which blocks were asked for.
            target_modules=target_layers(model, settings),
        )
        return get_peft_model(model, config)


def save_adapter(adapted: Any, tokenizer: Any, location: Location, folder: Path) -> None:
    """Save a LoRA as a PEFT folder, which names its base by the name of the model, wherever that is installed.

    The files of an earlier LoRA in the folder are replaced one by one, the weights last.

    Raises:
        ModelError: the folder cannot be written.
    """
    config = adapted.peft_config[adapted.active_adapter]
    config.base_model_name_or_path = location.base if location.revision else location.name
    config.revision = location.revision
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as fresh:
            # By default PEFT asks the hub whether the embeddings changed. A LoRA here never changes them.
            adapted.save_pretrained(fresh, save_embedding_layers=False)
            tokenizer.save_pretrained(fresh)
            for file in sorted(Path(fresh).iterdir(), key=lambda file: file.suffix == ".safetensors"):
                file.replace(folder / file.name)
    except (OSError, SafetensorError) as error:  # of a full disk, PEFT's library tells in an error of its own
        raise ModelError(f"the LoRA cannot be saved in {folder}: {error}. Make room, and start again") from error
