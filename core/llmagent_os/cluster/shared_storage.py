"""A folder kept on storage that several machines share, encrypted: a file system, S3, or whatever fsspec reaches.

Every file is cut into pieces, each an object of its own. The list of files is written last, so a save that is killed
leaves the one before it. Each process that goes on has a number of its own, and writes below it: one that was taken for
dead, and writes on, changes nothing that its successor reads.

The key is not on the storage. Without it, what is there is noise: whoever deletes the key has deleted the folder.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Collection, Generator
from pathlib import Path, PurePosixPath
from typing import Any, cast

import fsspec  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]
import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from llmagent_os.cluster.storage_errors import StorageUnavailableError
from llmagent_os.errors import ConfigError

#: Bytes of a key.
KEY_BYTES = 32
#: The longest piece of a file.
PIECE_BYTES = 64 * 1024**2
#: How often a folder is looked at again that changes while it is copied.
LOOKS = 3

_NONCE_BYTES = 12
_LIST = "files-"  # begins the name of a list; its number follows

#: Path of a file below the folder, its size and its time of change (ns).
_Listing = dict[str, tuple[int, int]]


class _Saved(msgspec.Struct):
    """The list of files of one save."""

    files: dict[str, tuple[str, ...]]  #: by path, the names of its pieces


class SharedFolder:
    """One folder on shared storage. Blocks, and belongs to one thread."""

    def __init__(self, url: str, key: bytes) -> None:
        """Args:
        url: of the folder, as ``file:///mnt/shared/x`` or ``s3://bucket/x``.
        key: of :data:`KEY_BYTES` random bytes.

        Raises:
            ConfigError: nothing here can reach storage of this kind.
        """
        self._files, root = _file_system(url)
        self._root = root.rstrip("/")
        self._url = url
        self._cipher = AESGCM(key)
        self._place = ""  #: the folder of the process that goes on; empty: not known yet
        self._serial = 0
        self._listing: _Listing = {}
        self._saved: dict[str, tuple[str, ...]] = {}

    def fetch(self, target: Path) -> bool:
        """Write what was saved last into ``target``; returns whether there was anything whole.

        Raises:
            StorageUnavailableError: the storage cannot be read.
        """
        with self._reaching("read"):
            places = self._places()
            self._place = _next(places)
            # Empty: so that the next one to go on takes a number above it, also before anything is saved.
            self._files.makedirs(self._path(), exist_ok=True)
            self._files.pipe_file(f"{self._path()}/begun", b"")
            for place in reversed(places):
                for name in self._lists(place):
                    with contextlib.suppress(InvalidTag, FileNotFoundError, msgspec.MsgspecError):
                        self._restore(place, name, target)
                        return True
        return False

    def save(self, source: Path) -> bool:
        """Save a folder as it is at one moment. Returns False where it never stood still: nothing was changed.

        Raises:
            StorageUnavailableError: the storage cannot be written. The save before is still there.
        """
        if not self._place:
            with self._reaching("read"):
                self._place = _next(self._places())
        with tempfile.TemporaryDirectory(dir=source.parent, prefix=".saving-") as staging:
            listing = _still(source, Path(staging), self._listing)
            if listing is None:
                return False
            if listing == self._listing:
                return True
            with self._reaching("write"):
                self._upload(Path(staging), listing)
        return True

    def delete(self) -> None:
        """Delete everything.

        Raises:
            StorageUnavailableError: the storage cannot be written.
        """
        with self._reaching("write"), contextlib.suppress(FileNotFoundError):
            self._files.rm(self._root, recursive=True)

    # ── objects ───────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _reaching(self, verb: str) -> Generator[None]:
        try:
            yield
        except Exception as error:  # those of a store's own client are not OSErrors
            raise StorageUnavailableError(
                f"the shared storage {self._url} cannot be {'read' if verb == 'read' else 'written'} ({error!r}): look "
                "at LLMAGENT_OS_SHARED_STORAGE, its rights and its space"
            ) from error

    def _path(self, name: str = "", place: str = "") -> str:
        return f"{self._root}/{place or self._place}" + (f"/{name}" if name else "")

    def _names(self, path: str) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            self._files.invalidate_cache()
            return [PurePosixPath(each).name for each in self._files.ls(path, detail=False)]
        return []

    def _places(self) -> list[str]:
        """The folders of the processes that have gone on, the newest last."""
        return sorted(
            (name for name in self._names(self._root) if _number(name)), key=lambda name: (_number(name), name)
        )

    def _lists(self, place: str) -> list[str]:
        """The names of the lists of a process, the newest first."""
        return sorted((name for name in self._names(self._path(place=place)) if name.startswith(_LIST)), reverse=True)

    def _read(self, place: str, name: str) -> bytes:
        raw: bytes = self._files.cat_file(self._path(name, place))
        return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], name.encode())

    def _write(self, name: str, content: bytes) -> None:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        self._files.pipe_file(self._path(name), nonce + self._cipher.encrypt(nonce, content, name.encode()))

    def _restore(self, place: str, name: str, target: Path) -> None:
        """Write what a list names into ``target``: everything, or nothing."""
        saved = msgspec.msgpack.decode(self._read(place, name), type=_Saved)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".fetching-") as beside:
            for path, pieces in saved.files.items():
                file = Path(beside) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as opened:
                    for piece in pieces:
                        opened.write(self._read(place, piece))
            for path in saved.files:
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(beside) / path).replace(target / path)

    def _upload(self, staging: Path, listing: _Listing) -> None:
        self._files.makedirs(self._path(), exist_ok=True)
        saved: dict[str, tuple[str, ...]] = {}
        for path, state in listing.items():
            if self._listing.get(path) == state:
                saved[path] = self._saved[path]
                continue
            pieces: list[str] = []
            with (staging / path).open("rb") as opened:
                while piece := opened.read(PIECE_BYTES):
                    pieces.append(secrets.token_hex(16))
                    self._write(pieces[-1], piece)
            saved[path] = tuple(pieces)
        self._serial += 1
        kept = f"{_LIST}{self._serial:09d}"
        self._write(kept, msgspec.msgpack.encode(_Saved(saved)))
        self._listing, self._saved = listing, saved
        self._tidy({kept, "begun", *(piece for pieces in saved.values() for piece in pieces)})

    def _tidy(self, kept: Collection[str]) -> None:
        """Delete what is not read any more. What cannot be deleted now is deleted after the next save."""
        with contextlib.suppress(Exception):
            for name in self._names(self._path()):
                if name not in kept:
                    self._files.rm_file(self._path(name))
            for place in self._places():
                if _number(place) < _number(self._place):
                    self._files.rm(self._path(place=place), recursive=True)


def _number(place: str) -> int:
    """The number of a process, from the name of its folder. 0: it is no such folder.

    >>> _number("000012-5f0c2a9be1d34f77"), _number("notes")
    (12, 0)
    """
    number = place.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _next(places: list[str]) -> str:
    """A new folder. Two that go on at one moment find the same number, and write beside each other all the same."""
    number = 1 + max(map(_number, places), default=0)
    return f"{number:06d}-{secrets.token_hex(8)}"


def folders_of(url: str) -> list[str]:
    """The names of what lies directly below a URL.

    Raises:
        ConfigError: nothing here can reach storage of this kind.
        StorageUnavailableError: it cannot be read.
    """
    files, root = _file_system(url)
    try:
        return [PurePosixPath(each).name for each in files.ls(root, detail=False)]
    except FileNotFoundError:
        return []
    except Exception as error:
        raise StorageUnavailableError(f"the shared storage {url} cannot be read ({error!r})") from error


def _file_system(url: str) -> tuple[Any, str]:
    scheme = url.partition("://")[0]
    try:
        found, root = cast("Any", fsspec).core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"LLMAGENT_OS_SHARED_STORAGE = {url!r} cannot be used ({error}): write file:///a/path, or install the "
            f"fsspec package of {scheme!r}, such as s3fs or gcsfs, on every machine"
        ) from error
    return found, str(root)


def _look(source: Path) -> _Listing:
    found: _Listing = {}
    for folder, _, names in os.walk(source):
        for name in names:
            file = Path(folder) / name
            with contextlib.suppress(FileNotFoundError):
                state = file.stat()
                found[file.relative_to(source).as_posix()] = (state.st_size, state.st_mtime_ns)
    return found


def _still(source: Path, staging: Path, known: _Listing) -> _Listing | None:
    """Copy the files that have changed since ``known``, all at one moment; None: they never stood still."""
    for _ in range(LOOKS):
        before = _look(source)
        try:
            for path, state in before.items():
                if known.get(path) != state:
                    (staging / path).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source / path, staging / path)
        except FileNotFoundError:  # replaced meanwhile
            continue
        if _look(source) == before:
            return before
    return None
