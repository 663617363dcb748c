"""The web chat's transcript as a copy sees it: an SQLite file of its own, or tables of the ledger's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from llmagent_os.ledger.shared_tables import transcript_tables, web_transcript
from llmagent_os.sealing.mounts import ring_of
from llmagent_os.storage.data_places import TRANSCRIPT
from llmagent_os.storage.database_end import Row, readable_text
from llmagent_os.storage.file_homes import FileHome

_PREFIX = "web_"

#: SQLite's ``user_version`` of the file, and how much greater it is where all of the file is sealed.
_VERSION, _SEALED = 1, 1000

_METADATA = sa.MetaData()
_OWN_TABLES = transcript_tables(_METADATA)


class TranscriptHome(FileHome):
    """One table of the transcript."""

    place = TRANSCRIPT

    def __init__(self, table: sa.Table) -> None:
        """Args: ``table`` is the ledger's."""
        self.table = table.name
        self._own = _METADATA.tables[table.name.removeprefix(_PREFIX)]

    def read_all(self, data: Path) -> Iterator[Row]:
        path = data / self.place
        if not path.exists():
            return
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            database.text_factory = readable_text
            if database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (self._own.name,)).fetchone():
                names = ", ".join(f'"{column.name}"' for column in self._own.c)
                order = ", ".join(f'"{column.name}"' for column in self._own.primary_key)
                yield from database.execute(f'SELECT {names} FROM "{self._own.name}" ORDER BY {order}')

    def write_all(self, data: Path, rows: Iterable[Row]) -> int:
        path = data / self.place
        names = ", ".join(f'"{column.name}"' for column in self._own.c)
        marks = ", ".join("?" * len(self._own.c))
        query = f'INSERT INTO "{self._own.name}" ({names}) VALUES ({marks})'
        found = iter(rows)
        first = next(found, None)
        if first is None:
            return 0
        if not path.exists():
            _make(path)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(query, first)
            database.executemany(query, found)
            count = database.execute(f'SELECT count(*) FROM "{self._own.name}"').fetchone()[0]
        return int(count)


def transcript_homes() -> Iterator[TranscriptHome]:
    """A home for each table of the transcript."""
    for table in web_transcript:
        yield TranscriptHome(table)


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as database:
        _METADATA.create_all(database)
        version = _VERSION + _SEALED * (ring_of(path) is not None)
        database.exec_driver_sql(f"PRAGMA user_version = {version}")
    engine.dispose()
