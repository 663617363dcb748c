"""Stands between the host and the process of a plugin, and ends whatever the plugin has started.

A plugin may start processes, and may have them leave its session. They all come back to the reaper when their parents
end (``PR_SET_CHILD_SUBREAPER``), and the plugin can neither see to it that they do not, nor signal the reaper.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36


def run_below_reaper(host: int) -> None:
    """Go on in a new process. This process stays behind as its reaper, and never returns.

    The reaper ends with the plugin's process, on SIGTERM, and when the host ends, however that ends. On other systems
    than Linux nothing is done.

    Args:
        host: the number of the host's process.
    """
    if sys.platform != "linux":
        return
    control = ctypes.CDLL(None).prctl
    child = os.fork()
    if child == 0:
        control(_PR_SET_PDEATHSIG, signal.SIGKILL)
        return
    control(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _on_sigterm)
    control(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != host:  # it has ended before it could be noticed
        _end_all()
    while True:
        ended, _ = os.waitpid(-1, 0)
        if ended == child:
            _end_all()


def _on_sigterm(*_: object) -> None:
    _end_all()


def _end_all() -> None:
    """End every process below this one, and this one. Processes whose parents end become children of this one."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    me = os.getpid()
    while True:
        children = Path(f"/proc/{me}/task/{me}/children").read_text(encoding="ascii").split()
        for each in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(each), signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            os._exit(0)
