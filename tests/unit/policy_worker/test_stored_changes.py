"""What breaks without this: a reward writes as much as a photo, or a crash between two writes loses what it taught."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from alembic import command
from pytest import MonkeyPatch

from llmagent_os.errors import LedgerError
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger, policy_state, policy_versions
from llmagent_os.ledger.connection import open_database
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.migrate import config
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.policy.learned import make_behavior
from llmagent_os.policy_worker import PolicyWorker, relearning, worker
from tests.reward_history import write_history
from tests.unit.ledger.samples import all_bytes
from tests.unit.policy_worker.test_worker import DEFAULTS, State, fresh, join, made, rows_read

ANA, BEN, CLEO = (PersonId(f"memory::{name}") for name in ("ana", "ben", "cleo"))


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", synchronous="NORMAL")
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def on_threads(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(relearning, "PROCESS_ROWS", 10**9)
    monkeypatch.setattr(worker, "LONG_ROWS", 10**9)


async def test_a_reward_writes_a_few_kilobytes(tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch) -> None:
    """271 KiB a reward wear out a disk, and hold up everything else that the ledger writes."""
    people = [f"p{int(200 * (number * 0.618034 % 1) ** 2)}" for number in range(512)]
    write_history(tmp_path / "ledger.db", people)
    written: list[int] = []
    advance = ledger.learned.advance

    async def counted(
        was: Progress, through: int, parts: Mapping[str, bytes], *, stale_from: int | None = None
    ) -> Progress | None:
        written.append(sum(map(len, parts.values())))
        return await advance(was, through, parts, stale_from=stale_from)

    monkeypatch.setattr(ledger.learned, "advance", counted)
    await made(ledger, "bayes").catch_up()
    assert len(written) == 2
    assert sum(written) / 512 < 8 * 1024


async def ended(ledger: Ledger, at: int, after: bool) -> int:
    """Learn until the ``at``-th write, and end before or after it is committed. Returns how many writes there were."""
    learning, count = made(ledger), 0

    def dies(_database: Database, _policy: str) -> None:
        nonlocal count
        count += 1
        if count == at + after:  # a write after the one in question: that one is committed
            raise LedgerError("the process ends here")

    ledger.learned.guard = dies
    with contextlib.suppress(LedgerError):
        await learning.catch_up()
    ledger.learned.guard = lambda database, policy: None
    return count


@pytest.mark.parametrize("after", [False, True])
async def test_a_crash_at_any_write_loses_and_doubles_nothing(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch, after: bool
) -> None:
    monkeypatch.setattr(worker, "CHECKPOINT_ROWS", 32)
    monkeypatch.setattr(policy_versions, "SNAPSHOT_ROWS", 64)
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 30)
    state, writes = await fresh(ledger), await ended(ledger, 10**6, False)
    assert writes >= 7, "the begin, the notes and the checkpoints"
    for at in range(1, writes + 1):
        await ledger.drop_policy("bot")
        await ended(ledger, at, after)
        await made(ledger).catch_up()
        assert await ledger.policy_state("bot") == state, at


PROGRAM = """
import asyncio, os, sys
from llmagent_os.ledger import Ledger
from llmagent_os.policy.learned import make_behavior
from llmagent_os.policy_worker import PolicyWorker, worker
worker.CHECKPOINT_ROWS, left = 32, int(sys.argv[2])
async def main():
    ledger = await Ledger.open(sys.argv[1])
    def dies(database, policy):
        global left
        left -= 1
        if not left:
            os._exit(9)
    ledger.learned.guard = dies
    defaults = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
    policy = make_behavior("reinforce", defaults, None, 0.03)
    await PolicyWorker(policy, ledger, "bot").catch_up()
