"""Keeps the wrapped keys of accounts in one folder: a file each."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from llmagent_os.sealing.kept_keys import Version
from llmagent_os.sealing.key_files import (
    is_blank,
    locked,
    made_once,
    remove_blank,
    replace_file,
    shred,
    sync_folder,
    version_of,
)

#: The file with the random bytes from which the ids of keys are made.
SALT_FILE = "salt"

#: The ending of a key file that is being destroyed. Where a crash leaves one, the next start removes it.
_DESTROYED = ".destroyed"


class KeyFolder:
    """The files of one folder. See :class:`~llmagent_os.sealing.kept_keys.KeptKeys`."""

    is_late = False  #: the folder is there before anything else is opened

    def __init__(self, folder: Path) -> None:
        """Args: ``folder`` is made with the first key."""
        self.folder = folder

    @property
    def where(self) -> str:
        """The folder, for people."""
        return f"the folder of keys {self.folder}"

    @property
    def what(self) -> str:
        """What the keys seal, for people."""
        return str(self.folder.parent)

    @property
    def address(self) -> str:
        """The folder."""
        return str(self.folder)

    def name(self, key_id: bytes) -> str:
        """The file, for people."""
        return f"the key file {self._file(key_id)}"

    def salt(self) -> bytes:
        """The random bytes. Before they are read, what a crash has left is destroyed."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in self.folder.glob(f"*{_DESTROYED}"):
            shred(left)
        return made_once(self.folder / SALT_FILE, lambda: secrets.token_bytes(32))

    def changing(self) -> AbstractContextManager[None]:
        """Run the block while no other process has locked the folder."""
        return locked(self.folder)

    def place(self, key_id: bytes) -> str:
        """The file, as text: a Path takes a third of the time more, at each value."""
        return str(self._file(key_id))

    def version(self, place: str) -> Version:
        """Which file is there."""
        return version_of(place)

    def is_old(self, place: str, version: Version) -> bool:
        """Never: a value that a destroyed key has sealed is erased with it, on this machine."""
        return False

    def has(self, key_id: bytes) -> bool:
        """Whether there is a file."""
        file = self._file(key_id)
        remove_blank(file)
        return file.exists()

    def read(self, key_id: bytes) -> bytes | None:
        """What the file holds."""
        try:
            raw = self._file(key_id).read_bytes()
        except FileNotFoundError:
            return None
        return None if is_blank(raw) else raw

    def all(self) -> list[bytes]:
        """The ids of all keys."""
        files = sorted(self.folder.glob("*.key"))
        for file in files:
            remove_blank(file)
        return [bytes.fromhex(file.stem) for file in files]

    def make(self, key_id: bytes, wrapped: Callable[[], bytes]) -> None:
        """Make the file, unless it is there."""
        made_once(self._file(key_id), wrapped)

    def replace(self, key_id: bytes, wrapped: bytes, before: bytes) -> None:
        """Replace the file. The folder is locked: the file is as it was ``before``."""
        replace_file(self._file(key_id), wrapped)

    def destroy(self, key_id: bytes) -> bool:
        """Overwrite and remove the file. Returns whether there was one."""
        file = self._file(key_id)
        # It is taken away first: a crash in between leaves no key, rather than one that cannot be read.
        gone = file.with_suffix(_DESTROYED)
        was_left = shred(gone)
        try:
            file.rename(gone)
        except FileNotFoundError:
            return was_left
        sync_folder(self.folder)
        shred(gone)
        sync_folder(self.folder)
        return True

    def _file(self, key_id: bytes) -> Path:
        return self.folder / f"{key_id.hex()}.key"
