"""Reads QIF: a letter and a value on each line, ``^`` after each transaction.

The format says nothing of the order of its dates and of its decimal mark. So they are decided from all of its rows, as
with CSV. The library quiffen wants both to be known before.
"""

from __future__ import annotations

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.reading.sheet import MAX_CELL, MAX_ROWS, Sheet
from llmagent_os.plugins.finance.reading.statement_error import StatementError

HEAD = ("date", "amount", "payee", "text", "category", "reference")
_LETTERS = {"D": 0, "T": 1, "U": 1, "P": 2, "M": 3, "L": 4}
_BANK = ("!type:bank", "!type:cash", "!type:ccard", "!type:oth")


def read_qif(text: str) -> Sheet:
    """Read the text of a file. Lists of categories, accounts and securities are left out.

    Raises:
        StatementError: it holds no transaction, or too many.
    """
    rows: list[tuple[str, ...]] = []
    row = [""] * len(HEAD)
    is_bank, account, in_account = False, "", False
    for line in text.splitlines():
        if line.startswith("!"):
            is_bank = line.lower().startswith(_BANK)
            in_account = line.lower().startswith("!account")
        elif line.startswith("^"):
            if is_bank and row[0] and row[1]:
                rows.append(tuple(row))
            row = [""] * len(HEAD)
        elif in_account and line.startswith("N"):
            account = line[1:].strip()[:MAX_CELL]
        elif is_bank and line[:1] in _LETTERS and not row[_LETTERS[line[:1]]]:
            row[_LETTERS[line[:1]]] = line[1:].strip()[:MAX_CELL]
    if not rows:
        raise StatementError(gettext("There is no booked transaction in the file."))
    if len(rows) > MAX_ROWS:
        raise StatementError(
            gettext("The file has more than {count} rows. Please send it in parts.", count=f"{MAX_ROWS:,}")
        )
    roles = {role: number for number, role in enumerate(HEAD) if role != "reference"}
    return Sheet("QIF", HEAD, tuple(rows), roles, account=account)
