"""What lies in files beside an SQLite ledger, and in rows of a PostgreSQL ledger: read and written as rows, both ways.

A copy sees the same tables on both sides. ``homes`` is the registry: whoever moves another store into rows for
several hosts adds a home of its files there. All functions block.

What is sealed is sealed in another form in a file than in a row: it is opened on the way, and sealed again.
"""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from llmagent_os.adapter_kit.person_secrets import SECRETS_FOLDER
from llmagent_os.errors import LedgerError
from llmagent_os.identity import account_in_file_name, file_name_of
from llmagent_os.people.damaged_profiles import FOLDER as DAMAGED_FOLDER
from llmagent_os.privacy.profile_store import PROFILES_FOLDER
from llmagent_os.sealing.key_folder import SALT_FILE
from llmagent_os.sealing.key_ring import KeyRing, SealedError, is_sealed
from llmagent_os.sealing.mounts import KEYS_FOLDER, ring_of
from llmagent_os.sealing.sealed_files import is_sealed_file, opened, write_file
from llmagent_os.storage.database_end import Row

_DATE = "%Y%m%dT%H%M%S%fZ"  #: in the name of a damaged profile's file


class FileHome(ABC):
    """The files that are a table elsewhere."""

    table: str  #: its name
    place: str  #: the folder or file, in the data folder

    @abstractmethod
    def read_all(self, data: Path) -> Iterator[Row]:
        """What is in the files below ``data``, as rows of the table in the order of its primary key.

        Raises:
            LedgerError: a file cannot be read.
        """

    @abstractmethod
    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        """Write files below ``data`` where none of them is yet, and return how many rows they hold.

        Raises:
            LedgerError: a row cannot be a file.
        """

    def canonical(self, row: Row, ring: KeyRing | None) -> Row:
        """The row without what a file does not keep, opened: the same on both sides.

        Args:
            row: of the table.
            ring: opens what is sealed; None: nothing is.
        """
        return row


class ProfileHome(FileHome):
    """The profiles: a TinyDB document a person."""

    table, place = "profiles", PROFILES_FOLDER

    def read_all(self, data: Path) -> Iterator[Row]:
        found: dict[str, Path] = {}
        for path in (data / self.place).glob("*.json"):
            found[_owner_of(path.stem, _content(path))] = path
        for person in sorted(found, key=_in_order):
            yield person, 1, _to_row(found[person], person)

    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        count = 0
        for person, _, body in rows:
            _to_file(
                data / self.place / f"{file_name_of(person)}.json", account_in_file_name(file_name_of(person)), body
            )
            count += 1
        return count

    def canonical(self, row: Row, ring: KeyRing | None) -> Row:
        return row[0], 1, _open(row[2], ring)


class DamagedProfileHome(FileHome):
    """Profiles that could not be read. The reason is in the log only, where they are files."""

    table, place = "damaged_profiles", f"{PROFILES_FOLDER}/{DAMAGED_FOLDER}"

    def read_all(self, data: Path) -> Iterator[Row]:
        numbered: dict[int, Path] = {}
        others: list[Path] = []
        for path in sorted((data / self.place).glob("*.json")):
            number = path.stem.rpartition(".")[2]
            if number.isdecimal() and int(number) not in numbered:
                numbered[int(number)] = path
            else:
                others.append(path)
        first = max(numbered, default=0) + 1
        numbered |= dict(enumerate(others, first))
        for seq in sorted(numbered):
            path = numbered[seq]
            person = account_in_file_name(path.name.partition(".")[0])
            yield seq, person, _to_row(path, person), "", _found_at(path)

    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        count = 0
        for number, person, body, _, found_at in rows:
            name = f"{file_name_of(person)}.{datetime.fromtimestamp(found_at, UTC):{_DATE}}.{number}.json"
            _to_file(data / self.place / name, person, body)
            count += 1
        return count

    def canonical(self, row: Row, ring: KeyRing | None) -> Row:
        return row[0], row[1], _open(row[2], ring), "", round(row[4], 3)


