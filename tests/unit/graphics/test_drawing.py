"""Pictures. What breaks without this: a picture holds everybody up, is unreadable, or fails without a clear word."""

from __future__ import annotations

import asyncio
import io
import sys
import threading
import time
from itertools import product
from typing import Literal

import pytest
from PIL import Image

from llmagent_os.errors import GraphicsError
from llmagent_os.graphics import THEMES, Chart, ChartSeries, Theme, drawing, drawn, fonts
from llmagent_os.graphics.canvas import Canvas
from llmagent_os.graphics.chart import value_text
from llmagent_os.graphics.chart_drawing import paint_chart
from llmagent_os.graphics.fonts import drawable
from llmagent_os.languages import speaking

LIGHT = THEMES["light"]


def picture_of(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png)).convert("RGB")


def luminance(color: str) -> float:
    """Relative luminance, as WCAG 2.2 defines it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", THEMES.values(), ids=lambda theme: theme.name)
def test_text_can_be_read_in_both_themes(theme: Theme) -> None:
    pairs = [*product((theme.ink, theme.muted), (theme.paper, theme.shade)), (theme.box_ink, theme.box)]
    pairs += [(theme.paper, theme.accent), (theme.accent, theme.shade)]
    assert min(contrast(*pair) for pair in pairs) >= 4.5
    assert min(contrast(color, theme.paper) for color in theme.series) >= 3  # of graphics: criterion 1.4.11


@pytest.mark.parametrize("kind", ["line", "bar", "pie"])
async def test_every_kind_of_chart_is_drawn_in_its_colours(kind: Literal["line", "bar", "pie"]) -> None:
    series = (ChartSeries("$work$", (3, 4, 5)), ChartSeries("运动", (1, None, 3)))[: 1 if kind == "pie" else 2]
    chart = Chart(title="🎂 hours", kind=kind, labels=("a", "b", "c"), series=series)
    assert chart.problem() == ""
    for theme in THEMES.values():
        png = await drawn(lambda canvas: paint_chart(canvas, chart), width=450, height=280, theme=theme)
        picture = picture_of(png)
        assert picture.size == (900, 560)
        data = picture.tobytes()
        colors = {f"#{data[at : at + 3].hex()}" for at in range(0, len(data), 3)}
        assert {theme.paper, *theme.series[:2]} <= colors


async def test_the_loop_goes_on_while_a_picture_is_drawn() -> None:
    loop, entered, release = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def paint(canvas: Canvas) -> None:
        loop.call_soon_threadsafe(entered.set)
        assert release.wait(5)

    work = asyncio.create_task(drawn(paint, width=10, height=10, theme=LIGHT))
    await entered.wait()  # a loop that is held up would never come here
    release.set()
    assert picture_of(await work).size == (20, 20)


async def test_a_picture_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "DRAWING_SECONDS", 0.01)
    with pytest.raises(GraphicsError, match=r"longer than 0\.01 s"):
        await drawn(lambda canvas: time.sleep(0.05), width=10, height=10, theme=LIGHT)


async def test_too_many_pictures_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "MAX_WAITING", 0)
    with pytest.raises(GraphicsError, match="try again in a moment"):
        await drawn(lambda canvas: None, width=10, height=10, theme=LIGHT)


async def test_without_matplotlib_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "can_draw", lambda: False)
    with pytest.raises(GraphicsError, match=r'pip install "llmagent-os\[graphics\]"'):
        await drawn(lambda canvas: None, width=10, height=10, theme=LIGHT)


def test_no_window_and_no_global_state_is_used() -> None:
    assert "matplotlib.pyplot" not in sys.modules


def test_words_are_cut_where_they_do_not_fit() -> None:
    canvas = Canvas(200, 100, LIGHT)
    whole = "a long name of an event"
    cut = canvas.shortened(whole, 60, size=13)
    assert cut.endswith("…")
    assert whole.startswith(cut[:-1])
    assert canvas.width_of(cut, size=13) <= 60
    assert canvas.shortened(whole, 500, size=13) == whole
    assert canvas.shortened(whole, 2, size=13) == ""


def test_what_no_font_has_is_a_box_and_emoji_are_left_out() -> None:
    assert drawable("Zoë\n🎂 \u200bAna\x00") == "Zoë Ana"
    assert drawable("a\ue000b") == "ab"
    assert set(drawable("𓀀𓀁")) == {"□"}


async def test_a_picture_is_drawn_in_the_language_in_force_where_a_font_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def paint(canvas: Canvas) -> None:
        canvas.text(1, 1, "牙医 \ue000 𓀀")
        said.extend((fonts.language_drawn(), canvas.missing))

    with speaking("zh"):
        await drawn(paint, width=10, height=10, theme=LIGHT)
        monkeypatch.setattr(fonts, "missing_letters", str)  # all of them: as without the extra's font
        await drawn(paint, width=10, height=10, theme=LIGHT)
    assert said[:2] == ["zh", "𓀀"]
    assert said[2] == "en"


def test_the_same_picture_is_the_same_file() -> None:
    def png() -> bytes:
        canvas = Canvas(60, 40, LIGHT)
        canvas.text(5, 5, value_text(1234.5))
        return canvas.png()

    assert png() == png()
