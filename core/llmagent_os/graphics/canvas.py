"""A canvas of pixels on matplotlib's objects for Agg: no window, no global state, no ``pyplot``.

Words are drawn as they are: ``$`` is no formula. What no installed font can draw is shown as a box, or left out where
it is an emoji; the words beside the picture have it.
"""

from __future__ import annotations

import io
import unicodedata
from functools import cache
from typing import Any, Literal

from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from llmagent_os.graphics.themes import Theme

PIXELS_PER_INCH = 100  #: of the canvas
SHARPNESS = 2  #: pixels of the file for each of the canvas

#: Fonts that are asked in this order for each letter, where they are installed. The first comes with matplotlib.
FONTS = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "SimHei",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Thai",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)
_BOX = "□"  #: for a letter that no font has

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
        shown = drawable(words)
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


@cache
def families() -> tuple[str, ...]:
    """Those of :data:`FONTS` that are installed."""
    manager: Any = font_manager.fontManager
    there = {str(font.name) for font in manager.ttflist}
    return tuple(name for name in FONTS if name in there)


def drawable(words: str) -> str:
    r"""``words`` in one line, without what no font can draw.

    >>> drawable("a\tb"), drawable("🎂 cake")
    ('a b', 'cake')
    """
    shown = "".join(_shown(letter) for letter in unicodedata.normalize("NFC", words))
    return " ".join(shown.split())


@cache
def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category[0] == "C" or "\ufe00" <= letter <= "\ufe0f":  # control letters, and selectors of emoji
        return " " if letter in "\t\n\r" else ""
    if letter.isspace() or _is_in_a_font(ord(letter)):
        return letter
    return "" if category in ("So", "Sk", "Mn", "Me") else _BOX


def _is_in_a_font(code: int) -> bool:
    return any(font.get_char_index(code) for font in _faces())


@cache
def _faces() -> tuple[Any, ...]:
    fonts: Any = font_manager
    return tuple(fonts.get_font(fonts.findfont(name)) for name in families())


def _points(pixels: float) -> float:
    return pixels * 72 / PIXELS_PER_INCH
