"""What breaks without this: a host that does not learn answers people as if they had said nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from threading import get_ident
from typing import Any

import pytest
from pytest import MonkeyPatch

from llmagent_os.errors import ConfigError, LedgerError
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.database import Database
from llmagent_os.policy.bayes import bayes_learner, gibbs_sampler
from llmagent_os.policy.learned import LearnedPolicy, make_behavior
from llmagent_os.policy_worker import PolicyWorker, relearning, worker
from llmagent_os.policy_worker.shards import Shard
from llmagent_os.policy_worker.shared_prior import merge_prior
from tests.reward_history import write_history
from tests.unit.policy_worker.test_worker import DEFAULTS, chances, fresh, join

ANA, BEN, CLEO = (PersonId(f"memory::{name}") for name in ("ana", "ben", "cleo"))
LIKES = {"ana": "detailed", "ben": "brief", "cleo": "normal"}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", synchronous="NORMAL")
    yield opened
    await opened.close()


@pytest.fixture(autouse=True)
def on_threads(monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr(relearning, "PROCESS_ROWS", 10**9)


def behavior(learner: str = "bayes") -> LearnedPolicy:
    return make_behavior(learner, DEFAULTS, None, 0.03)


def made(ledger: Ledger, learner: str = "bayes", shard: Shard | None = None, *, leads: bool = True) -> PolicyWorker:
    return PolicyWorker(behavior(learner), ledger, "bot", shard, leads=leads)


def liked(learning: PolicyWorker, person: PersonId) -> str:
    return learning.tastes(person)["verbosity"].value


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_what_somebody_said_counts_with_their_next_message_though_nobody_has_learned_it(
    tmp_path: Path, ledger: Ledger, learner: str
) -> None:
    """A thumb would change nothing while rewards of others are learned."""
    learning, reader = made(ledger, learner), made(ledger, learner, leads=False)
    for each in (learning, reader):
        await each.open()
    write_history(tmp_path / "ledger.db", ["ana"] * 24, LIKES)
    learning.wake()
    for each in (learning, reader):
        before = chances(each, BEN)
        await each.load(ANA)
        assert liked(each, ANA) == "detailed"
        assert chances(each, BEN) == before, "nothing was learned of others"
    assert learning.through == 0
    await learning.catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger, learner), "it is learned once, in its turn"


@pytest.mark.parametrize("learner", ["bayes", "reinforce"])
async def test_a_host_that_only_decides_follows_the_one_that_learns(
    tmp_path: Path, ledger: Ledger, learner: str
) -> None:
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 20, LIKES)
    leader, reader = made(ledger, learner), made(ledger, learner, leads=False)
    await leader.catch_up()
    written = await ledger.learned.progress("bot")
    await reader.open()
    first = reader.revision
    for person in (ANA, BEN):
        await reader.load(person)
        assert chances(reader, person) == chances(leader, person)
    write_history(tmp_path / "ledger.db", ["cleo", "ben"] * 20, LIKES, first=40)
    await reader.load(CLEO)
    assert liked(reader, CLEO) == "normal", "before anybody has learned it"
    assert await ledger.learned.progress("bot") == written, "it writes nothing"
    await leader.catch_up()
    await reader.catch_up()
    assert reader.revision > first
    for person in (ANA, BEN, CLEO):
        await reader.load(person)
        assert chances(reader, person) == chances(leader, person)
    await reader.reload_person(BEN)
    assert chances(reader, BEN) == chances(leader, BEN)


async def test_a_host_that_only_decides_forgets_who_is_erased_or_linked(tmp_path: Path, ledger: Ledger) -> None:
    """An erased person would live on in the memory of other hosts."""
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 12, LIKES)
    leader, reader = made(ledger), made(ledger, leads=False)
    await leader.catch_up()
    await reader.open()
    for person in (ANA, BEN, CLEO):
        await reader.load(person)
    await ledger.forget(Identity(BEN))
    await reader.forget([Identity(BEN)])
    held = reader._policy.learner.held()  # pyright: ignore[reportPrivateUsage]
    assert BEN not in held
    await join(ledger, "new", "ana")
    await leader.catch_up()
    await reader.load(PersonId("memory::new"))
    assert liked(reader, PersonId("memory::new")) == "detailed", "she is the joined person"
    await reader.load(BEN)
    assert BEN not in reader._policy.learner.held()  # pyright: ignore[reportPrivateUsage]


async def test_a_lost_lease_cannot_write_and_who_gets_it_goes_on(
    tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch
) -> None:
    """A host that was only slow would overwrite what its follower has learned."""
    monkeypatch.setattr(worker, "CHECKPOINT_ROWS", 16)
    write_history(tmp_path / "ledger.db", ["ana", "ben"] * 20, LIKES)
    first, second = made(ledger, "reinforce"), made(ledger, "reinforce", leads=False)
    await first.open()
    await second.open()
    await first.catch_up()
    write_history(tmp_path / "ledger.db", ["cleo", "ben"] * 20, LIKES, first=40)

    def lost(_database: Database, policy: str) -> None:
        raise LedgerError(f"the lease of {policy} is another host's")

    ledger.learned.guard = lost
    with pytest.raises(LedgerError, match="another host"):
        await first.catch_up()
    await first.step_down()
    ledger.learned.guard = lambda database, policy: None
    await second.lead()
    await second.catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger, "reinforce")
    await first.load(CLEO)
    assert (first.leads, second.leads) == (False, True)
    assert chances(first, CLEO) == chances(second, CLEO), "it decides by what the other has learned"
    await second.step_down()
    await first.lead()
    write_history(tmp_path / "ledger.db", ["ana"] * 5, LIKES, first=80)
    await first.catch_up()
    assert await ledger.policy_state("bot") == await fresh(ledger, "reinforce")


async def test_two_shards_learn_their_own_people_and_share_the_rest(tmp_path: Path, ledger: Ledger) -> None:
    """Two learners would each know half of what people like."""
    names = [f"p{number}" for number in range(13)]
    likes = dict.fromkeys(names, "detailed")
    shards = [Shard(0, 2), Shard(1, 2)]
    workers = [made(ledger, shard=shard) for shard in shards]
    revisions = [0]
    for each in workers:
        await each.open()
    for turn in range(14):
        write_history(tmp_path / "ledger.db", names, likes, first=turn * 13)
        for each in workers:
            await each.catch_up()
        revisions.append(await merge_prior(behavior(), ledger, "bot", 2))
        for each in workers:
            assert await each.reload_prior() == revisions[-1]
    assert revisions == sorted(set(revisions))
    people = [await stored_people(ledger, shard) for shard in shards]
    assert not people[0] & people[1] and len(people[0] | people[1]) == 13 and all(people)
    new = PersonId("memory::new")
    for each in workers:
        assert liked(each, new) == "detailed", "what the people of both like"
    reader = PolicyWorker(behavior(), ledger, "bot", shards[0], leads=False)
    await reader.open()
    for person in map(PersonId, sorted(people[0] | people[1])):
        await reader.load(person)
        assert liked(reader, person) == "detailed"
    restarted = made(ledger, shard=shards[1])
    await restarted.catch_up()
    assert liked(restarted, new) == "detailed"


async def stored_people(ledger: Ledger, shard: Shard) -> set[str]:
    """Of whom a shard has learned."""
    _, parts = await ledger.policy_state(shard.state_name("bot"))
    return {name for name in parts if ":" in name}


async def test_a_shard_learns_again_from_its_own_people(tmp_path: Path, ledger: Ledger) -> None:
    """An erasure would give it the people of the other shards."""
    names = [f"p{number}" for number in range(8)]
    write_history(tmp_path / "ledger.db", names * 4)
    shard = Shard(0, 2)
    learning = made(ledger, shard=shard)
    await learning.catch_up()
    mine = [name for name in names if shard.has(PersonId(f"memory::{name}"))]
    await ledger.forget(Identity(f"memory::{mine[0]}"))
    await learning.forget([Identity(f"memory::{mine[0]}")])
    await learning.catch_up()
    assert await stored_people(ledger, shard) == {f"memory::{name}" for name in mine[1:]}


async def test_nothing_is_learned_on_the_event_loop(tmp_path: Path, ledger: Ledger, monkeypatch: MonkeyPatch) -> None:
    """Everybody would wait for the ten milliseconds that a reward takes, and for each person who is looked ahead at."""
    write_history(tmp_path / "ledger.db", ["ana", "ben", "cleo"] * 10, LIKES)
    threads: set[int] = set()
    draw = gibbs_sampler.draw_person

    def noted(*given: Any) -> None:
        threads.add(get_ident())
        draw(*given)

    monkeypatch.setattr(bayes_learner, "draw_person", noted)
    learning = made(ledger)
    await learning.open()
    await learning.load(ANA)
    assert threads, "she was looked ahead at"
    await learning.catch_up()
    assert get_ident() not in threads


def test_a_learner_that_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match="use bayes"):
        PolicyWorker(behavior("reinforce"), Ledger.__new__(Ledger), "bot", Shard(0, 2))
    with pytest.raises(ValueError, match="no shard 2 of 2"):
        Shard(2, 2)
