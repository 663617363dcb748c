"""Keeps what is known about people: one small TinyDB document file for each person.

A file is replaced whole, and only when its successor is safely on the disk, so that a crash leaves the old file or the
new one. Several tasks and processes may change profiles at the same time; every change sees the one before.

A file that is damaged all the same must not keep its person from being answered: ``damaged_profiles``.
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
from typing import Any, Literal, cast

import msgspec
import structlog
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Document

from llmagent_os.errors import ProfileError
from llmagent_os.events import now
from llmagent_os.identity import PersonId, account_in_file_name, file_name_of
from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import choice_text
from llmagent_os.people.damaged_profiles import (
    DamagedProfileError,
    DamagedProfiles,
    as_far_as_opened,
    delete,
    readable_fields,
    readable_profile,
)
from llmagent_os.people.time_zones import is_known
from llmagent_os.privacy.consent import SWITCHES, Consent, ConsentChange, changes_between
from llmagent_os.sealing.key_ring import SealedError
from llmagent_os.sealing.sealed_files import read_file, write_file

_log = structlog.stdlib.get_logger(__name__)

#: How many changes of a profile can be taken back.
UNDO_STEPS = 20

#: The preferences that the framework itself knows, and their values. A bot may declare others.
PREFERENCES: Mapping[str, Collection[str]] = {
    "mode": ("task_oriented", "conversational"),
    "verbosity": ("brief", "normal", "detailed"),
    "initiative": ("act", "ask_first"),
    "remember": ("on", "off"),
    "learning": ("on", "off"),
    "interface": ("text", "voice", "graphics"),
    "theme": ("light", "dark"),
    "training": ("on", "off"),
    "ask_why": ("on", "off"),
}

#: Fields that :meth:`Profiles.update` does not change.
_NOT_CHANGED = ("user_id", "created_at", "updated_at", "told_at", "language_evidence", "noticed_zone")

_ONLY = 1  # the document's number in its file


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one person."""

    user_id: PersonId  #: the person
    name: str | None = None  #: what the person wants to be called
    place: str | None = None  #: where the person is, in their words
    time_zone: str | None = None  #: IANA name, such as ``Europe/Berlin``
    noticed_zone: str | None = None  #: IANA name that a platform says; it counts until the person tells their own
    #: the language that the person chose, or is noticed to write; it counts where ``language_from`` says which
    language: str = "en"
    #: ``choice``: the person chose the language; ``messages``: it was noticed; empty: nobody knows it
    language_from: Literal["", "choice", "messages"] = ""
    #: how plainly the person's messages were in a language, in points; see :mod:`~llmagent_os.people.language_evidence`
    language_evidence: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    #: when the bot begins nothing by itself: spans such as ``22:00-07:00``, separated by commas; ``off``: it may at any
    #: time; None: as the bot is configured
    quiet_hours: str | None = None
    preferences: dict[str, str] = msgspec.field(default_factory=dict[str, str])  #: see :data:`PREFERENCES`
    created_at: datetime = msgspec.field(default_factory=now)  #: UTC
    updated_at: datetime = msgspec.field(default_factory=now)  #: UTC
    told_at: datetime | None = None  #: when the person was told what the bot does with what it hears; None: not yet

    @property
    def known_zone(self) -> str | None:
        """The IANA time zone that the person told; else the one that a platform says. None: nobody knows it."""
        return self.time_zone or self.noticed_zone

    @property
    def chosen_language(self) -> str | None:
        """The language that the person chose. None: the person left that to the bot."""
        return self.language if self.language_from == "choice" else None

    @property
    def noticed_language(self) -> str | None:
        """The language that the person is noticed to write. None: nobody knows, or the person chose one."""
        return self.language if self.language_from == "messages" else None


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
        try:
            found: object = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise DamagedProfileError(f"{self._path} is damaged ({error})") from error
        tables = cast("dict[str, object]", found).values() if isinstance(found, dict) else ()
        if not isinstance(found, dict) or not all(isinstance(table, dict) for table in tables):
            raise DamagedProfileError(f"{self._path} holds no TinyDB document")
        return found  # pyright: ignore[reportUnknownVariableType]

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        raw = json.dumps(data, ensure_ascii=False, indent=1).encode()
        new = self._path.with_name(f"{self._path.name}.new")
        write_file(new, account_in_file_name(self._path.stem), raw)
        new.replace(self._path)
        sync(self._path.parent)


