"""Reads the JSON that people write knowledge in, whatever its shape.

Texts; objects with ``text``, with ``title`` and ``content``, or with ``question`` and ``answer``; mappings of titles to
any of these; lists of all of these, one in another.

>>> [(each.title, each.text) for each in sections_of({"Hours": ["Open at 8.", "Closed at 6."]}, "shop.json")]
[('Hours', 'Open at 8.'), ('Hours', 'Closed at 6.')]
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from llmagent_os.errors import ConfigError
from llmagent_os.knowledge.passage_splitting import MAX_PLACE, one_line
from llmagent_os.knowledge.passages import Section

#: Names of the field that holds the text, the first that is there counts.
TEXT_KEYS = ("text", "content", "answer", "body", "value")
#: Names of the field that holds the title.
TITLE_KEYS = ("title", "question", "name", "heading", "topic")
#: Fields with a text of their own meaning; no other field may stand beside a text.
ABOUT_KEYS = ("about", "keywords", "tags")
_ID_KEYS = ("id", "key")
_DEEPEST = 20

#: How many characters of a name say where something stands.
MAX_NAME = 60


def parse_json(text: str, file: str) -> list[Section]:
    """Read the text of a JSON file; ``file`` is its name in errors.

    Raises:
        ConfigError: it is no JSON, or holds something that is no knowledge; the message says where.
    """
    try:
        data: Any = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"knowledge file {file}:{error.lineno}:{error.colno} is not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"knowledge file {file} is not JSON: {error}") from error
    return list(sections_of(data, file))


def sections_of(data: object, file: str) -> Iterator[Section]:
    """The sections in parsed JSON; ``file`` is its name in errors. See :func:`parse_json`."""
    if not isinstance(data, list | dict):
        raise ConfigError(f"knowledge file {file} holds {_kind(data)}; write a list of texts, or a mapping of titles")
    if not data:
        return
    yield from _sections(cast("object", data), file, "", "")


def _sections(data: object, file: str, where: str, title: str) -> Iterator[Section]:
    if where.count(",") + where.count("under") > _DEEPEST:
        raise ConfigError(f"knowledge file {file}{where}: it is nested more than {_DEEPEST} levels deep")
    match data:
        case str():
            yield _section(data, file, where, title=title)
        case list():
            for number, item in enumerate(cast("list[object]", data), 1):
                yield from _sections(item, file, f"{where}, item {number}", title)
        case dict():
            yield from _of_mapping(cast("dict[str, object]", data), file, where, title)
        case _:
            raise ConfigError(f"knowledge file {file}{where}: {_kind(data)} is no text and no object with a text")


def _of_mapping(data: Mapping[str, object], file: str, where: str, title: str) -> Iterator[Section]:
    text_key = next((key for key in TEXT_KEYS if isinstance(data.get(key), str)), None)
    if text_key is None or (text_key == "value" and len(data) > 2):
        nested = next((key for key in TEXT_KEYS if isinstance(data.get(key), list)), None)
        if nested is not None and _title(data):
            yield from _sections(data[nested], file, where, _joined(title, _title(data)))
            return
        for name, value in data.items():
            yield from _sections(value, file, f"{where}, under {name[:MAX_NAME]!r}", _joined(title, one_line(name)))
        return
    key = next((str(data[name]) for name in _ID_KEYS if isinstance(data.get(name), str | int)), "")
    about = " ".join(_words_of(data.get(name)) for name in ABOUT_KEYS)
    own = _title(data)
    yield _section(str(data[text_key]), file, where, title=_joined(title, own), about=one_line(about), key=key)


def _section(text: str, file: str, where: str, *, title: str = "", about: str = "", key: str = "") -> Section:
    if not text.strip():
        raise ConfigError(f"knowledge file {file}{where}: a fact needs a text, and this one is empty")
    return Section(text, where.removeprefix(", "), about, title, key)


def _title(data: Mapping[str, object]) -> str:
    return next((one_line(str(data[key])) for key in TITLE_KEYS if isinstance(data.get(key), str)), "")


def _words_of(value: object) -> str:
    if isinstance(value, list):
        return " ".join(str(each) for each in cast("list[object]", value))
    return value if isinstance(value, str) else ""


def _joined(outer: str, inner: str) -> str:
    """A title below another. It is cut here: whatever lies below repeats it."""
    return (f"{outer} > {inner}" if outer and inner else outer or inner)[:MAX_PLACE]


def _kind(data: object) -> str:
    names: dict[type[object], str] = {
        type(None): "null",
        bool: "true or false",
        int: "a number",
        float: "a number",
        str: "one text",
    }
    return names.get(type(data), type(data).__name__)
