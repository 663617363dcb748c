"""Turns encryption at rest on, where the settings give a key: mounts the data folder and seals what is in there."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import structlog

from llmagent_os.adapter_kit.files import FOLDER
from llmagent_os.adapter_kit.outgoing_files import KEPT_FOLDER, OUTGOING_FOLDER
from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.identity import account_in_file_name
from llmagent_os.knowledge.scopes import KNOWLEDGE_FOLDER, ScopedBases
from llmagent_os.ledger.announcements import Announcements
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.location import file_of, locate
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.sealing.key_ring import KeyRing
from llmagent_os.sealing.master_keys import MasterKey, parse_master_keys, read_key_file
from llmagent_os.sealing.mounts import KEYS_FOLDER, mount, unmount
from llmagent_os.sealing.sealed_files import is_sealed_file, write_file

_log = structlog.stdlib.get_logger(__name__)

#: A file in the folder of keys, which is there once all files in the data folder are sealed.
DONE_FILE = "files-sealed"


def master_keys(settings: Settings) -> tuple[MasterKey, ...]:
    """The master keys of an installation; none: nothing is to be encrypted.

    Raises:
        ConfigError: a key is wrong, or both a key and a file are given.
    """
    text, file = settings.encryption_key.get_secret_value(), settings.encryption_key_file
    if text and file is not None:
        raise ConfigError("set LLMAGENT_OS_ENCRYPTION_KEY or LLMAGENT_OS_ENCRYPTION_KEY_FILE, not both")
    return read_key_file(file) if file is not None else parse_master_keys(text, "LLMAGENT_OS_ENCRYPTION_KEY")


def mount_data(settings: Settings, announcements: Announcements | None = None) -> KeyRing | None:
    """Have what is kept sealed and opened from now on, if the settings give a key. None: nothing is.

    Where the ledger is on a server, the keys are there too. They can be read once the ledger is open
    (``KeyRing.check``).

    Args:
        settings: of the installation.
        announcements: by which a host hears of keys that others destroy.

    Raises:
        ConfigError: the key is wrong, or there is none and the data are encrypted.
    """
    masters = master_keys(settings)
    keys = settings.data / KEYS_FOLDER
    if not masters:
        unmount(settings.data)
        if keys.is_dir() and any(keys.glob("*.key")):
            raise ConfigError(
                f"what is in {settings.data} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY or "
                "LLMAGENT_OS_ENCRYPTION_KEY_FILE to its key"
            )
        return None
    if locate(settings.ledger_url).on_server:
        rows = KeyRows(settings.ledger_url, announcements)
        ring = mount(settings.data, masters, keys=rows, key_file=settings.encryption_key_file, server=True)
        with contextlib.suppress(OSError):  # no tables yet, or the server is away: whoever opens the ledger says so
            if rows.all():
                ring.check()
        return ring
    ring = mount(settings.data, masters, key_file=settings.encryption_key_file)
    ledger = file_of(settings.ledger_url)
    if ledger is not None and not ledger.resolve().is_relative_to(settings.data.resolve()):
        mount(ledger.parent, masters, keys=keys, key_file=settings.encryption_key_file)
    return ring


def seal_files(data: Path, ring: KeyRing) -> int:
    """Seal the files that were written before the key was given, once. Returns how many. Blocks.

    Each is replaced whole. A crash leaves some of them as they were, and the next call goes on.

    Raises:
        ConfigError: a file cannot be read or written.
    """
    done = data / KEYS_FOLDER / DONE_FILE
    if done.exists():
        return 0
    count = 0
    try:
        for file, account in _files(data):
            raw = file.read_bytes()
            if is_sealed_file(raw):
                continue
            _seal_file(file, account, raw)
            count += 1
        ScopedBases(data / KNOWLEDGE_FOLDER).seal()
        done.parent.mkdir(mode=0o700, exist_ok=True)
        done.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"what is in {data} cannot be encrypted: {error}") from error
    if count:
        _log.info("files are encrypted now", files=count)
    return count


def _seal_file(file: Path, account: str, raw: bytes) -> None:
    """Put a sealed file in the place of ``file``, and overwrite what stood there."""
    stat = file.stat()
    part = file.with_name(f".{file.name}.part")
    write_file(part, account, raw)
    os.utime(part, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # old files are deleted by their time
    with file.open("r+b") as before:
        part.replace(file)
        before.write(b"\0" * len(raw))
        before.flush()
        os.fsync(before.fileno())


def _files(data: Path) -> Iterator[tuple[Path, str]]:
    """Every file that is sealed, with the account whose key seals it."""
    for file in sorted((data / PROFILES_FOLDER).glob("**/*.json")):
        yield file, account_in_file_name(file.name.partition(".")[0])
    for folder in (data / OUTGOING_FOLDER, data / SECRETS_FOLDER):
        for file in sorted(each for each in folder.glob("*/*") if each.is_file()):
            yield file, account_in_file_name(file.parent.name)
    for file in sorted(each for each in (data / OUTGOING_FOLDER).glob(f"*/{KEPT_FOLDER}/*") if each.is_file()):
        yield file, account_in_file_name(file.parents[1].name)
    for file in sorted(each for each in data.glob(f"*/{FOLDER}/*/*/*") if each.is_file()):
        yield file, f"{file.parts[-5]}::{account_in_file_name(file.parts[-3])}"
