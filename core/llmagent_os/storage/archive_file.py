"""The file of a backup: written whole or not at all, and refused where a single bit of it is another.

It is an uncompressed tar archive, which other programs open, and after its end a line with the SHA-256 of all that
stands before. Its first member is the manifest, as JSON. The ledger is an SQLite file, compressed with gzip, whichever
database it came from. Every other member is a file of the data folder, under ``data/``.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import os
import secrets
import tarfile
from collections.abc import Generator, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

import msgspec

from llmagent_os.errors import LedgerError
from llmagent_os.sealing.key_files import sync_folder

#: The form of these files. A greater number is of a later version of this program.
FORMAT = 1

MANIFEST, LEDGER, DATA = "manifest.json", "ledger.db.gz", "data/"

#: No manifest is longer, and no archive has more members.
MAX_MANIFEST_BYTES, MAX_MEMBERS = 64 * 2**20, 500_000

#: Before the digest in the last line.
_MARK = b"\nllmagent-os backup sha256 "
_TRAILER_BYTES = len(_MARK) + 64 + 1
_CHUNK = 1 << 20


class Member(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file in an archive."""

    name: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an archive holds."""

    format: int
    program: str  #: the version that wrote it
    made_at: str  #: ISO 8601, UTC
    backend: str  #: the database that the ledger was in
    revision: str  #: of the ledger
    encrypted: bool  #: what people said can be read with the master key only
    with_keys: bool  #: the keys of accounts are there, wrapped by the master key
    rows: dict[str, int]  #: by table
    ledger_size: int  #: in bytes, uncompressed
    ledger_sha256: str
    members: tuple[Member, ...]  #: all files but the manifest


class ArchiveError(LedgerError):
    """A backup is damaged, is none, or is of a later version."""


@contextlib.contextmanager
def new_file(path: Path) -> Generator[IO[bytes]]:
    """A file for its owner only, which has its name once the block has ended well and the disk has it.

    Raises:
        FileExistsError: there is one of that name.
        OSError: the file cannot be written.
    """
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
    try:
        with handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        os.link(part, path)  # unlike a rename, it replaces nothing
        sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def digest_of(file: Path) -> tuple[int, str]:
    """The size of a file in bytes, and its SHA-256."""
    sha256, size = hashlib.sha256(), 0
    with file.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            sha256.update(chunk)
            size += len(chunk)
    return size, sha256.hexdigest()


def compress(file: Path, to: Path) -> None:
    """Write ``file`` into ``to``, compressed."""
    with file.open("rb") as raw, to.open("wb") as out, gzip.GzipFile("", "wb", 6, out, mtime=0) as packed:
        while chunk := raw.read(_CHUNK):
            packed.write(chunk)


def write_archive(path: Path, manifest: Manifest, files: dict[str, Path]) -> int:
    """Write an archive, and return its size in bytes.

    Args:
        path: of the new file.
        manifest: whose members are ``files``.
        files: by the name of the member.

    Raises:
        FileExistsError: there is a file of that name.
        OSError: a file cannot be read or written.
    """
    with new_file(path) as out:
        with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
            _add(
                tar, MANIFEST, io.BytesIO(raw := msgspec.json.format(msgspec.json.encode(manifest), indent=1)), len(raw)
            )
            for member in manifest.members:
                with files[member.name].open("rb") as content:
                    _add(tar, member.name, content, member.size)
        out.seek(0)
        sha256 = hashlib.sha256()
        while chunk := out.read(_CHUNK):
            sha256.update(chunk)
        out.write(_MARK + sha256.hexdigest().encode() + b"\n")
        return out.tell()


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes], size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    tar.addfile(info, content)


class _Reads(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes: ...


class Archive:
    """An archive that was checked: its bytes are those that were written, and its members those of its manifest."""

    def __init__(self, path: Path, tar: tarfile.TarFile, manifest: Manifest, infos: dict[str, tarfile.TarInfo]) -> None:
        """Use :func:`open_archive`."""
        self.path = path
        self.manifest = manifest
        self._tar = tar
        self._infos = infos

    def files(self) -> Iterator[str]:
        """The paths of the files in the data folder."""
        return (name.removeprefix(DATA) for name in self._infos if name.startswith(DATA))

    def write_ledger(self, to: Path) -> None:
        """Write the ledger into the new file ``to``.

        Raises:
            ArchiveError: it is not the one that the manifest names.
        """
        content = self._tar.extractfile(self._infos[LEDGER])
        if content is None:
            raise ArchiveError(f"{self.path} has no ledger")
        try:
            with gzip.GzipFile(fileobj=content) as unpacked:
                self._write(unpacked, to, self.manifest.ledger_size, self.manifest.ledger_sha256)
        except (EOFError, gzip.BadGzipFile) as error:
            raise ArchiveError(f"{self.path} is damaged: its ledger cannot be unpacked ({error})") from error

    def write_file(self, name: str, data: Path) -> None:
        """Write the file ``name`` of the data folder to its place below ``data``.

        Raises:
            ArchiveError: it is not the one that the manifest names.
        """
        to = data / name
        to.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        content = self._tar.extractfile(self._infos[DATA + name])
        member = next(each for each in self.manifest.members if each.name == DATA + name)
        if content is not None:
            self._write(content, to, member.size, member.sha256)

    def _write(self, content: _Reads, to: Path, size: int, sha256: str) -> None:
        found, left = hashlib.sha256(), size
        with os.fdopen(os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while chunk := content.read(_CHUNK):
                left -= len(chunk)
                if left < 0:  # what is packed into little may be larger than any disk
                    break
                found.update(chunk)
                out.write(chunk)
        if left or found.hexdigest() != sha256:
            raise ArchiveError(f"{self.path} is damaged: {to.name} is not what its manifest says")


@contextlib.contextmanager
def open_archive(path: Path) -> Generator[Archive]:
    """Open an archive and check it. Nothing is written.

    Raises:
        ArchiveError: it is damaged, is no backup, or is of a later version.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        end = _check_digest(path, file)
        try:
            with tarfile.open(fileobj=_Part(file, end), mode="r:") as tar:
                infos = _members(path, tar)
                manifest = _manifest(path, tar, infos)
                yield Archive(path, tar, manifest, infos)
        except tarfile.TarError as error:
            raise ArchiveError(f"{path} is no backup: {error}") from error


