"""The layout: four roots of one namespace. Each trap here breaks somebody's installation without breaking ours."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import llmagent_os

TOP = Path(__file__).parents[2]
ROOTS = ("core", "adapters", "plugins", "bots")
#: Where others may add packages of their own.
OPEN = tuple(TOP / root / "llmagent_os" for root in ROOTS) + tuple(
    TOP / root / "llmagent_os" / root for root in ROOTS if root != "core"
)


def sources(root: str) -> list[Path]:
    return [path for path in sorted((TOP / root).rglob("*.py")) if "__pycache__" not in path.parts]


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, also inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def test_llmagent_os_is_a_namespace() -> None:
    """An ``__init__.py`` here would hide the three other roots, and every package of a third party."""
    assert llmagent_os.__file__ is None
    for folder in OPEN:
        assert not (folder / "__init__.py").exists(), folder


def test_roots_hold_nothing_else() -> None:
    """A stray ``core/foo.py`` would be importable as ``foo`` in every installation."""
    for root in ROOTS:
        found = {path.name for path in (TOP / root).iterdir()} - {"__pycache__"}
        assert found == {"llmagent_os"}, root


@pytest.mark.parametrize("root", ROOTS)
def test_every_folder_is_in_a_regular_package(root: str) -> None:
    """Python 3.11 reads no data from a namespace package, and coverage and type checkers lose sight of its modules."""
    for path in sorted((TOP / root / "llmagent_os").rglob("*")):
        if path.is_dir() or "__pycache__" in path.parts or path.parent in OPEN:
            continue
        package = (
            path.parent
            if path.suffix == ".py"
            else next((folder for folder in path.parents if (folder / "__init__.py").exists()), None)
        )
        assert package is not None, f"{path} is in no package"
        assert (package / "__init__.py").exists(), f"{path.parent} has modules and no __init__.py"


@pytest.mark.parametrize(
    ("root", "forbidden"),
    [
        ("core", ("adapters", "plugins", "bots")),
        ("adapters", ("plugins", "bots")),
        ("plugins", ("adapters", "bots")),
    ],
)
def test_dependencies_point_one_way(root: str, forbidden: tuple[str, ...]) -> None:
    """Whoever installs the core alone, or replaces a plugin, must not miss a module."""
    wrong = [
        f"{path.relative_to(TOP)} imports {module}"
        for path in sources(root)
        for module in imports(path)
        if module.startswith(tuple(f"llmagent_os.{name}" for name in forbidden))
    ]
    assert wrong == []


def project() -> dict[str, Any]:
    whole: dict[str, dict[str, Any]] = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))
    return whole["project"]


def name_of(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement)[0].lower().replace("_", "-")


def test_every_import_is_a_declared_dependency() -> None:
    """What only comes along with something else is missing one day."""
    declared: set[str] = {name_of(line) for line in project()["dependencies"]}
    optional: set[str] = {name_of(line) for lines in project()["optional-dependencies"].values() for line in lines}
    owners = packages_distributions()
    missing: set[str] = set()
    for root in ROOTS:
        for path in sources(root):
            allowed: set[str] = declared | (optional if "recipe" in path.parts else set())
            for module in imports(path):
                top = module.split(".")[0]
                if top in sys.stdlib_module_names or top == "llmagent_os":
                    continue
                if not {owner.lower().replace("_", "-") for owner in owners.get(top, ())} & allowed:
                    missing.add(f"{top} ({path.relative_to(TOP)})")
    assert missing == set()


def test_every_dependency_is_bounded() -> None:
    """A new major release of somebody else's must not break a fresh installation. Time zone data has no such thing."""
    extras = project()["optional-dependencies"].values()
    lines = project()["dependencies"] + [line for lines in extras for line in lines]
    unbounded = [line for line in lines if "<" not in line and not line.startswith(("llmagent-os", "tzdata"))]
    assert unbounded == []


def test_house_rules_that_no_linter_knows() -> None:
    """``assert`` goes away under ``python -O``; a pickle runs whatever its author wants."""
    for root in ROOTS:
        for path in sources(root):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree)), f"{path}: assert"
            assert not {"pickle", "marshal", "shelve", "dill"} & set(imports(path)), f"{path}: pickle"
