"""Documents of every kind. What breaks without this: the bot knows nothing of a handbook that it says it has read."""

from __future__ import annotations

import asyncio
import json
import sys
import zipfile
from pathlib import Path

import pytest
from pypdf import PdfReader, PdfWriter

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge import document_readers, reading
from llmagent_os.knowledge.document_readers import UnreadableError, read_content, read_document
from llmagent_os.knowledge.passages import Section
from llmagent_os.knowledge.reading import read_apart, read_file_apart
from llmagent_os.modules import KnowledgeBase
from tests.documents import write_docx, write_html, write_pdf


def test_a_pdf_is_read_page_by_page(tmp_path: Path) -> None:
    found = read_document(write_pdf(tmp_path / "a.pdf", ["Everybody has 30 days.", "Park here."], title="Handbook"))
    assert found.title == "Handbook"
    assert [(each.place, each.text) for each in found.sections] == [
        ("page 1", "Everybody has 30 days."),
        ("page 2", "Park here."),
    ]


def test_a_word_document_is_read_heading_by_heading(tmp_path: Path) -> None:
    file = write_docx(tmp_path / "a.docx", [("Heading1", "House"), ("", "Hi."), ("Heading2", "Tea"), ("", "At four.")])
    found = read_document(file)
    assert (found.title, [(each.place, each.text) for each in found.sections]) == (
        "House",
        [("", "Hi."), ("Tea", "At four.")],
    )


def test_a_web_page_is_read_without_its_menu(tmp_path: Path) -> None:
    found = read_document(write_html(tmp_path / "a.html"))
    assert found.title == "Shop"
    text = " ".join(each.text for each in found.sections)
    assert "behind the house" in text
    assert "menu of things" not in text
    assert {each.place for each in found.sections} == {"Hours", "Parking"}


def test_a_text_names_the_line_where_a_passage_begins(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("\n\n".join(f"Paragraph {number}. " + "word " * 90 for number in range(3)))
    assert [each.place for each in read_document(file).sections] == ["line 1", "line 3", "line 5"]


def test_a_folder_is_read_with_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    write_pdf(tmp_path / "sub" / "a.pdf", ["Everybody has 30 days of holidays."])
    (tmp_path / "b.md").write_text("# Tea\nTea is at four.")
    (tmp_path / "c.json").write_text('["The printer is in room 4."]')
    (tmp_path / "song.mp3").write_bytes(b"la")
    kb = KnowledgeBase()
    assert kb.load_knowledge(tmp_path) == 3
    for question in ("how many days of holidays?", "when is tea?", "where is the printer?"):
        assert kb.retrieve_knowledge(question)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"holds no file that can be read \(\.json"):
        kb.load_knowledge(tmp_path / "empty")


def encrypted(path: Path) -> Path:
    writer = PdfWriter()
    for page in PdfReader(write_pdf(path, ["secret"])).pages:
        writer.add_page(page)
    writer.encrypt("password", algorithm="RC4-128")
    writer.write(path)
    return path


def bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("word/document.xml", b"0" * 250_000_000)
    return path


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(b"la")
    (tmp_path / "b.pdf").write_bytes(b"%PDF-1.4 rubbish")
    (tmp_path / "c.docx").write_bytes(b"no zip")
    (tmp_path / "d.txt").write_bytes(b"\x00\x01\xff\xfe" * 9)
    (tmp_path / "e.md").write_text("   \n")
    cases = {
        tmp_path / "a.mp3": "a kind that I cannot read; I read PDF",
        tmp_path / "b.pdf": "damaged, or no PDF",
        tmp_path / "c.docx": "damaged, or no Word document",
        tmp_path / "d.txt": "no text file",
        tmp_path / "e.md": "holds no text",
        write_pdf(tmp_path / "f.pdf", [""]): "scanned page is a picture",
        encrypted(tmp_path / "g.pdf"): "protected by a password",
        bomb(tmp_path / "h.docx"): "unpacks to more than 200 MB",
    }
    for file, why in cases.items():
        with pytest.raises(UnreadableError, match=why):
            read_document(file)


