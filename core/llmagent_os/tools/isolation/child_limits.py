"""What the process of a plugin may not do: read the installation's files, use all memory, outlive the host.

On Linux, Landlock keeps the process away from every file but those that Python itself needs and a folder of its own.
Elsewhere, and on kernels before 5.13, the process has the rights of its user; :func:`restrict` says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_OPEN_FILES = 256
MAX_FILE_BYTES = 100 * 1024 * 1024  #: of a file that the process writes

_PR_SET_PDEATHSIG = 1

#: What Python and its libraries read, where it is there: programs, certificates, names of hosts, time zones.
_SYSTEM_PATHS = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
    "/etc/nsswitch.conf", "/etc/host.conf", "/etc/localtime", "/etc/mime.types", "/run/systemd/resolve",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


def restrict(own_folder: Path, readable: Iterable[Path], memory_bytes: int) -> str:
    """Restrict this process for good.

    Args:
        own_folder: where it may write.
        readable: further files and folders that it may read.
        memory_bytes: address space, at most.

    Returns:
        What could not be restricted, in a clause; empty: nothing.
    """
    for limit, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_NOFILE, MAX_OPEN_FILES),
        (resource.RLIMIT_FSIZE, MAX_FILE_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(limit)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        with contextlib.suppress(OSError, ValueError):  # macOS refuses a limit of the address space
            resource.setrlimit(limit, (allowed, allowed))
    if sys.platform != "linux":
        return f"on {sys.platform} it may read the files that the host may read"
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    return _restrict_files(own_folder, readable)


def _restrict_files(own_folder: Path, readable: Iterable[Path]) -> str:
    from landlock import FSAccess, LandlockError, Ruleset  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    reading = FSAccess.EXECUTE | FSAccess.READ_FILE | FSAccess.READ_DIR
    in_file = FSAccess.EXECUTE | FSAccess.READ_FILE
    python = (sys.prefix, sys.base_prefix, sys.exec_prefix)
    wanted = {Path(path) for path in (*python, *sys.path, *_SYSTEM_PATHS)} | set(readable)
    try:
        rules: Any = Ruleset()
        for path in sorted(each for each in wanted if each.is_absolute() and each.exists()):
            rules.allow(path, rules=reading if path.is_dir() else in_file)
        for device in _DEVICES:
            if Path(device).exists():
                rules.allow(device, rules=FSAccess.READ_FILE | FSAccess.WRITE_FILE)
        rules.allow(own_folder)
        rules.apply()
    except (LandlockError, OSError) as error:
        return f"this kernel cannot keep it from reading files: {error}"
    return ""
