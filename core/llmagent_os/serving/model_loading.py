"""Loads a transformers model and its tokenizer from a :class:`~llmagent_os.serving.model_location.Location`."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from llmagent_os.errors import ModelSetupError
from llmagent_os.serving.model_files import check_tokenizer_file, check_weight_files
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.vocabulary import Vocabulary


@contextmanager
def no_progress_bar() -> Generator[None]:
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
        ModelSetupError: the tokenizer is missing, cannot be read, is not a fast one, or has no chat template.
    """
    check_tokenizer_file(location)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            location.base,
            revision=location.revision or "main",
            local_files_only=location.local,
            trust_remote_code=False,  # without a word, transformers would ask the terminal, and wait for an answer
        )
    except Exception as error:  # the tokenizers library raises plain Exception
        raise ModelSetupError(f"the tokenizer of {location.base} (tokenizer.json) cannot be loaded: {error}") from error
    if not getattr(tokenizer, "is_fast", False):
        raise ModelSetupError(f"{location.base} has no fast tokenizer (tokenizer.json)")
    if not tokenizer.chat_template:
        raise ModelSetupError(
            f"{location.base} has no chat template (chat_template.jinja): it is not a chat model; choose its "
            "instruct or chat variant"
        )
    return tokenizer


def load_model(location: Location, *, dtype: str = "float32", device: str = "cpu") -> Any:
    """Load the model in evaluation mode, from safetensors only.

    Raises:
        ModelSetupError: the model is missing, cannot be read, or the type or the device is not available.
    """
    check_weight_files(location)
    try:
        with no_progress_bar():
            model = AutoModelForCausalLM.from_pretrained(
                location.base,
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                revision=location.revision or "main",
                local_files_only=location.local,
                trust_remote_code=False,
            )
        return model.to(device).eval()
    except (OSError, ValueError, RuntimeError, AttributeError, ImportError, SafetensorError) as error:
        raise ModelSetupError(f"the model {location.base} cannot be loaded as {dtype} on {device}: {error}") from error


def vocabulary_of(model: Any, tokenizer: Any) -> Vocabulary:
    """Make the vocabulary of a model: its tokens, and which of them end a reply.

    Raises:
        ModelSetupError: the tokenizer has tokens that the model does not know: it is another model's.
    """
    listed = getattr(model.generation_config, "eos_token_id", None)
    ends = cast("list[int | None]", [*listed] if isinstance(listed, list) else [listed])
    end_ids = frozenset(id_ for id_ in (*ends, tokenizer.eos_token_id) if id_ is not None)
    rows: int = model.get_output_embeddings().weight.shape[0]
    if (greatest := max(tokenizer.get_vocab().values(), default=-1)) >= rows or greatest < 0:
        raise ModelSetupError(
            f"the tokenizer does not belong to the model: it has {greatest + 1} tokens, and the model knows {rows}"
        )
    return Vocabulary(tokenizer, end_ids, rows)
