"""Makes plugins out of installed packages, and out of files and folders of a plugin folder."""

from __future__ import annotations

import importlib
import importlib.util
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path

from llmagent_os.errors import PluginError
from llmagent_os.plugin import Plugin, ToolSource
from llmagent_os.tools.module_namespace import ModuleNamespace


@dataclass(frozen=True)
class MadePlugin:
    """A plugin that was made, and the modules that it was made from."""

    plugin: ToolSource
    namespace: ModuleNamespace | None = None  #: closed when the plugin has stopped; None: ordinary modules


def from_entry_point(entry: EntryPoint, *, fresh: bool) -> MadePlugin:
    """Make the plugin of an entry point.

    Args:
        entry: of the group ``llmagent_os.plugins``.
        fresh: read its files again, into modules of their own; for a reload. The first load is an ordinary import, so
            that other packages see the same modules.

    Raises:
        PluginError: the class cannot be imported, is not a plugin class, or cannot be made.
    """
    importlib.invalidate_caches()  # the package may have been installed a moment ago
    namespace = None
    try:
        namespace = _namespace(entry) if fresh else None
        if namespace is None:
            found = entry.load()
        else:
            found = namespace.load(entry.module)
            for part in filter(None, entry.attr.split(".")):
                found = getattr(found, part)
        if not (isinstance(found, type) and issubclass(found, Plugin)):
            raise PluginError(f"plugin {entry.name!r}: its entry point gives {found!r}, not a subclass of Plugin")
        return MadePlugin(_make(found), namespace)
    except BaseException as error:  # a script that ends itself must not end the host
        if namespace is not None:
            namespace.close()
        if isinstance(error, PluginError):
            raise
        raise PluginError(f"plugin {entry.name!r} cannot be imported: {type(error).__name__}: {error}") from error


def _namespace(entry: EntryPoint) -> ModuleNamespace:
    """A namespace for the files of an entry point's package: the outermost folder with an ``__init__.py``.

    Raises:
        PluginError: its modules are no files.
    """
    parts = entry.module.split(".")
    for number in range(1, len(parts) + 1):
        name = ".".join(parts[:number])
        spec = importlib.util.find_spec(name)
        if spec is None:
            break
        if spec.origin is None:  # a namespace that several packages share, such as llmagent_os
            continue
        file = Path(spec.origin)
        if not spec.has_location or file.suffix != ".py" or not file.is_file():
            break
        return ModuleNamespace(file.parent if file.name == "__init__.py" else file, name)
    raise PluginError(f"plugin {entry.name!r} cannot be reloaded: {entry.module} is not made of .py files")


def from_path(path: Path) -> MadePlugin:
    """Make the plugin that a file, or a folder with an ``__init__.py``, defines.

    Raises:
        PluginError: the code cannot be run, or does not define exactly one plugin class.
    """
    namespace = ModuleNamespace(path, path.stem)
    try:
        try:
            module = namespace.load(path.stem)
        except BaseException as error:
            raise PluginError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
        found = {
            value
            for value in vars(module).values()
            if isinstance(value, type) and issubclass(value, Plugin) and namespace.holds(value.__module__)
        }
        # A base class that the package shares between modules is no plugin of its own.
        classes = [kind for kind in found if not any(other is not kind and issubclass(other, kind) for other in found)]
        if len(classes) != 1:
            raise PluginError(f"{path} defines {len(classes)} Plugin classes; a plugin file defines one")
        return MadePlugin(_make(classes[0]), namespace)
    except BaseException:
        namespace.close()
        raise


def _make(kind: type[Plugin]) -> Plugin:
    try:
        return kind()
    except BaseException as error:
        raise PluginError(f"plugin {kind.__name__} cannot be made: {type(error).__name__}: {error}") from error
