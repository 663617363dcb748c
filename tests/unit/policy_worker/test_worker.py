"""What breaks without this: people wait while a bot learns, or a link of others changes how they are answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest import MonkeyPatch
from structlog.testing import capture_logs

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger, RewardWithReply
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.ledger.policy_versions import MAX_SNAPSHOTS
from llmagent_os.ledger.sqlite_database import connect
from llmagent_os.policy.learned import LEARNERS, make_behavior
from llmagent_os.policy_worker import PolicyWorker, relearning, replay_process, worker
from tests.reward_history import write_history
from tests.unit.ledger.samples import all_bytes

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
ANA, BEN, CLEO = (PersonId(f"memory::{name}") for name in ("ana", "ben", "cleo"))
ASKED: dict[str, str | bool | int | float] = {"intent": "ask", "direct": True}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ALL = np.ones(12, np.bool_)

#: What is learned of a ledger: the row, and the bytes of every part.
State = tuple[int | None, dict[str, bytes]]


def made(ledger: Ledger, learner: str = "reinforce", name: str = "bot") -> PolicyWorker:
    return PolicyWorker(make_behavior(learner, DEFAULTS, None, 0.03), ledger, name)


def chances(learning: PolicyWorker, person: PersonId) -> list[float]:
    learner = learning._policy.learner  # pyright: ignore[reportPrivateUsage]
    return [float(chance) for chance in learner.probabilities(person, ASKED, ALL)]


async def fresh(ledger: Ledger, learner: str = "reinforce") -> State:
    """What the ledger alone says, learned by a bot that knows nothing."""
    await made(ledger, learner, "fresh").catch_up()
    state = await ledger.policy_state("fresh")
    await ledger.drop_policy("fresh")
    return state


async def join(ledger: Ledger, issuer: str, other: str, at: datetime = NOON) -> None:
    code = f"{issuer}{other}{at.timestamp()}"
    await ledger.identities.issue(Identity(f"memory::{issuer}"), code, at, timedelta(minutes=10))
    await ledger.identities.join(Identity(f"memory::{other}"), code, at)


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", synchronous="NORMAL")
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def on_threads(request: pytest.FixtureRequest, monkeypatch: MonkeyPatch) -> None:
    """Replays run on a thread here, unless a test is about the process."""
    if "process" not in request.node.name:
        monkeypatch.setattr(relearning, "PROCESS_ROWS", 10**9)


def rows_read(ledger: Ledger, monkeypatch: MonkeyPatch) -> list[int]:
    """The rows that are read to learn from them, from now on."""
    seen: list[int] = []
    read = ledger.rewards_after

    async def noted(seq: int, limit: int) -> list[RewardWithReply]:
        rows = await read(seq, limit)
        if limit > 1:
            seen.extend(row.seq for row in rows)
        return rows

    monkeypatch.setattr(ledger, "rewards_after", noted)
    return seen


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_a_start_with_thousands_of_rewards_serves_before_it_learns(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch, learner: str
) -> None:
    """The first message would wait for minutes."""
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo", "dan"] * 600)
    learned = rows_read(ledger, monkeypatch)
    learning = made(ledger, learner)
    await learning.open()
    await learning.load(ANA)
    assert (learned, learning.behind) == ([], 2400)
    assert sum(chances(learning, ANA)) == pytest.approx(1.0)


async def test_a_second_start_without_reactions_warns_of_nothing(ledger: Ledger) -> None:
    """The operator would read that what was learned is lost."""
    with capture_logs() as logs:
        for _ in range(2):
            await made(ledger).open()
    assert not [each for each in logs if each["log_level"] != "info"]


async def test_people_are_answered_by_their_own_taste_while_everything_is_learned_behind(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """After an upgrade that changes the format, everybody would be a newcomer for minutes."""
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 1100, {"ben": "detailed"})
    learning = made(ledger)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        begun.set()
        await go_on.wait()

    monkeypatch.setattr(learning._relearning, "run", waits)  # pyright: ignore[reportPrivateUsage]
    await learning.open()
    task = asyncio.create_task(learning.run())
    await begun.wait()
    for person, taste in ((ANA, "brief"), (BEN, "detailed")):
        await learning.load(person)
        assert learning.tastes(person)["verbosity"][0] == taste
    assert learning.behind == 2200
    go_on.set()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("learner", LEARNERS)
async def test_a_long_replay_and_one_row_after_the_other_teach_the_same(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch, learner: str
) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 20)
    state = await fresh(ledger, learner)
    monkeypatch.setattr(worker, "LONG_ROWS", 4)
    learning = made(ledger, learner)
    await learning.catch_up()
    assert await ledger.policy_state("bot") == state
    assert learning.behind == 0


async def test_a_link_of_two_newcomers_changes_nothing_for_a_third(tmp_path: Path, ledger: Ledger) -> None:
    """Anybody with two accounts could have everybody's policy thrown away."""
    write_history(tmp_path / "ledger.db", ["cleo", "ana"] * 30)
    learning = made(ledger)
    await learning.catch_up()
    await learning.load(CLEO)
    before, stored = chances(learning, CLEO), await ledger.policy_state("bot")
    await join(ledger, "new", "newer")
    await learning.load(CLEO)
    assert chances(learning, CLEO) == before
    progress = await ledger.learned.progress("bot")
    assert progress is not None and progress.stale_from is None, "they have taught nothing: nothing is learned again"
    await learning.catch_up()
    assert await ledger.policy_state("bot") == stored


