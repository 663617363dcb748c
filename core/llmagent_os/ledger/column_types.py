"""The types of the tables' columns, for ``schema``, ``shared_tables`` and the migrations.

On PostgreSQL, text is sorted by its bytes, and a whole number has eight of them, as on SQLite.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

#: The type of a text column.
TEXT: sa.types.TypeEngine[Any] = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

#: The type of a column of whole numbers.
WHOLE: sa.types.TypeEngine[Any] = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
