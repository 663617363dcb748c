"""Codes that people read off one screen and type into another.

>>> read("k7qm 2wxd."), read("`K7QM-2WXD`"), read("K7QM"), read("K7QM-2WXO")
('K7QM-2WXD', 'K7QM-2WXD', None, None)
"""

from __future__ import annotations

import re
import secrets

#: Without what is easily taken for something else: 0 and O, 1 and I and L, U and V.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

LENGTH = 8  #: characters: 6.5e11 codes


def new_code() -> str:
    """A code that nobody can guess."""
    return _written("".join(secrets.choice(ALPHABET) for _ in range(LENGTH)))


def read(text: str) -> str | None:
    """The code that somebody has typed, however they wrote it; None: it is none."""
    bare = re.sub(r"[\s`'\"<>.,–—-]", "", text).upper()
    return _written(bare) if len(bare) == LENGTH and set(bare) <= set(ALPHABET) else None


def _written(bare: str) -> str:
    return f"{bare[: LENGTH // 2]}-{bare[LENGTH // 2 :]}"
