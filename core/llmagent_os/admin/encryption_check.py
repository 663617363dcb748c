"""What ``llmagent-os doctor`` says of encryption at rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.ledger.key_rows import KeyRows
from llmagent_os.ledger.location import locate
from llmagent_os.privacy.encryption import DONE_FILE, master_keys, mount_data
from llmagent_os.sealing.mounts import KEYS_FOLDER, mount

_OFF = "off: what people say is kept as it is; `llmagent-os keys new FILE` makes a key to encrypt it with"


def check_encryption(settings: Settings) -> Iterator[Finding]:
    """Whether what people say is encrypted, and whether the key is the right one. Makes no folder and no key."""
    with suppress(ConfigError):  # a wrong URL: the check of the ledger says so
        if locate(settings.ledger_url).on_server:
            yield from _check_rows(settings)
            return
    folder = settings.data / KEYS_FOLDER
    there = folder.is_dir() and any(folder.glob("*.key"))
    try:
        keys = master_keys(settings)
        if keys and there:
            mount(settings.data, keys, key_file=settings.encryption_key_file)
    except ConfigError as error:
        yield Finding("encryption", "problem", str(error), "set the key that the data were encrypted with")
        return
    if not keys and there:
        text = f"what is in {settings.data} is encrypted, and no key is set"
        yield Finding("encryption", "problem", text, "set LLMAGENT_OS_ENCRYPTION_KEY_FILE to the file with its key")
    elif not keys:
        yield Finding("encryption", "note", _OFF)
    elif not there or not (folder / DONE_FILE).exists():
        yield Finding("encryption", "note", "a key is set: what is kept is encrypted at the next start of the bot")
    else:
        old = f"; {len(keys) - 1} older keys are set, which `llmagent-os keys rotate` makes needless" * (len(keys) > 1)
        yield Finding("encryption", "ok", f"what people say is encrypted, by the master key {keys[0].name}{old}")


def _check_rows(settings: Settings) -> Iterator[Finding]:
    """The same of an installation whose keys are in the database."""
    rows = KeyRows(settings.ledger_url)
    try:
        keys, there = master_keys(settings), rows.all()
        ring = mount_data(settings) if there and keys else None
        if ring is not None:
            ring.check()
    except ConfigError as error:
        yield Finding("encryption", "problem", str(error), "set the key that the data were encrypted with")
        return
    except OSError as error:  # the check of the ledger says what to do
        yield Finding("encryption", "note", f"unknown: {error}")
        return
    finally:
        rows.close()
    if there and not keys:
        text = f"what is in {rows.what} is encrypted, and no key is set"
        yield Finding("encryption", "problem", text, "set LLMAGENT_OS_ENCRYPTION_KEY_FILE to the file with its key")
    elif not keys:
        yield Finding("encryption", "note", _OFF)
    elif not there:
        yield Finding("encryption", "note", "a key is set: what is kept is encrypted at the next start of the bot")
    else:
        yield Finding("encryption", "ok", f"what people say is encrypted, by the master key {keys[0].name}")
