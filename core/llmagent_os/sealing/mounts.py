"""Which key ring belongs to the files below a folder: a folder is mounted, as a file system is.

Whether a file is sealed is a property of where it lies, and many parts read and write files: the ledger, profiles,
transcripts, adapters, plugins, and the processes of a training. All of them ask :func:`ring_of` with the file's path.
Where nothing is mounted, nothing is sealed. A program mounts its data folder once, when it has read its settings; a
process that it starts is given :func:`mounted` over a pipe, never on a command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from llmagent_os.sealing.kept_keys import KeptKeys
from llmagent_os.sealing.key_ring import KeyRing
from llmagent_os.sealing.master_keys import MasterKey

#: The folder of keys, inside a data folder.
KEYS_FOLDER = "keys"

_rings: dict[Path, KeyRing] = {}

#: The folder whose keys also seal what a database server keeps; None: that is not sealed.
_server: Path | None = None


class Mount(msgspec.Struct, frozen=True):
    """What another process needs to mount the same folder."""

    folder: str  #: whose files are sealed
    keys: str  #: the folder of the accounts' keys, or the URL of the database that keeps them
    masters: tuple[bytes, ...]
    key_file: str = ""  #: of the masters; empty: they are in no file
    server: bool = False  #: what a database server keeps is sealed by the same keys


def mount(
    folder: Path,
    masters: Sequence[MasterKey],
    *,
    keys: Path | KeptKeys | None = None,
    key_file: Path | None = None,
    server: bool = False,
) -> KeyRing:
    """Have the files below ``folder`` sealed.

    Args:
        folder: such as the data folder.
        masters: the master keys.
        keys: the folder of the accounts' keys, or what else keeps them; None: the folder ``keys`` inside ``folder``.
        key_file: where the masters are read again after a rotation.
        server: whether what a database server keeps for this program is sealed by the same keys.

    Raises:
        ConfigError: the masters do not open what is sealed there.
    """
    global _server
    ring = KeyRing(keys or folder / KEYS_FOLDER, masters, key_file)
    _rings[folder.resolve()] = ring
    if server:
        _server = folder.resolve()
    return ring


def unmount(folder: Path) -> None:
    """End :func:`mount`. Files that are opened from now on are not unsealed."""
    _rings.pop(folder.resolve(), None)


def ring_of_server() -> KeyRing | None:
    """The key ring of what a database server keeps for this program. None: that is not sealed."""
    return None if _server is None else _rings.get(_server)


def ring_of(path: Path | None) -> KeyRing | None:
    """The key ring of the folder that ``path`` is in. None: what is there is not sealed."""
    if path is None or not _rings:
        return None
    whole = path.resolve()
    return next((_rings[folder] for folder in (whole, *whole.parents) if folder in _rings), None)


def mounted() -> tuple[Mount, ...]:
    """All mounts of this process, for a process that it starts."""
    return tuple(
        Mount(
            str(folder),
            ring.kept.address,
            tuple(key.secret for key in ring.masters),
            str(ring.key_file or ""),
            folder == _server,
        )
        for folder, ring in _rings.items()
    )


def mount_all(mounts: Sequence[Mount], rows: Callable[[str], KeptKeys] | None = None) -> None:
    """Mount what the process had mounted that started this one.

    Args:
        mounts: as :func:`mounted` gives them.
        rows: opens the keys in a database; None: keys are in folders only.
    """
    for each in mounts:
        masters = tuple(map(MasterKey, each.masters))
        file = Path(each.key_file) if each.key_file else None
        keys = rows(each.keys) if rows is not None and "://" in each.keys else Path(each.keys)
        mount(Path(each.folder), masters, keys=keys, key_file=file, server=each.server)
