"""What is looked up for every message and call, worked out once for a set of loaded plugins.

The registry makes a new :class:`PluginLookup` whenever a plugin comes, goes or has other tools. So the cost of a
message does not grow with the plugins that have nothing to do with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.plugin import Form, Tool
from llmagent_os.tools.loaded_plugin import LoadedPlugin
from llmagent_os.tools.tool_calling import is_given, is_permitted
from llmagent_os.tools.tool_choice import OfferedTools
from llmagent_os.tools.tool_index import ToolIndex

#: How many sets of permissions are remembered. A bot asks with one.
MOST_PERMISSION_SETS = 64


class Permitted(msgspec.Struct, frozen=True):
    """What a set of permissions allows."""

    names: frozenset[str]  #: of the tools that may be called
    plugins: frozenset[str]  #: the names of the plugins that have such a tool, or no tool at all
    writing: frozenset[str]  #: the names of the plugins that have such a tool that writes, or none that writes
    offered: tuple[tuple[LoadedPlugin, tuple[ToolSpec, ...]], ...]  #: the tools that models are offered, by plugin
    specs: tuple[ToolSpec, ...]  #: all of these tools


class PluginLookup:
    """Finds plugins by their tools, commands and hooks, and tools by the permissions that they need."""

    def __init__(self, loaded: Mapping[str, LoadedPlugin], granted: Collection[str] | None) -> None:
        """Look through the plugins.

        Args:
            loaded: by name.
            granted: the permissions that the registry gives; None: all.
        """
        self._loaded = tuple(loaded.values())
        self._granted = granted
        #: the plugin of a tool, and the tool, by the tool's name
        self.tools: dict[str, tuple[LoadedPlugin, Tool]] = {
            name: (each, tool) for each in self._loaded for name, tool in each.tools.items()
        }
        #: the plugin that answers a slash command, by the command's name
        self.commands: dict[str, LoadedPlugin] = {
            name: each for each in reversed(self._loaded) for name in each.plugin.commands
        }
        self._having: dict[str, tuple[LoadedPlugin, ...]] = {}
        self._permitted: dict[tuple[str, ...] | None, Permitted] = {}
        self._index: ToolIndex | None = None
        self._offered = OfferedTools(())

    def having(self, hook: str) -> tuple[LoadedPlugin, ...]:
        """The plugins that answer ``hook``, such as ``requests_in``; see :meth:`ToolSource.answers`."""
        found = self._having.get(hook)
        if found is None:
            found = tuple(each for each in self._loaded if each.plugin.answers(hook))
            self._having[hook] = found
        return found

    def permitted(self, allowed: Collection[str] | None) -> Permitted:
        """What is permitted by the registry and by ``allowed``; None asks for no more."""
        key = None if allowed is None else tuple(allowed)
        found = self._permitted.get(key)
        if found is None:
            if len(self._permitted) >= MOST_PERMISSION_SETS:
                self._permitted.clear()
            found = self._permitted[key] = self._permitted_by(allowed)
        return found

    def _permitted_by(self, allowed: Collection[str] | None) -> Permitted:
        names = frozenset(
            name for name, (_, tool) in self.tools.items() if is_permitted(tool.spec, self._granted, allowed)
        )
        offered = tuple(
            (each, tuple(tool.spec for name, tool in each.tools.items() if tool.mark.offered and name in names))
            for each in self._loaded
        )
        plugins = frozenset(
            each.plugin.name for each in self._loaded if not each.tools or not names.isdisjoint(each.tools)
        )
        writing = frozenset(each.plugin.name for each in self._loaded if _may_write(each, names))
        return Permitted(names, plugins, writing, offered, tuple(spec for _, specs in offered for spec in specs))

    def forms(self, allowed: Collection[str] | None) -> list[tuple[LoadedPlugin, Form]]:
        """The forms that people may fill in, by what the registry and ``allowed`` give; None asks for no more."""
        plugins = self.permitted(allowed).plugins
        return [
            (each, form)
            for each in self._loaded
            for form in each.plugin.forms
            if each.plugin.name in plugins
            and all(is_given(permission, self._granted, allowed) for permission in _permissions_of(form, each))
        ]

    def offered(self, specs: tuple[ToolSpec, ...]) -> OfferedTools:
        """Prepare tools for choosing among them. The last ones are remembered: most messages have the same."""
        if self._offered.specs is not specs:
            self._offered = OfferedTools(specs)
        return self._offered

    async def index(self) -> ToolIndex:
        """The index of all tools that models are offered. It is built when it is first needed, in a thread."""
        if self._index is None:  # two messages at once may both build it: they build the same
            specs = [tool.spec for _, tool in self.tools.values() if tool.mark.offered]
            self._index = await asyncio.to_thread(ToolIndex, specs)
        return self._index


def _permissions_of(form: Form, each: LoadedPlugin) -> frozenset[str]:
    """What a form needs. One that does not say it writes something, so it needs what the tools that write need."""
    if form.permission:
        return frozenset((form.permission,))
    return frozenset(tool.spec.permission for tool in each.tools.values() if not tool.mark.read_only)


def _may_write(each: LoadedPlugin, permitted: frozenset[str]) -> bool:
    writers = [name for name, tool in each.tools.items() if not tool.mark.read_only]
    return not writers or not permitted.isdisjoint(writers)
