"""How far a long command is: told by table, and shown by whoever asked for the command."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from llmagent_os.storage.database_end import Row

#: How many rows are told at once.
STEP_ROWS = 1000


class Progress(Protocol):
    """Is told how far a command is."""

    def begin(self, what: str, total: int) -> None:
        """Something begins, such as ``copying rewards``, with ``total`` rows."""
        ...

    def advance(self, count: int) -> None:
        """So many more rows are done."""
        ...

    def end(self) -> None:
        """What was begun is done."""
        ...


class Silent:
    """Shows nothing."""

    def begin(self, what: str, total: int) -> None:
        pass

    def advance(self, count: int) -> None:
        pass

    def end(self) -> None:
        pass


def told(rows: Iterator[Row], what: str, total: int, progress: Progress) -> Iterator[Row]:
    """``rows``, with ``progress`` told of them."""
    progress.begin(what, total)
    count = 0
    for row in rows:
        yield row
        count += 1
        if count == STEP_ROWS:
            progress.advance(count)
            count = 0
    progress.advance(count)
    progress.end()
