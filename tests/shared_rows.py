"""The tables that several hosts share, in a fresh database of either kind."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

from llmagent_os.ledger.shared_rows import SharedRows
from llmagent_os.ledger.shared_tables import SHARED_TABLES, metadata


def shared_url(kind: str, request: pytest.FixtureRequest) -> str:
    """The URL of a new database with all tables.

    Args:
        kind: ``sqlite`` or ``postgres``.
        request: of the test, after which the database goes.
    """
    if kind == "sqlite":
        folder: Path = request.getfixturevalue("tmp_path")
        url = f"sqlite:///{folder / 'shared.db'}"
    else:
        server = os.environ["STORES_PG"]
        name = "t" + uuid.uuid4().hex
        admin = sa.create_engine(server.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
        with admin.connect() as db:
            db.exec_driver_sql(f"CREATE DATABASE {name}")
        url = f"{server.rpartition('/')[0]}/{name}"

        def drop() -> None:
            with admin.connect() as db:
                db.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
            admin.dispose()

        request.addfinalizer(drop)
    rows = SharedRows(url)
    with rows.transaction() as db:
        metadata.create_all(db, SHARED_TABLES)
    rows.close()
    return url


def opened_rows(url: str, request: pytest.FixtureRequest) -> SharedRows:
    """The shared tables behind ``url``, as one host opens them; closed after the test."""
    rows = SharedRows(url)
    request.addfinalizer(rows.close)
    return rows
