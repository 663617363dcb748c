"""What a training's process may take from the machine: only what others leave over, and not all of its memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Literal

#: How much a process leaves to others. ``idle``: it runs only where nobody else wants to (``SCHED_IDLE``). ``low``: it
#: gets a small share of a busy machine. ``normal``: it gives way to nobody.
Priority = Literal["idle", "low", "normal"]

#: By how much the priority of a process is lower (``nice``) that is not to be in the way.
NICENESS = 19

_STATM = Path("/proc/self/statm")
_OOM_SCORE = Path("/proc/self/oom_score_adj")


def give_way(priority: Priority) -> None:
    """Leave processors and disks to others, and be the first process to end where the machine is out of memory.

    Linux derives the class of disk access from that of the processor. Elsewhere ``idle`` is the same as ``low``.
    """
    if priority != "normal":
        with contextlib.suppress(OSError):
            os.nice(NICENESS)
    if priority == "idle" and hasattr(os, "SCHED_IDLE"):
        with contextlib.suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    with contextlib.suppress(OSError):
        _OOM_SCORE.write_text("1000", encoding="ascii")


def resident_bytes() -> int:
    """How much memory this process has resident; 0: the system does not tell."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
