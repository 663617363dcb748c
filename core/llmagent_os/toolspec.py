"""What a model and the permissions are told of a tool: the part of a plugin that crosses over to the language model."""

from __future__ import annotations

from typing import Any

import msgspec


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tool that a model may call.

    >>> ToolSpec(name="now", description="The time.", parameters={"type": "object", "properties": {}}).read_only
    False
    """

    name: str  #: what the model calls it
    description: str  #: what it does, in the model's words
    parameters: dict[str, Any]  #: JSON schema of its arguments: an object, without ``$defs``
    permission: str = ""  #: what a person must be allowed to use it, such as ``calendar.write``; empty: nothing
    read_only: bool = False  #: changes nothing
    plugin: str = ""  #: the name of the plugin it comes from
