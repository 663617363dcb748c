"""The folder of a LoRA's version: its files, their hash, and how it appears all at once.

A folder holds what PEFT saves (``adapter_config.json``, ``adapter_model.safetensors``), ``SHA256SUMS``, which
``sha256sum -c`` checks, ``version.json``, which says where the version comes from, and what else the training left. The
hash of a version is the SHA-256 of what ``sha256sum adapter_config.json adapter_model.safetensors`` prints. Its first
digits are those that every interaction records with the reply that the version wrote.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.errors import ModelError, ModelNotFoundError

#: The folder of versions, inside the data folder.
LORAS_FOLDER = "loras"

#: The files of a LoRA that are hashed, in this order.
LORA_FILES = ("adapter_config.json", "adapter_model.safetensors")

SUMS_FILE, VERSION_FILE = "SHA256SUMS", "version.json"

#: Begins the name of a folder that is not whole yet.
_UNFINISHED = ".new-"

#: After this time, nobody works any more on a folder that is not whole.
_UNFINISHED_SECONDS = 600.0


def sums_of(folder: Path) -> str:
    """What ``sha256sum`` prints for the files of a LoRA.

    Raises:
        ModelNotFoundError: a file is missing; the message names it.
        ModelError: a file cannot be read.
    """
    lines: list[str] = []
    for name in LORA_FILES:
        file = folder / name
        if not file.is_file():
            raise ModelNotFoundError(f"no LoRA in {folder}: {name} is missing")
        try:
            with file.open("rb") as opened:
                lines.append(f"{hashlib.file_digest(opened, 'sha256').hexdigest()}  {name}\n")
        except OSError as error:
            raise ModelError(f"the LoRA in {folder} cannot be read: {error}") from error
    return "".join(lines)


def sha256_of(folder: Path) -> str:
    """The hash of a LoRA, in 64 hexadecimal digits.

    Raises:
        ModelError: as :func:`sums_of`.
    """
    return hashlib.sha256(sums_of(folder).encode()).hexdigest()


def check_folder(folder: Path, sha256: str) -> None:
    """Check that a folder holds the LoRA with this hash.

    Raises:
        ModelError: a file is missing, or is another one than was published.
    """
    if (found := sha256_of(folder)) != sha256:
        raise ModelError(f"the LoRA in {folder} is damaged: its hash is {found[:12]}, and was {sha256[:12]}")


def publish_folder(source: Path, loras: Path, name: str, about: Mapping[str, Any]) -> Path:
    """Copy a LoRA into the folder of versions. It appears whole or not at all, also after a power cut.

    A folder of this name that holds the same LoRA already is left as it is.

    Args:
        source: a PEFT folder.
        loras: the folder of versions; it is made if it is missing.
        name: the version's name.
        about: goes into ``version.json``.

    Raises:
        ModelError: the source is no LoRA, or the folder cannot be written, as on a full disk.
    """
    target, sums = loras / name, sums_of(source)
    try:
        loras.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=loras, prefix=_UNFINISHED))
    except OSError as error:
        raise ModelError(f"{loras} cannot be written: {error.strerror or error}") from error
    try:
        for file in sorted(source.iterdir()):
            if file.is_file() and not file.is_symlink() and file.name not in (SUMS_FILE, VERSION_FILE):
                shutil.copyfile(file, fresh / file.name)
        (fresh / SUMS_FILE).write_text(sums, encoding="utf-8")
        (fresh / VERSION_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(dict(about)), indent=2))
        if sums_of(fresh) != sums:
            raise ModelError(f"the LoRA in {source} has changed while it was copied")
        for file in fresh.iterdir():
            file.chmod(0o600)
            _sync(file)
        if not _holds(target, sums):
            _delete(target)
            fresh.rename(target)
            _sync(loras)
    except OSError as error:
        raise ModelError(f"the LoRA cannot be kept in {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return target


def delete_folders(loras: Path, names: Collection[str]) -> int:
    """Delete the files of versions; returns how many folders there were."""
    return sum([_delete(loras / name) for name in names])


def delete_leftovers(loras: Path, ledger: str, known: Collection[str]) -> int:
    """Delete folders that a crash left behind. Only for a moment at which nothing is published.

    Args:
        loras: the folder of versions.
        ledger: the ledger's tag. Folders of another ledger stay.
        known: the names of its versions whose files are needed.

    Returns:
        How many folders were deleted.
    """
    if not loras.is_dir():
        return 0
    others = [each for each in sorted(loras.iterdir()) if each.is_dir() and each.name not in known]
    return sum([_delete(each) for each in others if _is_left_over(each, ledger)])


def _is_left_over(folder: Path, ledger: str) -> bool:
    """Whether a folder is of a version of this ledger, or was given up before it was whole."""
    try:
        if folder.name.startswith(_UNFINISHED):
            return time.time() - folder.stat().st_mtime > _UNFINISHED_SECONDS
        about: dict[str, Any] = msgspec.json.decode((folder / VERSION_FILE).read_bytes())
    except (OSError, msgspec.MsgspecError):
        return False  # nothing of ours
    return about.get("ledger") == ledger


def _holds(folder: Path, sums: str) -> bool:
    try:
        return sums_of(folder) == sums
    except ModelError:
        return False


def _delete(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    # A reader sees the whole folder or none.
    gone = folder.with_name(f"{_UNFINISHED}gone-{folder.name.removeprefix(_UNFINISHED)}")
    with suppress(OSError):
        folder = folder.rename(gone)
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _sync(path: Path) -> None:
    """Wait until a file or a folder's list of names is on disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
