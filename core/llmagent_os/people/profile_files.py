"""Keeps profiles in one folder: one small TinyDB document file for each person.

A file is replaced whole, and only when its successor is safely on the disk, so that a crash leaves the old file or the
new one. Several tasks and processes may change profiles at the same time; every change sees the one before.

A file that is damaged all the same must not keep its person from being answered: ``damaged_profiles``.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import structlog
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from llmagent_os.errors import ProfileError
from llmagent_os.identity import PersonId, account_in_file_name, file_name_of
from llmagent_os.people.damaged_profiles import (
    DamagedProfileError,
    DamagedProfiles,
    as_far_as_opened,
    delete,
    readable_profile,
)
from llmagent_os.people.person_profile import Profile
from llmagent_os.people.profile_document import DOCUMENT, Change, Held, fields_of, held_in, no_zone, tables_in
from llmagent_os.people.time_zones import is_known
from llmagent_os.privacy.consent import SWITCHES
from llmagent_os.sealing.key_ring import SealedError
from llmagent_os.sealing.sealed_files import read_file, write_file

_log = structlog.stdlib.get_logger(__name__)


class FileStorage(Storage):
    """TinyDB's storage in a file that is replaced whole and durably."""

    def __init__(self, path: Path) -> None:
        """Nothing is created before the first write."""
        self._path = path

    def read(self) -> dict[str, dict[str, Any]] | None:
        try:
            raw = read_file(self._path)
        except FileNotFoundError:
            return None
        except SealedError as error:
            raise DamagedProfileError(f"{self._path} cannot be opened: {error}") from error
        return tables_in(raw, str(self._path))

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        raw = json.dumps(data, ensure_ascii=False, indent=1).encode()
        new = self._path.with_name(f"{self._path.name}.new")
        write_file(new, account_in_file_name(self._path.stem), raw)
        new.replace(self._path)
        sync(self._path.parent)


