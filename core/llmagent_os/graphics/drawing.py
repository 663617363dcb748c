"""Draws a picture beside the event loop: in one thread, one picture after the other, within a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from importlib.util import find_spec
from typing import TYPE_CHECKING

from llmagent_os.errors import GraphicsError
from llmagent_os.graphics.themes import Theme

if TYPE_CHECKING:
    from llmagent_os.graphics.canvas import Canvas

#: How the library that draws is installed.
INSTALL = 'pip install "llmagent-os[graphics]"'

#: How long a picture may take. The first one loads matplotlib, and may make its list of fonts.
DRAWING_SECONDS = 8.0

#: How many pictures may wait. More are refused, so that nobody waits for long.
MAX_WAITING = 20

# One thread: matplotlib's fonts are shared by all figures, and a slow picture must not take the host's own threads.
_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pictures")
_waiting: set[asyncio.Future[bytes]] = set()


def can_draw() -> bool:
    """Whether matplotlib is installed. Nothing is imported."""
    return find_spec("matplotlib") is not None


async def drawn(paint: Callable[[Canvas], None], *, width: int, height: int, theme: Theme) -> bytes:
    """The PNG file that ``paint`` draws.

    Args:
        paint: draws on a canvas. It runs in a thread, with the language in force here.
        width: in pixels of the canvas; the file has twice as many, for sharp screens.
        height: likewise.
        theme: the colours.

    Raises:
        GraphicsError: matplotlib is not installed, too many pictures wait, or the drawing fails or takes too long.
    """
    if not can_draw():
        raise GraphicsError(f"pictures cannot be drawn here: {INSTALL}")
    if len(_waiting) >= MAX_WAITING:
        raise GraphicsError("too many pictures are being drawn; try again in a moment")
    context = copy_context()  # has the language in force
    drawing = asyncio.get_running_loop().run_in_executor(
        _thread, lambda: context.run(_draw, paint, width, height, theme)
    )
    _waiting.add(drawing)
    drawing.add_done_callback(_waiting.discard)
    try:
        return await asyncio.wait_for(drawing, DRAWING_SECONDS)
    except TimeoutError as error:
        raise GraphicsError(f"a picture took longer than {DRAWING_SECONDS:g} s") from error
    except (ImportError, ValueError, TypeError, RuntimeError, OSError, MemoryError, ArithmeticError) as error:
        raise GraphicsError(f"a picture cannot be drawn: {type(error).__name__}: {error}") from error


def _draw(paint: Callable[[Canvas], None], width: int, height: int, theme: Theme) -> bytes:
    from llmagent_os.graphics.canvas import Canvas

    canvas = Canvas(width, height, theme)
    paint(canvas)
    return canvas.png()
