"""Passwords that people give to plugins, in files that only the owner of the installation can read.

They are in the data folder, in one folder an account, so that an erasure finds them. They are in no ledger, no log and
no export: an export names them only.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from uuid import uuid4

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.errors import PluginError
from llmagent_os.identity import PersonId, account_in_file_name, file_name_of
from llmagent_os.sealing.sealed_files import read_file, write_file

#: The folder inside the data folder.
SECRETS_FOLDER = "secrets"

#: Under such a name lies what was typed behind a command until the command is answered.
_TYPED = re.compile(r"typed\.[0-9a-f]{32}")

MAX_SECRET_BYTES = 32_768  #: of one secret


class PersonSecrets:
    """The secrets of one account, by name."""

    def __init__(self, folder: Path | None = None, person_id: PersonId | None = None) -> None:
        """Args:
        folder: of all people's secrets. None: secrets live only as long as this object, for plain scripts.
        person_id: whose the secrets are.
        """
        self._folder = None if folder is None else folder / file_name_of(person_id or "")
        self._memory: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        """Return a secret, or None."""
        return self._memory.get(name) if self._folder is None else await asyncio.to_thread(self._read, name)

    async def put(self, name: str, secret: str) -> None:
        """Keep a secret in the place of an earlier one with this name.

        Raises:
            PluginError: it is too long.
        """
        if (size := len(secret.encode())) > MAX_SECRET_BYTES:
            raise PluginError(f"the secret {name!r} has {size} bytes; at most {MAX_SECRET_BYTES} are kept")
        if self._folder is None:
            self._memory[name] = secret
        else:
            await asyncio.to_thread(self._write, name, secret)

    async def delete(self, name: str) -> None:
        """Erase a secret, if there is one."""
        self._memory.pop(name, None)
        if self._folder is not None:
            await asyncio.to_thread((self._folder / safe_name(name)).unlink, missing_ok=True)

    def _read(self, name: str) -> str | None:
        try:
            return read_file((self._folder or Path()) / safe_name(name)).decode()
        except FileNotFoundError:
            return None

    def _write(self, name: str, secret: str) -> None:
        folder = self._folder or Path()
        part = folder / f".{uuid4().hex}.part"
        write_file(part, account_in_file_name(folder.name), secret.encode())
        part.replace(folder / safe_name(name))


def names_of_secrets(folder: Path, person_id: PersonId) -> list[str]:
    """The names of an account's secrets, sorted."""
    own = folder / file_name_of(person_id)
    return sorted(path.name for path in own.glob("*") if path.is_file())


def erase_typed(folder: Path, before: float) -> int:
    """Erase what people typed behind commands that were never answered.

    Args:
        folder: of all people's secrets.
        before: a time as ``time.time()`` gives it; what was typed later stays.

    Returns:
        How many there were.
    """
    old = [each for each in folder.glob("*/typed.*") if _TYPED.fullmatch(each.name) and each.stat().st_mtime < before]
    for each in old:
        each.unlink(missing_ok=True)
    return len(old)


def erase_secrets(folder: Path, person_id: PersonId) -> int:
    """Erase the secrets of an account. Returns how many there were."""
    count = len(names_of_secrets(folder, person_id))
    shutil.rmtree(folder / file_name_of(person_id), ignore_errors=True)
    return count
