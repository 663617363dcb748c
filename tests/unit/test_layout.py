"""The layout: four roots of one namespace, and the rooms of core.

The first tests keep installations whole: each trap in them breaks an installation without breaking this checkout. The
later ones keep the house readable: whoever looks for something must find it by the name of its room.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

import llmagent_os
from tests.layout import ROOMS, ROOTS, Checkout, SourceFile

TOP = Path(__file__).parents[2]
CHECKOUT = Checkout(TOP)
#: Where others may add packages of their own.
OPEN = tuple(TOP / root / "llmagent_os" for root in ROOTS) + tuple(
    TOP / root / "llmagent_os" / root for root in ROOTS if root != "core"
)
#: The pure library of behaviour policies imports these of ours, and nothing else.
POLICY_IMPORTS = ("llmagent_os.policy", "llmagent_os.errors", "llmagent_os.identity", "llmagent_os.feedback.signals")
#: Names that say nothing to a reader who searches for a reminder, a queue or a transport.
RIDDLES = frozenset(
    "desk bell door line lanes heard parts situation machines faithful portal observed columns design logged intake "
    "incoming pace".split()
)
#: Files that work without what they import, or say what to install.
OPTIONAL = frozenset(
    "canvas.py doctor_summary.py fonts.py evaluation_plots.py simulation_plot.py sound_files.py".split()
    + "whisper_ctranslate2.py hibari_voice.py ray_engine.py shared_storage.py".split()
    + "postgresql_server.py postgresql_database.py postgresql_text.py postgresql_lock.py".split()
    + "postgresql_tables.py postgresql_compaction.py postgres_end.py open_ends.py".split()
)
#: Rooms that are only entered where their extra is installed.
OPTIONAL_ROOMS = frozenset({"mcp"})
#: Folders of tests/unit that stand for a root, and not for a room of core.
OTHER_TEST_FOLDERS = frozenset({"plugins", "bots", "benchmarks"})


def sources(root: str) -> list[SourceFile]:
    return [file for file in CHECKOUT.files if file.name.startswith(f"{root}/")]


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
        f"{file.name} imports {module}"
        for file in sources(root)
        for module in file.imports()
        if module.startswith(tuple(f"llmagent_os.{name}" for name in forbidden))
    ]
    assert wrong == []


def test_plugins_know_nothing_of_each_other() -> None:
    """A plugin can be changed without a look at the others. What two of them need is in the folder ``kit``."""
    wrong: list[str] = []
    for file in sources("plugins"):
        own = ".".join(file.module.split(".")[:3])
        allowed = (own, "llmagent_os.plugins.kit")
        if own == "llmagent_os.plugins.kit":  # it alone reads times with the calendar's readers
            allowed = (own, "llmagent_os.plugins.calendar.time")
        wrong += [
            f"{file.name} imports {module}"
            for module in file.imports()
            if module.startswith("llmagent_os.plugins.")
            and not f"{module}.".startswith(tuple(f"{a}." for a in allowed))
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
        for file in sources(root):
            extras = "recipe" in file.path.parts or file.path.name in OPTIONAL or file.room in OPTIONAL_ROOMS
            allowed: set[str] = declared | (optional if extras else set())
            for module in file.imports():
                top = module.split(".")[0]
                if top in sys.stdlib_module_names or top == "llmagent_os":
                    continue
                if not {owner.lower().replace("_", "-") for owner in owners.get(top, ())} & allowed:
                    missing.add(f"{top} ({file.name})")
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
        for file in sources(root):
            assert not any(isinstance(node, ast.Assert) for node in ast.walk(file.tree)), f"{file.name}: assert"
            assert not {"pickle", "marshal", "shelve", "dill"} & set(file.imports()), f"{file.name}: pickle"


def test_the_top_of_core_fits_on_one_screen() -> None:
    """A newcomer reads the article's API and the contracts there, and finds everything else by the name of a room."""
    assert len(CHECKOUT.top_of_core()) <= 18


def test_every_file_of_core_is_in_a_room() -> None:
    """A room that the list does not name would have no place in the order of imports."""
    assert CHECKOUT.without_a_room() == []
    rooms = {file.room for file in CHECKOUT.core}
    assert {name for row in ROOMS for name in row} == rooms


def test_imports_point_down_the_list_of_rooms() -> None:
    """Whoever changes an upper room need not fear for the lower ones. Imports inside functions and for types count."""
    assert CHECKOUT.upward_imports() == []


def test_no_file_imports_another_in_a_circle() -> None:
    """Files in a circle can only be understood, tested and changed together."""
    assert CHECKOUT.circles() == []


def test_no_two_files_of_core_share_a_name() -> None:
    """A name in a traceback or a search result says which file it is."""
    assert CHECKOUT.shared_names() == {}


def test_file_names_are_words_that_a_reader_searches_for() -> None:
    """``bell.py`` is found by nobody who looks for reminders."""
    assert [file.name for file in CHECKOUT.files if file.path.stem in RIDDLES] == []


def test_names_that_mean_one_thing() -> None:
    """Where ``Adapter`` is a platform here and a LoRA there, every sentence about adapters has to be read twice."""
    assert CHECKOUT.ambiguous_classes() == {}


def test_functions_fit_on_a_screen() -> None:
    """The migrations of the database list tables, and may be longer."""
    assert [each for each in CHECKOUT.long_functions() if "migrations" not in each.file] == []


def test_policy_is_a_library_of_its_own() -> None:
    """The learners can be read, tested and used without a ledger, a bot or settings."""
    wrong = [
        f"{file.name} imports {other.module}"
        for file in CHECKOUT.core
        if file.room == "policy"
        for other in CHECKOUT.imported(file)
        if not other.module.startswith(POLICY_IMPORTS)
    ]
    assert wrong == []


def test_the_command_line_calls_functions_by_name() -> None:
    """``getattr(module, what)`` hides from readers and from type checkers what a command does."""
    command_line = next(file for file in CHECKOUT.core if file.path.name == "cli.py")
    called = [ast.unparse(node.func) for node in ast.walk(command_line.tree) if isinstance(node, ast.Call)]
    looked_up = [call for call in called if call.startswith("getattr(")]
    assert looked_up == []


def test_unit_tests_mirror_the_rooms() -> None:
    """Whoever changes a room finds its tests in the folder of the same name."""
    rooms = {file.room for file in CHECKOUT.core}
    folders = {path.name for path in (TOP / "tests" / "unit").iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders - rooms - OTHER_TEST_FOLDERS == set()
    files = {path.stem.removeprefix("test_") for path in (TOP / "tests" / "unit").glob("test_*.py")}
    assert files - rooms - {"docs", "layout"} == set()


def test_the_readme_shows_the_tree() -> None:
    """The README's tree is the map that newcomers go by: every room once, and nothing that is not there."""
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    tree = readme[readme.index("## Layout") :].split("```")[1]
    shown = re.findall(r"^ *([a-z_]+(?:/|\.py))(?=  )", tree, re.MULTILINE)
    assert len(shown) == len(set(shown)), "a name stands there twice"
    core = TOP / "core" / "llmagent_os"
    there = {path.name if path.is_file() else f"{path.name}/" for path in core.iterdir()} - {"__pycache__/", "py.typed"}
    top = {f"{path.name}/" for path in TOP.iterdir() if path.is_dir() and not path.name.startswith(".")}
    top -= {"data/", "dist/", "__pycache__/"}
    assert set(shown) == there | top