async def test_an_account_without_reactions_that_joins_changes_nothing(tmp_path: Path, ledger: Ledger) -> None:
    write_history(tmp_path / "ledger.db", ["cleo", "ana"] * 30)
    await made(ledger).catch_up()
    stored = await ledger.learned.progress("bot")
    await join(ledger, "ana", "phone")
    assert await ledger.learned.progress("bot") == stored


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_after_a_link_the_joined_person_is_answered_by_both_accounts_at_once(
    tmp_path: Path, ledger: Ledger, learner: str
) -> None:
    """The person would be a newcomer until everything is learned again."""
    write_history(tmp_path / "ledger.db", ["ben", "cleo"] * 30, {"ben": "detailed"})
    learning = made(ledger, learner)
    await learning.catch_up()
    third = chances(learning, CLEO)
    await join(ledger, "ana", "ben")  # ana has given no reaction: all she is known by is of ben's account
    await learning.load(ANA)
    assert learning.tastes(ANA)["verbosity"][0] == "detailed"
    if learner == "reinforce":
        assert chances(learning, CLEO) == third, "nobody else is answered in another way"
    progress = await ledger.learned.progress("bot")
    assert progress is not None and progress.stale_from == 1
    await learning.catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger, learner)
    assert BEN not in (await ledger.policy_state("bot"))[1]


async def test_new_reactions_are_learned_while_a_replay_is_to_come(tmp_path: Path, ledger: Ledger) -> None:
    """People would react, and nothing would change until the replay is done."""
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 40)
    learning = made(ledger)
    await learning.catch_up()
    await join(ledger, "ana", "ben")
    write_history(tmp_path / "ledger.db", ["cleo"] * 40, {"cleo": "detailed"}, first=80)
    await learning._follow()  # pyright: ignore[reportPrivateUsage]
    progress = await ledger.learned.progress("bot")
    assert progress is not None and (progress.through, progress.stale_from) == (120, 2)
    assert learning.tastes(CLEO)["verbosity"][0] == "detailed"


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_after_an_erasure_no_stored_byte_names_the_person(tmp_path: Path, ledger: Ledger, learner: str) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 30)
    learning = made(ledger, learner)
    await learning.catch_up()
    await ledger.forget(Identity(BEN))
    await learning.forget([Identity(BEN)])

    async def everything() -> bytes:
        """All bytes of the file, once nothing is in the write-ahead log any more."""
        await ledger.forget(Identity("memory::nobody"))
        return all_bytes(tmp_path)

    assert b"memory::ben" not in await everything(), "at once, before anything is learned again"
    _, parts = await ledger.policy_state("bot")
    assert "" in parts, "what all people share is there, without the person"
    await learning.catch_up()
    assert b"memory::ben" not in await everything()
    assert await ledger.policy_state("bot") == await fresh(ledger, learner)


