"""Checks the data folder and the clock, for ``llmagent-os doctor``. Nothing is changed."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

from llmagent_os.admin.findings import Finding
from llmagent_os.config import PREFIX, Settings

MIN_FREE_BYTES = 200_000_000  #: with less free disk space, a running host gets into trouble
SHOWN_FILES = 5  #: files that one finding names

#: How far a file may be ahead of the clock, in seconds. Network folders have clocks of their own.
MAX_AHEAD_SECONDS = 60.0


def check_data_folder(settings: Settings) -> Iterator[Finding]:
    """Check that the data folder can be written, has room, and is closed to other users of the machine."""
    folder = settings.data.absolute()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        with tempfile.NamedTemporaryFile(dir=there):
            pass
    except OSError as error:
        remedy = f"give this user access to the folder, or set {PREFIX}DATA to another one"
        yield Finding("data", "problem", f"{there} cannot be written: {error.strerror}", remedy)
        return
    free = shutil.disk_usage(there).free
    state = "writable" if there == folder else "will be created"
    if free < MIN_FREE_BYTES:
        yield Finding("data", "problem", f"{folder}: only {free / 1e6:.0f} MB are free", "free some disk space")
    else:
        yield Finding("data", "ok", f"{folder}: {state}, {free / 1e9:.1f} GB free")
    if there != folder:
        return
    if folder.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        text = f"{folder} can be opened by other users of this machine"
        yield Finding("data", "problem", text, f"chmod 700 {folder}")
    closed = [path for path in _inside(folder) if not os.access(path, os.R_OK | os.W_OK)]
    if closed:
        remedy = f"they belong to another user, perhaps from a start as root: chown -R {os.getuid()} {folder}"
        yield Finding("data", "problem", f"cannot be written by this user: {_names(closed)}", remedy)


def check_clock(settings: Settings) -> Finding:
    """Compare the clock with what is certainly past: the installation, and the newest file of the data folder."""
    paths = [Path(str(distribution("llmagent-os").locate_file(""))), *_inside(settings.data)]
    newest = max((path.stat().st_mtime for path in paths if path.exists()), default=0.0)
    ahead = newest - time.time()
    if ahead <= MAX_AHEAD_SECONDS:
        return Finding("clock", "ok", f"{time.strftime('%Y-%m-%d %H:%M:%S %Z')}, later than every file")
    text = f"the clock says {time.strftime('%Y-%m-%d %H:%M:%S %Z')}, and a file here is {ahead:.0f} s newer"
    return Finding("clock", "problem", text, "set the clock, and let the system keep it: timedatectl set-ntp true")


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _names(paths: list[Path]) -> str:
    more = f" and {len(paths) - SHOWN_FILES} more" if len(paths) > SHOWN_FILES else ""
    return ", ".join(map(str, paths[:SHOWN_FILES])) + more
