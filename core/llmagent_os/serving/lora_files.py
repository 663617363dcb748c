"""The files of a LoRA, named by their content: ``adapter_config.json`` and ``adapter_model.safetensors``, as of PEFT.

Nothing here looks into the files, and nothing imports PyTorch.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from llmagent_os.errors import ModelError, ModelNotFoundError

CONFIG_FILE, WEIGHTS_FILE = "adapter_config.json", "adapter_model.safetensors"
#: What ``sha256sum adapter_config.json adapter_model.safetensors`` prints. A folder may do without it.
SUMS_FILE = "SHA256SUMS"
_VERSION_DIGITS = 12  # hexadecimal digits of the SHA-256 in a version

#: A folder, and for each of its files the time of change (ns) and the size (bytes).
FileKey = tuple[str, *tuple[tuple[int, int], ...]]


class LoraFiles(msgspec.Struct, frozen=True):
    """The files of a LoRA as they are on disk. They travel to a machine that has no such folder."""

    name: str  #: of the folder, without those above it
    where: str  #: the whole folder, for messages
    config: bytes  #: ``adapter_config.json``
    weights: bytes  #: ``adapter_model.safetensors``
    sums: str | None = None  #: ``SHA256SUMS``; None: there is none

    @property
    def version(self) -> str:
        """The name of the LoRA by its content; see ``LoraWeights.version``."""
        return version_name(self.name, self._lines)

    @property
    def _lines(self) -> str:
        """What ``sha256sum`` prints for the two files."""
        both = ((CONFIG_FILE, self.config), (WEIGHTS_FILE, self.weights))
        return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in both)

    def check(self) -> None:
        """Check the files against the sums.

        Raises:
            ModelError: they are other files.
        """
        if self.sums is not None and self.sums != self._lines:
            raise ModelError(f"the LoRA in {self.where} is damaged: its files are not those of {SUMS_FILE}")


def version_name(name: str, sums: str) -> str:
    """Name a LoRA by its content: its folder's name, and the hash of what ``sha256sum`` prints for its files."""
    return f"{name}@{hashlib.sha256(sums.encode()).hexdigest()[:_VERSION_DIGITS]}"


def read_lora_files(folder: Path) -> LoraFiles:
    """Read the files of a LoRA from a PEFT folder, and look at nothing in them.

    Raises:
        ModelNotFoundError: a file of the LoRA is missing; the message names the file.
        ModelError: a file cannot be read.
    """
    config_file, weights_file = folder / CONFIG_FILE, folder / WEIGHTS_FILE
    for file in (config_file, weights_file):
        if not file.is_file():
            raise ModelNotFoundError(f"no LoRA in {folder}: {file.name} is missing")
    try:
        config, weights = config_file.read_bytes(), weights_file.read_bytes()
        sums_file = folder / SUMS_FILE
        sums = sums_file.read_text(encoding="utf-8") if sums_file.is_file() else None
    except OSError as error:
        raise ModelError(f"the LoRA in {folder} cannot be read: {error}") from error
    return LoraFiles(folder.resolve().name, str(folder), config, weights, sums)


def file_key(folder: Path) -> FileKey | None:
    """The folder with the times and sizes by which a changed file is noticed; ``None``: a file is missing."""
    try:
        stats = [(folder / name).stat() for name in (CONFIG_FILE, WEIGHTS_FILE)]
    except OSError:
        return None
    return str(folder), *((stat.st_mtime_ns, stat.st_size) for stat in stats)
