"""Loads a transformers model and its tokenizer from a :class:`~llmagent_os.serving.model_location.Location`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from llmagent_os.errors import ModelError
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.vocabulary import Vocabulary


@contextmanager
def _no_progress_bar() -> Generator[None]:
    """Hide the progress bar that transformers draws even for files that are on disk already."""
    logging = cast("Any", transformers_logging)
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def load_tokenizer(location: Location) -> Any:
    """Load the model's fast tokenizer, which must have a chat template.

    Raises:
        ModelError: the tokenizer cannot be read, is not a fast one, or has no chat template.
    """
    try:
        tokenizer = cast("Any", AutoTokenizer).from_pretrained(location.base, local_files_only=location.local)
    except (OSError, ValueError) as error:
        raise ModelError(f"the tokenizer of {location.base} cannot be loaded: {error}") from error
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(f"{location.base} has no fast tokenizer (tokenizer.json)")
    if not tokenizer.chat_template:
        raise ModelError(f"{location.base} has no chat template: it is not a chat model")
    return tokenizer


def load_model(location: Location, *, dtype: str = "float32", device: str = "cpu") -> Any:
    """Load the model in evaluation mode, from safetensors only.

    Raises:
        ModelError: the model cannot be read, or the type or the device is not available.
    """
    try:
        with _no_progress_bar():
            model = cast("Any", AutoModelForCausalLM).from_pretrained(
                location.base,
                dtype=getattr(torch, dtype),
                attn_implementation="sdpa",
                use_safetensors=True,
                local_files_only=location.local,
            )
        return model.to(device).eval()
    except (OSError, ValueError, RuntimeError, AttributeError, SafetensorError) as error:
        raise ModelError(f"the model {location.base} cannot be loaded as {dtype} on {device}: {error}") from error


def vocabulary_of(model: Any, tokenizer: Any) -> Vocabulary:
    """Make the vocabulary of a model: its tokens, and which of them end a reply."""
    listed = getattr(model.generation_config, "eos_token_id", None)
    ends = cast("list[int | None]", [*listed] if isinstance(listed, list) else [listed])
    end_ids = frozenset(id_ for id_ in (*ends, tokenizer.eos_token_id) if id_ is not None)
    return Vocabulary(tokenizer, end_ids, model.get_output_embeddings().weight.shape[0])
