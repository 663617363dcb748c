"""Reads measurements in several units, converts them, and says in which band of published ranges they are.

>>> found = read_measurement("glucose 126 mg/dL")
>>> (found.kind, found.written, found.band)
('glucose', '7.0 mmol/L (126 mg/dL)', 'high')
"""

from __future__ import annotations

import re
import tomllib
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from llmagent_os.languages.known_languages import ENGLISH
from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.plugins.health.word_patterns import matches, parse_pattern, words_of

#: ``danger``: so far outside of the range that it needs help now.
Band = Literal["", "danger", "low", "normal", "raised", "high"]

_NUMBER = re.compile(
    r"(?<![A-Za-zÀ-ÿ\d_.,])(\d{1,4}(?:[.,]\d{1,3})?)(?:\s*/\s*(\d{1,3}(?:[.,]\d{1,2})?))?\s*([°%a-zA-Z/²]*[a-zA-Z0-9²]?)"
)
#: "120 over 80", as two values are spoken.
_OVER = re.compile(r"(\d{2,3})\s*(?:over|on|zu|sobre|比)\s*(\d{2,3})(?!\d)", re.I)
#: "38度5" is 38.5 °C.
_DEGREES = re.compile(r"(\d{2})度(\d)(?!\d)")
_NEGATIVE = re.compile(r"(?:^|\s)[-−–]$")
_CENTIMETRES = {"cm": Decimal(1), "m": Decimal(100), "in": Decimal("2.54")}


class Bound(msgspec.Struct, frozen=True):
    """One band of a range."""

    band: Band
    below: Decimal | None = None  #: None: the last band


class Quantity(msgspec.Struct, frozen=True):
    """One row of the table: what can be measured."""

    names: dict[str, str]  #: by language
    words: tuple[str, ...]  #: patterns of what people call it
    source: str  #: where its range is published; empty: it has none
    unit: str  #: the base unit
    places: int  #: digits behind the point
    least: Decimal  #: below it, the value is a mistake
    most: Decimal  #: above it, too
    units: dict[str, tuple[Decimal, Decimal]]  #: factor and offset to the base unit
    other: str  #: the second unit that is shown; empty: none
    bands: tuple[Bound, ...]
    second_bands: tuple[Bound, ...] = ()  #: of the second of two values

    @property
    def name(self) -> str:
        """What it is called in the language in force."""
        return self.names.get(language_in_force(), self.names[ENGLISH])


class Measurement(msgspec.Struct, frozen=True):
    """A measured value, in the base unit."""

    kind: str  #: a key of :func:`quantities`
    value: Decimal
    second: Decimal | None = None  #: the lower value of a blood pressure

    @property
    def quantity(self) -> Quantity:
        """What was measured."""
        return quantities()[self.kind]

    @property
    def band(self) -> Band:
        """The band of the value; of two values, the band farther from the normal one."""
        quantity = self.quantity
        found: list[Band] = [_band(quantity.bands, _rounded(self.value, quantity.places))]
        if self.second is not None:
            found.append(_band(quantity.second_bands, _rounded(self.second, quantity.places)))
        order: tuple[Band, ...] = ("danger", "high", "raised", "low", "normal", "")
        return min(found, key=order.index)

    @property
    def written(self) -> str:
        """The value with its unit, and in the other unit that is in use."""
        quantity = self.quantity
        text = f"{self._in(quantity.unit, quantity.places)} {quantity.unit}"
        if not quantity.other:
            return text
        places = 0 if quantity.other in ("mg/dL", "mmol/mol") else 1
        return f"{text} ({self._in(quantity.other, places)} {quantity.other})"

    def _in(self, unit: str, places: int) -> str:
        factor, offset = self.quantity.units[unit.lower()]
        values = [self.value] if self.second is None else [self.value, self.second]
        return "/".join(str(_rounded(value / factor + offset, places)) for value in values)


