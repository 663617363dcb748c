"""Only the owner of an installation may read its data: folders are 0700 and files 0600, whatever the umask is."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import structlog

_log = structlog.stdlib.get_logger(__name__)

#: The umask of a process that writes into the data folder: whatever libraries make there later is for the owner only.
PRIVATE_UMASK = 0o077


def make_private(data: Path, folders: Iterable[str]) -> int:
    """Take the rights of others off what the bot keeps in ``data``, and have new files without them.

    SQLite and other libraries make files with the rights that the process allows, so the process's umask is set too.

    Args:
        data: the data folder. Where it is the home folder or the present one, it holds other things too, and keeps its
            own rights.
        folders: the names of the folders that the bot has in it.

    Returns:
        How many files and folders were changed.
    """
    os.umask(PRIVATE_UMASK)
    changed = 0
    shared = data.resolve() in (Path.home().resolve(), Path.cwd().resolve())
    ours = [*data.glob("*.db*"), *(path for name in folders for path in (data / name, *(data / name).rglob("*")))]
    for path in ours if shared else [data, *ours]:
        try:
            if path.is_symlink() or not path.exists():
                continue
            mode = path.stat().st_mode
            if mode & 0o077:
                path.chmod(mode & 0o700)
                changed += 1
        except OSError as error:  # another user's file, or one that is gone
            _log.warning("the rights of others cannot be taken off a file", path=str(path), error=str(error))
    return changed
