"""The names of tools as servers take them: at most 64 letters, digits, ``_`` and ``-``.

Specification: https://platform.openai.com/docs/api-reference/chat/create#chat_create-tools. A server refuses the whole
request for one other name.
"""

from __future__ import annotations

import hashlib
import re

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]")
_KEPT = 55  # characters of a name that cannot stay as it is


def wire_name(name: str) -> str:
    """The name under which a server is told of a tool: the tool's own, if the server takes it.

    >>> wire_name("list_events"), wire_name("files.read")
    ('list_events', 'files_read_601e4eb6')
    """
    if _NAME.fullmatch(name):
        return name
    return f"{_OTHER.sub('_', name)[:_KEPT]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
