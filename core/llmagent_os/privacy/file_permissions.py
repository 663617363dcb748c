"""Only the owner of an installation may read its data: folders are 0700 and files 0600, whatever the umask is."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

_log = structlog.stdlib.get_logger(__name__)

#: The umask of a process that writes into the data folder: whatever libraries make there later is for the owner only.
PRIVATE_UMASK = 0o077


def make_private(data: Path) -> int:
    """Take the rights of others off everything below ``data``, and have new files without them. Returns how many.

    SQLite and other libraries make files with the rights that the process allows, so the process's umask is set too.
    """
    os.umask(PRIVATE_UMASK)
    changed = 0
    for path in [data, *data.rglob("*")]:
        try:
            if path.is_symlink():
                continue
            mode = path.stat().st_mode
            if mode & 0o077:
                path.chmod(mode & 0o700)
                changed += 1
        except OSError as error:  # another user's file, or one that is gone
            _log.warning("the rights of others cannot be taken off a file", path=str(path), error=str(error))
    return changed
