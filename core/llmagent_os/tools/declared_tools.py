"""Reads and checks what a source of tools declares, before its tools are offered to anybody."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel

from llmagent_os.errors import PluginError
from llmagent_os.plugin import Tool, ToolSource

_SOURCE_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what servers of models accept

#: What no source can be called: the host's own buttons and the pages on which credentials are given begin with it.
RESERVED = ("agent", "credentials")

#: The host's own tool, which finds those that a model is not shown. No tool of a source can be called so.
FIND_TOOLS = "find_tools"


def check_declaration(source: ToolSource) -> None:
    """Check the name, the credentials, the requirements and the records of ``source``. Called before it starts.

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
    if problem := requirement_problem(source.requires) or _records_problem(source):
        raise PluginError(f"plugin {name!r}: {problem}")


def _records_problem(source: ToolSource) -> str:
    """What is wrong with the version of the records and the migrations; empty: nothing."""
    version, there = source.records_version, set(source.migrations)
    if version < 1:
        return f"records_version is {version}; versions are counted from 1"
    if there != set(range(1, version)):
        wanted = ", ".join(map(str, range(1, version))) or "none"
        return f"records_version {version} needs migrations from {wanted}, and has {sorted(there) or 'none'}"
    return ""


def settings_model(source: ToolSource) -> type[BaseModel] | None:
    """The model that ``source`` declares for its settings. None: it has none.

    Raises:
        PluginError: what is declared is no model.
    """
    for kind in type(source).__mro__:
        declared: object = vars(kind).get("__annotations__", {}).get("settings")
        if kind is ToolSource or declared is None:
            continue
        if isinstance(declared, str):
            try:
                declared = eval(declared, vars(sys.modules[kind.__module__]), dict(vars(kind)))
            except Exception as error:
                raise PluginError(
                    f"plugin {source.name!r}: the type of its settings, {declared!r}, cannot be read ({error})"
                ) from error
        if isinstance(declared, type) and issubclass(declared, BaseModel):
            return declared
        raise PluginError(f"plugin {source.name!r}: its settings are {declared!r}, which is no pydantic model")
    return None


def has_settings(source: ToolSource) -> bool:
    """Whether ``source`` has settings."""
    return source.has_settings or settings_model(source) is not None


def requirement_problem(requirements: Iterable[str]) -> str:
    """Say what of ``requirements`` is not installed, and how to install it. Empty: everything is.

    >>> requirement_problem(["pydantic>=2"])
    ''
    """
    missing: list[str] = []
    wanted: list[str] = []
    for text in requirements:
        try:
            each = Requirement(text)
        except InvalidRequirement as error:
            return f"`requires` has {text!r}, which is no requirement: {str(error).splitlines()[0]}"
        if each.marker is not None and not each.marker.evaluate():
            continue
        try:
            there = version(each.name)
        except PackageNotFoundError:
            there = ""
        if not there or not each.specifier.contains(there, prereleases=True):
            missing.append(f"{text} (version {there} is installed)" if there else text)
            wanted.append(f"'{text}'")
    return f"needs {', '.join(missing)}; install it: pip install {' '.join(wanted)}" if missing else ""


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
