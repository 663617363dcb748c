"""Lists dead letters and has them run again: ``llmagent-os dead-letters``. It works with or without a running host."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.admin.findings import Finding
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.ledger.schema import DEAD

#: How to run dead letters again.
REMEDY = "mend the cause, then `llmagent-os dead-letters run NUMBER` (or --all)"


async def listing(settings: Settings) -> str:
    """Return the dead letters, one per line, without what people wrote."""
    async with open_ledger(settings) as ledger:
        letters = await ledger.dead_letters()
    if not letters:
        return "There are no dead letters."
    lines = [_line(each.seq, each.platform, each.accepted_at, each.tries, each.why) for each in letters]
    return "\n".join([*lines, f"To run one again: {REMEDY}."])


async def run_again(settings: Settings, numbers: tuple[int, ...], *, every: bool) -> str:
    """Put dead letters back into the inbox. Returns a confirmation.

    Args:
        settings: of the machine.
        numbers: of the dead letters, as :func:`listing` gives them.
        every: all dead letters, in place of ``numbers``.

    Raises:
        ConfigError: no number is given and not ``every``, or there is no such dead letter.
    """
    if every == bool(numbers):
        raise ConfigError("name the numbers of dead letters, or --all: `llmagent-os dead-letters list` prints them")
    async with open_ledger(settings) as ledger:
        missing = set(numbers) - {each.seq for each in await ledger.dead_letters()}
        if missing:
            raise ConfigError(
                f"there is no dead letter {', '.join(map(str, sorted(missing)))}: see `llmagent-os dead-letters list`"
            )
        count = await ledger.revive(None if every else numbers)
    return f"Put back: {count}. A running bot takes them up within seconds, else at its next start."


def findings(file: Path) -> Iterator[Finding]:
    """What ``llmagent-os doctor`` says of the dead letters in a ledger, which is only read.

    Args:
        file: the ledger's file, at the newest revision.
    """
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
        rows = database.execute(
            "SELECT seq, platform, accepted_at, tries, why FROM inbox WHERE state = ? ORDER BY seq", (DEAD,)
        ).fetchall()
    yield from as_findings(rows)


def as_findings(rows: Sequence[tuple[int, str, float, int, str | None]]) -> Iterator[Finding]:
    """What is said of dead letters. Each row has its number, platform, time, tries and what went wrong."""
    for seq, platform, at, tries, why in rows:
        line = _line(seq, platform, datetime.fromtimestamp(at, UTC), tries, why or "")
        yield Finding("dead letters", "problem", line, REMEDY)
    if not rows:
        yield Finding("dead letters", "ok", "none")


def _line(seq: int, platform: str, at: datetime, tries: int, why: str) -> str:
    return f"{seq}  {platform}  {at:%Y-%m-%d %H:%M} UTC  tried {tries} times: {why}"
