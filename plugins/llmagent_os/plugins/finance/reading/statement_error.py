"""What is wrong with a file that was sent."""

from __future__ import annotations


class StatementError(ValueError):
    """A file cannot be read. The message is for the person, names the value that was wrong, and says what to do."""
