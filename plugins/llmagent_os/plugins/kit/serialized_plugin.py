"""One request of a person at a time: they may write from two places at once.

>>> class Stones(SerializedPlugin):
...     name = "stones"
...
...     @serialized
...     async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
...         '''Read the person's records, and write them: no other request of the person comes between.'''
...         return ToolResult({}, "Done.")
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.plugin import Plugin, ToolContext

_Method = TypeVar("_Method", bound=Callable[..., Coroutine[Any, Any, Any]])


class SerializedPlugin(Plugin):
    """The base of plugins whose methods, where they are marked with :func:`serialized`, take turns for each person."""

    def __init__(self) -> None:
        self.locks = KeyedLocks()  #: by person


def serialized(method: _Method) -> _Method:
    """Have a method of a :class:`SerializedPlugin` wait until the person's request before it is done.

    Args:
        method: asynchronous; takes the :class:`ToolContext` first.
    """

    @functools.wraps(method)
    async def waiting(self: SerializedPlugin, context: ToolContext, *args: Any, **kwargs: Any) -> Any:
        async with self.locks.of(context.user_id):
            return await method(self, context, *args, **kwargs)

    return cast("_Method", waiting)
