"""The name of a model's weights by their content."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from functools import lru_cache
from pathlib import Path

from llmagent_os.errors import ModelError
from llmagent_os.serving.model_location import Location

HASH_DIGITS = 12  #: hexadecimal digits kept of a SHA-256
_SHA256 = re.compile(r"[0-9a-f]{64}")

_hashing = threading.Lock()


def model_hash(location: Location) -> str:
    """Hash the base weights of a model that was loaded from ``location``; gives the first 12 hexadecimal digits.

    One file: the SHA-256 of the file, as ``sha256sum model.safetensors`` prints it. Several files: the SHA-256 of what
    ``sha256sum`` prints for these files, sorted by name. Reads the files (about a second for a gigabyte), except in the
    cache of the Hugging Face hub, which names each file by its SHA-256. A file is read once in a process. Must not run
    in an event loop.

    Gives an empty text if the files are not where they usually are.

    Raises:
        ModelError: a file cannot be read; the message names the model.
    """
    try:
        digests = {file.name: _sha256(file) for file in _weight_files(location)}
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"the weights of {location.base} cannot be read: {error}") from error
    if len(digests) <= 1:
        return "".join(digests.values())[:HASH_DIGITS]
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:HASH_DIGITS]


def config_text(location: Location) -> str:
    """What the model's ``config.json`` says: how the weights are computed with. Empty: there is none.

    Raises:
        ModelError: the file cannot be read.
    """
    file = _file(location, "config.json")
    try:
        return file.read_text(encoding="utf-8", errors="replace") if file else ""
    except OSError as error:
        raise ModelError(f"the configuration of {location.base} cannot be read: {error}") from error


def _weight_files(location: Location) -> list[Path]:
    """The safetensors files of a model: one, or those that its index lists."""
    if whole := _file(location, "model.safetensors"):
        return [whole]
    if index := _file(location, "model.safetensors.index.json"):
        names: set[str] = set(json.loads(index.read_bytes())["weight_map"].values())
        return [file for name in names if (file := _file(location, name))]
    return []


def _file(location: Location, name: str) -> Path | None:
    """A file of a model; ``None``: there is none of this name."""
    if location.local:
        file = Path(location.base) / name
        return file if file.is_file() else None
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(location.base, name, revision=location.revision)
    return Path(found) if isinstance(found, str) else None


def _sha256(file: Path) -> str:
    blob = file.resolve()
    if blob.parent.name == "blobs" and _SHA256.fullmatch(blob.name):
        return blob.name  # the hub's cache keeps large files under their SHA-256
    stat = blob.stat()
    with _hashing:  # the engine and the trainings ask at the same time: the second waits, and need not read
        return _digest(blob, (stat.st_mtime_ns, stat.st_size, stat.st_ino))


@lru_cache(maxsize=64)
def _digest(file: Path, _state: tuple[int, int, int]) -> str:
    """The SHA-256 of a file, read once for as long as its time of change, its size and its inode stay."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
