"""Reads a file into a title and sections: JSON, Markdown, text, HTML, PDF and DOCX.

The formats are read by libraries: PDF by pypdf, DOCX by mammoth, the main text of a web page by trafilatura, all other
HTML by markdownify. They are imported when the first such file comes.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.errors import LLMAgentOSError
from llmagent_os.knowledge.json_shapes import parse_json
from llmagent_os.knowledge.markdown_sections import markdown_sections
from llmagent_os.knowledge.passage_splitting import MAX_ABOUT, MAX_CHARACTERS, MAX_PLACE, one_line
from llmagent_os.knowledge.passages import Section
from llmagent_os.languages import gettext, lazy_gettext

#: Changes when a reader gives other sections for the same file: the files of a bot are then read again.
READERS_VERSION = "1"

#: The most characters that are taken from one file, with the titles and places of its sections.
MAX_TEXT = 5_000_000

#: What a section counts beside its characters, so that a file cannot have millions of them.
SECTION_COST = 16

#: The largest size of an unpacked DOCX file, in bytes.
MAX_UNPACKED = 200_000_000

#: Endings of files that can be read, by kind.
KINDS = {
    "json": (".json",),
    "markdown": (".md", ".markdown"),
    "text": (".txt", ".text", ".rst", ".org", ".csv", ".log"),
    "html": (".html", ".htm", ".xhtml"),
    "pdf": (".pdf",),
    "docx": (".docx",),
}
#: Control characters, and halves of characters, which JSON may hold and UTF-8 may not.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
_TYPES = {
    "application/json": "json",
    "text/markdown": "markdown",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
}
#: What can be read, for people.
READABLE = lazy_gettext("PDF, Word (.docx), HTML, Markdown, JSON and text files")


class UnreadableError(LLMAgentOSError):
    """A document cannot be read. The message is a clause for a person: gettext("it is protected by a password")."""


class ReadDocument(msgspec.Struct, frozen=True):
    """What a reader has found in a file."""

    title: str
    sections: tuple[Section, ...]


def kind_of(name: str, content_type: str = "") -> str | None:
    """The kind of a file, one of :data:`KINDS`; None: it cannot be read.

    >>> kind_of("Handbook.PDF"), kind_of("page", "text/html; charset=utf-8"), kind_of("song.mp3", "audio/mpeg")
    ('pdf', 'html', None)
    """
    ending = Path(name).suffix.lower()
    found = next((kind for kind, endings in KINDS.items() if ending in endings), None)
    media = content_type.partition(";")[0].strip().lower()
    return found or _TYPES.get(media) or ("text" if media.startswith("text/") else None)


def digest_of(path: Path) -> str:
    """A hash of a file's bytes and of the version of the readers."""
    with path.open("rb") as file:
        return f"{READERS_VERSION}:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def read_document(path: Path) -> ReadDocument:
    """Read a file of the bot's owner; see :func:`read_content`.

    Raises:
        OSError: there is no such file.
    """
    return read_content(path.read_bytes(), path.name)


def read_content(raw: bytes, name: str, content_type: str = "") -> ReadDocument:
    """Read what a file holds. What libraries do with a hostile one is up to them: see ``knowledge.reading``.

    Args:
        raw: the file.
        name: its name for people.
        content_type: its media type, if it is known.

    Raises:
        UnreadableError: it is of another kind, damaged, protected, or holds no text.
        ConfigError: it is JSON that holds no knowledge; the message says where.
    """
    kind = kind_of(name, content_type)
    if kind is None:
        raise UnreadableError(gettext("it is of a kind that I cannot read; I read {kinds}", kinds=READABLE))
    readers: dict[str, Callable[[bytes, str], tuple[str, list[Section]]]] = {
        "json": _json,
        "markdown": _markdown,
        "text": _text,
        "html": _html,
        "pdf": _pdf,
        "docx": _docx,
    }
    title, sections = readers[kind](raw, name)
    found = tuple(_bounded(sections))
    if not found:
        raise UnreadableError(gettext("it holds no text: a scanned page is a picture, and I cannot read pictures"))
    return ReadDocument(one_line(_clean(title))[:MAX_PLACE] or name, found)