async def test_what_an_erased_person_taught_is_in_no_snapshot(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """A later replay would begin there, and bring it back."""
    monkeypatch.setattr("llmagent_os.ledger.policy_versions.SNAPSHOT_ROWS", 32)
    write_history(tmp_path / "ledger.db", ["ana"] * 100 + ["ben"] + ["cleo"] * 200)
    await made(ledger).catch_up()
    progress = await ledger.learned.progress("bot")
    assert progress is not None and any(each > 101 for each in progress.snapshots)
    await ledger.forget(Identity(BEN))
    progress = await ledger.learned.progress("bot")
    assert progress is not None and progress.snapshots and all(each < 101 for each in progress.snapshots)
    await made(ledger).catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger)


async def test_a_replay_begins_at_the_newest_snapshot_before_the_rows_that_changed(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """A link of somebody new would have years learned again."""
    monkeypatch.setattr("llmagent_os.ledger.policy_versions.SNAPSHOT_ROWS", 64)
    monkeypatch.setattr(worker, "LONG_ROWS", 64)
    write_history(tmp_path / "ledger.db", ["cleo", "dan"] * 125 + ["ana", "ben"] * 20)
    learning = made(ledger)
    await learning.catch_up()
    snapshots = (await ledger.learned.progress("bot") or pytest.fail()).snapshots
    learned = rows_read(ledger, monkeypatch)
    await join(ledger, "ana", "ben")
    await learning.catch_up()
    assert min(learned) == max(each for each in snapshots if each < 252) + 1
    assert len(learned) <= 290 - min(learned) + 1
    assert 252 - min(learned) < 2 * 64
    assert await ledger.policy_state("bot") == await fresh(ledger)


async def test_many_links_are_one_replay(tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo", "dan"] * 30)
    learning = made(ledger)
    await learning.catch_up()
    learned = rows_read(ledger, monkeypatch)
    await join(ledger, "ana", "ben")
    await join(ledger, "cleo", "dan")
    await learning.catch_up()
    assert learned == list(range(1, 121))
    assert await ledger.policy_state("bot") == await fresh(ledger)


async def test_a_link_during_a_replay_is_in_what_comes_of_it(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """Rows that the replay has read already belong to another person since."""
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo", "dan"] * 60)
    learning = made(ledger)
    await learning.catch_up()
    read = ledger.rewards_after

    async def linked(seq: int, limit: int) -> list[RewardWithReply]:
        rows = await read(seq, limit)
        if seq == 128:
            monkeypatch.setattr(ledger, "rewards_after", read)
            await join(ledger, "cleo", "dan")
        return rows

    await join(ledger, "ana", "ben")
    monkeypatch.setattr(ledger, "rewards_after", linked)
    await learning.catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger)


async def test_a_crash_during_a_replay_loses_at_most_a_page(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 150)
    learning = made(ledger)
    await learning.catch_up()
    await join(ledger, "ana", "ben")
    read = ledger.rewards_after

    async def dies(seq: int, limit: int) -> list[RewardWithReply]:
        if seq >= 128:
            raise KeyboardInterrupt
        return await read(seq, limit)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "rewards_after", dies)
        with pytest.raises(KeyboardInterrupt):
            await learning._relearning.run()  # pyright: ignore[reportPrivateUsage]
    learned = rows_read(ledger, monkeypatch)
    again = made(ledger)
    await again.open()
    assert again.behind == 300 - 128
    await again.catch_up()
    assert min(learned) == 129
    assert await ledger.policy_state("bot") == await fresh(ledger)


@pytest.mark.parametrize("part", ["", "memory::ana", "\x00trust", "\x00made"])
@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_a_damaged_part_fails_nothing_and_is_learned_again(
    tmp_path: Path, ledger: Ledger, learner: str, part: str
) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 30)
    await made(ledger, learner).catch_up()
    whole, progress = await ledger.policy_state("bot"), await ledger.learned.progress("bot")
    assert progress is not None
    assert await ledger.learned.advance(progress, progress.through, {part: b"damaged"})
    learning = made(ledger, learner)
    await learning.open()
    await learning.load(ANA)
    assert sum(chances(learning, ANA)) == pytest.approx(1.0)
    await learning.catch_up()
    assert await ledger.policy_state("bot") == whole


