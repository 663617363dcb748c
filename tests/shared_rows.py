"""The tables that several hosts share, in a fresh database of either kind."""

from __future__ import annotations

import pytest

from llmagent_os.ledger.connection import open_database
from llmagent_os.ledger.shared_rows import SharedRows


def opened_rows(url: str, request: pytest.FixtureRequest) -> SharedRows:
    """The shared tables behind ``url``, as one host opens them; closed after the test."""
    open_database(url).close()
    rows = SharedRows(url)
    request.addfinalizer(rows.close)
    return rows