asyncio.run(main())
"""


@pytest.mark.parametrize("at", [2, 4])
async def test_a_process_that_is_killed_inside_a_write_leaves_a_state_that_goes_on(tmp_path: Path, at: int) -> None:
    file = f"sqlite:///{tmp_path / 'ledger.db'}"
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 30)
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", PROGRAM, file, str(at))
    assert await process.wait() == 9
    ledger = await Ledger.open(file)
    await made(ledger).catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger)
    await ledger.close()


async def test_a_start_learns_again_what_was_noted_and_not_stored(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """And no more: a start would take as long as there are rewards."""
    monkeypatch.setattr(worker, "CHECKPOINT_ROWS", 64)
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 70)
    first = made(ledger)
    await first.open()
    await first._follow()  # pyright: ignore[reportPrivateUsage]
    progress = await ledger.learned.progress("bot")
    assert progress is not None and (progress.through, progress.base) == (140, 128)
    assert await ledger.learned.changed_since(progress.state, 138) == [(139, ANA), (140, BEN)]
    learned, again = rows_read(ledger, monkeypatch), made(ledger)
    await again.catch_up()
    assert learned == list(range(129, 141))
    assert await ledger.policy_state("bot") == await fresh(ledger)


async def test_a_reward_that_comes_twice_teaches_once(tmp_path: Path, ledger: Ledger) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 10)
    await made(ledger).catch_up()
    state = await ledger.policy_state("bot")
    (row, *_) = await ledger.rewards_after(0, 1)
    assert row.reward is not None and not await ledger.add_reward(row.reward)
    progress = await ledger.learned.progress("bot") or pytest.fail()
    for _ in range(2):  # a note that is repeated, because its answer was lost
        progress = await ledger.learned.note(progress, progress.through, [(20, BEN)]) or pytest.fail()
    await made(ledger).catch_up()
    assert await ledger.policy_state("bot") == state


async def test_a_note_of_a_process_that_knows_less_is_refused(tmp_path: Path, ledger: Ledger) -> None:
    """Two processes would each store a part of what was learned."""
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 10)
    begun = await ledger.learned.begin("bot")
    assert await ledger.learned.note(begun, 5, [(5, ANA)])
    assert await ledger.learned.note(begun, 6, [(6, BEN)]) is None
    assert await ledger.learned.advance(begun, 6, {"": b"x"}) is None


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE policy_changes SET part = 'memory::nobody'",
        "DELETE FROM policy_changes",
        "UPDATE policy_bodies SET bytes = substr(bytes, 1, length(bytes) / 2)",
        "UPDATE policy_bodies SET bytes = x'7801ffff'",
        "DELETE FROM policy_bodies",
        "UPDATE policy_states SET base = 1000, through = 1000",
    ],
)
async def test_damaged_rows_are_learned_again(tmp_path: Path, damage: str) -> None:
    file = f"sqlite:///{tmp_path / 'ledger.db'}"
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 30)
    ledger = await Ledger.open(file)
    learning = made(ledger)
    await learning.catch_up()
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 5, first=90)
    await learning._follow()  # pyright: ignore[reportPrivateUsage]
    await ledger.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as raw, raw:
        raw.execute(damage)
    ledger = await Ledger.open(file)
    again = made(ledger)
    await again.open()
    await again.load(ANA)
    await again.catch_up()
    assert await again_whole(ledger) == await fresh(ledger)
    await ledger.close()


async def again_whole(ledger: Ledger) -> State:
    """What is stored once every person was asked for, so that damage has been noticed."""
    learning = made(ledger)
    await learning.open()
    for person in (ANA, BEN, CLEO):
        await learning.load(person)
    await learning.catch_up()
    return await ledger.policy_state("bot")


async def test_a_state_of_the_version_before_is_read_and_goes_on(tmp_path: Path, monkeypatch: MonkeyPatch) -> None:
    """An upgrade would learn everything again, or an older version could not read what it is taken back to."""
    file = f"sqlite:///{tmp_path / 'ledger.db'}"
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 30)
    ledger = await Ledger.open(file)
    learning = made(ledger, "bayes")
    await learning.catch_up()
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 5, first=90)
    await learning._follow()  # pyright: ignore[reportPrivateUsage]
    await ledger.close()
    taken_back(tmp_path, "0029")
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as raw:
        assert raw.execute("SELECT through FROM policy_states").fetchall() == [(90,)]
        bodies = [row[0] for row in raw.execute("SELECT bytes FROM policy_bodies")]
        assert sum(b'"dtype"' in body[:200] for body in bodies) == 4, "three people and what they share, as before"
    ledger = await Ledger.open(file)
    learned = rows_read(ledger, monkeypatch)
    await made(ledger, "bayes").catch_up()
    assert learned == list(range(91, 101))
    assert (await ledger.policy_state("bot"))[0] == 100
    monkeypatch.undo()
    progress = await ledger.learned.progress("bot")
    assert progress is not None and progress.stale_from is None
    await ledger.close()


def taken_back(folder: Path, revision: str) -> None:
    """Take a ledger back to an older revision."""
    settings = config()
    database = open_database(f"sqlite:///{folder / 'ledger.db'}")
    with database.sql.begin():
        settings.attributes["connection"] = database.sql
        command.downgrade(settings, revision)
    database.close()


async def test_a_link_far_back_has_only_the_two_learned_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """Among a million people somebody always links accounts: the replay would never end."""
    monkeypatch.setattr(policy_versions, "BY_PERSON_ROWS", 50)
    write_history(tmp_path / "ledger.db", ["ben", "cleo"] * 30 + ["dan"] * 60, {"ben": "detailed"})
    learning = made(ledger)
    await learning.catch_up()
    before = await ledger.policy_state("bot")
    learned = rows_read(ledger, monkeypatch)
    await join(ledger, "ana", "ben")
    await learning.load(ANA)
    assert learning.tastes(ANA)["verbosity"].value == "detailed"
    await learning.catch_up()
    progress = await ledger.learned.progress("bot")
    assert progress is not None and (progress.stale_from, progress.floor) == (None, 120)
    assert not learned, "nobody else's rewards"
    after = await ledger.policy_state("bot")
    assert after[1]["memory::cleo"] == before[1]["memory::cleo"] and BEN not in after[1]
    again = made(ledger)
    await again.open()
    await again.load(ANA)
    assert again.tastes(ANA)["verbosity"].value == "detailed", "also after a start"


async def test_an_erasure_far_back_learns_a_bounded_number_of_rows_again(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """Somebody who was there from the first day would have years learned again."""
    monkeypatch.setattr(policy_state, "MOST_ROWS", 40)
    write_history(tmp_path / "ledger.db", ["ben", "cleo"] * 30 + ["dan"] * 100, {"cleo": "detailed"})
    learning = made(ledger)
    await learning.catch_up()
    learned = rows_read(ledger, monkeypatch)
    await ledger.forget(Identity(BEN))
    await learning.forget([Identity(BEN)])
    learned.clear()
    await learning.catch_up()
    assert learned == list(range(121, 161))
    assert b"memory::ben" not in b"".join((await ledger.policy_state("bot"))[1].values())
    assert BEN not in (await ledger.policy_state("bot"))[1]
    await learning.load(CLEO)
    assert learning.tastes(CLEO)["verbosity"].value == "detailed", "she is made of her own rewards"
    await ledger.forget(Identity("memory::nobody"))  # overwrites what was deleted
    assert b"memory::ben" not in all_bytes(tmp_path)


async def test_a_replay_touches_only_what_it_has_learned(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """The parts of a million people would be copied at its begin, and deleted at its end."""
    monkeypatch.setattr(policy_versions, "SNAPSHOT_ROWS", 64)
    monkeypatch.setattr(worker, "CHECKPOINT_ROWS", 16)
    write_history(tmp_path / "ledger.db", [f"p{number}" for number in range(100)] + ["ana", "ben"] * 10)
    learning = made(ledger)
    await learning.catch_up()
    bodies = numbers(tmp_path)
    await join(ledger, "ana", "ben")
    await learning.catch_up()
    assert len(bodies & numbers(tmp_path)) >= 64, "who was heard before the snapshot has the same bytes"
    assert await ledger.policy_state("bot") == await fresh(ledger)
    with contextlib.closing(sqlite3.connect(tmp_path / "ledger.db")) as raw:
        assert raw.execute("SELECT count(*) FROM policy_states").fetchone() == (1,)


def numbers(folder: Path) -> set[tuple[str, int]]:
    """The parts and the numbers of their bytes."""
    with contextlib.closing(sqlite3.connect(folder / "ledger.db")) as raw:
        return set(raw.execute("SELECT part, body FROM policy_parts"))


async def test_people_are_let_go_of_by_the_memory_that_they_take(tmp_path: Path, ledger: Ledger) -> None:
    """A host of a million people would run out of memory, or go on with people as if they were new."""
    write_history(tmp_path / "ledger.db", [f"p{number}" for number in range(200)] * 2)
    policy = make_behavior("reinforce", DEFAULTS, None, 0.03)
    policy.learner.limit_memory(200_000)
    learning = PolicyWorker(policy, ledger, "bot")
    await learning.catch_up()
    assert policy.learner.held_bytes <= 200_000 and 5 < len(policy.learner.held()) < 60
    for number in range(200):
        await learning.load(PersonId(f"memory::p{number}"))
        assert policy.learner.knows(PersonId(f"memory::p{number}"))
        await learning.load(PersonId("memory::p0"))
    assert policy.learner.held_bytes <= 200_000
    assert {"memory::p0", "memory::p199"} <= set(policy.learner.held()), "those who were needed last"
    assert await ledger.policy_state("bot") == await fresh(ledger)
