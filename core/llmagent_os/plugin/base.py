"""The base class of plugins, and the mark that makes a method a tool."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Concatenate, ParamSpec, TypeVar, get_args

from pydantic import Field

from llmagent_os.errors import PluginError
from llmagent_os.plugin.tool_methods import tool_methods
from llmagent_os.plugin.tool_source import Effect, Tool, ToolContext, ToolMark, ToolResult, ToolSource

#: A string argument that the model copies from the person's own words ("next tuesday", "dentist"). Its JSON schema is
#: ``{"type": "string", "x-span": true}``. The engine then decodes only parts of the person's message.
Span = Annotated[str, Field(json_schema_extra={"x-span": True})]

#: A string argument that only the plugin's own rules give. No model is shown it, so a model that was trained on the
#: tool before the argument existed reads the same tool as before. It must have a default.
RuleArgument = Annotated[str, Field(json_schema_extra={"x-rules-only": True})]


class Plugin(ToolSource):
    """The base class of plugins. A subclass has a ``name`` and ``@tool`` methods.

    One object of the class, made without arguments, serves all people. What else a plugin may define is in
    :class:`~llmagent_os.plugin.tool_source.ToolSource`.
    """

    def tools(self) -> Mapping[str, Tool]:
        """The methods that are marked with ``@tool``."""
        return tool_methods(self)


_P = ParamSpec("_P")
_Self = TypeVar("_Self", bound=Plugin)
_Method = Callable[Concatenate[_Self, ToolContext, _P], Awaitable[ToolResult]]


def tool(
    *,
    permission: str = "",
    read_only: bool = False,
    timeout: float = 10.0,
    offered: bool = True,
    effect: Effect | None = None,
    asks_itself: bool = False,
    credentials: Sequence[str] = (),
    open_to_groups: bool = False,
) -> Callable[[_Method[_Self, _P]], _Method[_Self, _P]]:
    """Mark an asynchronous method of a :class:`Plugin` as a tool. The tool has the method's name.

    Args:
        permission: what a bot must allow before the model sees the tool, such as ``calendar.write``.
        read_only: the tool changes nothing, so it may be called again freely.
        timeout: seconds after which a call is cancelled.
        offered: models see the tool. Otherwise only the plugin's own rules call it.
        effect: what a call does; None: ``reads`` if ``read_only``, else ``changes``. Where a model chose a destructive
            or outward call, the host asks the person first.
        asks_itself: the host does not ask. The tool looks at ``context.must_ask``, and asks in its own words.
        credentials: the names of those that a call needs, of :attr:`Plugin.credentials`. A person who has not given one
            is asked for it in place of the call.
        open_to_groups: of a plugin that :attr:`Plugin.is_personal`: the tool answers words where others read, too,
            because it says only what those words have said.

    Raises:
        PluginError: the permission, the timeout or the effect is not valid.
    """
    if not re.fullmatch(r"([a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*)?", permission):
        raise PluginError(f"permission {permission!r} should look like 'calendar.write'")
    if not 0 < timeout <= 600:
        raise PluginError(f"a tool's timeout is {timeout!r}: give seconds above 0 and up to 600")
    known = get_args(Effect)
    if effect is not None and effect not in known:
        raise PluginError(f"a tool's effect is {effect!r}: give one of {', '.join(known)}")
    if effect is not None and (effect == "reads") != read_only:
        raise PluginError(f"a tool with the effect {effect!r} is not read_only={read_only}")
    mark = ToolMark(
        permission,
        read_only,
        timeout,
        offered,
        effect or ("reads" if read_only else "changes"),
        asks_itself,
        tuple(credentials),
        open_to_groups,
    )

    def marked(method: _Method[_Self, _P]) -> _Method[_Self, _P]:
        method.__dict__["tool_mark"] = mark
        return method

    return marked
