"""Makes plugins out of installed packages and single files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from llmagent_os.errors import PluginError
from llmagent_os.plugin import Plugin


def from_entry_point(name: str, load: Callable[[], object]) -> Plugin:
    """Make the plugin of an entry point.

    Args:
        name: the entry point's name.
        load: imports the plugin's class.

    Raises:
        PluginError: the class cannot be imported, is not a plugin class, or cannot be made.
    """
    try:
        found = load()
    except BaseException as error:  # a script that ends itself must not end the host
        raise PluginError(f"plugin {name!r} cannot be imported: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Plugin)):
        raise PluginError(f"plugin {name!r}: its entry point gives {found!r}, not a subclass of Plugin")
    return _make(found)


def from_file(path: Path, name: str) -> tuple[Plugin, str]:
    """Run a file as a module called ``name``, and make the plugin that it defines.

    Returns:
        The plugin, and the module's name in ``sys.modules``.

    Raises:
        PluginError: the file cannot be run, or does not define exactly one plugin class.
    """
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        try:
            # Compiled from its text: Python matches cached bytecode by whole seconds and would miss a quick edit.
            exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
        except BaseException as error:
            raise PluginError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
        classes = [
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Plugin) and value.__module__ == name
        ]
        if len(classes) != 1:
            raise PluginError(f"{path} defines {len(classes)} Plugin classes; a plugin file defines one")
        return _make(classes[0]), name
    except BaseException:
        sys.modules.pop(name, None)
        raise


def _make(kind: type[Plugin]) -> Plugin:
    try:
        return kind()
    except BaseException as error:
        raise PluginError(f"plugin {kind.__name__} cannot be made: {type(error).__name__}: {error}") from error