class ProfileFiles:
    """The files of all people."""

    def __init__(self, folder: Path) -> None:
        """Args: ``folder`` is made when the first profile is written."""
        self.folder = folder
        self._damaged = DamagedProfiles(folder)
        self._logged = set[str]()  # what is wrong with files that stay as they are: each is logged once

    def cached(self, person_id: PersonId) -> Held | None:
        """Nothing: other processes change the files, and a file of this size is read at once."""
        return None

    def forget_cached(self, person_id: PersonId | None = None) -> None:
        """Nothing is cached."""

    def usable(self, person_id: PersonId) -> Held:
        """See :meth:`ProfileDocuments.usable`. A file that may not be read stays, and nobody is learned from it."""
        path = self._path(person_id)
        try:
            held = self._read(path, person_id) or Held(Profile(user_id=person_id))
        except DamagedProfileError:
            try:
                with self._alone():
                    return self._whole(person_id)
            except (OSError, ProfileError) as error:  # a full disk, or one that cannot be written
                self._log_once(path, str(error))
                return Held(readable_profile(Profile(user_id=person_id), person_id, as_far_as_opened(path)))
        except OSError as error:
            self._log_once(path, f"the profile cannot be read: {error}")
            # Whether the person opted out of learning is not known.
            return Held(Profile(user_id=person_id, preferences=dict.fromkeys(SWITCHES, "off")))
        zone = held.profile.time_zone
        if zone is not None and not is_known(zone):
            self._log_once(path, no_zone(zone))
        return held

    def exists(self, person_id: PersonId) -> bool:
        """See :meth:`ProfileDocuments.exists`."""
        path = self._path(person_id)
        try:
            return path.exists()
        except OSError as error:
            raise ProfileError(f"{path} cannot be read: {error}") from error

    def change(self, person_id: PersonId, change: Change) -> Held:
        """See :meth:`ProfileDocuments.change`."""
        with self._alone():
            held = self._whole(person_id)
            after = change(held)
            if after is None:
                return held
            self._write(person_id, after)
            return after

    def forget(self, person_id: PersonId) -> bool:
        """See :meth:`ProfileDocuments.forget`."""
        if not self.folder.is_dir():
            return False
        path = self._path(person_id)
        with self._alone():
            try:
                found = delete(path)
                found = delete(path.with_name(f"{path.name}.new")) or found
                found = self._damaged.forget(path.stem, person_id) > 0 or found
                sync(self.folder)
            except OSError as error:
                raise ProfileError(f"cannot delete {path}: {error}") from error
        return found

    def damaged(self, person_id: PersonId) -> list[dict[str, Any]]:
        """See :meth:`ProfileDocuments.damaged`."""
        return self._damaged.export(self._path(person_id).stem, person_id)

    def problems(self) -> list[tuple[str, str]]:
        """See :meth:`ProfileDocuments.problems`."""
        found: list[tuple[str, str]] = []
        for path in sorted(self.folder.glob("*.json")):
            try:
                held = self._read(path, None)
                if held is not None and file_name(held.profile.user_id) != path.stem:
                    raise ProfileError(f"{path} holds the profile of {held.profile.user_id!r}, under another name")
            except (OSError, ProfileError) as error:
                found.append((str(path), str(error)))
                continue
            zone = None if held is None else held.profile.time_zone
            if zone is not None and not is_known(zone):
                found.append((str(path), no_zone(zone)))
        return found + [(str(path), "damaged, and put aside") for path in self._damaged.all()]

    def count(self) -> int:
        """See :meth:`ProfileDocuments.count`."""
        return len(list(self.folder.glob("*.json")))

    def _whole(self, person_id: PersonId) -> Held:
        """What the person's file holds; a damaged one is put aside first. The caller holds the lock.

        Raises:
            ProfileError: the file cannot be read, or not put aside.
        """
        path = self._path(person_id)
        try:
            try:
                return self._read(path, person_id) or Held(Profile(user_id=person_id))
            except DamagedProfileError as error:
                rest = Held(readable_profile(Profile(user_id=person_id), person_id, as_far_as_opened(path)))
                self._damaged.put_aside(path, str(error))
                if rest.is_worth_keeping:
                    self._write(person_id, rest)
                return rest
        except OSError as error:
            raise ProfileError(f"{path} cannot be read: {error}") from error

    def _read(self, path: Path, person_id: PersonId | None) -> Held | None:
        """What a file holds; None: there is no file.

        Args:
            path: of the file.
            person_id: whose it must be; None: anyone's.

        Raises:
            DamagedProfileError: the file holds no profile, or that of another person.
            OSError: the file cannot be read.
        """
        if not path.exists():
            return None
        with TinyDB(path, storage=FileStorage) as database:
            try:
                document: object = database.get(doc_id=DOCUMENT)  # pyright: ignore[reportUnknownMemberType]
            except (TypeError, ValueError, AttributeError) as error:  # TinyDB checks no types
                raise DamagedProfileError(f"{path} holds no TinyDB document ({error})") from error
        if document is None and not path.exists():  # deleted in between
            return None
        return held_in(document, person_id, str(path))

    def _write(self, person_id: PersonId, held: Held) -> None:
        path = self._path(person_id)
        document = Document(fields_of(held), doc_id=DOCUMENT)
        try:
            with TinyDB(path, storage=FileStorage) as database:
                # A change is one write. ``upsert`` would write a new file twice, empty at first.
                if path.exists():
                    database.update(document, doc_ids=[DOCUMENT])  # pyright: ignore[reportUnknownMemberType]
                else:
                    database.insert(document)  # pyright: ignore[reportUnknownMemberType]
        except OSError as error:
            raise ProfileError(f"cannot write {path}: {error}") from error

    def _log_once(self, path: Path, what: str) -> None:
        if (line := f"{path}: {what}") not in self._logged:
            self._logged.add(line)
            _log.error("something is wrong with a profile", file=str(path), problem=what)

    def _path(self, person_id: PersonId) -> Path:
        return self.folder / f"{file_name(person_id)}.json"

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        """Hold the lock that orders the changes of all tasks and processes."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self.folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ProfileError(f"cannot write profiles to {self.folder}: {error}") from error
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


def sync(folder: Path) -> None:
    """Have the names in ``folder`` on the disk, not only what the files hold."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
