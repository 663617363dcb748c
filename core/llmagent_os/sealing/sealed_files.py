"""Reads and writes whole files, sealed where their folder is mounted. All functions block.

A file is sealed in parts of :data:`PART_BYTES`, so that one that is being received never lies on the disk as it is.
Each part is sealed with its number, and says whether it is the last one: parts cannot be left out, reordered
or taken from another file of the account without being noticed.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO, Protocol

from llmagent_os.sealing.key_ring import SEALED_OVERHEAD, KeyRing, SealedError
from llmagent_os.sealing.mounts import ring_of

PART_BYTES = 1 << 18  #: of a file that are sealed together

#: Begins a sealed file.
FILE_MARK = b"\x02F1"

_FILE_ID_BYTES = 16
_HEAD_BYTES = _FILE_ID_BYTES + 7  #: of a part: the file's id, the part's number, and whether it is the last one

#: What a part takes beside its data: its length, and what sealing adds to its head.
_PART_OVERHEAD = 4 + _HEAD_BYTES + SEALED_OVERHEAD


class FileWriter(Protocol):
    """Takes the bytes of a new file."""

    def write(self, data: bytes, /) -> int: ...
    def close(self) -> None: ...


class _SealingWriter:
    """Seals what is written, a part at a time."""

    def __init__(self, file: BinaryIO, ring: KeyRing, account: str) -> None:
        self._file, self._ring, self._account = file, ring, account
        self._id = os.urandom(_FILE_ID_BYTES)
        self._waiting = bytearray()
        self._number = 0
        file.write(FILE_MARK)

    def write(self, data: bytes) -> int:
        self._waiting += data
        while len(self._waiting) > PART_BYTES:
            self._part(bytes(self._waiting[:PART_BYTES]), last=False)
            del self._waiting[:PART_BYTES]
        return len(data)

    def close(self) -> None:
        if not self._file.closed:
            self._part(bytes(self._waiting), last=True)
            self._file.close()

    def _part(self, data: bytes, *, last: bool) -> None:
        head = self._id + self._number.to_bytes(6) + bytes([last])
        sealed = self._ring.seal(self._account, head + data)
        self._file.write(len(sealed).to_bytes(4) + sealed)
        self._number += 1


def create_file(path: Path, account: str) -> FileWriter:
    """Open a new file for writing, for its owner only.

    Args:
        path: of the file. Its folder is made.
        account: whose key seals it.

    Raises:
        OSError: the file cannot be made.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
    ring = ring_of(path)
    return file if ring is None else _SealingWriter(file, ring, account)


def write_file(path: Path, account: str, content: bytes) -> None:
    """Write a whole file, for its owner only.

    Raises:
        OSError: the file cannot be written.
    """
    file = create_file(path, account)
    try:
        file.write(content)
    finally:
        file.close()
    with path.open("rb") as written:
        os.fsync(written.fileno())


def read_file(path: Path) -> bytes:
    """What was written into a file.

    Raises:
        OSError: the file cannot be read.
        SealedError: its key was destroyed, or the file is damaged.
    """
    return opened(path.read_bytes(), ring_of(path))


def opened(raw: bytes, ring: KeyRing | None) -> bytes:
    """The content of a file, from its bytes. What is not sealed stays as it is.

    Raises:
        SealedError: the key was destroyed, or the file is damaged.
    """
    if ring is None or not raw.startswith(FILE_MARK):
        return raw
    found, at, number, file_id, ended = bytearray(), len(FILE_MARK), 0, b"", False
    while at < len(raw) and not ended:
        size = int.from_bytes(raw[at : at + 4])
        part = ring.open(raw[at + 4 : at + 4 + size])
        head, data = part[:_HEAD_BYTES], part[_HEAD_BYTES:]
        file_id = file_id or head[:_FILE_ID_BYTES]
        if head[:-1] != file_id + number.to_bytes(6):
            raise SealedError("a part of the file is missing, or is another file's")
        ended = bool(head[-1])
        found += data
        at, number = at + 4 + size, number + 1
    if not ended or at != len(raw):
        raise SealedError("the file ends too early, or too late")
    return bytes(found)


def content_size(path: Path) -> int:
    """How many bytes :func:`read_file` gives, from the size of the file alone.

    Raises:
        OSError: there is no such file.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if ring_of(path) is None or not is_sealed_file(file.read(len(FILE_MARK))):
            return size
    body = size - len(FILE_MARK)
    return body - _PART_OVERHEAD * -(-body // (PART_BYTES + _PART_OVERHEAD))


def is_sealed_file(raw: bytes) -> bool:
    """Whether a file that begins with ``raw`` is sealed."""
    return raw.startswith(FILE_MARK)
