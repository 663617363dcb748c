"""Finds fonts for the letters of a picture: those of matplotlib, of the system, and Noto Sans SC for Chinese.

Noto Sans SC comes with the extra ``graphics``, in a package of its own. A letter that no font has becomes a box, and
the log says so once.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import date
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
from matplotlib import font_manager

from llmagent_os.graphics.drawing import FONT_REMEDY
from llmagent_os.languages import ENGLISH, language_in_force
from llmagent_os.languages.written_phrases import day_parts_text

#: Fonts that are asked in this order for each letter, where they are installed. The first comes with matplotlib.
FONTS = (
    "DejaVu Sans",
    "Noto Sans",
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Microsoft YaHei",
    "SimHei",
    "Noto Sans CJK JP",
    "Hiragino Sans",
    "Noto Sans CJK KR",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Thai",
    "Noto Sans Devanagari",
    "Arial Unicode MS",
)

#: The package with Noto Sans SC, and the file in it.
FONT_PACKAGE, FONT_FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"

_BOX = "□"  #: for a letter that no font has

_log = structlog.stdlib.get_logger(__name__)


@cache
def families() -> tuple[str, ...]:
    """Those of :data:`FONTS` that are installed."""
    manager: Any = font_manager.fontManager
    if (packaged := _packaged()) is not None:
        manager.addfont(packaged)
        # The package has one weight. It is known as the bold one too, or matplotlib's log complains of every picture.
        manager.ttflist.append(replace(manager.ttflist[-1], weight=700))
    there = {str(font.name) for font in manager.ttflist}
    return tuple(name for name in FONTS if name in there)


def drawable(words: str) -> str:
    r"""``words`` in one line, without what no font can draw.

    >>> drawable("a\tb"), drawable("🎂 cake")
    ('a b', 'cake')
    """
    shown = "".join(_shown(letter) for letter in unicodedata.normalize("NFC", words))
    return " ".join(shown.split())


def missing_letters(words: str) -> str:
    """The letters of ``words`` that are drawn as boxes, each once.

    >>> missing_letters("Zoë 会议")
    ''
    """
    letters = dict.fromkeys(unicodedata.normalize("NFC", words))
    return "".join(letter for letter in letters if letter != _BOX and _shown(letter) == _BOX)


def language_drawn() -> str:
    """The language in force where its words can be drawn, else English."""
    words = "".join(day_parts_text("yMMMMEEEEd", date(2026, month, month)) for month in range(1, 13))
    return ENGLISH if missing_letters(words) else language_in_force()


@cache
def _shown(letter: str) -> str:
    category = unicodedata.category(letter)
    if category[0] == "C" or "\ufe00" <= letter <= "\ufe0f":  # control letters, and selectors of emoji
        return " " if letter in "\t\n\r" else ""
    if letter.isspace() or _is_in_a_font(ord(letter)):
        return letter
    if category in ("So", "Sk", "Mn", "Me"):
        return ""
    _warn_of_boxes()
    return _BOX


@cache
def _warn_of_boxes() -> None:
    """Tell the log once. The letter itself is a person's, and stays out of it."""
    _log.warning("pictures show boxes for letters that no installed font has", remedy=FONT_REMEDY)


def _is_in_a_font(code: int) -> bool:
    return any(font.get_char_index(code) for font in _faces())


@cache
def _faces() -> tuple[Any, ...]:
    fonts: Any = font_manager
    return tuple(fonts.get_font(fonts.findfont(name)) for name in families())


def _packaged() -> Path | None:
    """The file of Noto Sans SC. The package is not imported."""
    spec = find_spec(FONT_PACKAGE)
    folders = spec.submodule_search_locations if spec is not None else None
    files = [Path(folder, FONT_FILE) for folder in folders or ()]
    return next((file for file in files if file.is_file()), None)
