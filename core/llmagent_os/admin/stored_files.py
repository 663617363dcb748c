"""Checks the data folder and the profiles in it, for ``llmagent-os doctor``. Nothing is changed."""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.config import PREFIX, Settings, check_zone
from llmagent_os.errors import ConfigError, ProfileError
from llmagent_os.identity import parse, person_kept_under
from llmagent_os.people.profiles import Profile, file_name
from llmagent_os.privacy.profile_store import PROFILES_FOLDER

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


def check_profiles(settings: Settings) -> Iterator[Finding]:
    """Read every profile as the host does."""
    folder = settings.data / PROFILES_FOLDER
    files = sorted(folder.glob("*.json")) if folder.is_dir() else []
    wrong = 0
    for file in files:
        try:
            _read(file)
        except (OSError, ValueError, ConfigError, ProfileError) as error:
            wrong += 1
            remedy = "restore it from a backup, or move it away: the person then starts with an empty profile"
            yield Finding("profiles", "problem", f"{file} cannot be read: {error}", remedy)
    if not wrong:
        yield Finding("profiles", "ok", f"{len(files)}, all readable" if files else "none yet")
    aside = [path for path in _inside(folder) if path.suffix not in (".json", ".new") and path.name != ".lock"]
    if aside:
        yield Finding("profiles", "note", f"put aside because they were damaged: {_names(aside)}")


def _read(file: Path) -> None:
    """Read one profile.

    Raises:
        OSError: the file cannot be opened.
        ValueError: it is no profile, or has a time zone that this machine lacks.
        ConfigError: its person is no person.
    """
    data: Any = json.loads(file.read_bytes())
    try:
        document = data["_default"]["1"]
        steps = [document["profile"], *document["undo"]]
    except (KeyError, TypeError) as error:
        raise ValueError("it holds no profile") from error
    profile, *_ = (msgspec.convert(step, Profile) for step in steps)  # a ValidationError is a ValueError
    owner = person_kept_under(parse(profile.user_id))
    if f"{file_name(owner)}.json" != file.name:
        raise ValueError(f"it is the profile of {owner!r}, under another name")
    if profile.time_zone:
        check_zone(profile.time_zone)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _names(paths: list[Path]) -> str:
    more = f" and {len(paths) - SHOWN_FILES} more" if len(paths) > SHOWN_FILES else ""
    return ", ".join(map(str, paths[:SHOWN_FILES])) + more
