"""Makes and reads codes that people copy from one screen to another.

>>> read("k7qm 2wxd."), read("`K7QM-2WXD`"), read("K7QM"), read("K7QM-2WXO")
('K7QM-2WXD', 'K7QM-2WXD', None, None)
"""

from __future__ import annotations

import re
import secrets

#: Characters that are not easily mistaken: 0 and O, 1, I and L, and U are left out.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"

CODE_CHARACTERS = 8  #: that makes 6.5e11 codes


def new_code() -> str:
    """A new code that nobody can guess."""
    return _written("".join(secrets.choice(ALPHABET) for _ in range(CODE_CHARACTERS)))


def read(text: str) -> str | None:
    """The code in ``text``, in whatever way it was typed. None: ``text`` is no code."""
    bare = re.sub(r"[\s`'\"<>.,–—-]", "", text).upper()
    return _written(bare) if len(bare) == CODE_CHARACTERS and set(bare) <= set(ALPHABET) else None


def _written(bare: str) -> str:
    return f"{bare[: CODE_CHARACTERS // 2]}-{bare[CODE_CHARACTERS // 2 :]}"
