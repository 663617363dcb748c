"""Keeps what is known about people: one small TinyDB document file for each person.

A file is replaced whole, and only when its successor is safely on the disk, so that a crash leaves the old file or the
new one. Several tasks and processes may change profiles at the same time; every change sees the one before.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import Collection, Generator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from llmagent_os.errors import ProfileError
from llmagent_os.events import now
from llmagent_os.identity import PersonId, file_name_of

#: How many changes of a profile can be taken back.
UNDO_STEPS = 20

#: The preferences that the framework itself knows, and their values. A bot may declare others.
PREFERENCES: Mapping[str, Collection[str]] = {
    "mode": ("task_oriented", "conversational"),
    "verbosity": ("brief", "normal", "detailed"),
    "initiative": ("act", "ask_first"),
    "learning": ("on", "off"),
}

_ONLY = 1  # the document's number in its file


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one person."""

    user_id: PersonId  #: the person
    name: str | None = None  #: what the person wants to be called
    place: str | None = None  #: where the person is, in their words
    time_zone: str | None = None  #: IANA name, such as ``Europe/Berlin``
    language: str = "en"  #: BCP 47 tag
    preferences: dict[str, str] = msgspec.field(default_factory=dict[str, str])  #: see :data:`PREFERENCES`
    created_at: datetime = msgspec.field(default_factory=now)  #: UTC
    updated_at: datetime = msgspec.field(default_factory=now)  #: UTC


class FileStorage(Storage):
    """TinyDB's storage in a file that is replaced whole and durably."""

    def __init__(self, path: Path) -> None:
        """Nothing is created before the first write."""
        self._path = path

    def read(self) -> dict[str, dict[str, Any]] | None:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            found: object = json.loads(raw)
        except ValueError as error:
            raise ProfileError(
                f"{self._path} is damaged ({error}): restore it, or move it away to start anew"
            ) from error
        if not isinstance(found, dict):
            raise ProfileError(f"{self._path} holds no TinyDB document: restore it, or move it away to start anew")
        return found  # pyright: ignore[reportUnknownVariableType]

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        raw = json.dumps(data, ensure_ascii=False, indent=1).encode()
        new = self._path.with_name(f"{self._path.name}.new")
        # What people tell the bot is private: no other account of the machine may read it.
        file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "wb") as handle:
            handle.write(raw)
            handle.flush()
            os.fsync(handle.fileno())
        new.replace(self._path)
        sync(self._path.parent)


