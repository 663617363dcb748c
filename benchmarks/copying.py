"""Copies a large ledger from SQLite to PostgreSQL and back: ``python benchmarks/copying.py ROWS POSTGRESQL-URL``.

The database must be one that nobody misses: what is in it is replaced.
"""

from __future__ import annotations

import resource
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from llmagent_os.ledger.connection import open_database
from llmagent_os.storage.copying import copy_rows
from llmagent_os.storage.open_ends import open_end
from llmagent_os.storage.progress import Silent

_REWARDS = (
    "INSERT INTO rewards (seq, reward_id, event_id, interaction_id, rater_id, user_id, kind, op, raw_value, reward, "
    "mapping_version, at) VALUES (?, ?, 'e', ?, ?, ?, 'reaction', 'add', 'liked', ?, 'v', ?)"
)
_COMPLETIONS = (
    "INSERT INTO completions (interaction_id, position, prompt, completion, tool_calls, token_ids, behavior_logprobs, "
    "model, model_hash, lora_version, masked, sent) VALUES (?, 0, ?, ?, '[]', '[1,2]', '[0.1]', 'm', 'h', 'l', ?, 0)"
)


def fill(file: Path, count: int) -> None:
    """Add rewards, and a third as many completions."""
    with closing(sqlite3.connect(file)) as database, database:
        people = [f"web::{n}" for n in range(1000)]
        rewards = (
            (n, f"r{n}", f"i{n // 3}", people[n % 1000], people[n % 1000], n / 7, 1e9 + n / 3) for n in range(count)
        )
        database.executemany(_REWARDS, rewards)
        completions = ((f"i{n}", "p" * 300, "c" * 100, None if n % 3 else 1) for n in range(count // 3))
        database.executemany(_COMPLETIONS, completions)


def copy(source: str, target: str, data: Path) -> None:
    """Copy, and print what it took."""
    wall, cpu = time.monotonic(), time.process_time()
    with open_end(source, data) as left, open_end(target, data) as right:
        left.begin_reading()
        report = copy_rows(left, right, Silent(), replace=True)
        right.commit()
        names = f"{left.backend} → {right.backend}"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{names}: {report.rows:,} rows, {time.process_time() - cpu:.1f} s of CPU, {time.monotonic() - wall:.1f} s, "
        f"{peak:.0f} MiB"
    )


def main() -> None:
    """Run both copies."""
    count, server = int(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        first, back = (f"sqlite:///{data / name}" for name in ("ledger.db", "back.db"))
        open_database(first).close()
        fill(data / "ledger.db", count)
        copy(first, server, data)
        copy(server, back, data)


if __name__ == "__main__":
    main()
