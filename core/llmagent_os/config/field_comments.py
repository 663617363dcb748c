"""Put the ``#:`` comments of a model's fields into its JSON schema, as descriptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, cast

from pydantic import BaseModel

from llmagent_os.config.toml_tables import models_in

_FIELD = re.compile(r"    (\w+): .*?(?:#: (.*))?$")
_COMMENT = re.compile(r"    #: (.*)$")


def with_comments(schema: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """Return ``schema`` with a description for each field that has a comment and no description yet.

    Args:
        schema: as ``model.model_json_schema()`` gives it. It is changed in place.
        model: whose source has the comments.
    """
    tables: dict[str, Any] = {model.__name__: schema, **schema.get("$defs", {})}
    for each in _models(model, set()):
        properties: dict[str, Any] = tables.get(each.__name__, {}).get("properties", {})
        for name, comment in comments_of(each):
            if name in properties and isinstance(properties[name], dict):
                cast("dict[str, Any]", properties[name]).setdefault("description", comment)
    return schema


def _models(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if model in seen:
        return
    seen.add(model)
    yield model
    for field in model.model_fields.values():
        for below in models_in(field.annotation):
            yield from _models(below, seen)


def comments_of(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    """The comments of a model's own fields, by name: behind a field, or in the lines before it."""
    before: list[str] = []
    for line in inspect.getsource(model).splitlines():
        if comment := _COMMENT.match(line):
            before.append(comment[1])
        elif (field := _FIELD.match(line)) and field[1] in model.model_fields:
            text = field[2] or " ".join(before)
            before = []
            if text:
                yield field[1], text.replace("``", "")
        else:
            before = []
