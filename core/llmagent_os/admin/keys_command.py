"""``llmagent-os keys``: makes master keys, rotates them, and opens an encrypted file."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.privacy.encryption import mount_data
from llmagent_os.sealing.key_ring import SealedError
from llmagent_os.sealing.master_keys import new_master_key, read_key_file, write_key_file
from llmagent_os.sealing.mounts import ring_of
from llmagent_os.sealing.sealed_files import is_sealed_file, opened


def new(file: Path | None) -> str:
    """Make a master key. Returns the key as text, or, with ``file``, that it is in there.

    Raises:
        ConfigError: the file is there already, or cannot be written.
    """
    key = new_master_key()
    if file is None:
        return key.as_text()
    if file.exists():
        raise ConfigError(f"{file} is there already: without the key in it, what it has encrypted is lost")
    try:
        write_key_file(file, (key,))
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror or error}") from error
    return f"{file} holds a new key. Set LLMAGENT_OS_ENCRYPTION_KEY_FILE={file}, and keep a copy in a safe place."


def rotate(settings: Settings) -> str:
    """Have a new master key wrap all keys of accounts; returns in words what was done. A host may run meanwhile.

    With a key file, a new key is made. With keys in a variable, the first of them is the new one.

    Raises:
        ConfigError: nothing is encrypted, or a key cannot be read or written.
    """
    ring = mount_data(settings)
    if ring is None:
        raise ConfigError("nothing is encrypted here: set LLMAGENT_OS_ENCRYPTION_KEY_FILE first")
    file = settings.encryption_key_file
    try:
        if file is not None:
            # Until the end both keys are in the file: a host, and a rotation after a crash, can open all keys.
            keys = (new_master_key(), *read_key_file(file))
            write_key_file(file, keys)
            ring.use(keys)
        count = ring.rewrap()
        while more := ring.rewrap():  # of accounts that a host has met meanwhile
            count += more
        if file is not None:
            write_key_file(file, ring.masters[:1])
    except (OSError, SealedError) as error:
        raise ConfigError(f"{ring.kept.where} cannot be rotated: {error}") from error
    rest = "" if file is not None else " Every key but the first can go out of LLMAGENT_OS_ENCRYPTION_KEY now."
    return f"{count} keys are wrapped by the master key {ring.masters[0].name} now.{rest}"


def open_file(settings: Settings, sealed: Path, to: Path) -> str:
    """Write what an encrypted file of the data folder holds into another file.

    Raises:
        ConfigError: one of them cannot be read or written, or the key is another.
    """
    mount_data(settings)
    try:
        raw = sealed.read_bytes()
        if not is_sealed_file(raw):
            raise ConfigError(f"{sealed} is not encrypted")
        content = opened(raw, ring_of(sealed) or ring_of(settings.data))
        to.touch(mode=0o600)
        to.write_bytes(content)
    except OSError as error:
        raise ConfigError(f"{sealed} cannot be written to {to}: {error}") from error
    return f"{to}: {len(content)} bytes"
