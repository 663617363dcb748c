"""Finds out what each column of a sheet holds: by its heading, in several languages, and by its cells."""

from __future__ import annotations

import re

import msgspec

from llmagent_os.plugins.finance.money import currency_of
from llmagent_os.plugins.finance.reading.date_format import date_order
from llmagent_os.plugins.finance.reading.number_format import bare_number
from llmagent_os.plugins.finance.reading.sheet import Sheet

#: Words of headings for each role, the surest first, in English, German, Spanish, French, Italian and Chinese.
_WORDS: dict[str, str] = {
    "date": (
        "booking date|transaction date|buchungstag|buchungsdatum|fecha operacion|fecha de operación|date operation|"
        "交易日期|date|datum|fecha|data|日期|valuta|value date|wertstellung"
    ),
    "debit": "debit|soll|lastschrift|belastung|cargo|débit|withdrawal|paid out|money out|ausgang|支出|addebiti",
    "credit": "credit|haben|gutschrift|abono|crédit|deposit|paid in|money in|eingang|收入|accrediti",
    "balance": "balance|saldo|kontostand|solde|余额",
    "amount": "amount|betrag|umsatz|importe|monto|montant|importo|金额|value|total",
    "quantity": "quantity|shares|units|stück|anzahl|stückzahl|cantidad|quantité|nominale|数量",
    "price": "price|close|adj close|kurs|preis|precio|prix|nav|价格|收盘价",
    "symbol": "symbol|ticker|isin|wkn|security|instrument|wertpapier|valor|代码",
    "currency": "currency|währung|ccy|moneda|divisa|devise|币种",
    "account": "account|account number|konto|kontonummer|auftragskonto|iban|cuenta|compte|账户",
    "payee": (
        "payee|merchant|beneficiary|counterparty|begünstigter|auftraggeber|empfänger|zahlungsbeteiligter|name|"
        "beneficiario|bénéficiaire|对方|comercio"
    ),
    "text": (
        "description|purpose|verwendungszweck|buchungstext|memo|details|reference text|concepto|libellé|descrizione|"
        "摘要|text|narrative|notes"
    ),
    "reference": "transaction id|fitid|transaction reference|referenznummer|id",
    "category": "category|kategorie|categoría|catégorie|类别",
}
#: What a column of directions says of money that went out, and of money that came in.
WENT_OUT = frozenset(("s", "soll", "d", "dr", "debit", "dbit", "-", "cargo", "out", "支出"))
CAME_IN = frozenset(("h", "haben", "c", "cr", "credit", "crdt", "+", "abono", "in", "收入"))
_NUMERIC = frozenset(("amount", "debit", "credit", "balance", "quantity", "price"))


def with_roles(sheet: Sheet) -> Sheet:
    """A sheet with the roles of its columns. What the reader of its format knew stays as it is."""
    if sheet.roles:
        return sheet
    found: dict[str, int] = {}
    for role, words in _WORDS.items():
        for word in words.split("|"):
            number = next(
                (n for n, name in enumerate(sheet.head) if n not in found.values() and _says(name, word)), None
            )
            if number is not None and _fits(sheet, role, number):
                found[role] = number
                break
    _by_cells(sheet, found)
    if ("debit" in found) != ("credit" in found) and "amount" not in found:
        found["amount"] = found.pop("debit") if "debit" in found else found.pop("credit")
    if "amount" in found and "debit" in found and "credit" in found:
        del found["amount"]
    return msgspec.structs.replace(sheet, roles=found)


def price_columns(sheet: Sheet) -> list[int]:
    """The columns of a sheet of prices that has a column for each symbol. Empty: it is no such sheet."""
    if "date" not in sheet.roles or set(sheet.roles) & {
        "amount",
        "debit",
        "credit",
        "payee",
        "text",
        "symbol",
        "balance",
    }:
        return []
    others = [number for number in range(len(sheet.head)) if number not in sheet.roles.values()]
    if "price" in sheet.roles:
        return []
    return others if others and all(_numeric(sheet, number) for number in others) else []


def _says(heading: str, word: str) -> bool:
    plain = " ".join(re.sub(r"[^\w]+", " ", heading.casefold()).split())
    return (
        word in plain
        if not word.isascii() and len(word) <= 4
        else re.search(rf"\b{re.escape(word)}\b", plain) is not None
    )


def _fits(sheet: Sheet, role: str, number: int) -> bool:
    cells = [row[number] for row in sheet.rows if row[number]]
    if role == "date":
        return bool(cells) and date_order(cells) != "?"
    if role in _NUMERIC:
        return bool(cells) and all(map(bare_number, cells))
    if role == "currency":
        return bool(cells) and all(map(currency_of, cells))
    return True


def _by_cells(sheet: Sheet, found: dict[str, int]) -> None:
    """Find the date, the amount and the text of a sheet whose headings say nothing."""
    free = [number for number in range(len(sheet.head)) if number not in found.values()]
    for role in ("date", "currency"):
        number = next((each for each in free if each not in found.values() and _fits(sheet, role, each)), None)
        if role not in found and number is not None:
            found[role] = number
    directions = (each for each in free if each not in found.values() and _is_direction(sheet, each))
    if (number := next(directions, None)) is not None:
        found["direction"] = number
    if "symbol" in found or set(found) & {"amount", "debit", "credit", "price", "quantity"}:
        return
    free = [number for number in free if number not in found.values()]
    texts = [number for number in free if not _numeric(sheet, number)]
    numbers = [number for number in free if _numeric(sheet, number)]
    if numbers and (len(numbers) == 1 or texts or set(found) & {"payee", "text"}):
        found["amount"] = numbers[0]
    if texts and not set(found) & {"payee", "text"}:
        found["payee"] = max(texts, key=lambda number: len({row[number] for row in sheet.rows}))


def _is_direction(sheet: Sheet, number: int) -> bool:
    cells = {row[number].casefold() for row in sheet.rows if row[number]}
    return bool(cells & WENT_OUT) and cells <= WENT_OUT | CAME_IN


def _numeric(sheet: Sheet, number: int) -> bool:
    cells = [row[number] for row in sheet.rows if row[number]]
    return bool(cells) and all(map(bare_number, cells))
