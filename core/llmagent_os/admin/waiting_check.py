"""What waits in an installation, and what people entrusted to it, for ``llmagent-os doctor`` and ``security audit``.

Messages that are answered later, places where the bot is silent, and credentials. Nothing is changed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, suppress

from llmagent_os.admin.findings import Finding
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import ConfigError, LedgerError, LLMAgentOSError
from llmagent_os.people.kept_places import KeptPlaces
from llmagent_os.sealing.mounts import KEYS_FOLDER, ring_of

#: A message that should have been answered so long ago waits for a bot that does not run, in seconds.
LATE_SECONDS = 3600.0

_HELD = "SELECT count(*), min(at) FROM held"
_SILENCES = "SELECT count(*) FROM silences WHERE until > ?"


def check_waiting(settings: Settings) -> Iterator[Finding]:
    """What waits in the ledger. Another check says so where the ledger cannot be read, or is of an earlier version."""
    with suppress(LLMAgentOSError, sqlite3.Error):
        found = _waiting(settings)
        if found is None:
            return
        held, first, silences = found
        text = f"{held} messages are answered later, and the bot is silent in {silences} places"
        waits = 0.0 if first is None else time.time() - first
        if held and waits > LATE_SECONDS:
            late = f"{text}; the first should have been answered {waits / 3600:.0f} hours ago"
            yield Finding("waiting", "problem", late, "start the bot: it answers what is due")
        else:
            yield Finding("waiting", "ok", text)


def _waiting(settings: Settings) -> tuple[int, float | None, int] | None:
    from llmagent_os.ledger.location import locate

    location = locate(settings.ledger_url)
    if location.on_server:
        from llmagent_os.admin.server_check import waiting_on_server

        return waiting_on_server(settings.ledger_url, time.time())
    if location.file is None or not location.file.exists():
        return None
    with closing(sqlite3.connect(f"{location.file.absolute().as_uri()}?mode=ro", uri=True)) as database:
        held, first = database.execute(_HELD).fetchone()
        (silences,) = database.execute(_SILENCES, (time.time(),)).fetchone()
    return held, first, silences


def check_credentials(settings: Settings) -> Iterator[Finding]:
    """Whether passwords and tokens that people gave lie encrypted."""
    try:
        places = KeptPlaces(settings.ledger_url, settings.data)
        with closing(places):
            accounts = (secrets := places.secrets).accounts()
    except (ConfigError, LedgerError):  # the check of the ledger says so
        return
    if not accounts:
        return
    text = f"{accounts} accounts have given passwords or tokens for tools"
    keys = settings.data / KEYS_FOLDER
    if ring_of(settings.data) is not None or (keys.is_dir() and any(keys.glob("*.key"))):
        yield Finding("credentials", "ok", f"{text}, which lie encrypted in {secrets.place}")
    else:
        remedy = f"make a key with `llmagent-os keys new FILE`, and set {PREFIX}ENCRYPTION_KEY_FILE to it"
        yield Finding("credentials", "note", f"{text}, which are not encrypted in {secrets.place}", remedy)