class MeasurementError(ValueError):
    """A measurement that cannot be read. ``why`` is ``unknown``, ``unit``, ``which`` or ``impossible``."""

    def __init__(self, why: Literal["unknown", "unit", "which", "impossible"], value: str) -> None:
        super().__init__(f"{why}: {value}")
        self.why, self.value = why, value


@cache
def quantities() -> dict[str, Quantity]:
    """The table, by id."""
    read = tomllib.loads(
        files("llmagent_os.plugins.health").joinpath("measurements.toml").read_text("utf-8"), parse_float=Decimal
    )
    return msgspec.convert(read, dict[str, Quantity], strict=False)


def read_measurement(text: str) -> Measurement:
    """The measurement that ``text`` names: a value, its unit, and what it is where the unit does not say it.

    Raises:
        MeasurementError: there is none, or it cannot be.
    """
    text = _OVER.sub(r"\1/\2", _DEGREES.sub(r"\1.\2", text[:200]))
    found = [match for match in _NUMBER.finditer(text) if match[1]]
    kind = quantity_named(text)
    if kind == "bmi" and len(found) == 2:
        return _body_mass_index(found)
    if not found:
        raise MeasurementError("unknown", text[:40].strip())
    number = found[-1]
    unit = number[3].lower().rstrip(".")
    kind = kind or _kind_of(unit, paired=number[2] is not None)
    quantity = quantities()[kind]
    if unit and unit not in quantity.units:
        raise MeasurementError("unit", number[3])
    value, second = _decimal(number[1]), _decimal(number[2]) if number[2] else None
    if not unit and kind in ("temperature", "glucose", "cholesterol", "ldl"):
        unit = _likely_unit(kind, value)
    factor, offset = quantity.units[unit or quantity.unit.lower()]
    values = [(each - offset) * factor for each in (value, second) if each is not None]
    is_paired = second is not None
    is_turned = second is not None and second >= value  # the lower value of a blood pressure stands behind
    is_below_zero = _NEGATIVE.search(text[: number.start()]) is not None
    fits = all(quantity.least <= each <= quantity.most for each in values)
    if (kind == "blood_pressure") != is_paired or is_turned or is_below_zero or not fits:
        raise MeasurementError("impossible", number[0].strip())
    return Measurement(kind, *values)


def quantity_named(text: str) -> str:
    """The quantity that ``text`` names, such as ``weight``; empty: none."""
    words = words_of(text)
    named = [
        name
        for name, quantity in quantities().items()
        if any(True for written in quantity.words for _ in matches(parse_pattern(written), words))
    ]
    return "ldl" if "ldl" in named else named[0] if named else ""


def _body_mass_index(found: list[re.Match[str]]) -> Measurement:
    by_unit = {match[3].lower(): _decimal(match[1]) for match in found}
    weights = [by_unit[unit] * factor for unit, (factor, _) in quantities()["weight"].units.items() if unit in by_unit]
    heights = [by_unit[unit] * factor for unit, factor in _CENTIMETRES.items() if unit in by_unit]
    if not weights or not heights:
        raise MeasurementError("unit", " ".join(match[0].strip() for match in found))
    height = heights[0] / 100
    if not Decimal("0.5") < height < 3:
        raise MeasurementError("impossible", f"{heights[0]} cm")
    return Measurement("bmi", weights[0] / (height * height))


def _kind_of(unit: str, *, paired: bool) -> str:
    if paired:
        return "blood_pressure"
    kinds = [name for name, quantity in quantities().items() if unit and unit in quantity.units]
    if len(kinds) == 1:
        return kinds[0]
    raise MeasurementError("which" if kinds or not unit else "unit", unit or "?")


def _likely_unit(kind: str, value: Decimal) -> str:
    """The unit of a value without one: 98.6 is no temperature in °C, and 110 is no glucose in mmol/L."""
    quantity = quantities()[kind]
    return quantity.unit.lower() if value <= quantity.most else quantity.other.lower()


def _band(bands: tuple[Bound, ...], value: Decimal) -> Band:
    for each in bands:
        if each.below is None or value < each.below:
            return each.band
    return ""


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
