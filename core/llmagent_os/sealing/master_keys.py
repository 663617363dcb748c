"""The master keys: 32 random bytes each, written as 43 characters of URL-safe base64.

They are in a variable, or in a file with one key a line. New keys of accounts are wrapped by the first. The others only
open what was wrapped before, until ``llmagent-os keys rotate`` has wrapped all of it by the first.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

import msgspec

from llmagent_os.errors import ConfigError

KEY_BYTES = 32


class MasterKey(msgspec.Struct, frozen=True):
    """One master key."""

    secret: bytes  #: 32 bytes

    @property
    def name(self) -> str:
        """Tells the key from others, and nothing else about it."""
        return sha256(b"llmagent-os master key" + self.secret).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"MasterKey({self.name})"

    def as_text(self) -> str:
        """The key as people write it."""
        return base64.urlsafe_b64encode(self.secret).decode().rstrip("=")


def new_master_key() -> MasterKey:
    """A new random key."""
    return MasterKey(secrets.token_bytes(KEY_BYTES))


def parse_master_keys(text: str, where: str) -> tuple[MasterKey, ...]:
    """The keys in ``text``, which are separated by commas, spaces or ends of lines. Lines with ``#`` are comments.

    Args:
        text: the keys.
        where: the variable or the file, for errors.

    Raises:
        ConfigError: one of them is no key.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    found: list[MasterKey] = []
    for number, word in enumerate(re.split(r"[,\s]+", " ".join(lines).strip()), 1):
        if not word:
            continue
        try:
            secret = base64.b64decode(word.rstrip("=") + "=" * (-len(word.rstrip("=")) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            secret = b""
        if len(secret) != KEY_BYTES:
            raise ConfigError(
                f"{where}: key {number} (not shown) is no key of {KEY_BYTES} bytes; `llmagent-os keys new` makes one"
            )
        found.append(MasterKey(secret))
    return tuple(dict.fromkeys(found))


def read_key_file(file: Path) -> tuple[MasterKey, ...]:
    """The keys in a file.

    Raises:
        ConfigError: the file cannot be read, others may read it, or it holds no key.
    """
    try:
        if file.stat().st_mode & 0o077:
            raise ConfigError(f"the key file {file} can be read by other users of this machine; chmod 600 {file}")
        keys = parse_master_keys(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(
            f"the key file {file} cannot be read: {why}; `llmagent-os keys new FILE` makes one"
        ) from error
    if not keys:
        raise ConfigError(f"the key file {file} holds no key; `llmagent-os keys new` prints one")
    return keys


def write_key_file(file: Path, keys: tuple[MasterKey, ...]) -> None:
    """Replace a key file whole, readable by its owner only.

    Raises:
        OSError: it cannot be written.
    """
    text = "# Master keys of llmagent-os, the current one first. Who has them can read what people said.\n"
    part = file.with_name(f".{file.name}.new")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text + "".join(f"{key.as_text()}\n" for key in keys))
        handle.flush()
        os.fsync(handle.fileno())
    part.replace(file)