class _Part(io.RawIOBase):
    """The beginning of a file."""

    def __init__(self, file: IO[bytes], end: int) -> None:
        self._file, self._end = file, end
        file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset if whence != os.SEEK_END else self._end + offset, whence if whence == 1 else 0)

    def read(self, size: int = -1) -> bytes:
        left = max(self._end - self._file.tell(), 0)
        return self._file.read(left if size < 0 else min(size, left))


def _check_digest(path: Path, file: IO[bytes]) -> int:
    """Check the last line. Returns where the tar archive ends."""
    end = file.seek(0, os.SEEK_END) - _TRAILER_BYTES
    if end < 0:
        raise ArchiveError(f"{path} is no backup, or only the beginning of one")
    file.seek(end)
    trailer = file.read()
    if not trailer.startswith(_MARK):
        raise ArchiveError(f"{path} is no backup, or only the beginning of one: copy it again from where it was made")
    sha256, left = hashlib.sha256(), end
    file.seek(0)
    while left and (chunk := file.read(min(_CHUNK, left))):
        sha256.update(chunk)
        left -= len(chunk)
    if trailer != _MARK + sha256.hexdigest().encode() + b"\n":
        raise ArchiveError(f"{path} is damaged: its bytes are not those that were written. Use another backup")
    return end


def _members(path: Path, tar: tarfile.TarFile) -> dict[str, tarfile.TarInfo]:
    infos: dict[str, tarfile.TarInfo] = {}
    for info in tar:
        if not info.isreg() or info.issparse():
            raise ArchiveError(f"{path} is no backup of this program: {info.name!r} is no plain file")
        if info.name in infos or len(infos) > MAX_MEMBERS:
            raise ArchiveError(f"{path} is no backup of this program: it has {info.name!r} twice, or too many files")
        if info.name not in (MANIFEST, LEDGER) and not _is_inside(info.name):
            raise ArchiveError(f"{path} is no backup of this program: {info.name!r} would lie outside the data folder")
        infos[info.name] = info
    return infos


def _is_inside(name: str) -> bool:
    """Whether a member is a file below ``data/``, by whatever name."""
    parts = PurePosixPath(name).parts
    plain = "/".join(parts) == name and not any(each in ("", ".", "..") for each in parts)
    return plain and len(parts) > 1 and name.startswith(DATA) and "\0" not in name and "\\" not in name


def _manifest(path: Path, tar: tarfile.TarFile, infos: dict[str, tarfile.TarInfo]) -> Manifest:
    info = infos.get(MANIFEST)
    if info is None or info.size > MAX_MANIFEST_BYTES or LEDGER not in infos:
        raise ArchiveError(f"{path} is no backup of this program: it has no manifest or no ledger")
    content = tar.extractfile(info)
    raw = content.read() if content is not None else b""
    try:
        found = msgspec.json.decode(raw, type=_Format).format
        if found > FORMAT:
            raise ArchiveError(f"{path} was written by a later version of llmagent-os: restore it with that one")
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ArchiveError(f"{path} is no backup of this program: its manifest cannot be read ({error})") from error
    named = {member.name: member.size for member in manifest.members}
    held = {name: each.size for name, each in infos.items() if name != MANIFEST}
    if named != held or len(named) != len(manifest.members) or manifest.ledger_size < 0:
        raise ArchiveError(f"{path} is no backup of this program: its files are not those of its manifest")
    return manifest


class _Format(msgspec.Struct):
    """What is read first of a manifest."""

    format: int