class Profiles:
    """The profiles of all people, in one folder."""

    def __init__(self, folder: Path | str, preferences: Mapping[str, Collection[str]] = PREFERENCES) -> None:
        """Nothing is read or written yet.

        Args:
            folder: made when the first profile is written.
            preferences: the preferences that can be changed one by one, and their values.
        """
        self._folder = Path(folder)
        self._preferences = preferences

    async def get(self, person_id: PersonId) -> Profile:
        """The profile of a person. A new person has an empty one, and gets no file by this.

        Raises:
            ProfileError: the file is damaged; it is left as it is.
        """
        document = await asyncio.to_thread(self._read, person_id)
        return Profile(user_id=person_id) if document is None else self._profile(person_id, document["profile"])

    async def update(self, person_id: PersonId, /, **changes: Any) -> Profile:
        """Change some fields, and keep what they were for :meth:`undo`.

        Args:
            person_id: the person.
            changes: fields of :class:`Profile` and their new values, or single preferences (``verbosity="brief"``;
                None removes one). ``preferences`` itself replaces all of them.

        Raises:
            ProfileError: a profile cannot have that field or value, or the file is damaged or not writable.
        """
        return await asyncio.to_thread(self._update, person_id, changes)

    def takes(self, preference: str, value: str) -> bool:
        """Whether a profile can be given that value of a preference."""
        return value in self._preferences.get(preference, (value,))

    async def undo(self, person_id: PersonId) -> Profile | None:
        """Take the last change back. Returns the profile after that. None: there was no change."""
        return await asyncio.to_thread(self._undo, person_id)

    async def forget(self, person_id: PersonId) -> bool:
        """Delete the person's file. Returns whether there was one."""
        return await asyncio.to_thread(self._forget, person_id)

    async def export(self, person_id: PersonId) -> dict[str, Any]:
        """Everything in the person's file, as JSON: ``profile``, and under ``undo`` the profiles before it."""
        document = await asyncio.to_thread(self._read, person_id)
        if document is None:
            return {"profile": msgspec.to_builtins(Profile(user_id=person_id)), "undo": []}
        return document

    # ── in a thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _update(self, person_id: PersonId, changes: dict[str, Any]) -> Profile:
        with self._alone():
            document = self._read(person_id)
            before = Profile(user_id=person_id) if document is None else self._profile(person_id, document["profile"])
            after = changed(before, changes, self._preferences)
            undo: list[Any] = [] if document is None else document["undo"]
            self._write(person_id, after, [*undo, msgspec.to_builtins(before)][-UNDO_STEPS:])
            return after

    def _undo(self, person_id: PersonId) -> Profile | None:
        if not self._path(person_id).exists():
            return None
        with self._alone():
            document = self._read(person_id)
            undo: list[Any] = [] if document is None else document["undo"]
            if not undo:
                return None
            last = undo.pop()
            before = msgspec.structs.replace(self._profile(person_id, last), updated_at=now())
            self._write(person_id, before, undo)
            return before

    def _forget(self, person_id: PersonId) -> bool:
        path = self._path(person_id)
        if not path.exists():
            return False
        with self._alone():
            path.unlink(missing_ok=True)
            path.with_name(f"{path.name}.new").unlink(missing_ok=True)
            sync(self._folder)
            return True

    def _read(self, person_id: PersonId) -> dict[str, Any] | None:
        path = self._path(person_id)
        if not path.exists():
            return None
        with TinyDB(path, storage=FileStorage) as database:
            document: object = database.get(doc_id=_ONLY)  # pyright: ignore[reportUnknownMemberType]
        if not isinstance(document, dict) or not {"profile", "undo"} <= document.keys():
            raise ProfileError(f"{path} holds no profile: restore it, or move it away to start anew")
        held: dict[str, Any] = dict(document)
        match held["profile"]:
            case {"user_id": owner} if owner != person_id:
                # A file that was copied by hand. The bot would show it to this person, and act for the other one.
                raise ProfileError(
                    f"{path} holds the profile of {owner!r}, not of {person_id!r}: move it away to start anew"
                )
            case _:
                return held

    def _write(self, person_id: PersonId, profile: Profile, undo: list[Any]) -> None:
        path = self._path(person_id)
        document = Document({"profile": msgspec.to_builtins(profile), "undo": undo}, doc_id=_ONLY)
        try:
            with TinyDB(path, storage=FileStorage) as database:
                # A change is one write. ``upsert`` would write a new file twice, empty at first.
                if path.exists():
                    database.update(document, doc_ids=[_ONLY])  # pyright: ignore[reportUnknownMemberType]
                else:
                    database.insert(document)  # pyright: ignore[reportUnknownMemberType]
        except OSError as error:
            raise ProfileError(f"cannot write {path}: {error}") from error

    def _profile(self, person_id: PersonId, fields: object) -> Profile:
        try:
            return msgspec.convert(fields, Profile)
        except msgspec.ValidationError as error:
            path = self._path(person_id)
            raise ProfileError(
                f"{path} holds no profile ({error}): restore it, or move it away to start anew"
            ) from error

    def _path(self, person_id: PersonId) -> Path:
        return self._folder / f"{file_name(person_id)}.json"

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Hold the lock that orders the changes of all tasks and processes."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ProfileError(f"cannot write profiles to {self._folder}: {error}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def file_name(person_id: PersonId) -> str:
    """The name of a person's file. No other person has it, whatever the platform's ids look like.

    Raises:
        ProfileError: the id is empty.

    >>> file_name(PersonId("slack:T1:U1")), file_name(PersonId("../../etc"))
    ('slack%3AT1%3AU1', '%2E%2E%2F%2E%2E%2Fetc')
    """
    if not person_id:
        raise ProfileError("a profile needs the id of a person, and it is empty")
    return file_name_of(person_id)


def changed(profile: Profile, changes: dict[str, Any], known: Mapping[str, Collection[str]]) -> Profile:
    """``profile`` with ``changes``, as :meth:`Profiles.update` takes them.

    Args:
        profile: before the change.
        changes: by field or preference.
        known: the preferences and their values.

    Raises:
        ProfileError: a profile cannot have that field or value.
    """
    fields: dict[str, Any] = msgspec.structs.asdict(profile)
    single = {name: value for name, value in changes.items() if name in known}
    for name, value in changes.items():
        if name in ("user_id", "created_at", "updated_at") or (name not in fields and name not in known):
            can = ", ".join(("name", "place", "time_zone", "language", "preferences", *known))
            raise ProfileError(f"a profile has no {name!r} to change: {can}")
        if name in fields:
            fields[name] = value
    try:
        preferences = msgspec.convert(fields["preferences"], dict[str, str]) | single
        fields["preferences"] = {name: value for name, value in preferences.items() if value is not None}
        after = msgspec.convert(fields | {"updated_at": now()}, Profile)
    except msgspec.ValidationError as error:
        raise ProfileError(f"no profile can have that: {error}") from error
    for name, value in after.preferences.items():
        # A value that was there before may come from an older configuration: it stays.
        if value != profile.preferences.get(name) and value not in known.get(name, (value,)):
            raise ProfileError(f"{name} is {' or '.join(known[name])}, not {value!r}")
    if after.time_zone is not None:
        try:
            ZoneInfo(after.time_zone)
        except (KeyError, OSError, ValueError) as error:  # not there, a folder, a path out of the database
            raise ProfileError(f"{after.time_zone!r} is no time zone; write one like Europe/Berlin") from error
    return after


def sync(folder: Path) -> None:
    """Have the names in ``folder`` on the disk, not only what the files hold."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