class _Document(msgspec.Struct, frozen=True):
    """The document in a file."""

    profile: dict[str, Any]
    undo: list[dict[str, Any]]
    consent: list[ConsentChange] = []  #: what the person allowed and took back, oldest first


class _Held(msgspec.Struct, frozen=True):
    """What a person's file holds."""

    profile: Profile
    undo: list[dict[str, Any]] = []  #: the profiles before it, as JSON, the latest last
    unknown: dict[str, Any] = {}  #: fields of a later version: they are kept as they are
    consent: list[ConsentChange] = []  #: see :class:`_Document`


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
        self._damaged = DamagedProfiles(self._folder)
        self._logged = set[str]()  # what is wrong with files that stay as they are: each is logged once

    async def get(self, person_id: PersonId) -> Profile:
        """The profile of a person. A new person has an empty one, and gets no file by this.

        A damaged file is put aside, and the profile goes on with what can be read of it. A file that this user of the
        machine may not read stays as it is. Until it can be read, the profile is empty, and nothing is learned from
        the person.
        """
        return (await asyncio.to_thread(self._usable, person_id)).profile

    async def update(self, person_id: PersonId, /, **changes: Any) -> Profile:
        """Change some fields, and keep what they were for :meth:`undo`.

        Args:
            person_id: the person.
            changes: fields of :class:`Profile` and their new values, or single preferences (``verbosity="brief"``;
                None removes one). ``preferences`` itself replaces all of them.

        Raises:
            ProfileError: a profile cannot have that field or value, or the file cannot be read or written.
        """
        return await asyncio.to_thread(self._update, person_id, changes)

    async def note_told(self, person_id: PersonId, defaults: Consent) -> None:
        """Record that the person was told what the bot does with what it hears.

        Args:
            person_id: the person.
            defaults: what the owner had decided by then.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        await asyncio.to_thread(self._note_told, person_id, defaults)

    async def note_language(self, person_id: PersonId, evidence: Mapping[str, int], noticed: str | None) -> None:
        """Record in which language the person writes. It is no change that :meth:`undo` takes back.

        Args:
            person_id: the person.
            evidence: for the languages, in points.
            noticed: the language that follows from it; None: none yet. A choice of the person stays.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        await asyncio.to_thread(self._note_language, person_id, dict(evidence), noticed)

    async def note_zone(self, person_id: PersonId, zone: str) -> None:
        """Record the time zone that a platform says. It is no change that :meth:`undo` takes back.

        Args:
            person_id: the person.
            zone: its IANA name.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        await asyncio.to_thread(self._note_zone, person_id, zone)

    def takes(self, preference: str, value: str) -> bool:
        """Whether a profile can be given that value of a preference."""
        return value in self._preferences.get(preference, (value,))

    async def undo(self, person_id: PersonId) -> Profile | None:
        """Take the last change back. Returns the profile after that. None: there was no change.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        return await asyncio.to_thread(self._undo, person_id)

    async def forget(self, person_id: PersonId) -> bool:
        """Delete the person's file, damaged or not, and what was put aside of it. Returns whether there was one.

        Raises:
            ProfileError: a file cannot be deleted.
        """
        return await asyncio.to_thread(self._forget, person_id)

    async def export(self, person_id: PersonId) -> dict[str, Any]:
        """Everything in the person's file, as JSON: ``profile``, and under ``undo`` the profiles before it.

        Under ``damaged`` are files that were put aside, with their text. The key is there only if there are any.
        """
        return await asyncio.to_thread(self._export, person_id)

    async def problems(self) -> list[tuple[Path, str]]:
        """The files with which something is wrong, and what it is. Nothing is changed."""
        return await asyncio.to_thread(self._problems)

    # ── in a thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _update(self, person_id: PersonId, changes: dict[str, Any]) -> Profile:
        with self._alone():
            held = self._whole(person_id)
            after = changed(held.profile, changes, self._preferences)
            undo = [*held.undo, msgspec.to_builtins(held.profile)][-UNDO_STEPS:]
            record = changes_between(held.profile.preferences, after.preferences, now())
            self._write(person_id, _Held(after, undo, held.unknown, [*held.consent, *record]))
            return after

    def _note_told(self, person_id: PersonId, defaults: Consent) -> None:
        with self._alone():
            held = self._whole(person_id)
            if held.profile.told_at is not None:
                return
            at = now()
            words = ",".join(name for name in SWITCHES if getattr(defaults, name))
            told = msgspec.structs.replace(held.profile, told_at=at)
            record = ConsentChange(switch="asked", value=words, at=at)
            self._write(person_id, _Held(told, held.undo, held.unknown, [*held.consent, record]))

    def _note_language(self, person_id: PersonId, evidence: dict[str, int], noticed: str | None) -> None:
        with self._alone():
            held = self._whole(person_id)
            after = msgspec.structs.replace(held.profile, language_evidence=evidence)
            if noticed is not None and after.chosen_language is None:
                after = msgspec.structs.replace(after, language=noticed, language_from="messages")
            self._write(person_id, _Held(after, held.undo, held.unknown, held.consent))

    def _note_zone(self, person_id: PersonId, zone: str) -> None:
        with self._alone():
            held = self._whole(person_id)
            after = msgspec.structs.replace(held.profile, noticed_zone=zone)
            self._write(person_id, _Held(after, held.undo, held.unknown, held.consent))

    def _undo(self, person_id: PersonId) -> Profile | None:
        if not self._exists(person_id):
            return None
        with self._alone():
            held = self._whole(person_id)
            if not held.undo:
                return None
            *undo, last = held.undo
            kept = {
                "updated_at": now(),
                "told_at": held.profile.told_at,
                "language_evidence": held.profile.language_evidence,
                "noticed_zone": held.profile.noticed_zone,
            }
            before = readable_fields(Profile(user_id=person_id), last | kept)
            record = changes_between(held.profile.preferences, before.preferences, now())
            self._write(person_id, _Held(before, undo, held.unknown, [*held.consent, *record]))
            return before

    def _forget(self, person_id: PersonId) -> bool:
        if not self._folder.is_dir():
            return False
        path = self._path(person_id)
        with self._alone():
            try:
                found = delete(path)
                found = delete(path.with_name(f"{path.name}.new")) or found
                found = self._damaged.forget(path.stem, person_id) > 0 or found
                sync(self._folder)
            except OSError as error:
                raise ProfileError(f"cannot delete {path}: {error}") from error
        return found

    def _export(self, person_id: PersonId) -> dict[str, Any]:
        held = self._usable(person_id)
        damaged = self._damaged.export(self._path(person_id).stem, person_id)
        found = {"profile": msgspec.to_builtins(held.profile) | held.unknown, "undo": held.undo}
        if held.consent:
            found["consent"] = msgspec.to_builtins(held.consent)
        return found | ({"damaged": damaged} if damaged else {})

    def _problems(self) -> list[tuple[Path, str]]:
        found: list[tuple[Path, str]] = []
        for path in sorted(self._folder.glob("*.json")):
            try:
                held = self._read(path, None)
                if held is not None and file_name(held.profile.user_id) != path.stem:
                    raise ProfileError(f"{path} holds the profile of {held.profile.user_id!r}, under another name")
            except (OSError, ProfileError) as error:
                found.append((path, str(error)))
                continue
            zone = None if held is None else held.profile.time_zone
            if zone is not None and not is_known(zone):
                found.append((path, _no_zone(zone)))
        return found + [(path, "damaged, and put aside") for path in self._damaged.all()]

    def _usable(self, person_id: PersonId) -> _Held:
        """What can be read of the person's file now, whatever state it is in."""
        path = self._path(person_id)
        try:
            held = self._read(path, person_id) or _Held(Profile(user_id=person_id))
        except DamagedProfileError:
            try:
                with self._alone():
                    return self._whole(person_id)
            except (OSError, ProfileError) as error:  # a full disk, or one that cannot be written
                self._log_once(path, str(error))
                return _Held(readable_profile(Profile(user_id=person_id), person_id, as_far_as_opened(path)))
        except OSError as error:
            self._log_once(path, f"the profile cannot be read: {error}")
            # Whether the person opted out of learning is not known.
            return _Held(Profile(user_id=person_id, preferences=dict.fromkeys(SWITCHES, "off")))
        zone = held.profile.time_zone
        if zone is not None and not is_known(zone):
            self._log_once(path, _no_zone(zone))
        return held

    def _whole(self, person_id: PersonId) -> _Held:
        """What the person's file holds; a damaged one is put aside first. The caller holds the lock.

        Raises:
            ProfileError: the file cannot be read, or not put aside.
        """
        path = self._path(person_id)
        try:
            try:
                return self._read(path, person_id) or _Held(Profile(user_id=person_id))
            except DamagedProfileError as error:
                rest = _Held(readable_profile(Profile(user_id=person_id), person_id, as_far_as_opened(path)))
                self._damaged.put_aside(path, str(error))
                if rest.profile.name or rest.profile.place or rest.profile.time_zone or rest.profile.preferences:
                    self._write(person_id, rest)
                return rest
        except OSError as error:
            raise ProfileError(f"{path} cannot be read: {error}") from error

    def _read(self, path: Path, person_id: PersonId | None) -> _Held | None:
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
                document: object = database.get(doc_id=_ONLY)  # pyright: ignore[reportUnknownMemberType]
            except (TypeError, ValueError, AttributeError) as error:  # TinyDB checks no types
                raise DamagedProfileError(f"{path} holds no TinyDB document ({error})") from error
        if document is None and not path.exists():  # deleted in between
            return None
        try:
            held = msgspec.convert(document, _Document)
            profile = msgspec.convert(held.profile, Profile)
        except msgspec.ValidationError as error:
            raise DamagedProfileError(f"{path} holds no profile ({error})") from error
        if person_id is not None and profile.user_id != person_id:
            # A file that was copied by hand. The bot would show it to this person, and act for the other one.
            raise DamagedProfileError(f"{path} holds the profile of {profile.user_id!r}, not of {person_id!r}")
        unknown = {name: value for name, value in held.profile.items() if name not in Profile.__struct_fields__}
        return _Held(profile, held.undo, unknown, held.consent)

    def _write(self, person_id: PersonId, held: _Held) -> None:
        path = self._path(person_id)
        fields = {"profile": msgspec.to_builtins(held.profile) | held.unknown, "undo": held.undo}
        fields["consent"] = msgspec.to_builtins(held.consent)
        document = Document(fields, doc_id=_ONLY)
        try:
            with TinyDB(path, storage=FileStorage) as database:
                # A change is one write. ``upsert`` would write a new file twice, empty at first.
                if path.exists():
                    database.update(document, doc_ids=[_ONLY])  # pyright: ignore[reportUnknownMemberType]
                else:
                    database.insert(document)  # pyright: ignore[reportUnknownMemberType]
        except OSError as error:
            raise ProfileError(f"cannot write {path}: {error}") from error

    def _exists(self, person_id: PersonId) -> bool:
        path = self._path(person_id)
        try:
            return path.exists()
        except OSError as error:
            raise ProfileError(f"{path} cannot be read: {error}") from error

    def _log_once(self, path: Path, what: str) -> None:
        if (line := f"{path}: {what}") not in self._logged:
            self._logged.add(line)
            _log.error("something is wrong with a profile", file=str(path), problem=what)

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
    if "language" in changes:
        changes = {"language_from": "choice"} | changes
    single = {name: value for name, value in changes.items() if name in known}
    for name, value in changes.items():
        if name in _NOT_CHANGED or (name not in fields and name not in known):
            can = ", ".join(("name", "place", "time_zone", "language", "quiet_hours", "preferences", *known))
            raise ProfileError(gettext("a profile has no '{name}' to change: {known}", name=name, known=can))
        if name in fields:
            fields[name] = value
    try:
        preferences = msgspec.convert(fields["preferences"], dict[str, str]) | single
        fields["preferences"] = {name: value for name, value in preferences.items() if value is not None}
        after = msgspec.convert(fields | {"updated_at": now()}, Profile)
    except msgspec.ValidationError as error:
        raise ProfileError(gettext("no profile can have that: {error}", error=error)) from error
    for name, value in after.preferences.items():
        # A value that was there before may come from an older configuration: it stays.
        if value != profile.preferences.get(name) and value not in known.get(name, (value,)):
            values = choice_text(list(known[name]))
            raise ProfileError(gettext("{name} is {values}, not '{value}'", name=name, values=values, value=value))
    # A zone that was there before may come from another machine: it stays, too.
    if after.time_zone not in (None, profile.time_zone) and not is_known(after.time_zone):
        raise ProfileError(gettext("'{zone}' is no time zone; write one like Europe/Berlin", zone=after.time_zone))
    return after


def _no_zone(zone: str) -> str:
    return f"this machine has no time zone {zone!r}: times are those of the bot's own zone"


def sync(folder: Path) -> None:
    """Have the names in ``folder`` on the disk, not only what the files hold."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
