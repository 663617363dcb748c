"""A sheet: what a file holds, as columns of text, before anything in it is understood."""

from __future__ import annotations

import msgspec

MAX_FILE_BYTES = 5_000_000
MAX_ROWS = 20_000
MAX_COLUMNS = 60
MAX_CELL = 500  #: characters

#: What a column can hold. ``amount`` is signed; ``debit`` and ``credit`` are what goes out and what comes in;
#: ``direction`` says which of both an amount without a sign is.
ROLES = (
    *("date", "amount", "debit", "credit", "payee", "text", "currency", "account", "balance", "reference"),
    *("category", "symbol", "quantity", "price", "direction"),
)


class StatedBalance(msgspec.Struct, frozen=True):
    """The balance of an account that a file states."""

    account: str
    day: str  #: ISO 8601
    amount: str  #: with a decimal point
    currency: str


class Sheet(msgspec.Struct, frozen=True):
    """The rows of one file."""

    kind: str  #: ``CSV``, ``OFX``, ``QIF`` or ``CAMT.053``
    head: tuple[str, ...]  #: the names of the columns
    rows: tuple[tuple[str, ...], ...]  #: each as long as the head
    roles: dict[str, int] = {}  #: the column of each role that is known
    date_order: str = ""  #: ``YMD``, ``DMY`` or ``MDY``; empty: not decided
    decimal: str = ""  #: the decimal mark, ``.`` or ``,``; empty: not decided
    currency: str = ""  #: of all amounts where no column says it; empty: not known
    account: str = ""  #: of all rows where no column says it
    swapped: bool = False  #: amounts above 0 went out
    balances: tuple[StatedBalance, ...] = ()

    def column(self, role: str) -> list[str]:
        """The cells of the column of a role; empty: there is no such column."""
        return [row[self.roles[role]] for row in self.rows] if role in self.roles else []
