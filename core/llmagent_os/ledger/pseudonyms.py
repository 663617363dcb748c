"""Keyed hashes that stand for ids of which a ledger must recognise another sight without keeping them.

Such are the ids of answered events, which tell a redelivery, the accounts that gave wrong codes, and the accounts that
were let in and have been forgotten. The key is the ledger's own and random: without the ledger's file nobody can find
out which id a hash stands for. SQL has it as the function ``pseudonym``.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import partial
from typing import Any

#: Begins every pseudonym: no id of a platform does.
MARK = "~"

_NAME = "pseudonyms"  #: of the key
_SELECT = "SELECT value FROM keys WHERE name = ?"


def make_pseudonym(key: bytes, text: str) -> str:
    """The pseudonym of ``text``: 33 characters.

    >>> make_pseudonym(b"key", "slack:T1:U7") == make_pseudonym(b"key", "slack:T1:U7")
    True
    """
    raw = text.encode(errors="surrogatepass")
    return MARK + hashlib.blake2b(raw, key=key, digest_size=16).hexdigest()


def key_of(driver: Any) -> bytes:
    """The ledger's key. It is made where there is none."""
    stored = driver.execute(_SELECT, (_NAME,)).fetchone()
    if stored is None:  # another process may be making it at the same moment: the first one wins
        driver.execute("INSERT OR IGNORE INTO keys (name, value) VALUES (?, ?)", (_NAME, secrets.token_hex(32)))
        stored = driver.execute(_SELECT, (_NAME,)).fetchone()
    return bytes.fromhex(stored[0])


def add_function(driver: Any) -> None:
    """Give SQL the function ``pseudonym``."""
    driver.create_function("pseudonym", 1, partial(make_pseudonym, key_of(driver)), deterministic=True)
