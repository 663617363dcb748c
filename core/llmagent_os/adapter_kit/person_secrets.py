"""Passwords that people give to plugins, where only the owner of the installation can read them.

They are in the data folder, in one folder an account, so that an erasure finds them; or in rows of the database that
several hosts share (``secret_rows``). They are in no log and no export: an export names them only.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.errors import PluginError
from llmagent_os.identity import PersonId, account_in_file_name, file_name_of
from llmagent_os.sealing.sealed_files import read_file, write_file

#: The folder inside the data folder.
SECRETS_FOLDER = "secrets"

#: Under such a name lies what was typed behind a command until the command is answered.
TYPED = re.compile(r"typed\.[0-9a-f]{32}")

MAX_SECRET_BYTES = 32_768  #: of one secret


class SecretPlace(Protocol):
    """Where the secrets of all people are. The methods block."""

    @property
    def place(self) -> str:
        """Where the secrets are, for people."""
        ...

    def read(self, person_id: PersonId, name: str) -> str | None:
        """A secret; None: there is none."""
        ...

    def write(self, person_id: PersonId, name: str, secret: str) -> None:
        """Keep a secret in the place of an earlier one with this name."""
        ...

    def delete(self, person_id: PersonId, name: str) -> None:
        """Erase a secret, if there is one."""
        ...

    def names(self, person_id: PersonId) -> list[str]:
        """The names of an account's secrets, sorted."""
        ...

    def erase(self, person_id: PersonId) -> int:
        """Erase the secrets of an account. Returns how many there were."""
        ...

    def erase_typed(self, before: float) -> int:
        """Erase what people typed behind commands that were never answered.

        Args:
            before: a time as ``time.time()`` gives it; what was typed later stays.

        Returns:
            How many there were.
        """
        ...

    def accounts(self) -> int:
        """How many accounts have given secrets."""
        ...


class SecretFiles:
    """One file a secret, in a folder an account."""

    def __init__(self, folder: Path) -> None:
        """Args: ``folder`` of all people's secrets, made with the first one."""
        self._folder = folder

    @property
    def place(self) -> str:
        """See :meth:`SecretPlace.place`."""
        return str(self._folder)

    def read(self, person_id: PersonId, name: str) -> str | None:
        """See :meth:`SecretPlace.read`."""
        try:
            return read_file(self._own(person_id) / safe_name(name)).decode()
        except FileNotFoundError:
            return None

    def write(self, person_id: PersonId, name: str, secret: str) -> None:
        """See :meth:`SecretPlace.write`."""
        folder = self._own(person_id)
        part = folder / f".{uuid4().hex}.part"
        write_file(part, account_in_file_name(folder.name), secret.encode())
        part.replace(folder / safe_name(name))

    def delete(self, person_id: PersonId, name: str) -> None:
        """See :meth:`SecretPlace.delete`."""
        (self._own(person_id) / safe_name(name)).unlink(missing_ok=True)

    def names(self, person_id: PersonId) -> list[str]:
        """See :meth:`SecretPlace.names`."""
        return sorted(path.name for path in self._own(person_id).glob("*") if path.is_file())

    def erase(self, person_id: PersonId) -> int:
        """See :meth:`SecretPlace.erase`."""
        count = len(self.names(person_id))
        shutil.rmtree(self._own(person_id), ignore_errors=True)
        return count

    def erase_typed(self, before: float) -> int:
        """See :meth:`SecretPlace.erase_typed`."""
        typed = [each for each in self._folder.glob("*/typed.*") if TYPED.fullmatch(each.name)]
        old = [each for each in typed if each.stat().st_mtime < before]
        for each in old:
            each.unlink(missing_ok=True)
        return len(old)

    def accounts(self) -> int:
        """See :meth:`SecretPlace.accounts`."""
        return sum(any(each.is_file() for each in own.glob("*")) for own in self._folder.glob("*"))

    def _own(self, person_id: PersonId) -> Path:
        return self._folder / file_name_of(person_id)


class PersonSecrets:
    """The secrets of one account, by name."""

    def __init__(self, place: Path | SecretPlace | None = None, person_id: PersonId | None = None) -> None:
        """Args:
        place: of all people's secrets. None: secrets live only as long as this object, for plain scripts.
        person_id: whose the secrets are.
        """
        self._place = SecretFiles(place) if isinstance(place, Path) else place
        self._person_id = person_id or PersonId("")
        self._memory: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        """Return a secret, or None."""
        if self._place is None:
            return self._memory.get(name)
        return await asyncio.to_thread(self._place.read, self._person_id, name)

    async def put(self, name: str, secret: str) -> None:
        """Keep a secret in the place of an earlier one with this name.

        Raises:
            PluginError: it is too long.
        """
        if (size := len(secret.encode())) > MAX_SECRET_BYTES:
            raise PluginError(f"the secret {name!r} has {size} bytes; at most {MAX_SECRET_BYTES} are kept")
        if self._place is None:
            self._memory[name] = secret
        else:
            await asyncio.to_thread(self._place.write, self._person_id, name, secret)

    async def delete(self, name: str) -> None:
        """Erase a secret, if there is one."""
        self._memory.pop(name, None)
        if self._place is not None:
            await asyncio.to_thread(self._place.delete, self._person_id, name)
