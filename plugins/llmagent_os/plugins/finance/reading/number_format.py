"""How a column writes numbers: which mark is the decimal one, decided from all of its cells."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.money import currency_of
from llmagent_os.plugins.finance.reading.statement_error import StatementError

_SPACES = re.compile(r"[\s\u00a0\u202f'’]")
_NUMBER = re.compile(r"[-+]?(?:\d+|\d{1,3}(?:[.,]\d{2,3})+)(?:[.,]\d*)?|[-+]?[.,]\d+")
_UNIT = re.compile(r"[A-Za-z]{3}|[€$£¥₹₩₺₽%]|zł|kr")


def bare_number(cell: str) -> str:
    """A number without its currency, its spaces and apostrophes, and with its sign in front; empty: it is none.

    >>> bare_number("(1'234.56)"), bare_number("12,50- €"), bare_number("−3"), bare_number("3 Apr")
    ('-1234.56', '-12,50', '-3', '')
    """
    text = _SPACES.sub("", cell).replace("−", "-").replace("–", "-")
    if text and not (text[0].isdigit() and text[-1].isdigit()):
        text = _UNIT.sub(lambda found: "" if _is_unit(found[0]) else found[0], text, count=1)
    if text.startswith("(") and text.endswith(")"):
        text = f"-{text[1:-1]}"
    if text[-1:] in "-+" and text[:1] not in ("-", "+"):
        text = text[-1:] + text[:-1]
    return text if len(text) <= 30 and _NUMBER.fullmatch(text) else ""


def _is_unit(word: str) -> bool:
    return not word.isascii() or word in "$%kr" or bool(currency_of(word))


def decimal_mark(cells: Iterable[str]) -> str:
    """The decimal mark of a column: ``.`` or ``,``; empty: its numbers can be read both ways.

    Raises:
        StatementError: two cells contradict each other.

    >>> decimal_mark(["1.234,56"]), decimal_mark(["1,234", "0.5"]), decimal_mark(["1.234"]), decimal_mark(["12"])
    (',', '.', '', '.')
    """
    proofs: dict[str, str] = {}
    is_open = False
    for cell in cells:
        number = bare_number(cell).lstrip("+-")
        marks = [each for each in number if each in ".,"]
        if not marks:
            continue
        other = {".": ",", ",": "."}
        whole, _, part = number.rpartition(marks[-1])
        if len(set(marks)) == 2:
            proofs.setdefault(marks[-1], cell)
        elif len(marks) > 1:
            proofs.setdefault(other[marks[0]], cell)
        elif len(part) != 3 or len(whole) > 3 or whole in ("", "0"):
            proofs.setdefault(marks[0], cell)
        else:
            is_open = True
    if len(proofs) == 2:
        raise StatementError(
            gettext(
                "The amounts “{one}” and “{other}” are written in two ways, so I cannot tell what they mean. "
                "Please export the file again with one number format.",
                one=proofs["."][:30],
                other=proofs[","][:30],
            )
        )
    return next(iter(proofs), "" if is_open else ".")


def read_number(cell: str, decimal: str) -> Decimal | None:
    """The number in a cell; None: it is none in this format.

    >>> read_number("1.234,56", ","), read_number("1'234.56", "."), read_number("1,2,3", ".")
    (Decimal('1234.56'), Decimal('1234.56'), None)
    """
    number = bare_number(cell)
    group = "," if decimal == "." else "."
    whole, _, part = number.partition(decimal)
    if not number or group in part or decimal in part:
        return None
    if group in whole and not re.fullmatch(
        rf"[-+]?\d{{1,3}}(?:{re.escape(group)}\d{{2,3}})*{re.escape(group)}\d{{3}}", whole
    ):
        return None
    digits = whole.replace(group, "")
    if len(digits.lstrip("+-")) > 15:
        return None
    return Decimal(f"{digits if digits.strip('+-') else digits + '0'}.{part or '0'}") if part else Decimal(digits)
