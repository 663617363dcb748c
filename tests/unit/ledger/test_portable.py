"""What breaks without this: another database has to be taught to every file of the ledger instead of a few."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import llmagent_os.ledger

FOLDER = Path(llmagent_os.ledger.__file__).parent
#: The files that may know a database.
KNOW = ("portable.py", "database.py", "sqlite_database.py", "new_tables.py")
FILES = [
    path for path in sorted(FOLDER.glob("*.py")) if path.name not in KNOW and not path.name.startswith("postgresql_")
]


@pytest.mark.parametrize("path", FILES, ids=[path.name for path in FILES])
def test_no_other_file_knows_a_database(path: Path) -> None:
    """A pragma or a dialect's statement anywhere else would fail on the other database, and only there."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            assert not any(word in name for word in ("sqlite3", "psycopg") for name in names), (
                f"{path.name} imports {names}"
            )
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not node.value.startswith(("PRAGMA", "BEGIN", "ATTACH", "VACUUM")), f"{path.name}: {node.value}"
