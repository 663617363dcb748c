"""Checks that the files of a model are there, before libraries make up what is missing.

Without ``tokenizer.json`` transformers builds an empty tokenizer for some models: the model then computes nonsense
until the time is over.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from llmagent_os.errors import ModelSetupError
from llmagent_os.serving.model_location import Location

TOKENIZER_FILE = "tokenizer.json"
WEIGHTS_FILE = "model.safetensors"  #: of a model in one file
INDEX_FILE = "model.safetensors.index.json"  #: lists the files of a model in several

_POINTER = b"version https://git-lfs"  # what a clone without Git LFS has in place of a large file


def commit_of(location: Location) -> str | None:
    """The commit of the hub that the cached files of a model are from; ``None``: it is a folder, or is not cached."""
    if location.local:
        return None
    from huggingface_hub import try_to_load_from_cache

    # The cache keeps a file as snapshots/COMMIT/FILE.
    found = try_to_load_from_cache(location.base, "config.json", revision=location.revision)
    return Path(found).parent.name if isinstance(found, str) else None


def check_tokenizer_file(location: Location) -> None:
    """Refuse a model without a ``tokenizer.json``.

    Raises:
        ModelSetupError: the file is missing, or is not what its name says.
    """
    if location.local:
        _check(Path(location.base), TOKENIZER_FILE, "save the tokenizer there with tokenizer.save_pretrained(folder)")
        return
    import huggingface_hub

    try:
        cast("Any", huggingface_hub).hf_hub_download(location.base, TOKENIZER_FILE, revision=location.revision)
    except Exception as error:  # the errors of the hub's HTTP client differ from release to release
        raise ModelSetupError(
            f"{location.name}: {TOKENIZER_FILE} cannot be had from the Hugging Face hub ({type(error).__name__}: "
            f"{str(error).strip()[:300]}); a model without it cannot be used"
        ) from error


def check_weight_files(location: Location) -> None:
    """Refuse a folder without all safetensors files of its model. What a hub has, transformers finds out.

    Raises:
        ModelSetupError: a file is missing, or is not what its name says; the message names the files.
    """
    if not location.local:
        return
    folder = Path(location.base)
    index = folder / INDEX_FILE
    if (folder / WEIGHTS_FILE).is_file() or not index.is_file():
        _check(folder, WEIGHTS_FILE, "weights in other formats are not loaded; save them as safetensors")
        return
    try:
        names: set[str] = set(json.loads(index.read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise ModelSetupError(f"{index} cannot be read: {type(error).__name__}: {error}") from error
    for name in sorted(names):
        _check(folder, name, f"{INDEX_FILE} names it; copy or download it again")


def _check(folder: Path, name: str, remedy: str) -> None:
    file = folder / name
    if not file.is_file():
        raise ModelSetupError(f"{folder} is not a whole model: {name} is missing; {remedy}")
    with file.open("rb") as opened:
        begin = opened.read(len(_POINTER))
    if begin == _POINTER:
        raise ModelSetupError(f"{file} is only a pointer to the file; run: git lfs pull")
    if not begin:
        raise ModelSetupError(f"{file} is empty; copy or download it again")
