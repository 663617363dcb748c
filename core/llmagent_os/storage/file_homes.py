"""What lies in files beside an SQLite ledger, and in rows of a PostgreSQL ledger: read and written as rows, both ways.

A copy sees the same tables on both sides. :data:`HOMES` is the registry: whoever moves another store into rows for
several hosts adds a home of its files here. All functions block.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from llmagent_os.storage.database_end import Row


class FileHome(ABC):
    """The files that are a table elsewhere."""

    table: str  #: its name
    place: str  #: the folder or file, in the data folder

    @abstractmethod
    def read_all(self, data: Path) -> Iterator[Row]:
        """What is in the files below ``data``, as rows of the table in the order of its primary key.

        Raises:
            LedgerError: a file cannot be read.
        """

    @abstractmethod
    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        """Write files below ``data`` where none of them is yet, and return how many rows they hold.

        Raises:
            LedgerError: a row cannot be a file.
        """


#: By table.
HOMES: Mapping[str, FileHome] = MappingProxyType({})
