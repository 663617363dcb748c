"""Reads CAMT.053, the XML statement of ISO 20022 (``BkToCstmrStmt``)."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from llmagent_os.languages import gettext
from llmagent_os.plugins.finance.reading.sheet import MAX_CELL, MAX_ROWS, Sheet, StatedBalance
from llmagent_os.plugins.finance.reading.statement_error import StatementError
from llmagent_os.plugins.finance.reading.xml_reading import read_xml

HEAD = ("date", "amount", "payee", "text", "currency", "account", "reference")


def read_camt(text: str) -> Sheet:
    """Read the text of a file. Pending entries (``Sts`` is not ``BOOK``) are left out.

    Raises:
        StatementError: it is no sound CAMT.053 file.
    """
    rows: list[tuple[str, ...]] = []
    balances: list[StatedBalance] = []
    for statement in read_xml(text).iter("Stmt"):
        account = _first(statement, "Acct/Id/IBAN", "Acct/Id/Othr/Id")
        for balance in statement.findall("Bal"):
            amount = balance.find("Amt")
            if _first(balance, "Tp/CdOrPrtry/Cd") == "CLBD" and amount is not None:
                day = _first(balance, "Dt/Dt", "Dt/DtTm")[:10]
                balances.append(StatedBalance(account, day, _signed(balance), amount.get("Ccy", "")))
        for entry in statement.findall("Ntry"):
            if _first(entry, "Sts/Cd", "Sts") in ("BOOK", ""):
                rows += _rows(entry, account)
    if not rows:
        raise StatementError(gettext("There is no booked transaction in the file."))
    if len(rows) > MAX_ROWS:
        raise StatementError(
            gettext("The file has more than {count} rows. Please send it in parts.", count=f"{MAX_ROWS:,}")
        )
    roles = {role: number for number, role in enumerate(HEAD)}
    return Sheet("CAMT.053", HEAD, tuple(rows), roles, "YMD", ".", balances=tuple(balances))


def _rows(entry: Element, account: str) -> list[tuple[str, ...]]:
    """One row for an entry; several if it is a batch whose parts have amounts of their own that add up."""
    amount = entry.find("Amt")
    currency = "" if amount is None else amount.get("Ccy", "")
    day = _first(entry, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt", "ValDt/DtTm")[:10]
    reference = _first(entry, "AcctSvcrRef", "NtryRef")
    is_out = _first(entry, "CdtDbtInd") == "DBIT"
    other = "Cdtr" if is_out else "Dbtr"
    details = entry.findall("NtryDtls/TxDtls")
    if len(details) < 2 or any(each.find("Amt") is None for each in details):
        details = details[:1] or [entry]
        amounts = [_signed(entry)]
    else:
        amounts = [("-" if is_out else "") + _first(each, "Amt") for each in details]
    rows: list[tuple[str, ...]] = []
    for number, (each, signed) in enumerate(zip(details, amounts, strict=True)):
        payee = _first(each, f"RltdPties/{other}/Nm", f"RltdPties/{other}/Pty/Nm")
        texts = [found.text.strip() for found in each.findall("RmtInf/Ustrd") if found.text]
        told = " ".join(texts) or _first(entry, "AddtlNtryInf")
        own = f"{reference}/{number}" if reference and len(details) > 1 else reference
        rows.append((day, signed, payee[:MAX_CELL], told[:MAX_CELL], currency, account, own[:MAX_CELL]))
    return rows


def _signed(element: Element) -> str:
    return ("-" if _first(element, "CdtDbtInd") == "DBIT" else "") + _first(element, "Amt")


def _first(element: Element, *paths: str) -> str:
    """The first text that one of the paths leads to."""
    found = (element.findtext(path) for path in paths)
    return next((text.strip() for text in found if text and text.strip()), "")