def _bounded(sections: list[Section]) -> Iterator[Section]:
    """Sections with a text, without control characters, as far as :data:`MAX_TEXT` goes.

    What names a section is cut: every passage of the section repeats it.
    """
    left = MAX_TEXT
    for section in sections:
        place, about, title, key = (
            _clean(part)[:most]
            for part, most in (
                (section.place, MAX_PLACE),
                (section.about, MAX_ABOUT),
                (section.title, MAX_PLACE),
                (section.key, MAX_PLACE),
            )
        )
        left -= SECTION_COST + len(place) + len(about) + len(title) + len(key)
        if left <= 0:
            return
        text = _clean(section.text[:left])
        left -= len(text)
        if text.strip():
            yield Section(text, place, about, title, key)


def _clean(text: str) -> str:
    return _CONTROLS.sub(" ", text)


def _json(raw: bytes, name: str) -> tuple[str, list[Section]]:
    return "", parse_json(_decoded(raw), name)


def _markdown(raw: bytes, _name: str) -> tuple[str, list[Section]]:
    return markdown_sections(_decoded(raw))


def _text(raw: bytes, _name: str) -> tuple[str, list[Section]]:
    """Paragraphs, joined up to the length of a passage, so that the place is the line where one begins."""
    sections: list[Section] = []
    held: list[str] = []
    began = 1
    size = 0  # of what is held
    for number, line in enumerate([*_decoded(raw).splitlines(), ""], 1):
        if held and not line.strip() and size > MAX_CHARACTERS // 2:
            sections.append(Section("\n".join(held), f"line {began}"))
            held, size = [], 0
        elif line.strip() or held:
            began = began if held else number
            held.append(line)
            size += len(line)
    if held:
        sections.append(Section("\n".join(held), f"line {began}"))
    return "", sections


def _html(raw: bytes, _name: str) -> tuple[str, list[Section]]:
    """The main text of a web page, without menus and advertisements; all of the page where none is found."""
    page = _decoded(raw)
    trafilatura: Any = importlib.import_module("trafilatura")  # a second to import
    metadata: Any = trafilatura.extract_metadata(page)
    title = str((metadata.title if metadata is not None else "") or "")
    main = trafilatura.extract(page, output_format="markdown", include_tables=True, include_comments=False)
    first, sections = markdown_sections(str(main or ""))
    if not sections:
        first, sections = markdown_sections(_to_markdown(page))
    return title or first, sections


def _docx(raw: bytes, _name: str) -> tuple[str, list[Section]]:
    mammoth: Any = importlib.import_module("mammoth")
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(each.file_size for each in packed.infolist()) > MAX_UNPACKED:
                raise UnreadableError(gettext("it unpacks to more than {size} MB", size=MAX_UNPACKED // 1_000_000))
        page = str(mammoth.convert_to_html(io.BytesIO(raw), convert_image=_no_picture).value)
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise UnreadableError(gettext("it is damaged, or no Word document (.docx)")) from error
    return markdown_sections(_to_markdown(page))


def _no_picture(_image: object) -> list[Any]:
    return []


def _to_markdown(page: str) -> str:
    markdownify: Any = importlib.import_module("markdownify")
    return str(markdownify.markdownify(page, heading_style="ATX", strip=["img", "script", "style"]))


def _pdf(raw: bytes, _name: str) -> tuple[str, list[Section]]:
    pypdf: Any = importlib.import_module("pypdf")
    try:
        reader = pypdf.PdfReader(io.BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            raise UnreadableError(gettext("it is protected by a password"))
        title = str((reader.metadata.title if reader.metadata else "") or "")
        sections: list[Section] = []
        size = 0
        for number, page in enumerate(reader.pages, 1):
            text = str(page.extract_text() or "")
            sections.append(Section(text, f"page {number}"))
            size += len(text)
            if size > MAX_TEXT:
                break
    except UnreadableError:
        raise
    except Exception as error:  # a damaged PDF makes pypdf raise whatever its parts do
        raise UnreadableError(gettext("it is damaged, or no PDF")) from error
    return title, sections


def _decoded(raw: bytes) -> str:
    """The text of a file in UTF-8 or UTF-16, else in Windows' western characters, which any bytes are."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        return raw.decode("utf-16", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        if b"\x00" in raw[:4096]:
            raise UnreadableError(gettext("it is no text file")) from None
        return raw.decode("cp1252", errors="replace")
