"""What breaks without this: the same ledger teaches other bits on a machine with more cores, and takes longer."""

from __future__ import annotations

import os
import subprocess
import sys

PROGRAM = """
from threadpoolctl import threadpool_info, threadpool_limits
import numpy, scipy.linalg
threadpool_limits(limits=2)
from llmagent_os.policy.learned import make_policy
make_policy("bayes")
print({pool["num_threads"] for pool in threadpool_info() if pool["internal_api"] == "openblas"})
"""


def test_the_learner_calculates_on_one_thread() -> None:
    """In a process of its own: the tests' own settings are for one thread already."""
    several = {name: value for name, value in os.environ.items() if not name.endswith("NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=several, capture_output=True, text=True, check=True)
    assert done.stdout == "{1}\n"
