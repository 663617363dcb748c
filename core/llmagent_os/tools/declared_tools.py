"""Checks what a source of tools declares before its tools are offered to anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmagent_os.errors import PluginError
from llmagent_os.plugin import Tool, ToolSource

_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what servers of models accept

#: What no source can be called: the host's own buttons and the pages on which credentials are given begin with it.
RESERVED = ("agent", "credentials")

#: The host's own tool, which finds those that a model is not shown. No tool of a source can be called so.
FIND_TOOLS = "find_tools"


def check_declaration(source: ToolSource) -> None:
    """Check the name and the credentials of ``source``. Called before it starts.

    Raises:
        PluginError: something is wrong; the message names the source.
    """
    name: object = getattr(source, "name", None)
    if not isinstance(name, str) or not _SOURCE_NAME.fullmatch(name):
        raise PluginError(f"plugin {type(source).__name__} needs a name like 'weather', not {name!r}")
    if name in RESERVED:
        raise PluginError(f"plugin {type(source).__name__} cannot be called {name!r}: the host uses the name itself")
    names: set[str] = set()
    for each in source.credentials:
        problem = f"the credential {each.name!r} is declared twice" if each.name in names else each.problem()
        if problem:
            raise PluginError(f"plugin {name!r}: {problem}")
        names.add(each.name)


def declared_tools(source: ToolSource) -> Mapping[str, Tool]:
    """Return the tools of ``source`` by name.

    Raises:
        PluginError: a tool is badly defined; the message names the source and the tool.
    """
    tools = dict(source.tools())
    known = {each.name for each in source.credentials}
    for name, tool in tools.items():
        where = f"plugin {source.name!r}, tool {name!r}"
        if not _TOOL_NAME.fullmatch(name):
            raise PluginError(f"{where}: a tool's name is letters, digits, _ and -, at most 64")
        if name == FIND_TOOLS:
            raise PluginError(f"{where}: the host has a tool of that name itself; give it another name")
        if (tool.spec.name, tool.spec.plugin) != (name, source.name):
            raise PluginError(f"{where}: its spec says {tool.spec.name!r} of {tool.spec.plugin!r}")
        if unknown := sorted(set(tool.mark.credentials) - known):
            raise PluginError(
                f"{where}: needs the credential {unknown[0]!r}, which `credentials` of the plugin does not declare"
            )
    return tools
