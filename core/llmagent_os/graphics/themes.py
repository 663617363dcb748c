"""The colours of pictures, light and dark.

Text has a contrast of at least 4.5 to what it stands on (WCAG 2.2, criterion 1.4.3); a test computes it. The colours of
series are those of Okabe and Ito (2008), which colour-blind people tell apart, made lighter or darker for each theme.
"""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

#: The names of the themes.
ThemeName = Literal["light", "dark"]
THEME_NAMES: tuple[ThemeName, ...] = get_args(ThemeName)


class Theme(msgspec.Struct, frozen=True, kw_only=True):
    """The colours of a picture, as ``#rrggbb``."""

    name: ThemeName
    paper: str  #: what everything stands on
    shade: str  #: a part of the paper that is set off, such as today
    ink: str  #: text
    muted: str  #: text that matters less
    line: str  #: lines between parts
    accent: str  #: what is to be seen first
    box: str  #: what an event stands on
    box_ink: str  #: its text
    series: tuple[str, ...]  #: of a chart, in order


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        name="light",
        paper="#ffffff",
        shade="#f1f4fa",
        ink="#1b2230",
        muted="#5b6577",
        line="#dfe3ea",
        accent="#0b5cad",
        box="#d9e8f8",
        box_ink="#0b2f57",
        series=("#0072b2", "#d55e00", "#007a5a", "#b3508a", "#8a6d00", "#2b8cbe", "#444c5c", "#8c4a1f"),
    ),
    "dark": Theme(
        name="dark",
        paper="#14181f",
        shade="#1d2430",
        ink="#eef1f6",
        muted="#a3adbd",
        line="#303846",
        accent="#7ab8f5",
        box="#1f3d5c",
        box_ink="#e3f0fd",
        series=("#56b4e9", "#ff9d4d", "#2fc79a", "#e39cc6", "#f0e442", "#9fd0ff", "#c3cad6", "#d9a07a"),
    ),
}


def theme_named(name: str) -> Theme:
    """The theme with a name; any other name is the light one.

    >>> theme_named("dark").name, theme_named("").name
    ('dark', 'light')
    """
    return THEMES["dark" if name == "dark" else "light"]
