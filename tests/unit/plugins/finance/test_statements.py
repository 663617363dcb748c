"""Files of banks: an amount or a date that is read wrongly is a wrong number in every answer."""

from __future__ import annotations

import gzip
from datetime import date
from decimal import Decimal

import msgspec
import pytest

from llmagent_os.plugins.finance.holdings.holding_rows import content_of
from llmagent_os.plugins.finance.reading.file_reading import read_statement
from llmagent_os.plugins.finance.reading.number_format import decimal_mark, read_number
from llmagent_os.plugins.finance.reading.sheet import MAX_FILE_BYTES, MAX_ROWS
from llmagent_os.plugins.finance.reading.statement_error import StatementError
from llmagent_os.plugins.finance.statement_rows import transactions_of

GERMAN = """Kontoauszug;;;;
Kontoinhaber;Ana Muster;;;
Buchungstag;Wertstellung;Begünstigter/Zahlungspflichtiger;Verwendungszweck;Betrag;Währung;Saldo
13.11.2026;14.11.2026;Lidl Dienstleistung;Einkauf;-1.234,56;EUR;5.000,00
30.10.26;30.10.26;Bäckerei Süß;"Brot; und Brötchen";-3,20;EUR;6.234,56
"""
AMERICAN = """Date,Description,Debit,Credit
11/03/2026,WHOLE FOODS,"1,234.56",
11/28/2026,PAYROLL,,"2,500.00"
"""
SWISS = "Datum\tText\tBetrag CHF\n03.11.2026\tMigros\t-1'234.56\n04.11.2026\tLohn\t5’000.00\n"
CHINESE = "交易日期,摘要,金额,币种\n2026年11月3日,超市,-25.50,CNY\n2026年11月4日,工资,8000.00,CNY\n"
SPANISH = "Fecha;Concepto;Importe\n3/11/2026;MERCADONA;-12,5\n13/11/2026;NÓMINA;1.500,00 €\n"
SGML = """OFXHEADER:100
DATA:OFXSGML
ENCODING:USASCII

<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>USD
<BANKACCTFROM><BANKID>1<ACCTID>42<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20261101
<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>20261103120000[-5:EST]<TRNAMT>-12.50<FITID>a1<NAME>Joe &amp; Co<MEMO>lunch</STMTTRN>
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261104<TRNAMT>+100,00<FITID>a2<NAME>Pay</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>87.50<DTASOF>20261105</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>"""
QIF = "!Account\nNGiro\nTBank\n^\n!Type:Bank\nD13/11'26\nT-1.234,56\nPLidl\nMfood\n^\nD2/11'26\nT5,00\nPAna\n^\n"
CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt><Stmt>
<Acct><Id><IBAN>DE02120300000000202051</IBAN></Id></Acct>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">950.00</Amt><CdtDbtInd>CRDT</CdtDbtInd>
<Dt><Dt>2026-11-05</Dt></Dt></Bal>
<Ntry><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-11-03</Dt></BookgDt>
<AcctSvcrRef>r1</AcctSvcrRef><NtryDtls><TxDtls><RltdPties><Cdtr><Nm>Stadtwerke</Nm></Cdtr></RltdPties>
<RmtInf><Ustrd>Strom</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
<BookgDt><Dt>2026-11-04</Dt></BookgDt>
<AcctSvcrRef>r2</AcctSvcrRef><NtryDtls><TxDtls><Amt Ccy="EUR">10.00</Amt></TxDtls>
<TxDtls><Amt Ccy="EUR">20.00</Amt></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">9.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>PDNG</Sts></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


