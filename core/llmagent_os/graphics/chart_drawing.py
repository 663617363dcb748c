"""Draws a chart: lines, bars or a pie, with the names of the series at the top."""

from __future__ import annotations

import math
from typing import Any

from llmagent_os.graphics.canvas import Canvas
from llmagent_os.graphics.chart import Chart, value_text
from llmagent_os.graphics.fonts import families

WIDTH, HEIGHT = 900, 560  #: of the canvas, in pixels

_TOP, _LEFT, _RIGHT, _BOTTOM = 96, 76, 28, 64  # pixels around the plot
_SMALL = 9.0  # of letters at the axes, in points
_SHOWN_LABELS = 16  # on an axis; of more, only some are written
_LONG_LABEL = 12  # characters; longer ones are turned
_BARS = 0.8  # the part of a label's place that its bars take


def paint_chart(canvas: Canvas, chart: Chart) -> None:
    """Draw ``chart``, which has no :meth:`~llmagent_os.graphics.chart.Chart.problem`, on a whole canvas."""
    unit = f" ({chart.unit})" if chart.unit else ""
    canvas.text(28, 22, f"{chart.title}{unit}", size=22, bold=True, room=canvas.width - 56)
    if chart.kind == "pie":
        _pie(canvas, chart)
        return
    names = [each.name for each in chart.series if each.name]
    _legend(canvas, names, 28, 60)
    area = canvas.plot_area(_LEFT, _TOP, canvas.width - _LEFT - _RIGHT, canvas.height - _TOP - _BOTTOM)
    _style(canvas, area)
    places = range(len(chart.labels))
    draw = _bars if chart.kind == "bar" else _lines
    for number, each in enumerate(chart.series):
        values = [math.nan if value is None else value for value in each.values]
        draw(area, places, values, canvas.theme.series[number], number, len(chart.series))
    _label(canvas, area, chart)


def _lines(area: Any, places: range, values: list[float], color: str, number: int, count: int) -> None:
    area.plot(places, values, color=color, linewidth=2, marker="os^Dv<>p"[number], markersize=5)


def _bars(area: Any, places: range, values: list[float], color: str, number: int, count: int) -> None:
    width = _BARS / count
    first = -_BARS / 2 + width / 2 + number * width
    area.bar([place + first for place in places], values, width * 0.94, color=color)


def _style(canvas: Canvas, area: Any) -> None:
    theme = canvas.theme
    area.set_facecolor(theme.paper)
    area.grid(axis="y", color=theme.line, linewidth=0.8)
    area.set_axisbelow(True)
    for side, spine in area.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(theme.muted)
    area.tick_params(colors=theme.muted, labelsize=_SMALL, length=0)


def _label(canvas: Canvas, area: Any, chart: Chart) -> None:
    """Write the labels below, and the values at the left."""
    step = math.ceil(len(chart.labels) / _SHOWN_LABELS)
    places = range(0, len(chart.labels), step)
    labels = [canvas.drawable(chart.labels[place])[:24] for place in places]
    turned = max(map(len, labels)) * len(labels) > _LONG_LABEL * 8
    area.set_xticks(list(places), labels, rotation=25 if turned else 0, ha="right" if turned else "center")
    for each in area.get_xticklabels():
        each.set_fontfamily(families())
        each.set_parse_math(False)
    area.set_xlim(-0.6, len(chart.labels) - 0.4)
    low, high = area.get_ylim()
    if chart.kind == "bar" or (low > 0 and low < high / 2):
        area.set_ylim(min(low, 0), max(high, 0) if high != low else 1)
    if all(value is None or float(value).is_integer() for each in chart.series for value in each.values):
        area.yaxis.get_major_locator().set_params(integer=True)  # nobody casts half a vote
    area.yaxis.set_major_formatter(_tick_text)


def _tick_text(value: float, _place: int) -> str:
    return value_text(value)


def _pie(canvas: Canvas, chart: Chart) -> None:
    values = [value for value in chart.series[0].values if value is not None]
    whole = sum(values)
    count = len(values)
    colors = [canvas.theme.series[number % len(canvas.theme.series)] for number in range(count)]
    area = canvas.plot_area(28, 76, 440, canvas.height - 104)
    edge = {"edgecolor": canvas.theme.paper, "linewidth": 2}
    area.pie(values, colors=colors, startangle=90, counterclock=False, wedgeprops=edge)
    top = (canvas.height - count * 34) / 2 + 16
    for number, (label, value) in enumerate(zip(chart.labels, values, strict=True)):
        y = top + number * 34
        canvas.box(500, y + 2, 16, 16, colors[number], radius=4)
        canvas.text(528, y, label, size=16, room=190)
        unit = f" {chart.unit}" if chart.unit else ""
        share = f"{value_text(value)}{unit} · {value / whole:.0%}"
        canvas.text(canvas.width - 28, y, share, size=16, align="right", color=canvas.theme.muted)


def _legend(canvas: Canvas, names: list[str], x: float, y: float) -> None:
    """The names of the series in one row, as many as fit."""
    for number, name in enumerate(names):
        room = min(180.0, canvas.width - 28 - x - 22)
        shown = canvas.shortened(canvas.drawable(name), room, size=14) if room > 20 else ""
        if not shown:
            return
        canvas.box(x, y + 2, 14, 14, canvas.theme.series[number], radius=4)
        canvas.text(x + 22, y, shown, size=14, color=canvas.theme.muted)
        x += 22 + canvas.width_of(shown, size=14) + 24
