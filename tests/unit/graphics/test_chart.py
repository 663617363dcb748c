"""Charts as data. What breaks without this: a plugin's mistake becomes a broken picture, or a person gets no words."""

from __future__ import annotations

import msgspec
import pytest

from llmagent_os.graphics import Chart, ChartSeries
from llmagent_os.graphics.chart import MAX_ALT

GOOD = Chart(
    title="Hours",
    kind="bar",
    labels=("Mon", "Tue"),
    series=(ChartSeries("work", (3, 4.5)), ChartSeries("sport", (None, 1))),
    unit="h",
)


def test_the_words_hold_every_value() -> None:
    assert GOOD.problem() == ""
    assert GOOD.as_text() == "Bar chart: Hours (h). work: Mon 3, Tue 4.5. sport: Mon –, Tue 1."
    asked = Chart(title="Lunch?", kind="bar", labels=("Soup",), series=(ChartSeries("", (1,)),))
    assert asked.as_text() == "Bar chart: Lunch? Soup 1."


def test_long_words_are_cut_for_captions() -> None:
    labels = tuple(f"a label with the number {number}" for number in range(60))
    long = msgspec.structs.replace(GOOD, labels=labels, series=(ChartSeries("", tuple(float(n) for n in range(60))),))
    assert long.problem() == ""
    assert len(long.as_text()) == MAX_ALT
    assert long.as_text().endswith("…")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"title": " "}, "a chart needs a title"),
        ({"title": "x" * 61}, "a name of 61 characters"),
        ({"labels": ()}, "0 labels; a bar chart has 1 to 60"),
        ({"labels": ("a",)}, "the series 'work' has 2 values for 1 labels"),
        ({"series": ()}, "0 series; a bar chart has 1 to 8"),
        ({"kind": "pie"}, "2 series; a pie chart has exactly 1"),
        ({"series": (ChartSeries("", (1, 2)), ChartSeries("b", (1, 2)))}, "each of several series needs a name"),
        ({"series": (ChartSeries("", (None, None)),)}, "a chart needs a value"),
        ({"series": (ChartSeries("", (1, float("inf"))),)}, "the value inf cannot be drawn"),
        ({"series": (ChartSeries("", (1, -2)),), "kind": "pie"}, "a pie shows no negative value: -2"),
        ({"series": (ChartSeries("", (1, None)),), "kind": "pie"}, "a pie needs a value for every label"),
        ({"series": (ChartSeries("", (0, 0)),), "kind": "pie"}, "a pie needs a value above 0"),
    ],
)
def test_what_cannot_be_drawn_is_said(changes: dict[str, object], problem: str) -> None:
    assert msgspec.structs.replace(GOOD, **changes).problem().startswith(problem)
