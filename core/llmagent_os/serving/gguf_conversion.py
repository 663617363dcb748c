"""Turns a GGUF file into a model folder: safetensors, configuration, tokenizer and chat template.

GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. The weights in it are quantised to a few bits. They are
written out as bfloat16, so the folder is about three times as large as the file.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llmagent_os.errors import ModelSetupError
from llmagent_os.serving.model_loading import no_progress_bar


def convert_gguf(file: Path, folder: Path) -> None:
    """Read a GGUF file and write the model to ``folder``, as a model that can be loaded and trained.

    Takes some seconds, and twice the memory of the model in float32.

    Raises:
        ModelSetupError: the file is damaged, or is of an architecture that transformers cannot read; or the folder
            cannot be written.
    """
    where: dict[str, Any] = {"gguf_file": file.name, "local_files_only": True}
    try:
        with no_progress_bar(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # gguf's numpy code overflows on purpose
            tokenizer = AutoTokenizer.from_pretrained(file.parent, **where)
            model = AutoModelForCausalLM.from_pretrained(file.parent, dtype=torch.float32, **where)
            _forget_quantisation(model)
            model.to(torch.bfloat16).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
    except Exception as error:  # gguf and transformers raise whatever a damaged file makes happen
        raise ModelSetupError(f"{file.name} cannot be converted: {type(error).__name__}: {error}") from error


def _forget_quantisation(model: Any) -> None:
    """Mark the model as an ordinary one. transformers refuses to save a model that it has read from GGUF."""
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    model.hf_quantizer = None
    model.is_quantized = False
