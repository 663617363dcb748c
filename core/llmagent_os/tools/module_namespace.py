"""A fresh set of modules for each load of a plugin, so that no module of an earlier load is used again.

Python keeps every imported module in ``sys.modules`` under its name, and gives it to whoever imports the name again. So
each load has a name of its own, such as ``llmagent_os_plugin_3_weather``, and a finder that finds the modules of that
name and no others. Relative imports work as they are. Where a module imports its own package by its public name
(``from weather.places import find``), the name is exchanged while the module is compiled. The public name itself is
neither read from ``sys.modules`` nor written there.

Modules are compiled from their text: Python matches cached bytecode by whole seconds, and would miss a quick edit.
"""

from __future__ import annotations

import ast
import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, FileFinder, ModuleSpec, SourceFileLoader
from itertools import count
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, cast

#: Begins the name of every module that is loaded here.
PREFIX = "llmagent_os_plugin_"

_numbers = count(1)


class ModuleNamespace:
    """The modules of one load.

    Args:
        path: a file ``weather.py``, or a folder with an ``__init__.py``.
        public: the name by which the modules import each other, such as ``weather``.
    """

    def __init__(self, path: Path, public: str) -> None:
        self.path = path
        self.public = public
        #: the name of the outermost module; a number of its own keeps it apart from every other load
        self.name = f"{PREFIX}{next(_numbers)}_{public.rpartition('.')[2]}"
        sys.meta_path.insert(0, self)  # before the finder of folders, which would read cached bytecode

    def load(self, module: str) -> ModuleType:
        """Import a module.

        Args:
            module: its public name: ``public`` itself, or a module below it.

        Raises:
            BaseException: whatever the module raises while it runs.
        """
        return importlib.import_module(self.own_name(module))

    def own_name(self, module: str) -> str:
        """The name of a module in this namespace. A module of another package keeps its name."""
        is_own = module == self.public or module.startswith(f"{self.public}.")
        return self.name + module[len(self.public) :] if is_own else module

    def holds(self, module: str) -> bool:
        """Whether ``module`` is the name of a module of this namespace."""
        return module == self.name or module.startswith(f"{self.name}.")

    def close(self) -> None:
        """Give up all modules. What still runs in them goes on; nothing can be imported any more."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
        for module in [each for each in [*sys.modules] if self.holds(each)]:
            sys.modules.pop(module, None)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Say where a module of this namespace is: part of Python's import system."""
        if not self.holds(fullname):
            return None
        if fullname == self.name:
            is_package = self.path.is_dir()
            file = self.path / "__init__.py" if is_package else self.path
            return importlib.util.spec_from_file_location(
                fullname,
                file,
                loader=_Loader(fullname, str(file), self),
                submodule_search_locations=[str(self.path)] if is_package else None,
            )
        for folder in path or ():
            # A new one each time: a finder remembers what is in a folder by the time of its last change.
            finder = FileFinder(
                folder,
                (cast("type[importlib.abc.Loader]", self._loader), [".py"]),
                (ExtensionFileLoader, EXTENSION_SUFFIXES),
            )
            if (found := finder.find_spec(fullname)) is not None:
                return found
        return None

    def _loader(self, fullname: str, path: str) -> SourceFileLoader:
        return _Loader(fullname, path, self)


class _Loader(SourceFileLoader):
    """Compiles a module from its text, with the names of its own package exchanged."""

    def __init__(self, fullname: str, path: str, namespace: ModuleNamespace) -> None:
        super().__init__(fullname, path)
        self._namespace = namespace

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        changed = ast.fix_missing_locations(_OwnImports(self._namespace, path).visit(tree))
        return compile(changed, path, "exec", dont_inherit=True)


class _OwnImports(ast.NodeTransformer):
    """Exchanges the public name of a package for that of its namespace, in import statements."""

    def __init__(self, namespace: ModuleNamespace, file: str) -> None:
        self._namespace = namespace
        self._file = file

    def visit_Import(self, node: ast.Import) -> Any:
        return [ast.copy_location(each, node) for alias in node.names for each in self._one(alias, node.lineno)]

    def _one(self, alias: ast.alias, line: int) -> Iterator[ast.Import]:
        own, public = self._namespace.own_name(alias.name), self._namespace.public
        if own == alias.name:
            yield ast.Import([alias])
        elif alias.asname is not None:
            yield ast.Import([ast.alias(own, alias.asname)])
        elif "." in public:
            raise ImportError(
                f"{self._file}, line {line}: `import {alias.name}` cannot be reloaded, since it gives "
                f"{public.partition('.')[0]!r}, which others share; write `from {alias.name} import ...`"
            )
        else:  # `import weather.places` gives `weather`
            yield ast.Import([ast.alias(own)])
            yield ast.Import([ast.alias(self._namespace.name, public)])

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        if node.level or node.module is None:
            return node
        outer, _, last = self._namespace.public.rpartition(".")
        if node.module == outer and any(alias.name == last for alias in node.names):
            own = [
                ast.Import([ast.alias(self._namespace.name, each.asname or last)])
                for each in node.names
                if each.name == last
            ]
            others = [each for each in node.names if each.name != last]
            rest = [ast.ImportFrom(node.module, others, 0)] if others else []
            return [ast.copy_location(each, node) for each in (*rest, *own)]
        return ast.copy_location(ast.ImportFrom(self._namespace.own_name(node.module), node.names, 0), node)
