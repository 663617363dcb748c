"""The keys of accounts: each seals what is kept about one account, and is kept wrapped by a master key.

Data are sealed by AES-256-GCM (NIST SP 800-38D) with a random nonce. A sealed value is::

    MARK  id of the key (16 bytes)  nonce (12)  ciphertext with its tag

and as text, the mark and the rest in base64. The id is authenticated with the value. It is a keyed hash of the
account, so neither a sealed value nor a file's name says whose it is. Where a key was destroyed, what it sealed is lost
for ever, in every copy and backup that is without the key.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
import secrets
from collections import OrderedDict
from collections.abc import Generator, Sequence
from hashlib import blake2b
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import structlog

from llmagent_os.errors import ConfigError, LLMAgentOSError
from llmagent_os.sealing.key_files import (
    changed_at,
    is_blank,
    locked,
    made_once,
    remove_blank,
    replace_file,
    shred,
    sync_folder,
    version_of,
)
from llmagent_os.sealing.master_keys import KEY_BYTES, MasterKey, read_key_file

if TYPE_CHECKING:  # imported only where something is sealed
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_log = structlog.stdlib.get_logger(__name__)

#: Begins every sealed value. It is no beginning of JSON.
MARK = b"\x02S1"
_TEXT_MARK = MARK.decode()

_ID_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_LEAST_BYTES = _ID_BYTES + _NONCE_BYTES + _TAG_BYTES

#: How many bytes a sealed value has more than what was sealed.
SEALED_OVERHEAD = len(MARK) + _LEAST_BYTES

#: Keys of accounts that are held in memory. Another costs a look at a small file.
MAX_HELD_KEYS = 10_000

#: The account that stands for the installation: what is about no person is sealed by its key.
NO_PERSON = ""

#: The file with the random bytes from which the ids of keys are made.
_SALT_FILE = "salt"

#: The ending of a key file that is being destroyed. Where a crash leaves one, the next start removes it.
_DESTROYED = ".destroyed"


class SealedError(LLMAgentOSError, OSError):
    """A sealed value cannot be opened, as a file that cannot be read: its key was destroyed, or it is damaged."""


class _Known(NamedTuple):
    """A key to seal with, as it was read."""

    key_id: bytes
    key: AESGCM
    file: str  #: the wrapped key
    version: tuple[int, int] | None  #: of the file


class KeyRing:
    """The keys of all accounts, in one folder. Its methods block for a moment, and may be called in any thread."""

    def __init__(self, folder: Path, masters: Sequence[MasterKey], key_file: Path | None = None) -> None:
        """Open the ring, and make it where there is none.

        Args:
            folder: of the wrapped keys.
            masters: wrap the keys: the first those that are made from now on.
            key_file: of the masters. It is read again when it has changed: another process may rotate them.

        Raises:
            ConfigError: the masters do not open the keys, or the folder cannot be written.
        """
        self.folder = folder
        self._masters = tuple(masters)
        self.key_file = key_file  #: of the masters; None: they are in no file
        self._read_at = self._missed_at = changed_at(key_file)
        self._known: dict[str, _Known] = {}  # by account
        self._held: OrderedDict[bytes, AESGCM] = OrderedDict()
        self._lock = Lock()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for left in folder.glob(f"*{_DESTROYED}"):
                shred(left)
            self._salt = made_once(folder / _SALT_FILE, lambda: secrets.token_bytes(32))
            self._key(NO_PERSON)
        except SealedError as error:
            raise ConfigError(
                f"the encryption key is another than the one that what is in {folder.parent} was encrypted with: set "
                "the old key, and rotate with `llmagent-os keys rotate`"
            ) from error
        except OSError as error:
            raise ConfigError(f"the folder of keys {folder} cannot be used: {error.strerror or error}") from error

    @property
    def masters(self) -> tuple[MasterKey, ...]:
        """The master keys, the current one first."""
        return self._masters

    # ── values ────────────────────────────────────────────────────────────────────────────────────────────────────

    def seal(self, account: str, data: bytes) -> bytes:
        """``data``, sealed by the key of ``account``, which is made where there is none.

        Raises:
            OSError: the key cannot be written or read.
        """
        key_id, key = self._key(account)
        nonce = os.urandom(_NONCE_BYTES)
        return MARK + key_id + nonce + key.encrypt(nonce, data, key_id)

    def seal_text(self, account: str, text: str) -> str:
        """``text``, sealed by the key of ``account``, as text."""
        sealed = self.seal(account, text.encode("utf-8", "surrogatepass"))
        return _TEXT_MARK + binascii.b2a_base64(sealed[len(MARK) :], newline=False).decode()

    def open(self, sealed: bytes) -> bytes:
        """What :meth:`seal` was given.

        Raises:
            SealedError: the key was destroyed, or the value is damaged.
        """
        body = sealed[len(MARK) :]
        if not sealed.startswith(MARK) or len(body) < _LEAST_BYTES:
            raise SealedError("the value is no sealed one")
        key_id = body[:_ID_BYTES]
        held = self._held.get(key_id)
        opened = None if held is None else _decrypted(held, body[_ID_BYTES:], key_id)
        if opened is None:  # also where another process has destroyed the key that is held, and made a new one
            opened = _decrypted(self._read(key_id), body[_ID_BYTES:], key_id)
        if opened is None:
            raise SealedError("the value is damaged, or its key was destroyed")
        return opened

    def open_text(self, sealed: bytes) -> bytes:
        """What :meth:`seal_text` was given, in UTF-8, from the UTF-8 of what it gave.

        Raises:
            SealedError: the key was destroyed, or the value is damaged.
        """
        try:
            return self.open(MARK + base64.b64decode(sealed[len(MARK) :], validate=True))
        except binascii.Error:
            raise SealedError("the value is no sealed one") from None

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def destroy(self, account: str) -> bool:
        """Destroy the key of an account, and with it all that it has sealed. Returns whether there was one."""
        key_id = self._id(account)
        file = self._file(key_id)
        with self._changing():
            self._held.pop(key_id, None)
            self._known.pop(account, None)
            # It is taken away first: a crash in between leaves no key, rather than one that cannot be read.
            gone = file.with_suffix(_DESTROYED)
            was_left = shred(gone)
            try:
                file.rename(gone)
            except FileNotFoundError:
                return was_left
            sync_folder(self.folder)
            shred(gone)
            sync_folder(self.folder)
        return True

    def has_key(self, account: str) -> bool:
        """Whether there is a key of ``account``: something is kept about it, or was."""
        file = self._file(self._id(account))
        remove_blank(file)
        return file.exists()

    def rewrap(self) -> int:
        """Wrap all keys by the first master key; returns how many were wrapped by another. Data stay as they are.

        Raises:
            SealedError: a key cannot be opened; the error names its file.
        """
        count = 0
        for file in sorted(self.folder.glob("*.key")):
            remove_blank(file)
            try:
                with self._changing():
                    count += self._rewrap(file)
            except FileNotFoundError:  # destroyed in between
                continue
            except (ValueError, KeyError, TypeError) as error:
                raise SealedError(f"the key file {file} is damaged: {error}") from error
        return count

    def _rewrap(self, file: Path) -> bool:
        """Wrap one key by the first master key. Returns whether it was wrapped by another."""
        kept = json.loads(file.read_bytes())
        if kept["master"] == self._masters[0].name:
            return False
        key_id = bytes.fromhex(file.stem)
        replace_file(file, _wrapped(self._masters[0], key_id, self._unwrapped(key_id, kept)))
        return True

    @contextlib.contextmanager
    def _changing(self) -> Generator[None]:
        """Run the block while no other thread or process makes, wraps or destroys a key."""
        with self._lock, locked(self.folder):
            yield

    def use(self, masters: Sequence[MasterKey]) -> None:
        """Use these master keys from now on."""
        self._masters = tuple(masters)

    def _key(self, account: str) -> tuple[bytes, AESGCM]:
        """The key to seal with. Another process may have destroyed or replaced it: its file is looked at every time."""
        known = self._known.get(account)
        if known is not None and version_of(known.file) == known.version:
            return known.key_id, known.key
        key_id = self._id(account)
        file = self._file(key_id)
        self._held.pop(key_id, None)
        remove_blank(file)
        if not file.exists():
            with self._changing():
                if not file.exists():
                    self._make(file, key_id)
        version = version_of(str(file))  # before it is read: what replaces it meanwhile is noticed the next time
        key = self._read(key_id)
        if len(self._known) >= MAX_HELD_KEYS:
            self._known.clear()
        self._known[account] = _Known(key_id, key, str(file), version)
        return key_id, key

    def _make(self, file: Path, key_id: bytes) -> None:
        """Make a key. Where the masters are rotated meanwhile, the new one wraps it, too."""
        made = secrets.token_bytes(KEY_BYTES)
        self._look_at_masters()
        made_once(file, lambda: _wrapped(self._masters[0], key_id, made))
        if self._look_at_masters():
            self._rewrap(file)

    def _look_at_masters(self) -> bool:
        """Read the file of the master keys again if it has changed. Returns whether it has.

        Where it cannot be read any more, the known ones stay in use, and the next look tries it again.
        """
        if self.key_file is None or (at := changed_at(self.key_file)) == self._read_at:
            return False
        try:
            self._masters = read_key_file(self.key_file)
        except ConfigError as error:
            if at != self._missed_at:  # said once
                _log.error("the master keys stay as they were read before", error=str(error))
            self._missed_at = at
            return False
        self._read_at = self._missed_at = at
        return True

    def _read(self, key_id: bytes) -> AESGCM:
        try:
            raw = self._file(key_id).read_bytes()
            if is_blank(raw):
                raise SealedError("the key of the value was destroyed")
            kept = json.loads(raw)
            key = _cipher(self._unwrapped(key_id, kept))
        except FileNotFoundError:
            raise SealedError("the key of the value was destroyed") from None
        except (ValueError, KeyError, TypeError) as error:
            raise SealedError(f"the key file {self._file(key_id)} is damaged: {error}") from error
        self._held[key_id] = key
        while len(self._held) > MAX_HELD_KEYS:
            self._held.popitem(last=False)
        return key

    def _unwrapped(self, key_id: bytes, kept: dict[str, str]) -> bytes:
        master = self._master(kept["master"])
        wrapped = base64.b64decode(kept["wrapped"], validate=True)
        key = _decrypted(_cipher(master.secret), wrapped, key_id)
        if key is None:
            raise SealedError(f"the key file {self._file(key_id)} is damaged")
        return key

    def _master(self, name: str) -> MasterKey:
        found = next((master for master in self._masters if master.name == name), None)
        if found is None and self._look_at_masters():  # they were rotated since
            found = next((master for master in self._masters if master.name == name), None)
        if found is None:
            raise SealedError(f"the master key {name} is not given")
        return found

    def _id(self, account: str) -> bytes:
        raw = account.encode("utf-8", "surrogatepass")
        return blake2b(raw, key=self._salt, digest_size=_ID_BYTES).digest()

    def _file(self, key_id: bytes) -> Path:
        return self.folder / f"{key_id.hex()}.key"


def is_sealed(data: bytes) -> bool:
    """Whether ``data`` begins as a sealed value does."""
    return data.startswith(MARK)


def _cipher(key: bytes) -> AESGCM:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(key)


def _decrypted(cipher: AESGCM, sealed: bytes, key_id: bytes) -> bytes | None:
    """What was encrypted, from nonce and ciphertext. None: it was not encrypted by this key, or was changed."""
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], key_id)
    except InvalidTag:
        return None


def _wrapped(master: MasterKey, key_id: bytes, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + _cipher(master.secret).encrypt(nonce, key, key_id)
    return json.dumps({"master": master.name, "wrapped": base64.b64encode(sealed).decode()}).encode()
