"""What can be wrong with shared storage."""

from __future__ import annotations


class StorageUnavailableError(OSError):
    """The storage cannot be read or written now. What is on it stays."""
