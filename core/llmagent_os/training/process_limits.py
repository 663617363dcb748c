"""What a training's process may take from the machine: only what others leave over, and not all of its memory."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

#: Where the system has no idle class: by how much the priority is lower (``nice``).
NICENESS = 19

_STATM = Path("/proc/self/statm")
_OOM_SCORE = Path("/proc/self/oom_score_adj")


def give_way() -> None:
    """Run only on processors and disks that nobody else wants (``SCHED_IDLE``), and be the first to go without memory.

    Linux derives the class of disk access from that of the processor. Elsewhere only ``nice`` is set.
    """
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    if hasattr(os, "SCHED_IDLE"):
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
