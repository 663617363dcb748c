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
from llmagent_os.sealing.kept_keys import KeptKeys, Version
from llmagent_os.sealing.key_files import changed_at
from llmagent_os.sealing.key_folder import KeyFolder
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


class SealedError(LLMAgentOSError, OSError):
    """A sealed value cannot be opened, as a file that cannot be read: its key was destroyed, or it is damaged."""


class _Known(NamedTuple):
    """A key to seal with, as it was read."""

    key_id: bytes
    key: AESGCM
    place: str  #: of the wrapped key, as what keeps it names it
    version: Version  #: of the wrapped key


class _Held(NamedTuple):
    """A key to open with, as it was read."""

    key: AESGCM
    place: str  #: see :class:`_Known`
    version: Version  #: see :class:`_Known`


class KeyRing:
    """The keys of all accounts. Its methods block for a moment, and may be called in any thread."""

    def __init__(self, kept: Path | KeptKeys, masters: Sequence[MasterKey], key_file: Path | None = None) -> None:
        """Open the ring, and make it where there is none.

        Args:
            kept: the folder of the wrapped keys, or what else keeps them.
            masters: wrap the keys: the first those that are made from now on.
            key_file: of the masters. It is read again when it has changed: another process may rotate them.

        Raises:
            ConfigError: the masters do not open the keys, or the folder cannot be written.
        """
        self.kept: KeptKeys = KeyFolder(kept) if isinstance(kept, Path) else kept
        self._masters = tuple(masters)
        self.key_file = key_file  #: of the masters; None: they are in no file
        self._read_at = self._missed_at = changed_at(key_file)
        self._known: dict[str, _Known] = {}  # by account
        self._held: OrderedDict[bytes, _Held] = OrderedDict()
        self._lock = Lock()
        self._salt = b""
        if not self.kept.is_late:
            self.check()

    def check(self) -> None:
        """Open the key that is about no person: then the masters are the right ones.

        Raises:
            ConfigError: they are not, or the keys cannot be read or made.
        """
        try:
            self._key(NO_PERSON)
        except SealedError as error:
            raise ConfigError(
                f"the encryption key is another than the one that what is in {self.kept.what} was encrypted with: set "
                "the old key, and rotate with `llmagent-os keys rotate`"
            ) from error
        except OSError as error:
            raise ConfigError(f"{self.kept.where} cannot be used: {error.strerror or error}") from error

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
        if held is not None and self.kept.is_old(held.place, held.version):
            held = None
        opened = None if held is None else _decrypted(held.key, body[_ID_BYTES:], key_id)
        if opened is None:  # also where another process has destroyed the key that is held, and made a new one
            opened = _decrypted(self._read(key_id)[0], body[_ID_BYTES:], key_id)
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
        with self._changing():
            self._held.pop(key_id, None)
            self._known.pop(account, None)
            return self.kept.destroy(key_id)

    def has_key(self, account: str) -> bool:
        """Whether there is a key of ``account``: something is kept about it, or was."""
        return self.kept.has(self._id(account))

    def rewrap(self) -> int:
        """Wrap all keys by the first master key; returns how many were wrapped by another. Data stay as they are.

        Raises:
            SealedError: a key cannot be opened; the error names its file.
        """
        count = 0
        for key_id in self.kept.all():
            try:
                with self._changing():
                    count += self._rewrap(key_id)
            except (ValueError, KeyError, TypeError) as error:
                raise SealedError(f"{self.kept.name(key_id)} is damaged: {error}") from error
        return count

    def _rewrap(self, key_id: bytes) -> bool:
        """Wrap one key by the first master key. Returns whether it was wrapped by another."""
        raw = self.kept.read(key_id)
        if raw is None:  # destroyed in between
            return False
        kept = json.loads(raw)
        if kept["master"] == self._masters[0].name:
            return False
        self.kept.replace(key_id, _wrapped(self._masters[0], key_id, self._unwrapped(key_id, kept)), raw)
        return True

    @contextlib.contextmanager
    def _changing(self) -> Generator[None]:
        """Run the block while no other thread or process makes, wraps or destroys a key."""
        with self._lock, self.kept.changing():
            yield

    def use(self, masters: Sequence[MasterKey]) -> None:
        """Use these master keys from now on."""
        self._masters = tuple(masters)

    def _key(self, account: str) -> tuple[bytes, AESGCM]:
        """The key to seal with. Another process may have destroyed or replaced it: its file is looked at every time."""
        known = self._known.get(account)
        if known is not None and self.kept.version(known.place) == known.version:
            return known.key_id, known.key
        key_id = self._id(account)
        place = self.kept.place(key_id)
        self._held.pop(key_id, None)
        if not self.kept.has(key_id):
            with self._changing():
                if not self.kept.has(key_id):
                    self._make(key_id)
        key, version = self._read(key_id)
        if len(self._known) >= MAX_HELD_KEYS:
            self._known.clear()
        self._known[account] = _Known(key_id, key, place, version)
        return key_id, key

    def _make(self, key_id: bytes) -> None:
        """Make a key. Where the masters are rotated meanwhile, the new one wraps it, too."""
        made = secrets.token_bytes(KEY_BYTES)
        self._look_at_masters()
        self.kept.make(key_id, lambda: _wrapped(self._masters[0], key_id, made))
        if self._look_at_masters():
            self._rewrap(key_id)

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

    def _read(self, key_id: bytes) -> tuple[AESGCM, Version]:
        place = self.kept.place(key_id)
        version = self.kept.version(place)  # before it is read: what replaces it meanwhile is noticed the next time
        raw = self.kept.read(key_id)
        if raw is None:
            raise SealedError("the key of the value was destroyed")
        try:
            key = _cipher(self._unwrapped(key_id, json.loads(raw)))
        except (ValueError, KeyError, TypeError) as error:
            raise SealedError(f"{self.kept.name(key_id)} is damaged: {error}") from error
        self._held[key_id] = _Held(key, place, version)
        while len(self._held) > MAX_HELD_KEYS:
            self._held.popitem(last=False)
        return key, version

    def _unwrapped(self, key_id: bytes, kept: dict[str, str]) -> bytes:
        master = self._master(kept["master"])
        wrapped = base64.b64decode(kept["wrapped"], validate=True)
        key = _decrypted(_cipher(master.secret), wrapped, key_id)
        if key is None:
            raise SealedError(f"{self.kept.name(key_id)} is damaged")
        return key

    def _master(self, name: str) -> MasterKey:
        found = next((master for master in self._masters if master.name == name), None)
        if found is None and self._look_at_masters():  # they were rotated since
            found = next((master for master in self._masters if master.name == name), None)
        if found is None:
            raise SealedError(f"the master key {name} is not given")
        return found

    def _id(self, account: str) -> bytes:
        if not self._salt:
            self._salt = self.kept.salt()
        raw = account.encode("utf-8", "surrogatepass")
        return blake2b(raw, key=self._salt, digest_size=_ID_BYTES).digest()


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