@pytest.mark.parametrize(
    ("content", "kind", "told"),
    [
        (
            GERMAN.encode("cp1252"),
            "CSV",
            [
                (date(2026, 11, 13), "-1234.56", "EUR", "Lidl Dienstleistung"),
                (date(2026, 10, 30), "-3.20", "EUR", "Bäckerei Süß"),
            ],
        ),
        (
            AMERICAN.encode(),
            "CSV",
            [(date(2026, 11, 3), "-1234.56", "EUR", "WHOLE FOODS"), (date(2026, 11, 28), "2500.00", "EUR", "PAYROLL")],
        ),
        (
            SWISS.encode("utf-16"),
            "CSV",
            [(date(2026, 11, 3), "-1234.56", "EUR", "Migros"), (date(2026, 11, 4), "5000.00", "EUR", "Lohn")],
        ),
        (
            CHINESE.encode("gb18030"),
            "CSV",
            [(date(2026, 11, 3), "-25.50", "CNY", "超市"), (date(2026, 11, 4), "8000.00", "CNY", "工资")],
        ),
        (
            SPANISH.encode(),
            "CSV",
            [(date(2026, 11, 3), "-12.5", "EUR", "MERCADONA"), (date(2026, 11, 13), "1500.00", "EUR", "NÓMINA")],
        ),
        (
            SGML.encode(),
            "OFX",
            [(date(2026, 11, 3), "-12.50", "USD", "Joe & Co"), (date(2026, 11, 4), "100.00", "USD", "Pay")],
        ),
        (
            QIF.encode(),
            "QIF",
            [(date(2026, 11, 13), "-1234.56", "EUR", "Lidl"), (date(2026, 11, 2), "5.00", "EUR", "Ana")],
        ),
        (
            CAMT.encode(),
            "CAMT.053",
            [
                (date(2026, 11, 3), "-50.00", "EUR", "Stadtwerke"),
                (date(2026, 11, 4), "-10.00", "EUR", "–"),
                (date(2026, 11, 4), "-20.00", "EUR", "–"),
            ],
        ),
    ],
    ids=["german", "american", "swiss", "chinese", "spanish", "ofx", "qif", "camt"],
)
def test_files_of_several_countries_are_read(content: bytes, kind: str, told: list[tuple[date, str, str, str]]) -> None:
    sheet = read_statement(content)
    assert (sheet.kind, content_of(sheet)) == (kind, "transactions")
    assert sheet.date_order and sheet.decimal
    found = transactions_of(msgspec.structs.replace(sheet, currency=sheet.currency or "EUR"))
    assert [(each.day, each.amount, each.currency, each.name) for each in found] == [
        (day, Decimal(amount), currency, name) for day, amount, currency, name in told
    ]


def test_the_account_and_the_balance_are_read() -> None:
    assert read_statement(QIF.encode()).account == "Giro"
    for content, account, amount in ((SGML, "42", "87.50"), (CAMT, "DE02120300000000202051", "950.00")):
        sheet = read_statement(content.encode())
        assert {row[sheet.roles["account"]] for row in sheet.rows} == {account}
        assert [(each.account, each.amount) for each in sheet.balances] == [(account, amount)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x" * (MAX_FILE_BYTES + 1), "larger than 5 MB"),
        (gzip.compress(b"0" * 10_000_000), "archive"),
        (b"PK\x03\x04anything", "archive"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "no text"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', "document type"),
        ('<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b">]><a>&b;</a>'.encode("utf-16"), "document type"),
        (b"<Document>" + b"<a>" * 200 + b"</a>" * 200 + b"</Document>", "depth > 50"),
        (b"<Document><Stmt>", "damaged"),
        (b"<Document/>", "no booked transaction"),
        (b"<OFX><STMTRS></STMTRS></OFX>", "no booked transaction"),
        (b"!Type:Bank\nD1/1/26\n", "no booked transaction"),
        (b"just words\nand more words", "no columns"),
        (b"a;b\nc;d\n", "no row with a number"),
        (b"date,amount\n" + b"2026-11-01,1\n" * (MAX_ROWS + 200), "more than 20,000 rows"),
        (b"date;amount\n1.11.2026;1.234,56\n2.11.2026;1,234.56\n", "written in two ways"),
        (b"date,amount\n2026-11-01," + b"9" * 200_000 + b"\n", "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # gzip writes the time
)
def test_a_file_that_cannot_be_read_says_why(content: bytes, told: str) -> None:
    with pytest.raises(StatementError, match=told):
        read_statement(content)


def test_a_row_that_cannot_be_read_is_named() -> None:
    sheet = read_statement(b"date;payee;amount\n2026-11-01;Lidl;-1,50\n2026-11-02;Aldi;-2,50\n")
    broken = msgspec.structs.replace(sheet, rows=(sheet.rows[0], ("2026-11-31", "Aldi", "-1,00")))
    with pytest.raises(StatementError, match="Row 2: “2026-11-31”"):
        transactions_of(broken)
    broken = msgspec.structs.replace(sheet, rows=(sheet.rows[0], ("2026-11-30", "Aldi", "x")))
    with pytest.raises(StatementError, match="Row 2: “x”"):
        transactions_of(broken)


@pytest.mark.parametrize(
    ("cell", "decimal", "value"),
    [
        ("1,23,456.00", ".", "123456.00"),
        ("12.50-", ".", "-12.50"),
        ("(3,00)", ",", "-3.00"),
        ("1 234,56 €", ",", "1234.56"),
        ("USD 1,234", ".", "1234"),
        (".5", ".", "0.5"),
        ("1.2.3", ",", None),
        ("1e5", ".", None),
        ("12,34", ".", None),
        ("１２", ".", "12"),
    ],
)
def test_numbers(cell: str, decimal: str, value: str | None) -> None:
    assert read_number(cell, decimal) == (None if value is None else Decimal(value))


def test_a_column_that_can_be_read_both_ways_is_not_guessed() -> None:
    assert decimal_mark(["1.234", "5.678"]) == ""
    assert decimal_mark(["1.234", "5.67"]) == "."
    assert decimal_mark(["1.234", "1.234.567"]) == ","
