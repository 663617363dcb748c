"""The font that the extra ``graphics`` brings for Chinese, and what to do where letters have no font."""

from __future__ import annotations

#: The package with Noto Sans SC (SIL Open Font License 1.1), and the file in it. The package is never imported.
FONT_PACKAGE, FONT_FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"

#: What an operator does about letters that no font has.
FONT_REMEDY = 'install a font that has them, such as Noto Sans CJK; the extra "graphics" brings one for Chinese'
