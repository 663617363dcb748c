"""Draws the chart of a plugin's result. Its words go with it; where it cannot be drawn, they stand in the text."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec
import structlog

from llmagent_os.adapter import Picture
from llmagent_os.errors import GraphicsError
from llmagent_os.graphics import Chart, drawn, theme_named
from llmagent_os.plugin import ToolContext, ToolResult

if TYPE_CHECKING:
    from llmagent_os.graphics.canvas import Canvas

_SIZE = (900, 560)  # of the canvas, in pixels

_log = structlog.get_logger(__name__)


async def with_chart_drawn(result: ToolResult, context: ToolContext) -> ToolResult:
    """``result`` with its chart as a picture, and no chart any more."""
    chart = result.chart
    if chart is None:
        return result
    words = chart.as_text()
    plain = msgspec.structs.replace(result, chart=None)
    theme = theme_named(context.theme)
    try:
        png = await drawn(lambda canvas: _paint(canvas, chart), width=_SIZE[0], height=_SIZE[1], theme=theme)
        # The same name at every try, and another one for every chart: earlier messages show theirs, too.
        made_of = f"{context.call_id}\x1f{words}"
        path = await context.files.write(f"chart-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}.png", png)
    except (GraphicsError, OSError) as error:
        _log.warning("a chart is told in words: it was not drawn", error=str(error))
        return msgspec.structs.replace(plain, text=f"{result.text}\n\n{words}")
    return msgspec.structs.replace(plain, pictures=(*result.pictures, Picture(path, words)))


def _paint(canvas: Canvas, chart: Chart) -> None:
    from llmagent_os.graphics.chart_drawing import paint_chart

    paint_chart(canvas, chart)
