"""The structure of a checkout, read from its source files: rooms, imports, circles, names and sizes.

``python -m tests.layout [CHECKOUT]`` prints it, for this checkout or for another one. ``tests/unit/test_layout.py``
holds this checkout against the rules.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

#: The source roots. Each of them is a part of the namespace ``llmagent_os``.
ROOTS = ("core", "adapters", "plugins", "bots")

#: The rooms of core, from top to bottom: files and folders in one row may not import each other. An import points down.
ROOMS: tuple[tuple[str, ...], ...] = (
    ("cli",),
    ("simulation",),
    ("testing",),
    ("runtime",),
    ("admin",),
    ("storage",),
    ("bot",),
    ("agent", "finetune"),
    ("commands",),
    ("host",),
    ("reply",),
    ("training",),
    ("policy_worker",),
    ("modules",),
    ("llm",),
    ("cluster",),
    ("policy",),
    ("feedback",),
    ("mcp",),
    ("tools",),
    ("memory",),
    ("plugin",),
    ("etiquette",),
    ("people",),
    ("privacy",),
    ("knowledge",),
    ("credentials",),
    ("adapter_kit",),
    ("serving", "voice", "graphics"),
    ("handler",),
    ("ledger",),
    ("markup",),
    ("sealing",),
    ("config",),
    ("adapter", "contacts", "timers", "chat"),
    ("records",),
    ("forms",),
    ("identity",),
    ("events",),
    ("languages",),
    ("errors",),
)
RANK = {name: number for number, row in enumerate(ROOMS) for name in row}

#: Names that may stand for one thing only, and so for one class of the project at most.
SINGLE_NAMES = ("Adapter", "Card", "Event", "Job", "Person", "Reader", "Turn")

#: The longest function, in lines.
MAX_FUNCTION_LINES = 60


@dataclass(frozen=True)
class Function:
    """One function of a source file."""

    file: str  #: relative to the checkout
    name: str
    lines: int


class SourceFile:
    """One Python file of a checkout."""

    def __init__(self, path: Path, root: Path, checkout: Path) -> None:
        self.path = path
        self.name = str(path.relative_to(checkout))  #: as people write it: ``core/llmagent_os/agent.py``
        parts = path.relative_to(root).with_suffix("").parts
        self.module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)  #: ``llmagent_os.agent``

    @cached_property
    def text(self) -> str:
        """What is in the file."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """The file, parsed."""
        return ast.parse(self.text)

    @property
    def lines(self) -> int:
        """How many lines the file has."""
        return len(self.text.splitlines())

    @property
    def room(self) -> str:
        """The room of core that the file is in, or the name of the file at the top."""
        return self.module.split(".")[1]

    def imports(self) -> Iterator[str]:
        """Every module that the file may import, also for type checkers only and inside functions.

        ``from a import b`` gives ``a`` and ``a.b``: whether ``b`` is a module, the importer's checkout knows.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)

    def functions(self) -> Iterator[Function]:
        """Every function, from its first decorator to its last line."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
                yield Function(self.name, node.name, (node.end_lineno or node.lineno) - first + 1)

    def classes(self) -> Iterator[str]:
        """The name of every class, without a leading underscore."""
        return (node.name.lstrip("_") for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef))


class Checkout:
    """The source files of a checkout, and what can be read from them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = [
            SourceFile(path, folder / root, folder)
            for root in ROOTS
            for path in sorted((folder / root).rglob("*.py"))
            if "__pycache__" not in path.parts
        ]
        self._by_module = {file.module: file for file in self.files}

    @property
    def core(self) -> list[SourceFile]:
        """The files of core."""
        return [file for file in self.files if file.name.startswith("core/")]

    def top_of_core(self) -> list[str]:
        """The files that lie directly in ``core/llmagent_os``."""
        return [file.path.name for file in self.core if file.path.parent == self.folder / "core" / "llmagent_os"]

    def imported(self, file: SourceFile) -> list[SourceFile]:
        """The files of this checkout that ``file`` imports."""
        found = {each for each in file.imports() if each in self._by_module and each != file.module}
        # `from a import b` names the package too; where b is a module, the package is only on the way.
        used = {
            each
            for each in found
            if not any(other.startswith(f"{each}.") for other in found) or self._takes(file, each)
        }
        return [self._by_module[each] for each in sorted(used)]

    def _takes(self, file: SourceFile, package: str) -> bool:
        """Whether ``file`` imports something from ``package`` that is no module."""
        return any(
            isinstance(node, ast.ImportFrom)
            and node.module == package
            and any(f"{package}.{alias.name}" not in self._by_module for alias in node.names)
            for node in ast.walk(file.tree)
        )

    def upward_imports(self) -> list[str]:
        """Imports in core that point up the list of rooms, or between two rooms of one row."""
        return [
            f"{file.name} imports {other.module}"
            for file in self.core
            for other in self.imported(file)
            if file.room in RANK
            and other.room in RANK
            and file.room != other.room
            and RANK[other.room] <= RANK[file.room]
        ]

    def without_a_room(self) -> list[str]:
        """Files of core that :data:`ROOMS` does not name."""
        return [file.name for file in self.core if file.room not in RANK]

    def circles(self) -> list[list[str]]:
        """Groups of files that import each other in a circle (strongly connected components, Tarjan 1972)."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        found: list[list[str]] = []
        edges = {file.name: [other.name for other in self.imported(file)] for file in self.files}

        def visit(name: str) -> None:
            index[name] = low[name] = len(index)
            stack.append(name)
            for other in edges[name]:
                if other not in index:
                    visit(other)
                    low[name] = min(low[name], low[other])
                elif other in stack:
                    low[name] = min(low[name], index[other])
            if low[name] == index[name]:
                group = stack[stack.index(name) :]
                del stack[stack.index(name) :]
                if len(group) > 1:
                    found.append(sorted(group))

        for name in edges:
            if name not in index:
                visit(name)
        return found

    def shared_names(self) -> dict[str, list[str]]:
        """File names that two files of core have. Packages and database migrations have names of their own."""
        names = Counter(file.path.stem for file in self.core if self._has_own_name(file))
        return {
            name: [file.name for file in self.core if file.path.stem == name and self._has_own_name(file)]
            for name, count in names.items()
            if count > 1
        }

    @staticmethod
    def _has_own_name(file: SourceFile) -> bool:
        return file.path.stem != "__init__" and "migrations" not in file.path.parts

    def ambiguous_classes(self) -> dict[str, list[str]]:
        """For each of :data:`SINGLE_NAMES`, the files that have a class of that name, where there are several."""
        places = {name: [file.name for file in self.files if name in file.classes()] for name in SINGLE_NAMES}
        return {name: files for name, files in places.items() if len(files) > 1}

    def long_functions(self) -> list[Function]:
        """Functions of more than :data:`MAX_FUNCTION_LINES` lines."""
        return [each for file in self.files for each in file.functions() if each.lines > MAX_FUNCTION_LINES]


def report(checkout: Checkout) -> Iterable[str]:
    """The figures of ``checkout``, one a line, and what is behind them."""
    sizes = sorted(((file.lines, file.name) for file in checkout.files), reverse=True)
    core = [file.lines for file in checkout.core]
    functions = sum(1 for file in checkout.files for _ in file.functions())
    yield from _figure("files at the top of core", checkout.top_of_core(), listed=False)
    yield from _figure("circles", [" <-> ".join(group) for group in checkout.circles()])
    yield from _figure("upward imports", checkout.upward_imports())
    yield from _figure("files in no room", checkout.without_a_room())
    long = [f"{each.file}: {each.name} ({each.lines} lines)" for each in checkout.long_functions()]
    yield from _figure(f"functions over {MAX_FUNCTION_LINES} lines, of {functions}", long)
    shared = [f"{name}: {', '.join(files)}" for name, files in checkout.shared_names().items()]
    yield from _figure("file names used twice in core", shared)
    classes = [f"{name}: {', '.join(files)}" for name, files in checkout.ambiguous_classes().items()]
    yield from _figure("class names that mean several things", classes)
    yield f"{len(sizes):>5}  files; median {median(size for size, _ in sizes):.0f} lines, in core {median(core):.0f}"
    yield f"{sizes[0][0]:>5}  lines in the biggest file, {sizes[0][1]}"


def _figure(name: str, found: list[str], *, listed: bool = True) -> Iterator[str]:
    yield f"{len(found):>5}  {name}"
    if listed:
        yield from (f"         {each}" for each in found)


if __name__ == "__main__":
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    print("\n".join(report(Checkout(where))))
