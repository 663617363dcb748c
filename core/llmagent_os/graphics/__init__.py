"""Pictures that the bot draws for people: charts of plugins, and the canvas that plugins draw on. See docs/graphics.md.

Nothing here imports matplotlib before the first picture is drawn. It comes with the extra ``graphics``.
"""

from llmagent_os.graphics.chart import Chart, ChartSeries
from llmagent_os.graphics.drawing import FONT_REMEDY, INSTALL, can_draw, drawn
from llmagent_os.graphics.themes import THEMES, Theme, theme_named

__all__ = ["FONT_REMEDY", "INSTALL", "THEMES", "Chart", "ChartSeries", "Theme", "can_draw", "drawn", "theme_named"]
