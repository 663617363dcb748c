"""What ``llmagent-os doctor`` says of encryption at rest."""

from __future__ import annotations

from collections.abc import Iterator

from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.privacy.encryption import DONE_FILE, master_keys
from llmagent_os.sealing.mounts import KEYS_FOLDER, mount


def check_encryption(settings: Settings) -> Iterator[Finding]:
    """Whether what people say is encrypted, and whether the key is the right one. Makes no folder."""
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
        yield Finding(
            "encryption",
            "note",
            "off: what people say is kept as it is; `llmagent-os keys new FILE` makes a key to encrypt it with",
        )
    elif not there or not (folder / DONE_FILE).exists():
        yield Finding("encryption", "note", "a key is set: what is kept is encrypted at the next start of the bot")
    else:
        old = f"; {len(keys) - 1} older keys are set, which `llmagent-os keys rotate` makes needless" * (len(keys) > 1)
        yield Finding("encryption", "ok", f"what people say is encrypted, by the master key {keys[0].name}{old}")
