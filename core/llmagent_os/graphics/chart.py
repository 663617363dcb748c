"""A chart as data: what a plugin returns, and what people read who do not see it."""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.languages.written_phrases import join_sentences, separators

MAX_LABELS = 60  #: places on the axis of a chart, or slices of a pie
MAX_SLICES = 12  #: of a pie
MAX_SERIES = 8
MAX_NAME = 60  #: characters of a title, a label, the name of a series, or a unit
MAX_ALT = 900  #: characters of a chart in words: Telegram's captions hold 1,024


class ChartSeries(msgspec.Struct, frozen=True):
    """One line, one colour of bars, or the slices of a pie."""

    name: str  #: may be empty where there is one series
    values: tuple[float | None, ...]  #: one for each label of the chart; None: not known


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """A chart that a plugin's result may carry. The host draws it, and puts its words beside it.

    >>> hours = ChartSeries("work", (3, 4.5))
    >>> print(Chart(title="Hours", kind="bar", labels=("Mon", "Tue"), series=(hours,), unit="h").as_text())
    Bar chart: Hours (h). work: Mon 3, Tue 4.5.
    """

    title: str
    kind: Literal["line", "bar", "pie"]
    labels: tuple[str, ...]  #: places on the axis, or the slices of a pie
    series: tuple[ChartSeries, ...]  #: exactly one for a pie
    unit: str = ""  #: of all values, such as ``h`` or ``€``

    def as_text(self) -> str:
        """What the chart shows, in words of at most :data:`MAX_ALT` characters."""
        titled = {
            "line": lazy_gettext("Line chart: {title}."),
            "bar": lazy_gettext("Bar chart: {title}."),
            "pie": lazy_gettext("Pie chart: {title}."),
        }
        unit = f" ({self.unit})" if self.unit else ""
        heading = titled[self.kind].format(title=f"{self.title}{unit}")
        told = [heading[:-1] if heading[-2] in "?!？！" else heading]  # "Lunch?" needs no full stop
        for each in self.series:
            pairs = zip(self.labels, each.values, strict=True)
            values = ", ".join(f"{label} {value_text(value)}" for label, value in pairs)
            told.append(gettext("{name}: {values}.", name=each.name, values=values) if each.name else f"{values}.")
        whole = join_sentences(told)
        return whole if len(whole) <= MAX_ALT else f"{whole[: MAX_ALT - 1].rstrip()}…"

    def problem(self) -> str:
        """What is wrong with the chart, and what would be right; empty: nothing.

        >>> Chart(title="Hours", kind="pie", labels=("a",), series=(ChartSeries("", (-1,)),)).problem()
        'a pie shows no negative value: -1'
        """
        return self._problem_of_names() or self._problem_of_sizes() or self._problem_of_values()

    def _problem_of_names(self) -> str:
        names = [self.title, self.unit, *self.labels, *(each.name for each in self.series)]
        long = next((name for name in names if len(name) > MAX_NAME), None)
        if long is not None:
            return f"a name of {len(long)} characters, {long[:20]!r}…; at most {MAX_NAME} can be drawn"
        if not self.title.strip():
            return "a chart needs a title"
        if len(self.series) > 1 and not all(each.name.strip() for each in self.series):
            return "each of several series needs a name"
        return ""

    def _problem_of_sizes(self) -> str:
        most = MAX_SLICES if self.kind == "pie" else MAX_LABELS
        if not 1 <= len(self.labels) <= most:
            return f"{len(self.labels)} labels; a {self.kind} chart has 1 to {most}"
        if not 1 <= len(self.series) <= (1 if self.kind == "pie" else MAX_SERIES):
            several = "exactly 1" if self.kind == "pie" else f"1 to {MAX_SERIES}"
            return f"{len(self.series)} series; a {self.kind} chart has {several}"
        uneven = next((each for each in self.series if len(each.values) != len(self.labels)), None)
        if uneven is not None:
            return f"the series {uneven.name!r} has {len(uneven.values)} values for {len(self.labels)} labels"
        return ""

    def _problem_of_values(self) -> str:
        values = [value for each in self.series for value in each.values if value is not None]
        if not values:
            return "a chart needs a value"
        if odd := [value for value in values if not math.isfinite(value)]:
            return f"the value {odd[0]} cannot be drawn"
        if self.kind == "pie" and None in self.series[0].values:
            return "a pie needs a value for every label"
        if self.kind == "pie" and (below := [value for value in values if value < 0]):
            return f"a pie shows no negative value: {value_text(below[0])}"
        if self.kind == "pie" and sum(values) == 0:
            return "a pie needs a value above 0"
        return ""


def value_text(value: float | None) -> str:
    """A value as people read it.

    >>> value_text(1234567.0), value_text(0.123456), value_text(None)
    ('1,234,567', '0.1235', '–')
    """
    if value is None:
        return "–"
    english = f"{int(value):,}" if value == int(value) and abs(value) < 1e15 else f"{value:,.4g}"
    return english.translate(separators())
