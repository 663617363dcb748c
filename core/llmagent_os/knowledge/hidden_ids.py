"""The ids of documents in the bases of people and workspaces: a keyed hash of what was taught.

A plain hash could be guessed: whoever sees an id, in a copy of the file or in a message of the platform, tries the
notes that people write. The key is random, of one base alone, and sealed where the base is.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Callable
from functools import partial

from llmagent_os.knowledge.base_schema import total
from llmagent_os.knowledge.base_sealing import ID_KEY, BaseSealing, keyed_hash

_KEY_BYTES = 32

#: Makes the id of a document from what was taught.
IdMaker = Callable[[str], str]


def open_ids(sql: sqlite3.Connection, sealing: BaseSealing | None) -> tuple[IdMaker, bool]:
    """What makes the ids of the open base, inside a transaction. Older ids that can be guessed are replaced.

    Returns:
        It, and whether ids were replaced: the file may still hold them.
    """
    key: str | None = total(sql, ID_KEY)
    if key is None and sealing is not None:  # it was made sealed
        made: IdMaker = sealing.hidden
    else:
        if key is None:
            key = secrets.token_hex(_KEY_BYTES)
            sql.execute("INSERT INTO totals VALUES (?, ?)", (ID_KEY, key))
        made = partial(keyed_hash, bytes.fromhex(key))
    found = sql.execute("SELECT document_id FROM documents WHERE document_id LIKE '____:%'").fetchall()
    for (old,) in found:
        for table in ("documents", "passages"):
            sql.execute(f"UPDATE {table} SET document_id = ? WHERE document_id = ?", (made(old), old))
    return made, bool(found)
