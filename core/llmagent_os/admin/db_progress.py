"""Shows in a terminal how far a command on the database is."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm  # type: ignore[import-untyped]


class DbProgress:
    """A bar for each thing that takes long. Nothing without a terminal: the command says at its end what it did."""

    def __init__(self) -> None:
        self._bar: Any = None

    def begin(self, what: str, total: int) -> None:
        """See :class:`~llmagent_os.storage.progress.Progress`."""
        self.end()
        self._bar = tqdm(total=total or None, desc=what, unit="row", leave=False, disable=not sys.stderr.isatty())

    def advance(self, count: int) -> None:
        """See :class:`~llmagent_os.storage.progress.Progress`."""
        if self._bar is not None:
            self._bar.update(count)

    def end(self) -> None:
        """See :class:`~llmagent_os.storage.progress.Progress`."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
