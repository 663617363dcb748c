"""Leaves out the interjections of chats: "lol undo", "tbh just cancel the gym", "omg when is the exam".

>>> without_chat("omg when is the exam lol?"), without_chat("lol")
('when is the exam?', 'lol')
"""

from __future__ import annotations

import re

_CHAT = re.compile(
    r"(?<![\w\"'“])(?:lol|lmao|rofl|omg|omfg|tbh|ngl|imh?o|smh|ffs|btw)(?![\w\"'”:-])(?:[ ,]+|(?=[.!?;]|$))",
    re.IGNORECASE,
)
#: "What time is it rn".
_NOW = re.compile(r"\brn(?=\W*$)", re.IGNORECASE)


def without_chat(text: str) -> str:
    """Return a message without interjections that say nothing. One that says nothing else stays as it is."""
    text = _NOW.sub("right now", text)
    left, count = _CHAT.subn("", text)
    left = re.sub(r" +(?=[.!?;,]|$)", "", left).strip() if count else text
    return left if re.search(r"\w", left) else text
