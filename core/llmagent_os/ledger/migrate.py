"""Runs Alembic from the package itself, so that an installed wheel can bring its ledger up to date.

This file is imported only when a ledger is not at the newest revision: Alembic costs 60 ms and 10 MB at start.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError

from llmagent_os.errors import LedgerError


def config() -> Config:
    """The settings of Alembic, which point to the migrations that came with this package."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).with_name("migrations")).replace("%", "%%"))
    return settings


def upgrade(connection: sa.Connection, ledger: str) -> None:
    """Bring the tables behind ``connection`` up to date, inside the caller's transaction.

    Raises:
        LedgerError: a newer version of this program has made ``ledger``.
    """
    settings = config()
    settings.attributes["connection"] = connection
    try:
        command.upgrade(settings, "head")
    except CommandError as error:
        raise LedgerError(
            f"the ledger {ledger} is at a revision that this version does not know ({error}): "
            "upgrade llmagent-os, or use another ledger"
        ) from error
