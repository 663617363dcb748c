"""Has plugins give what they keep about a person as files that other programs read."""

from __future__ import annotations

import dataclasses
from pathlib import PurePath

import structlog

from llmagent_os.adapter_kit.outgoing_files import MemoryFiles
from llmagent_os.errors import PluginError
from llmagent_os.plugin import ToolContext
from llmagent_os.tools.registry import Plugins

_log = structlog.stdlib.get_logger(__name__)


async def exported_files(plugins: Plugins, context: ToolContext) -> dict[str, bytes]:
    """The files of all plugins about the person of ``context``, by name. Nothing is written to the disk.

    A plugin that fails gives none, which is logged: its records are exported all the same. Where two plugins have
    files of the same name, the second is in a folder with the plugin's name.
    """
    found: dict[str, bytes] = {}
    for plugin in plugins.exporting:
        files = MemoryFiles()
        try:
            result = await plugins.export_files(plugin, dataclasses.replace(context, files=files))
        except PluginError as error:
            _log.error("a plugin could not export its files", plugin=plugin, error=str(error))
            continue
        for path in () if result is None else result.files:
            name = PurePath(path).name
            if name in files.written:
                found[name if name not in found else f"{plugin}/{name}"] = files.written[name]
    return found
