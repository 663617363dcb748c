"""A canvas of pixels on matplotlib's objects for Agg: no window, no global state, no ``pyplot``.

Words are drawn as they are: ``$`` is no formula. What no installed font can draw is shown as a box, or left out where
it is an emoji; the words beside the picture have it.
"""

from __future__ import annotations

import io
from typing import Any, Literal

from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from llmagent_os.graphics.fonts import drawable, families, missing_letters
from llmagent_os.graphics.themes import Theme

PIXELS_PER_INCH = 100  #: of the canvas
SHARPNESS = 2  #: pixels of the file for each of the canvas

Align = Literal["left", "center", "right"]


class Canvas:
    """A rectangle of pixels; the first is at the top left.

    Args:
        width: in pixels.
        height: in pixels.
        theme: the colours. The canvas is filled with its paper.
    """

    def __init__(self, width: int, height: int, theme: Theme) -> None:
        self.width = width
        self.height = height
        self.theme = theme
        size = (width / PIXELS_PER_INCH, height / PIXELS_PER_INCH)
        self._figure: Any = Figure(figsize=size, dpi=PIXELS_PER_INCH * SHARPNESS, facecolor=theme.paper)
        self._agg: Any = FigureCanvasAgg(self._figure)
        self._axes: Any = self._figure.add_axes((0, 0, 1, 1))
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.set_axis_off()
        self.missing = ""  #: letters that were to be drawn and are boxes, as far as the picture is drawn
        self._layer = 1  # of what is drawn next: it lies above everything before

    def box(self, x: float, y: float, width: float, height: float, color: str, *, radius: float = 0) -> None:
        """Fill a rectangle whose top left corner is at ``x``, ``y``."""
        radius = min(radius, width / 2, height / 2)
        style = f"round,pad=0,rounding_size={radius}" if radius > 0 else "square,pad=0"
        patch: Any = FancyBboxPatch(
            (x, y), width, height, boxstyle=style, facecolor=color, edgecolor="none", zorder=self._above()
        )
        self._axes.add_patch(patch)

    def line(self, x: float, y: float, to_x: float, to_y: float, color: str, *, width: float = 1) -> None:
        """Draw a straight line, ``width`` pixels wide."""
        self._axes.plot(
            (x, to_x), (y, to_y), color=color, linewidth=_points(width), solid_capstyle="butt", zorder=self._above()
        )

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 13,
        color: str = "",
        align: Align = "left",
        bold: bool = False,
        room: float | None = None,
    ) -> None:
        """Write one line of words.

        Args:
            x: where the line begins, has its middle, or ends, by ``align``.
            y: the upper edge of the letters' line.
            words: what to write.
            size: of the letters, in pixels.
            color: of the letters; empty: the theme's ink.
            align: see ``x``.
            bold: whether the letters are thick.
            room: pixels that the line may take; longer words are cut. None: as many as it needs.
        """
        shown = self.drawable(words)
        if room is not None:
            shown = self.shortened(shown, room, size=size, bold=bold)
        self._axes.text(
            x,
            y + size * 0.6,
            shown,
            fontsize=_points(size),
            fontfamily=families(),
            fontweight="bold" if bold else "normal",
            color=color or self.theme.ink,
            horizontalalignment=align,
            verticalalignment="center_baseline",
            parse_math=False,
            zorder=self._above(),
        )

    def drawable(self, words: str) -> str:
        """``words`` in one line, without what no font can draw. Remembers in :attr:`missing` what became a box."""
        self.missing += missing_letters("".join(letter for letter in words if letter not in self.missing))
        return drawable(words)

    def _above(self) -> int:
        self._layer += 1
        return self._layer

    def shortened(self, words: str, room: float, *, size: float, bold: bool = False) -> str:
        """The beginning of ``words`` that takes at most ``room`` pixels, with ``…`` where it is cut."""
        if self.width_of(words, size=size, bold=bold) <= room:
            return words
        least, most = 0, len(words)  # the longest beginning that fits, by halving
        while least < most:
            middle = (least + most + 1) // 2
            if self.width_of(f"{words[:middle].rstrip()}…", size=size, bold=bold) <= room:
                least = middle
            else:
                most = middle - 1
        return f"{words[:least].rstrip()}…" if least else ""

    def width_of(self, words: str, *, size: float, bold: bool = False) -> float:
        """How many pixels a line of words takes."""
        weight = "bold" if bold else "normal"
        font: Any = font_manager.FontProperties(family=families(), size=_points(size), weight=weight)
        width, _, _ = self._agg.get_renderer().get_text_width_height_descent(words, font, ismath=False)
        return float(width) / SHARPNESS

    def plot_area(self, x: float, y: float, width: float, height: float) -> Any:
        """Matplotlib's ``Axes`` in a rectangle of the canvas, for a chart."""
        place = (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        return self._figure.add_axes(place)

    def png(self) -> bytes:
        """The picture as a PNG file. The same picture gives the same bytes."""
        buffer = io.BytesIO()
        self._agg.print_png(buffer, metadata={"Software": None})
        return buffer.getvalue()


def _points(pixels: float) -> float:
    return pixels * 72 / PIXELS_PER_INCH
