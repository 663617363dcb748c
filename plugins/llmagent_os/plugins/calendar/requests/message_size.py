"""How long a message may be to be read by rules."""

from __future__ import annotations

import re

MAX_CHARACTERS = 600  #: of a message that is read by rules
MAX_JOINTS = 30  #: commas, "and" and the like in it: with more of them it would take too long to read
_JOINT = re.compile(r"[,;&+…—–-]|[:.!?]\s|\b(?:and|then|to|a|so|but|because)\b", re.IGNORECASE)


def is_readable(text: str) -> bool:
    """Return whether a message is short enough to be read by rules, in a few thousandths of a second."""
    return len(text) <= MAX_CHARACTERS and len(_JOINT.findall(text)) <= MAX_JOINTS