def test_old_texts_of_windows_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("Über uns".encode("cp1252"))
    assert read_document(tmp_path / "a.txt").sections[0].text.strip() == "Über uns"


async def test_a_stranger_s_document_is_read_in_a_process_of_its_own(tmp_path: Path) -> None:
    found = await read_file_apart(write_pdf(tmp_path / "a.pdf", ["Park here."]), name="b.pdf")
    assert (found.title, found.sections[0].text) == ("b.pdf", "Park here.")
    with pytest.raises(UnreadableError, match="no Word document"):
        await read_apart(b"no zip", name="c.docx")


async def test_a_document_that_fills_the_memory_ends_with_its_reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not with the bot."""
    real = asyncio.create_subprocess_exec

    async def with_little(*command: str, **options: int) -> asyncio.subprocess.Process:
        small = f"from {reading.__name__} import *; import {reading.__name__} as r; r.MEMORY_BYTES = 1 << 20; r.main()"
        return await real(sys.executable, "-c", small, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", with_little)
    with pytest.raises(UnreadableError, match=r"too much time or memory|it is damaged"):
        await read_file_apart(write_pdf(tmp_path / "a.pdf", ["Park here."]))


@pytest.mark.parametrize("name", ["a.json", "a.md"])
def test_a_long_title_is_not_repeated_in_full_by_every_passage(name: str) -> None:
    """Else a file of 200 KB fills the base of a person with hundreds of megabytes."""
    long = "A" * 100_000
    texts = ["tea at four"] * 5_000
    blocks = "\n".join(f"## {number}\ntea" for number in range(5_000))
    raw = json.dumps({long: texts}) if name == "a.json" else f"Hi.\n# {long}\n{blocks}"
    found = read_content(raw.encode(), name)
    assert len(found.sections) >= 5_000
    assert max(len(each.title) + len(each.place) for each in found.sections) <= 400


def test_titles_and_places_count_as_text_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_readers, "MAX_TEXT", 2_000)
    facts = [{"title": "t" * 300, "tags": "w" * 900, "id": "k" * 300, "text": "x"} for _ in range(50)]
    (first, second) = read_content(json.dumps(facts).encode(), "a.json").sections[:2]
    assert [len(part) for part in (first.title, first.about, first.key)] == [200, 500, 200]
    assert second.text == "x"
    assert len(read_content(json.dumps(facts).encode(), "a.json").sections) == 2


async def test_a_reader_that_says_too_much_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_OUTPUT", 100)
    with pytest.raises(UnreadableError, match="holds too much"):
        await read_apart(b"tea at four " * 100, name="a.txt")


def test_a_text_of_empty_lines_and_a_heading_of_brackets_are_read_at_once() -> None:
    """Each took seconds at a tenth of this size, and the time grew with its square."""
    blank = read_content(b"a\n" + b"\n" * 200_000 + b"b", "a.txt")
    assert [each.text.split() for each in blank.sections] == [["a", "b"]]
    for hostile in ("[" * 200_000, "[](" * 100_000, "![" * 100_000):
        found = read_content(f"# A\n## {hostile}\ntea".encode(), "a.md")
        assert [each.text for each in found.sections] == ["tea"]
    (linked,) = read_content(b"# A\n## See *the* [rules](https://example.org/r)\ntea", "a.md").sections
    assert linked.place == "See the rules"


async def test_one_person_s_documents_do_not_keep_others_waiting() -> None:
    mine = [asyncio.create_task(read_apart(b"tea", name="a.txt", reader="web::ana")) for _ in range(4)]
    theirs = asyncio.create_task(read_apart(b"tea", name="a.txt", reader="web::ben"))
    await theirs
    assert sum(task.done() for task in mine) < 4
    await asyncio.gather(*mine)


async def test_half_a_character_in_json_is_left_out() -> None:
    """Else the reader ends without an answer, and the person is told that it took too much time."""
    raw = rb'{"Te\ud800a": {"text": "at\udc00 four \ud83c\udf75", "tags": "when\ud800"}}'
    (section,) = (await read_apart(raw, name="a.json")).sections
    assert section == Section("at  four 🍵", "under 'Te\\ud800a'", "when ", "Te a")
