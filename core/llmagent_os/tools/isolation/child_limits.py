"""What the process of a plugin may not do: read the installation's files, use all memory, signal other processes.

On Linux, Landlock keeps the process away from every file but those that Python itself needs and a folder of its own,
and from processes that it has not started. Where the kernel cannot do that, :func:`restrict` says so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

MAX_OPEN_FILES = 256
MAX_FILE_BYTES = 100 * 1024 * 1024  #: of a file that the process writes

#: The system calls of Landlock, the same on every machine that Linux runs on, and what is asked of them: that the
#: process signals only its own domain, and connects to no abstract Unix socket outside it (since ABI 6, Linux 6.12).
_CREATE_RULESET, _RESTRICT_SELF = 444, 446
_SCOPES = 0b11

#: What Python and its libraries read, where it is there: programs, certificates, names of hosts, time zones.
_SYSTEM_PATHS = (
    "/usr", "/lib", "/lib64", "/bin", "/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/etc/resolv.conf", "/etc/hosts",
    "/etc/nsswitch.conf", "/etc/host.conf", "/etc/localtime", "/etc/mime.types", "/run/systemd/resolve",
)  # fmt: skip
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")


class _Ruleset(ctypes.Structure):
    """``struct landlock_ruleset_attr``. The library knows its first field only."""

    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


def restrict(own_folder: Path, readable: Iterable[Path], memory_bytes: int) -> str:
    """Restrict this process for good.

    Args:
        own_folder: where it may write.
        readable: what it may read besides Python and its installed packages: the plugin, and what is handed to it.
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
    return _restrict_files(own_folder, readable) or _restrict_signals()


def _restrict_files(own_folder: Path, readable: Iterable[Path]) -> str:
    from landlock import FSAccess, LandlockError, Ruleset  # type: ignore[import-untyped]  # pyright: ignore[reportMissingTypeStubs]

    reading = FSAccess.EXECUTE | FSAccess.READ_FILE | FSAccess.READ_DIR
    in_file = FSAccess.EXECUTE | FSAccess.READ_FILE
    wanted = {Path(path) for path in (*_python_paths(), *_SYSTEM_PATHS)} | set(readable)
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


def _python_paths() -> Iterable[str]:
    """Where Python and installed packages are. A folder that is only on the path, such as that of a project, is not."""
    yield from (sys.prefix, sys.base_prefix, sys.exec_prefix)
    for path in sys.path:
        if Path(path).name in ("site-packages", "dist-packages") or (Path(path) / "llmagent_os").is_dir():
            yield path


def _restrict_signals() -> str:
    system_call = ctypes.CDLL(None, use_errno=True).syscall
    ruleset = _Ruleset(0, 0, _SCOPES)
    made = system_call(_CREATE_RULESET, ctypes.byref(ruleset), ctypes.sizeof(ruleset), 0)
    if made < 0 or system_call(_RESTRICT_SELF, made, 0) < 0:
        return "this kernel cannot keep it from signalling other processes of its user"
    os.close(made)
    return ""
