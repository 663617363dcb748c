"""Profiles whose file is damaged: what can still be read of them, and where the damaged file is kept.

A damaged file moves to the folder ``damaged`` beside the profiles, under the name ``NAME.DATE.json``. The profile goes
on with what could be read. ``llmagent-os doctor`` lists the folder, and ``/forget`` empties it of the person.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, TypeVar, cast

import msgspec
import structlog

from llmagent_os.errors import ProfileError
from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.sealing.key_ring import SealedError
from llmagent_os.sealing.sealed_files import is_sealed_file, read_file

#: A profile.
T = TypeVar("T", bound=msgspec.Struct)

_log = structlog.stdlib.get_logger(__name__)

#: The folder of damaged files, inside that of the profiles.
FOLDER = "damaged"

#: Stands in the file of a person who opted out of learning, in however much of the file is left.
_OPTED_OUT = re.compile(rb'"learning"\s*:\s*"off"')


class DamagedProfileError(ProfileError):
    """A profile's file holds no profile. The message says why."""


class DamagedProfiles:
    """The damaged files of one folder of profiles. All methods are called in a thread."""

    def __init__(self, profiles: Path) -> None:
        """Args: ``profiles`` is the folder of the profiles."""
        self._folder = profiles / FOLDER

    def put_aside(self, path: Path, why: str) -> None:
        """Move the damaged file ``path`` here, and log it.

        Raises:
            OSError: the file cannot be moved.
        """
        self._folder.mkdir(mode=0o700, exist_ok=True)
        kept = self._folder / f"{path.stem}.{now():%Y%m%dT%H%M%S%fZ}.json"
        path.replace(kept)
        _log.error("a damaged profile is put aside; what could be read of it is kept", file=str(kept), error=why)

    def all(self) -> list[Path]:
        """All damaged files."""
        return sorted(self._folder.iterdir()) if self._folder.is_dir() else []

    def of(self, name: str, person_id: PersonId) -> list[Path]:
        """The damaged files of one person: those that had their file name, and those that name the person.

        Args:
            name: the name of the person's file, without its ending.
            person_id: the person. A file that was copied by hand has the name of another person's.
        """
        own_id = json.dumps(person_id, ensure_ascii=False).encode()
        return [path for path in self.all() if path.name.startswith(f"{name}.") or own_id in _bytes_of(path)]

    def export(self, name: str, person_id: PersonId) -> list[dict[str, Any]]:
        """The damaged files of one person, as JSON: ``file``, and its text as ``body``."""
        found = self.of(name, person_id)
        return [{"file": f"{FOLDER}/{each.name}", "body": _bytes_of(each).decode("utf-8", "replace")} for each in found]

    def forget(self, name: str, person_id: PersonId) -> int:
        """Delete the damaged files of one person. Returns how many there were.

        Raises:
            OSError: a file cannot be deleted.
        """
        found = self.of(name, person_id)
        for path in found:
            delete(path)
        return len(found)


def readable_profile(empty: T, person_id: PersonId, raw: bytes) -> T:
    """What can be read of a damaged profile: every field that is whole. The others are as in ``empty``.

    The profile of another person is not read. Whether the person opted out of learning is found also in half a file.

    Args:
        empty: the person's empty profile.
        person_id: the person.
        raw: all that the file holds.
    """
    if is_sealed_file(raw):  # whether the person opted out of learning is not known
        raw = b'"learning": "off"'
    try:
        document = msgspec.json.decode(raw, type=dict[str, dict[str, dict[str, Any]]])
        held: object = next(iter(next(iter(document.values())).values()))["profile"]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, LookupError, StopIteration):
        held = None
    fields = cast("dict[str, Any]", held) if isinstance(held, dict) else {}
    if fields.get("user_id", person_id) != person_id:
        return empty
    if _OPTED_OUT.search(raw):
        fields = {**fields, "preferences": {**_texts(fields.get("preferences")), "learning": "off"}}
    return readable_fields(empty, fields)


def readable_fields(empty: T, fields: dict[str, Any]) -> T:
    """``empty`` with every field of ``fields`` that it can have, and every preference that is a text."""
    found = empty
    if "preferences" in fields:
        fields = {**fields, "preferences": _texts(fields["preferences"])}
    for name in type(empty).__struct_fields__:
        if name in fields and name != "user_id":
            try:
                found = msgspec.convert(msgspec.structs.asdict(found) | {name: fields[name]}, type(empty))
            except msgspec.ValidationError:
                continue
    return found


def _texts(held: object) -> dict[str, str]:
    """The entries of a JSON object that are texts; none if it is no object."""
    entries = cast("dict[str, object]", held) if isinstance(held, dict) else {}
    return {key: value for key, value in entries.items() if isinstance(value, str)}


def delete(path: Path) -> bool:
    """Delete a file, or a folder that stands in its place. Returns whether there was one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return True
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def as_far_as_opened(path: Path) -> bytes:
    """What a file holds; where it is sealed and cannot be opened, its bytes as they are.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        return read_file(path)
    except SealedError:
        return path.read_bytes()


def _bytes_of(path: Path) -> bytes:
    try:
        return as_far_as_opened(path)
    except OSError:  # a folder, or a file of another user
        return b""