class SecretHome(FileHome):
    """What people gave to plugins: a file each, in a folder a person."""

    table, place = "secrets", SECRETS_FOLDER

    def read_all(self, data: Path) -> Iterator[Row]:
        folders = [each for each in (data / self.place).glob("*") if each.is_dir()]
        for folder in sorted(folders, key=lambda each: _in_order(account_in_file_name(each.name))):
            person = account_in_file_name(folder.name)
            files = [each for each in folder.iterdir() if each.is_file() and not each.name.startswith(".")]
            if files and folder.name.startswith("%%"):
                raise LedgerError(f"{folder} does not say whose secrets it holds: the account's id was too long")
            for path in sorted(files, key=lambda each: _in_order(each.name)):
                yield person, path.name, _to_row(path, person), path.stat().st_mtime

    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        count = 0
        for person, name, body, at in rows:
            path = data / self.place / file_name_of(person) / name
            if path.parent.parent != data / self.place or path.name != name:
                raise LedgerError(f"the secret {name!r} of {person} cannot be a file")
            _to_file(path, person, body, at)
            count += 1
        return count

    def canonical(self, row: Row, ring: KeyRing | None) -> Row:
        return row[0], row[1], _open(row[2], ring), round(row[3], 3)


class KeyHome(FileHome):
    """The keys of accounts, each wrapped by a master key; and the salt of their ids."""

    table, place = "account_keys", KEYS_FOLDER

    def read_all(self, data: Path) -> Iterator[Row]:
        folder = data / self.place
        found = {path.stem: path for path in folder.glob("*.key")}
        if (folder / SALT_FILE).exists():
            found[SALT_FILE] = folder / SALT_FILE
        for name in sorted(found):
            body = found[name].read_bytes()
            if any(body):  # else it was destroyed
                yield name, "copied", body

    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        count = 0
        for name, _, body in rows:
            if name != SALT_FILE and not _is_hexadecimal(name):
                raise LedgerError(f"{name!r} is no id of a key")
            path = data / self.place / (name if name == SALT_FILE else f"{name}.key")
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=False)
            path.write_bytes(body)
            count += 1
        return count

    def canonical(self, row: Row, ring: KeyRing | None) -> Row:
        return row[0], "", row[2]


def _owner_of(name: str, content: bytes) -> str:
    """Whose profile a file is. The name of a file does not say a long id; the profile does."""
    try:
        found = json.loads(content)["_default"]["1"]["profile"]["user_id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        found = None
    return found if isinstance(found, str) and found and file_name_of(found) == name else account_in_file_name(name)


def _content(path: Path) -> bytes:
    """What a file holds, opened if it can be."""
    raw = path.read_bytes()
    try:
        return opened(raw, ring_of(path))
    except SealedError:
        return raw


def _to_row(path: Path, account: str) -> bytes:
    """The content of a file, as a row has it. What cannot be opened stays as it is, here as there."""
    content, ring = _content(path), ring_of(path)
    return content if ring is None or is_sealed_file(content) else ring.seal(account, content)


def _to_file(path: Path, account: str, body: bytes, at: float | None = None) -> None:
    """Write what a row has into a new file."""
    if path.exists():
        raise LedgerError(f"two rows are the same file {path.name}")
    content = _open(body, ring_of(path))
    if is_sealed(content) or is_sealed_file(content):  # its key was destroyed: nobody can read it
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
    else:
        write_file(path, account, content)
    if at is not None:
        os.utime(path, (at, at))


def _open(body: bytes, ring: KeyRing | None) -> bytes:
    if ring is None or not is_sealed(body):
        return body
    try:
        return ring.open(body)
    except SealedError:
        return body


def _found_at(path: Path) -> float:
    for part in path.name.split("."):
        try:
            return datetime.strptime(part, _DATE).replace(tzinfo=UTC).timestamp()
        except ValueError:
            continue
    return path.stat().st_mtime


def _in_order(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _is_hexadecimal(text: str) -> bool:
    return bool(text) and not set(text) - set("0123456789abcdef")
