"""``[behavior]`` of a bot's TOML file: what the bot chooses between, where, and what it starts with."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from llmagent_os.adapter_kit.setup import known_adapters
from llmagent_os.errors import WrongValuesError
from llmagent_os.policy.choice_limits import ChoiceLimits, limits_of
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.dimensions import Declared, Wrong, declared, starting

#: The tables of ``[behavior]`` that are no dimension's value.
_TABLES = ("dimensions", "platforms")


def _as_written(schema: dict[str, Any]) -> None:
    """Make a JSON schema describe what authors write, which is more than the fields."""
    words = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 2}
    values = {"anyOf": [{"const": True}, words]}
    full = {
        "type": "object",
        "properties": {
            "values": values,
            "default": {"type": "string", "description": "The value until a person likes or asks for another."},
            "learned": {"type": "boolean", "default": True, "description": "Whether reactions change it."},
            "platforms": {
                "type": "array",
                "items": {"type": "string"},
                "minItems": 1,
                "description": "Where the dimension exists. Left out: everywhere.",
            },
        },
        "required": ["values"],
        "additionalProperties": False,
    }
    some = {"anyOf": [{"const": False}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    schema.clear()
    schema |= {
        "type": "object",
        "description": "How people are answered until they ask for something else: a value for each dimension.",
        "properties": {
            "dimensions": {
                "type": "object",
                "description": "What the bot chooses between: values, and the words for the model.",
                "additionalProperties": {"anyOf": [*values["anyOf"], full]},
            },
            "platforms": {
                "type": "object",
                "description": "The values that a platform has. False: the platform lacks the dimension.",
                "additionalProperties": {"type": "object", "additionalProperties": some},
            },
            **{name: {"type": "string", "examples": list(each)} for name, each in DIMENSIONS.items()},
        },
        "additionalProperties": {"type": "string"},
    }


class Behavior(BaseModel):
    """How people are answered until they ask for something else. ``model_dump()``: a value for each dimension.

    >>> Behavior.model_validate({"verbosity": "brief"}).model_dump()
    {'mode': 'task_oriented', 'verbosity': 'brief', 'initiative': 'act'}
    """

    model_config = ConfigDict(extra="allow", frozen=True, arbitrary_types_allowed=True, json_schema_extra=_as_written)

    #: The values that can be chosen, and the words for the model; see :data:`~llmagent_os.policy.Dimensions`.
    dimensions: dict[str, dict[str, str]] = Field(default={}, exclude=True)
    #: What of it can be chosen on which platform, and what reactions do not change.
    limits: Annotated[ChoiceLimits, WithJsonSchema({})] = Field(default_factory=ChoiceLimits, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _whole(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table  # pydantic says what it should be
        given, wrong = cast("dict[str, object]", table), list[Wrong]()
        found = Declared({name: dict(values) for name, values in DIMENSIONS.items()})
        action: dict[str, str] = {}
        limits = ChoiceLimits()
        try:
            found = declared(given["dimensions"]) if "dimensions" in given else found
            wrong += _unknown_platforms(found, given.get("platforms"))
        except WrongValuesError as error:  # what else is wrong may follow from that
            raise error from None
        try:
            chosen = {name: value for name, value in given.items() if name not in _TABLES}
            action = starting(found.values, chosen, found.defaults)
        except WrongValuesError as error:
            wrong += error.found
        try:
            limits = limits_of(found, given.get("platforms", {}))
        except WrongValuesError as error:
            wrong += error.found
        if wrong:
            raise WrongValuesError(wrong)
        return {"dimensions": found.values, "limits": limits, **action}


def meant_platform(name: str) -> str:
    """Return the platform that a wrong name was probably meant for; empty: it may be one that is not installed here."""
    known = known_adapters()
    near = get_close_matches(name, known, 1, 0.6)
    return near[0] if name not in known and near else ""


def _unknown_platforms(found: Declared, table: object) -> list[Wrong]:
    """The misspelt names of platforms."""
    wrong: list[Wrong] = []
    for name in cast("dict[str, object]", table) if isinstance(table, dict) else ():
        if meant := meant_platform(name):
            text = f"`behavior.platforms.{name}`: there is no platform {name!r}; did you mean {meant!r}?"
            wrong.append((("platforms", name), text))
    for dimension, platforms in found.only.items():
        for number, name in enumerate(platforms):
            if meant := meant_platform(name):
                text = f"`behavior.dimensions.{dimension}.platforms` cannot have {name!r}; did you mean {meant!r}?"
                wrong.append((("dimensions", dimension, "platforms", number), text))
    return wrong
