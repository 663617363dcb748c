"""Keyed hashes that stand for ids of which a ledger must recognise another sight without keeping them.

Such are the ids of answered events, which tell a redelivery, the accounts that gave wrong codes, and the accounts that
were let in and have been forgotten. The key is the ledger's own and random: without the ledger nobody can find out
which id a hash stands for. ``Database.pseudonym`` makes them.
"""

from __future__ import annotations

import hashlib
import secrets

import sqlalchemy as sa

from llmagent_os.ledger.portable import insert_or_ignore
from llmagent_os.ledger.schema import keys

#: Begins every pseudonym: no id of a platform does.
MARK = "~"

_NAME = "pseudonyms"  #: of the key


def make_pseudonym(key: bytes, text: str) -> str:
    """The pseudonym of ``text``: 33 characters.

    >>> make_pseudonym(b"key", "slack:T1:U7") == make_pseudonym(b"key", "slack:T1:U7")
    True
    """
    raw = text.encode(errors="surrogatepass")
    return MARK + hashlib.blake2b(raw, key=key, digest_size=16).hexdigest()


def key_of(sql: sa.Connection) -> bytes:
    """The ledger's key. It is made where there is none."""
    query = sa.select(keys.c.value).where(keys.c.name == _NAME)
    stored = sql.execute(query).scalar()
    if stored is None:  # another process may be making it at the same moment: the first one wins
        sql.execute(insert_or_ignore(keys).values(name=_NAME, value=secrets.token_hex(32)))
        stored = sql.execute(query).scalar_one()
    return bytes.fromhex(stored)
