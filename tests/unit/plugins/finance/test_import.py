"""The import in a chat: nothing is guessed, doubled or lost."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.finance.transactions_export import export_csv
from tests.unit.plugins.finance.finance_person import Person
from tests.unit.plugins.finance.test_statements import CAMT, QIF, SGML

NOVEMBER = """date,payee,amount,currency
2026-11-02,Lidl,-30.00,EUR
2026-11-02,Lidl,-30.00,EUR
2026-11-20,Rent,-800.00,EUR
"""
OVERLAP = NOVEMBER + "2026-11-21,Ana,15.00,EUR\n"


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def told(result: ToolResult | None) -> str:
    assert result is not None
    return result.text


async def test_nothing_is_imported_before_the_person_agrees(person: Person) -> None:
    asked = await person.sends(NOVEMBER)
    assert asked is not None and asked.table is not None
    assert asked.data == {"status": "confirm", "count": "3", "known": "0"}
    assert "3 transactions, from 2 Nov 2026 to 20 Nov 2026" in asked.text
    assert (await person.types("list")).data["status"] == "empty"
    assert "3 transactions" in (await person.presses(asked, "Import")).text
    assert (await person.presses(asked, "Import")).data["status"] == "stale"
    assert (await person.types("list")).data["count"] == "3"


async def test_the_same_file_and_an_overlapping_one_double_nothing(person: Person) -> None:
    """Two purchases on one day that look alike are two, also in the next file."""
    await person.imports(NOVEMBER)
    assert told(await person.sends(NOVEMBER)) == "I have all 3 transactions of that file already."
    result = await person.imports(OVERLAP)
    assert result.data == {"status": "imported", "count": "1", "known": "3"}
    assert (await person.presses(result, "Undo")).text == "I have taken 1 transaction out again."
    assert (await person.types("list")).data["count"] == "3"


async def test_two_presses_at_once_import_once(person: Person) -> None:
    asked = await person.sends(NOVEMBER)
    results = await asyncio.gather(*(person.presses(asked, "Import") for _ in range(2)))
    assert sorted(result.data["status"] for result in results) == ["imported", "stale"]
    assert (await person.types("list")).data["count"] == "3"


@pytest.mark.parametrize("content", [SGML, CAMT], ids=["ofx", "camt"])
async def test_the_banks_own_numbers_recognise_a_transaction(person: Person, content: str) -> None:
    await person.imports(content, name="statement.ofx")
    assert told(
        await person.sends(content.replace("lunch", "dinner").replace("Strom", "Gas"), name="s.ofx")
    ).startswith("I have all")


async def test_dates_that_can_be_read_in_two_ways_are_asked_about(person: Person) -> None:
    asked = await person.sends("date;payee;amount;currency\n03/04/2026;Lidl;-1,50;EUR\n05/06/2026;Aldi;-2,50;EUR\n")
    assert told(asked) == "The dates in the file can be read in two ways. Which day is 03/04/2026?"
    asked = await person.presses(asked, "4 Mar 2026")
    assert "from 4 Mar 2026 to 6 May 2026" in asked.text


async def test_numbers_and_a_currency_that_are_open_are_asked_about(person: Person) -> None:
    asked = await person.sends("date;payee;amount\n2026-11-03;Car;-1.234\n")
    assert [button.label for button in (asked.buttons if asked else ())] == ["-1234", "-1.234"]
    asked = await person.presses(asked, "-1234")
    assert asked.data["need"] == "currency"
    asked = await person.types("in SEK")
    await person.presses(asked, "Import")
    assert "SEK" in (await person.types("list")).data["newest"]
    assert "1,234.00" in (await person.types("list")).data["newest"]


async def test_columns_are_corrected(person: Person) -> None:
    content = "one;two;three;four\n2026-11-03;9,00;Lidl;-1,50\n2026-11-04;8,00;Aldi;-2,50\n"
    await person.sends(content)
    await person.types("in EUR")
    asked = await person.types("columns amount=four payee=three")
    assert asked.table is not None and asked.table.rows[0][1:] == ("-€1.50", "Lidl")
    assert "no-such" in (await person.types("columns amount=no-such")).text


async def test_several_files_are_asked_about_one_after_the_other(person: Person) -> None:
    await person.imports(NOVEMBER, OVERLAP)
    assert (await person.types("list")).data["count"] == "4"


async def test_words_agree_only_to_what_was_asked(person: Person) -> None:
    asked = await person.sends(NOVEMBER)
    meant = await person.plugins.button_meant(person.context("yes", question=told(asked)))
    assert meant is not None and meant.startswith("finance:import:")
    assert await person.plugins.button_meant(person.context("yes", question="Shall I delete it?")) is None


@pytest.mark.parametrize(
    ("name", "content"), [("photo.png", b"\x89PNG"), ("notes.xml", b"<a/>"), ("letter.pdf", b"%PDF")]
)
async def test_files_for_others_are_left_alone(person: Person, name: str, content: bytes) -> None:
    assert await person.sends(content, name=name) is None


async def test_a_hostile_file_gets_a_clear_answer_and_leaves_nothing(person: Person) -> None:
    assert "archive" in told(await person.sends(b"PK\x03\x04" + b"\0" * 100))
    assert await person.records.items() == []


async def test_an_export_holds_no_formula_and_can_be_imported_again(person: Person, tmp_path: Path) -> None:
    await person.imports(NOVEMBER + '2026-11-21,"=HYPERLINK(""http://x"")",-1.00,EUR\n2026-11-22,@SUM(A1),2.00,EUR\n')
    await person.types("export")
    content = person.files.written["transactions.csv"]
    lines = content.decode("utf-8-sig").splitlines()
    assert not any(cell.lstrip('"').startswith(("=", "@", "+")) for line in lines for cell in line.split(","))
    other = Person(tmp_path)
    await other.imports(content)
    assert (await other.types("list")).data["count"] == "5"
    assert export_csv([], {}).startswith(b"\xef\xbb\xbf")


async def test_a_qif_file_from_the_chat(person: Person) -> None:
    asked = await person.sends(QIF, name="bank.qif")
    result = await person.presses(await person.presses(asked, "EUR"), "Import")
    assert result.data["count"] == "2"
    assert (await person.types("list")).table.rows[0][4] == "Giro"  # type: ignore[union-attr]


async def test_amounts_without_a_sign_follow_their_direction(person: Person) -> None:
    await person.imports("Datum;Empfänger;Umsatz;S/H;Währung\n3.11.2026;Lidl;10,00;S;EUR\n4.11.2026;Lohn;99,00;H;EUR\n")
    assert "-€10.00 Lidl" in (await person.types("list")).data["newest"]
    assert " €99.00 Lohn" in (await person.types("list")).data["newest"]


async def test_a_card_whose_payments_are_above_zero_is_swapped(person: Person) -> None:
    asked = await person.sends(NOVEMBER.replace("-", "−").replace("2026−11−", "2026-11-").replace("−", ""))
    result = await person.presses(await person.presses(asked, "Swap in and out"), "Import")
    assert result.data["count"] == "3"
    assert (await person.types("spending")).data["total"] == "€860.00"


async def test_a_file_that_nobody_confirms_is_forgotten(person: Person) -> None:
    await person.sends(NOVEMBER)
    (key,) = person.timers.pending
    assert await person.plugins.due("finance", key, person.now, person.context()) is None
    assert await person.records.items() == []


async def test_all_is_deleted_only_after_a_question(person: Person) -> None:
    await person.imports(NOVEMBER)
    asked = await person.types("clear transactions")
    assert (await person.types("list")).data["count"] == "3"
    await person.presses(asked, "Delete")
    assert (await person.types("list")).data["status"] == "empty"
