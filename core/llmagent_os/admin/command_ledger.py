"""Opens the ledger for a command that works beside a running host."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.location import locate


@asynccontextmanager
async def open_ledger(settings: Settings) -> AsyncGenerator[Ledger]:
    """The installation's ledger, which is made if it is not there.

    Raises:
        ConfigError: the ledger is in the memory of another process.
        LedgerError: it cannot be opened.
    """
    if locate(settings.ledger_url).in_memory:
        raise ConfigError("LLMAGENT_OS_DATABASE_URL keeps the ledger in memory: this command cannot reach it")
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    ledger = await Ledger.open(settings.ledger_url)
    try:
        yield ledger
    finally:
        await ledger.close()
