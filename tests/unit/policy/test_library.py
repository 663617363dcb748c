"""What breaks without this: the policies can no longer be used, or tested, without a ledger and a bot."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import llmagent_os.policy

ROOM = Path(llmagent_os.policy.__file__).parent
#: What the library may import of this project, beside itself.
ALLOWED = {"llmagent_os.errors", "llmagent_os.identity", "llmagent_os.feedback.signals"}


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_policies_import_no_ledger_bot_or_settings() -> None:
    """Also for type checkers, and inside functions."""
    for path in sorted(ROOM.rglob("*.py")):
        ours = {name for name in imported(path) if name.startswith("llmagent_os")}
        assert {name for name in ours - ALLOWED if not name.startswith("llmagent_os.policy.")} == set(), path


def test_the_judge_shares_no_model_with_the_learners() -> None:
    """A judge that made the same mistakes as a learner would approve of them."""
    for path in sorted((ROOM / "off_policy").rglob("*.py")):
        learners = ("llmagent_os.policy.bayes", "llmagent_os.policy.linear", "llmagent_os.policy.learn")
        assert not {name for name in imported(path) if name.startswith(learners)}, path
    for path in [*(ROOM / "bayes").rglob("*.py"), *(ROOM / "linear").rglob("*.py")]:
        assert not {name for name in imported(path) if name.startswith("llmagent_os.policy.off_policy")}, path


def test_a_bot_that_does_not_learn_starts_without_numpy() -> None:
    """It takes a quarter of a second to import."""
    code = "import sys, llmagent_os.policy, llmagent_os.policy.learner; sys.exit('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
