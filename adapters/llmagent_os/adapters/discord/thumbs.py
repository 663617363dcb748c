"""The feedback buttons under replies on Discord: two buttons in the last row of a message.

Discord tells a bot of reactions only with the intent for them. It tells of pressed buttons always. A button is the same
for everybody who reads the message. So it shows how many people have pressed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmagent_os.adapter import Thumbs
from llmagent_os.events import PRESSED_DOWN, PRESSED_UP

#: What the two buttons carry: the emoji of the reaction that a press is.
THUMBS = (PRESSED_UP, PRESSED_DOWN)

_ROW, _BUTTON, _GREY = 1, 2, 2  # Discord's numbers


def thumbs_row(thumbs: Thumbs) -> dict[str, Any]:
    """The row with the two thumbs.

    >>> [button["label"] for button in thumbs_row(Thumbs(up=2))["components"]]
    ['👍 2', '👎']
    """
    counts = zip(("👍", "👎"), (thumbs.up, thumbs.down), THUMBS, strict=True)
    buttons = [
        {"type": _BUTTON, "style": _GREY, "label": f"{face} {count}" if count else face, "custom_id": carried}
        for face, count, carried in counts
    ]
    return {"type": _ROW, "components": buttons}


def with_thumbs(components: Sequence[dict[str, Any]], thumbs: Thumbs) -> list[dict[str, Any]]:
    """A message's components with another row of thumbs. Everything else stays as it is."""
    return [thumbs_row(thumbs) if _is_thumbs(row) else row for row in components]


def _is_thumbs(row: dict[str, Any]) -> bool:
    return any(each.get("custom_id") in THUMBS for each in row.get("components") or ())
