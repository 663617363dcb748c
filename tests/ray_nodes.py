"""A Ray cluster of two nodes on this machine, in a process of its own that ends with its input.

Lines of the input are commands, each answered by one line: ``kill`` ends the second node as a power cut does, ``add``
starts another one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Of the first node, and of the others: what asks for more than the first has runs on a node that can be killed.
CPUS, MORE_CPUS = 1, 2
#: The least that Ray takes, and a little more.
STORE_BYTES = 80 * 2**20


def environment() -> dict[str, str]:
    """What the processes of one cluster have in common: a token, and no more than they need."""
    return {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_prestart_worker_first_driver": "0",
        "RAY_enable_worker_prestart": "0",
        "RAY_memory_monitor_refresh_ms": "0",
        "RAY_worker_niceness": "0",  # 15 by default: on a busy machine, nothing would begin
        "RAY_DISABLE_DOCKER_CPU_WARNING": "1",
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    }


class RayNodes:
    """A cluster, as a test sees it."""

    def __init__(self, process: subprocess.Popen[str], address: str, environment: dict[str, str]) -> None:
        self._process = process
        self.address = address
        self.environment = environment  #: of whoever speaks to the cluster

    def tell(self, command: str) -> str:
        """Give a command; returns the answer."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def ray_nodes(python_path: Path) -> Generator[RayNodes]:
    """Start a cluster, whose processes find the tests' own modules, and end it."""
    shared = environment()
    pipe = subprocess.PIPE
    environ = {**os.environ, **shared, "PYTHONPATH": str(python_path)}
    command = (sys.executable, "-m", "tests.ray_nodes")
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environ, cwd=python_path) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            assert address, "no cluster has started: see above"
            yield RayNodes(process, address, shared)
        finally:
            process.stdin.close()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()


def _serve(folder: str) -> None:
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    from ray.cluster_utils import Cluster

    given: dict[str, Any] = {"object_store_memory": STORE_BYTES}
    head = {**given, "num_cpus": CPUS, "include_dashboard": False, "temp_dir": folder}
    cluster: Any = Cluster(initialize_head=True, head_node_args=head)
    try:
        second = cluster.add_node(**given, num_cpus=MORE_CPUS)
        print(cluster.address, file=answers)
        for line in sys.stdin:
            if line.strip() == "kill":
                cluster.remove_node(second, allow_graceful=False)
            else:
                second = cluster.add_node(**given, num_cpus=MORE_CPUS)
            print("done", file=answers)
    finally:
        cluster.shutdown()


if __name__ == "__main__":
    where = tempfile.mkdtemp(prefix="ray", dir="/tmp")
    try:
        _serve(where)
    finally:
        shutil.rmtree(where, ignore_errors=True)
