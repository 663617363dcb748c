"""The packages of the extra ``voice``: whether they are there, and how to get them. Nothing is imported."""

from __future__ import annotations

from importlib.util import find_spec

#: How the offline engines are installed.
INSTALL = 'pip install "llmagent-os[voice]"'


def is_installed(*packages: str) -> bool:
    """Whether all of ``packages`` can be imported.

    >>> is_installed("llmagent_os.voice"), is_installed("llmagent_os.voice", "no_such_package")
    (True, False)
    """
    return all(find_spec(package) is not None for package in packages)


def can_read_sound() -> bool:
    """Whether PyAV is installed."""
    return is_installed("av")
