"""The catalogues of a checkout: what the sources say, what is translated, and what is wrong with it.

``python -m tests.catalogues`` prints what is wrong. With ``--update`` it first writes the files anew. New texts are
added without a translation. Texts that the sources no longer have are left out. Translations are kept, also of texts
that moved to another room. The files are sorted and have no line numbers, so that two branches seldom change the same
line.
"""

from __future__ import annotations

import ast
import contextlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO, StringIO
from pathlib import Path
from string import Formatter

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from llmagent_os.languages import ENGLISH, LANGUAGES

TOP = Path(__file__).parents[1]
FOLDER = TOP / "core" / "llmagent_os" / "languages" / "catalogues"
ROOTS = ("core", "adapters", "plugins", "bots")
#: The functions that mark a text, and which of their arguments are texts.
KEYWORDS = {"gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "gettext_noop": None}
TRANSLATED = tuple(code for code in LANGUAGES if code != ENGLISH)

#: How many forms a text about a number has in each language, and which is for which number. They are written into the
#: files: what Babel knows of a language changes with its versions.
PLURAL_FORMS = {"de": (2, "(n != 1)"), "es": (2, "(n != 1)"), "zh": (1, "0")}

#: A text's identifier: the English text, or its singular and plural.
MessageId = str | tuple[str, ...]

_COMMAND = re.compile(r"(?<![\w/.:])/[a-z]+\b")
_CODE = re.compile(r"`([^`]+)`")


@dataclass
class SourceText:
    """One text of the sources."""

    id: MessageId
    files: set[str] = field(default_factory=set[str])  #: relative to the checkout
    comments: list[str] = field(default_factory=list[str])  #: for translators


def source_texts() -> dict[str, dict[MessageId, SourceText]]:
    """The texts of the sources, by room and identifier. A text of several rooms is in the first of them."""
    rooms: dict[str, dict[MessageId, SourceText]] = {}
    places: dict[MessageId, str] = {}
    for root in ROOTS:
        for path in sorted((TOP / root).rglob("*.py")):
            name = str(path.relative_to(TOP))
            if "gettext" not in (content := path.read_bytes()).decode() or "/languages/" in name:
                continue
            room = path.relative_to(TOP / root / "llmagent_os").parts[0].removesuffix(".py") if root == "core" else root
            for found, comments in _extracted(content):
                identifier: MessageId = found if isinstance(found, str) else tuple(found)
                place = places.setdefault(identifier, room)
                text = rooms.setdefault(place, {}).setdefault(identifier, SourceText(identifier))
                text.files.add(name)
                text.comments += [each for each in comments if each not in text.comments]
    return rooms


def _extracted(source: bytes) -> list[tuple[str | tuple[str, ...], list[str]]]:
    """The texts of one source, with their comments.

    Babel prints a warning for every f-string that is a value of a placeholder. A text that is an f-string is a fault
    that :func:`bad_calls` finds.
    """
    with contextlib.redirect_stderr(StringIO()):
        return [
            (found, comments)
            for _, found, comments, _ in extract("python", BytesIO(source), KEYWORDS, ("Translators:",))
        ]


def translations(language: str) -> dict[str, dict[MessageId, Message]]:
    """What is translated into a language, by room and identifier."""
    found: dict[str, dict[MessageId, Message]] = {}
    for path in sorted((FOLDER / language).glob("*.po")):
        catalog = read_po(BytesIO(path.read_bytes()), locale=language, abort_invalid=True)
        found[path.stem] = {_identifier(each): each for each in catalog if each.id}
    return found


def update() -> None:
    """Write every file anew."""
    rooms = source_texts()
    for language in TRANSLATED:
        known = {key: each.string for room in translations(language).values() for key, each in room.items()}
        folder = FOLDER / language
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.po"):
            if path.stem not in rooms:
                path.unlink()
        for room, texts in rooms.items():
            catalog = _empty(language)
            for text in sorted(texts.values(), key=lambda each: (min(each.files), _plural(each.id))):
                places = [(file, 0) for file in sorted(text.files)]
                catalog.add(text.id, known.get(text.id), places, auto_comments=text.comments)
            (folder / f"{room}.po").write_bytes(_header(language) + _body(catalog))


def _empty(language: str) -> Catalog:
    catalog = Catalog(locale=language)
    catalog.mime_headers = [("Plural-Forms", _plural_forms(language))]
    return catalog


def _plural_forms(language: str) -> str:
    return "nplurals={}; plural={};".format(*PLURAL_FORMS[language])


def problems(language: str) -> Iterator[str]:
    """What is wrong with the texts in a language, one line a text."""
    rooms, translated = source_texts(), translations(language)
    for room in sorted(rooms.keys() | translated.keys()):
        texts, found = rooms.get(room, {}), translated.get(room, {})
        where = f"catalogues/{language}/{room}.po"
        yield from (f"{where} lacks {each!r} ({min(texts[each].files)})" for each in texts if each not in found)
        yield from (f"{where} has {each!r}, which the sources no longer have" for each in found if each not in texts)
        for identifier, message in found.items():
            if identifier in texts:
                found_faults = faults(identifier, strings_of(message), language)
                yield from (f"{where}: {identifier!r}: {each}" for each in found_faults)


def strings_of(message: Message) -> str | tuple[str, ...]:
    """What a message is translated to: a text, or the forms of one."""
    return message.string or "" if isinstance(message.string, str | None) else tuple(message.string)


def faults(identifier: MessageId, translated: str | tuple[str, ...], language: str) -> Iterator[str]:
    """What is wrong with one translation."""
    english, forms = _plural(identifier), _plural(translated)
    count = 1 if isinstance(identifier, str) else PLURAL_FORMS[language][0]
    if not all(forms):
        yield "it has no translation"
        return
    if len(forms) != count:
        yield f"it has {len(forms)} forms, where the language has {count}"
    for form in forms:
        try:
            found = placeholders(form)
        except ValueError as error:
            yield f"{form!r} cannot be filled: {error}"
            continue
        wanted = [placeholders(each) for each in english]
        if found not in wanted and found | {"count"} not in wanted[1:]:  # "one passage" needs no number
            yield f"{form!r} has the placeholders {sorted(found)} in place of {sorted(wanted[-1])}"
        if commands(form) != commands(english[-1]):
            yield f"{form!r} has the commands {sorted(commands(form))} in place of {sorted(commands(english[-1]))}"
        if form.strip() != form and english[-1].strip() == english[-1]:
            yield f"{form!r} begins or ends with a space"


def placeholders(text: str) -> set[str]:
    """The names of the placeholders of a text."""
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def commands(text: str) -> set[str]:
    """The commands, and whatever else stands in backticks: people type it as it is. Words in capitals are examples."""
    typed = {" ".join(word for word in code.split() if not word.isupper()) for code in _CODE.findall(text)}
    return {each for each in typed if not each.startswith("{")} | set(_COMMAND.findall(text))


def bad_calls() -> Iterator[str]:
    """Calls that mark no literal, or whose values are not those of the placeholders."""
    for root in ROOTS:
        for path in sorted((TOP / root).rglob("*.py")):
            if "/languages/" in str(path) or "gettext" not in (source := path.read_text(encoding="utf-8")):
                continue
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS:
                    yield from (f"{path.relative_to(TOP)}:{node.lineno}: {each}" for each in _call_faults(node))


def _call_faults(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    texts = call.args[: 2 if name == "ngettext" else 1]
    literals = [each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
    if len(literals) != len(texts):
        yield f"{name} is given something else than a literal text"
    elif name not in ("lazy_gettext", "gettext_noop"):
        named = {each.arg for each in call.keywords} - ({"count"} if name == "ngettext" else set())
        wanted = set[str]().union(*map(placeholders, literals)) if call.keywords or name == "ngettext" else set[str]()
        if named != wanted - ({"count"} if name == "ngettext" else set()):
            yield f"{literals[0]!r} has the placeholders {sorted(wanted)}, and is given {sorted(map(str, named))}"
        if not call.keywords and name == "gettext" and placeholders(literals[0]):
            yield f"{literals[0]!r} has placeholders, and is given no values"


def _identifier(message: Message) -> MessageId:
    return message.id if isinstance(message.id, str) else tuple(message.id)


def _plural(identifier: MessageId) -> tuple[str, ...]:
    return (identifier,) if isinstance(identifier, str) else identifier


def _header(language: str) -> bytes:
    lines = (
        f"Language: {language}",
        "Content-Type: text/plain; charset=utf-8",
        f"Plural-Forms: {_plural_forms(language)}",
    )
    return "".join(('msgid ""\nmsgstr ""\n', *(f'"{line}\\n"\n' for line in lines), "\n")).encode()


def _body(catalog: Catalog) -> bytes:
    written = BytesIO()
    write_po(written, catalog, width=120, omit_header=True, include_lineno=False)
    return written.getvalue()


if __name__ == "__main__":
    if "--update" in sys.argv[1:]:
        update()
    wrong = [*bad_calls(), *(line for language in TRANSLATED for line in problems(language))]
    print("\n".join(wrong) or "Every text is translated into every language.")
    sys.exit(bool(wrong))
