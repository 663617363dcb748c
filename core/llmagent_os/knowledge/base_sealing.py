"""Encryption at rest of one base: its texts are sealed, and its index holds keyed hashes in place of words.

A search for a word looks for the word's hash, so that FTS5 finds and counts as it does with words. The hash is keyed by
random bytes, which lie in the base, sealed by the key of the account that the base is of. Whoever has the file alone
sees how often a hash occurs, and not of which word it is. What is lost with the key is lost in every copy of the base.
"""

from __future__ import annotations

import secrets
import sqlite3
from hashlib import blake2b
from pathlib import Path

from llmagent_os.errors import ConfigError
from llmagent_os.sealing.key_ring import MARK, KeyRing, SealedError
from llmagent_os.sealing.mounts import ring_of

#: The row of ``totals`` with the sealed key of the hashes. It is there in a sealed base only.
TERM_KEY = "term_key"

#: The row of ``totals`` with the key of the ids of documents; see :mod:`llmagent_os.knowledge.hidden_ids`.
ID_KEY = "id_key"

_HASH_BYTES = 8
_KEY_BYTES = 32

#: The columns that are sealed, by table and its primary key.
_SEALED = {
    "documents": ("rowid", ("title", "source", "added_by", "digest")),
    "passages": ("passage_id", ("title", "place", "text", "about")),
}


class BaseSealing:
    """Seals the texts of one open base, and hides the terms of its index."""

    def __init__(self, ring: KeyRing, account: str, term_key: bytes) -> None:
        """Args:
        ring: has the key of the account.
        account: whose base it is; empty: no person's.
        term_key: of the hashes.
        """
        self._ring = ring
        self._account = account
        self._term_key = term_key

    def sealed(self, text: str) -> str:
        """``text``, sealed. What is empty stays empty: the base tells by it what is not there."""
        return self._ring.seal_text(self._account, text) if text else ""

    def hidden(self, word: str) -> str:
        """What stands for ``word`` in the index, and wherever the base must find it again."""
        return keyed_hash(self._term_key, word) if word else ""


def keyed_hash(key: bytes, word: str) -> str:
    """What stands for ``word`` where only the holder of the key may tell which word it is."""
    return blake2b(word.encode("utf-8", "surrogatepass"), key=key, digest_size=_HASH_BYTES).hexdigest()


def open_sealing(sql: sqlite3.Connection, path: Path | None, account: str) -> tuple[BaseSealing | None, bool]:
    """How the base in ``path`` is sealed, and have its texts opened as they are read.

    A base that was written before there was a key is sealed now. Its index is then of words: it must be built again.

    Args:
        sql: the open base.
        path: its file; None: it is in memory, and not sealed.
        account: whose base it is.

    Returns:
        None: it is not sealed; and whether it was sealed just now.

    Raises:
        ConfigError: the base is sealed, and its folder is not mounted, or its key was destroyed.
    """
    ring = ring_of(path)
    row = sql.execute("SELECT value FROM totals WHERE name = ?", (TERM_KEY,)).fetchone()
    if ring is None:
        if row is not None:
            raise ConfigError(
                f"the knowledge base {path} is encrypted: set LLMAGENT_OS_ENCRYPTION_KEY or "
                "LLMAGENT_OS_ENCRYPTION_KEY_FILE to its key"
            )
        return None, False

    def opened(raw: bytes) -> str:
        return (ring.open_text(raw) if raw.startswith(MARK) else raw).decode("utf-8", "replace")

    sql.text_factory = opened
    if row is not None:
        try:
            return BaseSealing(ring, account, ring.open(row[0])), False
        except SealedError as error:
            raise ConfigError(f"the knowledge base {path} cannot be decrypted: {error}") from error
    term_key = secrets.token_bytes(_KEY_BYTES)
    sealing = BaseSealing(ring, account, term_key)
    sql.execute("INSERT INTO totals VALUES (?, ?)", (TERM_KEY, ring.seal(account, term_key)))
    return sealing, _seal_rows(sql, sealing)


def _seal_rows(sql: sqlite3.Connection, sealing: BaseSealing) -> bool:
    """Seal what is there. Returns whether there was anything."""
    count = 0
    for table, (key, columns) in _SEALED.items():
        for row in sql.execute(f"SELECT {key}, {', '.join(columns)} FROM {table}").fetchall():
            values = [sealing.sealed(value) for value in row[1:]]
            names = ", ".join(f"{column} = ?" for column in columns)
            sql.execute(f"UPDATE {table} SET {names} WHERE {key} = ?", (*values, row[0]))
            count += 1
    for passage_id, key in sql.execute("SELECT passage_id, key FROM passages WHERE key <> ''").fetchall():
        sql.execute("UPDATE passages SET key = ? WHERE passage_id = ?", (sealing.hidden(key), passage_id))
    for (key,) in sql.execute("SELECT value FROM totals WHERE name = ?", (ID_KEY,)).fetchall():
        sql.execute("UPDATE totals SET value = ? WHERE name = ?", (sealing.sealed(key), ID_KEY))
        count += 1
    return count > 0
