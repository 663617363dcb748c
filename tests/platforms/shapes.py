"""The shapes of the platforms' payloads. With them the loopback servers cannot drift away from the real platforms.

``facts/<platform>.json`` holds JSON Schemas of the objects that the servers use: the names of fields, their types, and
which of them are required. They are taken from the platforms' own machine-readable specifications:

* Telegram: Bot API 10.1, https://core.telegram.org/bots/api
* Discord: HTTP API v10, https://github.com/discord/discord-api-spec
* Slack: Web API 1.7.0, https://github.com/slackapi/slack-api-specs (what is newer is written by hand in
  ``facts/slack_events.json``, after https://docs.slack.dev/)

To add objects, or to use a newer specification::

    python -m tests.platforms.shapes telegram SPEC.json Update Message sendMessage ...
"""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any, Self, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match  # pyright: ignore[reportUnknownVariableType]

FOLDER = Path(__file__).with_name("facts")

#: The keywords of a schema that are kept. Descriptions and examples are dropped.
_KEPT = ("type", "enum", "const", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")

Schema = dict[str, Any]


class Shapes:
    """The schemas of one platform's objects."""

    def __init__(self, defs: dict[str, Schema]) -> None:
        self._defs = defs
        self._validators: dict[str, Draft202012Validator] = {}

    @classmethod
    @cache
    def load(cls, name: str) -> Self:
        """The objects of a platform."""
        return cls(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))

    def check(self, name: str, payload: object, *, extra: tuple[str, ...] = ()) -> None:
        """Check that ``payload`` is a ``name``; otherwise raise an AssertionError with the path and the reason.

        Args:
            name: of the object; of a method, for its parameters.
            payload: what would be JSON.
            extra: fields that the gateway adds to what the specification lists.
        """
        validator = self._validators.get(name)
        if validator is None:
            schema = {"$ref": f"#/$defs/{name}", "$defs": self._defs}
            validator = self._validators[name] = Draft202012Validator(schema)
        if extra and isinstance(payload, dict):
            payload = {key: value for key, value in cast("Schema", payload).items() if key not in extra}
        errors = cast("Any", validator).iter_errors(payload)
        error = cast("Any", best_match(errors))  # pyright: ignore[reportUnknownVariableType]
        if error is not None:
            raise AssertionError(f"{name}{error.json_path.removeprefix('$')}: {error.message[:300]}")


# ── reading the specifications ────────────────────────────────────────────────────────────────────────────────────────


def of_telegram(spec: Schema, names: list[str]) -> dict[str, Schema]:
    """Schemas of types, and of methods' parameters. A type with subtypes is any of them."""

    def typed(written: str) -> Schema:
        if written.startswith("Array of "):
            return {"type": "array", "items": typed(written.removeprefix("Array of "))}
        plain = {
            "Integer": {"type": "integer"},
            "Float": {"type": "number"},
            "String": {"type": "string"},
            "Boolean": {"type": "boolean"},
        }
        return plain.get(written) or ({"$ref": f"#/$defs/{written}"} if written in names else {"type": "object"})

    found: dict[str, Schema] = {}
    for name in names:
        of = spec["types"].get(name) or spec["methods"][name]
        if of.get("subtypes"):
            found[name] = {"anyOf": [typed(each) for each in of["subtypes"]]}
            continue
        fields: dict[str, Schema] = {}
        for field in of.get("fields", ()):
            ways = [typed(each) for each in field["types"]]
            fields[field["name"]] = ways[0] if len(ways) == 1 else {"anyOf": ways}
        required = [field["name"] for field in of.get("fields", ()) if field["required"]]
        found[name] = {
            "type": "object",
            "properties": fields,
            "required": required,
            "additionalProperties": False,
        }
    return found


def of_discord(spec: Schema, names: list[str]) -> dict[str, Schema]:
    """Schemas of components."""
    schemas: dict[str, Schema] = spec["components"]["schemas"]
    return {name: _plain(schemas[name], names, "#/components/schemas/", schemas) for name in names}


def of_slack(spec: Schema, names: list[str]) -> dict[str, Schema]:
    """Schemas of definitions, and of the parameters of methods such as ``chat.postMessage``."""
    found: dict[str, Schema] = {}
    for name in names:
        if name in spec["definitions"]:
            found[name] = _plain(spec["definitions"][name], names, "#/definitions/", spec["definitions"])
            continue
        (operation,) = spec["paths"][f"/{name}"].values()
        parameters = [each for each in operation["parameters"] if each["name"] != "token"]
        found[name] = {
            "type": "object",
            "properties": {each["name"]: {} for each in parameters},  # a form has only strings
            "required": [each["name"] for each in parameters if each.get("required")],
        }
    return found


def _plain(schema: object, names: list[str], prefix: str, every: dict[str, Schema], depth: int = 0) -> Schema:
    """``schema`` without descriptions. An object that is not in ``names`` may be anything of its type."""
    if not isinstance(schema, dict):
        return {}
    given = cast("Schema", schema)
    if "$ref" in given:
        name = str(given["$ref"]).removeprefix(prefix)
        if name in names:
            return {"$ref": f"#/$defs/{name}"}
        of = every.get(name, {})
        simple = of.get("type") not in ("object", None) and depth < 4
        return _plain(of, names, prefix, every, depth + 1) if simple else {}
    kept: Schema = {key: given[key] for key in _KEPT if key in given}
    if "properties" in given:
        kept["properties"] = {
            key: _plain(value, names, prefix, every, depth + 1) for key, value in given["properties"].items()
        }
        kept["required"] = given.get("required", [])
    if isinstance(given.get("items"), dict):
        kept["items"] = _plain(given["items"], names, prefix, every, depth + 1)
    for way in ("anyOf", "oneOf"):
        if way in given:  # anyOf: without descriptions, two alternatives may be equal
            kept["anyOf"] = [_plain(each, names, prefix, every, depth + 1) for each in given[way]]
    return kept


def main(platform: str, file: str, *names: str) -> None:
    """Write ``facts/<platform>.json`` with the objects that it had and with ``names``."""
    target = FOLDER / f"{platform}.json"
    had = list(json.loads(target.read_text(encoding="utf-8"))) if target.exists() else []
    spec = json.loads(Path(file).read_text(encoding="utf-8"))
    read = {"telegram": of_telegram, "discord": of_discord, "slack": of_slack}[platform]
    shapes = read(spec, sorted({*had, *names}))
    target.write_text(json.dumps(shapes, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
