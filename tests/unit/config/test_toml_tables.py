"""What breaks without this: a new table of ``bot.toml`` gets errors without a place, or a wrong value passes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from llmagent_os.config.field_comments import with_comments
from llmagent_os.config.mistakes import MistakesError
from llmagent_os.config.toml_document import read_toml
from llmagent_os.config.toml_tables import checked, read_file
from llmagent_os.errors import ConfigError, WrongValuesError


class Hours(BaseModel):
    model_config = ConfigDict(extra="forbid")

    opens: int = Field(default=8, ge=0, le=24)  #: o'clock
    #: on which
    #: days
    days: tuple[Literal["monday", "sunday"], ...] = ()
    share: float | None = None
    closed: bool = False

    @model_validator(mode="after")
    def _sound(self) -> Hours:
        if self.opens == 13:
            raise ValueError("`hours.opens` cannot be 13: write another")
        if self.opens == 17:
            raise WrongValuesError([(("opens",), "`hours.opens` is bad"), (("days", 0), "`hours.days` is bad")])
        return self


class Shop(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=5)
    hours: Hours = Hours()
    parts: tuple[Hours, ...] = ()
    by_day: dict[str, Hours] = {}


def mistakes(text: str) -> list[tuple[int, int, str]]:
    with pytest.raises(MistakesError) as caught:
        checked(Shop, read_toml(text), Path("shop.toml"))
    return [
        (each.place.line, each.place.column, each.text)
        for each in sorted(caught.value.mistakes, key=lambda each: each.place)
    ]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ('name = "a"\nhour = 1', 2, 1, "`hour` is no setting; did you mean `hours`?"),
        ('name = "a"\nzzz = 1', 2, 1, "`zzz` is no setting; there are: name, hours, parts, by_day"),
        ('name = "a"\nopens = 1', 2, 1, "`opens` is no setting; write `opens` in [hours]"),
        ('name = "a"\n[hours]\nname = "x"', 3, 1, "`hours.name` is no setting; write `name` above all tables"),
        ("[hours]", 1, 1, "`name` is missing: write `name = ...`"),
        ("name = 3", 1, 8, '`name` cannot be 3: write text in quotes: "3"'),
        ('name = "too long"', 1, 8, "write at most 5 characters"),
        ('name = "a"\nhours = 3', 2, 9, "`hours` cannot be 3: write a table, such as [hours]"),
        ('name = "a"\nhours.opens = 25', 2, 15, "write a number of at most 24"),
        ('name = "a"\nhours.opens = -1', 2, 15, "write a number of 0 or more"),
        ('name = "a"\nhours.opens = "8"', 2, 15, "`hours.opens` cannot be '8': write a whole number, without quotes"),
        ('name = "a"\nhours.opens = "x"', 2, 15, "`hours.opens` cannot be 'x': write a whole number, without quotes"),
        ('name = "a"\nhours.opens = 8.0', 2, 15, "write a whole number"),
        ('name = "a"\nhours.opens = true', 2, 15, "write a whole number"),
        ('name = "a"\nhours.share = "1"', 2, 15, "write a number"),
        ('name = "a"\nhours.closed = "yes"', 2, 16, "write true or false, without quotes"),
        ('name = "a"\nhours.closed = 1', 2, 16, "write true or false, without quotes"),
        ('name = "a"\nhours.days = "sunday"', 2, 14, 'write a list, such as days = ["sunday"]'),
        (
            'name = "a"\n[hours]\ndays = [\n "monday",\n "sundy"]',
            5,
            2,
            "write monday or sunday; did you mean 'sunday'?",
        ),
        ('name = "a"\n[[parts]]\n[[parts]]\nopns = 1', 4, 1, "`parts.1.opns` is no setting; did you mean `opens`?"),
        ('name = "a"\nby_day = { x = { opens = 99 } }', 2, 26, "`by_day.x.opens` cannot be 99"),
        ('name = "a"\n[hours]\nopens = 13', 3, 9, "`hours.opens` cannot be 13: write another"),
    ],
)
def test_a_mistake_in_any_table_has_its_place_and_what_would_be_right(
    text: str, line: int, column: int, message: str
) -> None:
    ((*place, said),) = mistakes(text)
    assert place == [line, column]
    assert message in said


def test_all_mistakes_are_named_in_the_order_of_the_file() -> None:
    found = mistakes('name = "too long"\nnam = 1\n[hours]\nopens = 17.5\ndays = ["x", "y"]\nbad = off')
    assert [line for line, _, _ in found] == [1, 2, 4, 5, 5, 6]
    found = mistakes('name = "a"\n[hours]\nopens = 17\ndays = ["sunday"]')
    assert [place for *place, _ in found] == [[3, 9], [4, 9]], "a check that finds several"


def test_what_is_missing_is_not_named_where_a_line_cannot_be_read() -> None:
    ((line, _, text),) = mistakes("name = shop")
    assert (line, "no TOML" in text) == (1, True)


def test_what_is_right_is_read_and_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_bytes(b'\xef\xbb\xbfname = "a"\r\nhours.share = 1\r\n')  # as an editor on Windows saves it
    assert checked(Shop, read_file(file), file) == Shop(name="a", hours=Hours(share=1.0))
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(ConfigError, match="is no UTF-8 text"):
        read_file(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(tmp_path / "nothing.toml")


def test_comments_of_fields_are_in_the_schema() -> None:
    schema: dict[str, Any] = with_comments(Shop.model_json_schema(), Shop)
    hours = schema["$defs"]["Hours"]["properties"]
    assert (hours["opens"]["description"], hours["days"]["description"]) == ("o'clock", "on which days")