async def test_damaged_state_is_taken_up_at_its_newest_whole_snapshot(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    monkeypatch.setattr("llmagent_os.ledger.policy_versions.SNAPSHOT_ROWS", 64)
    monkeypatch.setattr(worker, "LONG_ROWS", 64)
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 88)
    await made(ledger).catch_up()
    whole, progress = await ledger.policy_state("bot"), await ledger.learned.progress("bot")
    assert progress is not None and progress.snapshots
    assert await ledger.learned.advance(progress, progress.through, {"": b"damaged"})
    learned = rows_read(ledger, monkeypatch)
    learning = made(ledger)
    await learning.open()
    assert learning.behind == 176 - progress.snapshots[-1]
    await learning.catch_up()
    assert min(learned) == progress.snapshots[-1] + 1
    assert await ledger.policy_state("bot") == whole


async def test_what_is_stored_stays_bounded(tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("llmagent_os.ledger.policy_versions.SNAPSHOT_ROWS", 4)
    monkeypatch.setattr(worker, "PAGE_ROWS", 4)
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 250)
    monkeypatch.setattr(worker, "LONG_ROWS", 10**9)
    await made(ledger).catch_up()
    progress = await ledger.learned.progress("bot")
    assert progress is not None and 4 <= len(progress.snapshots) <= MAX_SNAPSHOTS

    def count(table: str) -> int:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    database = connect(tmp_path / "ledger.db", "NORMAL")
    try:
        assert count("policy_parts") <= 6 * (MAX_SNAPSHOTS + 1), "three people and three parts of all"
        assert count("policy_bodies") == count("policy_parts")
    finally:
        database.close()


@pytest.mark.usefixtures("warm_programs")
@pytest.mark.timeout(600)  # the process has the lowest priority: beside other work it gets a small part of a core
async def test_a_replay_in_a_process_gives_the_same_and_the_process_can_be_killed(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """A process that the system ends would leave the policy stale for good."""
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo", "dan", "eve"] * 230)
    state = await fresh(ledger)
    processes, spawn = list[asyncio.subprocess.Process](), asyncio.create_subprocess_exec

    async def started(*command: str, **options: object) -> asyncio.subprocess.Process:
        processes.append(await spawn(*command, **options))  # type: ignore[arg-type]
        return processes[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", started)
    learning = made(ledger)
    advance, stored = ledger.learned.advance, list[int]()

    async def noted(
        was: Progress, through: int, parts: Mapping[str, bytes], *, stale_from: int | None = None
    ) -> Progress | None:
        kept = await advance(was, through, parts, stale_from=stale_from)
        stored.append(through)
        if len(stored) == 2:  # the first is of the live state, the second of the process
            processes[0].kill()
        return kept

    monkeypatch.setattr(ledger.learned, "advance", noted)
    await learning.catch_up()
    assert await ledger.policy_state("bot") == state
    assert len(processes) == 2
    assert 0 < stored[1] <= replay_process.FRAME_ROWS, "a slow process tells of fewer rows at a time"
    assert all(process.returncode is not None for process in processes)


async def test_the_profile_does_not_wait_for_a_process_or_a_cursor(tmp_path: Path, ledger: Ledger) -> None:
    """``/profile`` took up to 113 seconds."""
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 1100)
    learning = made(ledger)
    await learning.open()
    assert await learning.reply_counts(ANA) == (1000, 1000), "the latest ones: the question is bounded"
    await learning.load(ANA)
    assert learning.behind == 2200
