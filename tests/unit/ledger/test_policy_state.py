"""What breaks without this: a policy goes on with what it learned from people who are erased or linked since."""

from __future__ import annotations

from datetime import timedelta

import pytest

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.policy_state import Progress
from llmagent_os.ledger.policy_versions import MAX_SNAPSHOTS, SNAPSHOT_ROWS, thinned
from tests.unit.ledger.samples import SIX, reward


async def advanced(ledger: Ledger, progress: Progress, through: int, **parts: bytes) -> Progress:
    """Store parts; ``shared`` is the part that all people share."""
    names = {"" if name == "shared" else f"web::{name}": body for name, body in parts.items()}
    return await ledger.learned.advance(progress, through, names) or pytest.fail("nothing was stored")


async def present(ledger: Ledger) -> Progress:
    return await ledger.learned.progress("bayes") or pytest.fail("nothing is stored")


async def rewarded(ledger: Ledger, *users: str) -> None:
    """One reward for every one of ``users``, who gives it."""
    for number, user in enumerate(users, await ledger.last_reward() + 1):
        await ledger.add_reward(reward(f"{number}", f"web:{number}", rater=f"web::{user}", user=f"web::{user}"))


async def test_parts_are_stored_with_the_row_up_to_which_they_were_learned(ledger: Ledger) -> None:
    """After a crash, rewards would be learned twice or not at all."""
    assert await ledger.policy_state("bayes") == (None, {})
    begun = await ledger.learned.begin("bayes")
    first = await advanced(ledger, begun, 3, shared=b"shared", ana=b"1")
    assert await ledger.learned.advance(begun, 4, {"": b"twice"}) is None
    await advanced(ledger, first, 5, ana=b"2")
    assert await ledger.policy_state("bayes") == (5, {"": b"shared", "web::ana": b"2"})
    assert await ledger.policy_state("bayes", ("web::ana", "web::ben")) == (5, {"web::ana": b"2"})
    assert await ledger.policy_state("other") == (None, {})
    await ledger.drop_policy("bayes")
    assert await ledger.policy_state("bayes") == (None, {})


async def test_what_was_learned_before_an_erasure_is_not_stored_after_it(ledger: Ledger) -> None:
    """What was learned of a person who is erased would come back."""
    await rewarded(ledger, "ana", "ben")
    was = await advanced(ledger, await ledger.learned.begin("bayes"), 2, shared=b"ana", ana=b"tea", ben=b"milk")
    await ledger.forget(Identity("web::ana"))
    assert await ledger.policy_state("bayes") == (2, {"web::ben": b"milk"})
    assert await ledger.learned.advance(was, 2, {"web::ana": b"likes tea"}) is None
    assert await ledger.policy_state("bayes") == (2, {"web::ben": b"milk"})
    assert (await present(ledger)).stale_from == 1


async def test_a_link_takes_only_the_parts_of_the_two(ledger: Ledger) -> None:
    """Everybody would be a newcomer for as long as everything is learned again."""
    await rewarded(ledger, "cleo", "ana", "ben")
    await advanced(ledger, await ledger.learned.begin("bayes"), 3, shared=b"s", ana=b"a", ben=b"b", cleo=b"c")
    await ledger.identities.issue(Identity("web::ana"), "code", SIX, timedelta(minutes=1))
    await ledger.identities.join(Identity("web::ben"), "code", SIX)
    assert await ledger.policy_state("bayes") == (3, {"": b"s", "web::cleo": b"c"})
    assert (await present(ledger)).stale_from == 3, "ana's own row is hers as it was"
    await ledger.identities.leave(Identity("web::ana"))
    assert (await present(ledger)).stale_from == 3, "ana is called as she was, and ben's row changes hands again"


async def test_a_bystander_who_is_linked_changes_what_was_said_of_their_other_account(ledger: Ledger) -> None:
    """A person's second account would go on counting as a bystander."""
    await ledger.add_reward(reward("1", "web:1", rater="web::ben", user="web::ana"))
    await advanced(ledger, await ledger.learned.begin("bayes"), 1, shared=b"s", ana=b"a")
    await ledger.identities.issue(Identity("web::ana"), "code", SIX, timedelta(minutes=1))
    await ledger.identities.join(Identity("web::ben"), "code", SIX)
    assert (await present(ledger)).stale_from == 1


async def test_a_snapshot_keeps_the_parts_as_they_were(ledger: Ledger) -> None:
    """A replay that begins there would begin with something else, and end with another state."""
    begun = await ledger.learned.begin("bayes")
    first = await advanced(ledger, begun, SNAPSHOT_ROWS, shared=b"s1", ana=b"a1", ben=b"b1")
    second = await advanced(ledger, first, 2 * SNAPSHOT_ROWS, shared=b"s2", ana=b"a2")
    third = await advanced(ledger, second, 3 * SNAPSHOT_ROWS, shared=b"s3", ben=b"b3")
    last = await advanced(ledger, third, 3 * SNAPSHOT_ROWS, ana=b"a4")  # again at the row of a snapshot
    names = ("", "web::ana", "web::ben")

    async def at(through: int | None) -> list[bytes]:
        return [*(await ledger.learned.parts(last.state, names, through)).values()]

    assert last.snapshots == (SNAPSHOT_ROWS, 2 * SNAPSHOT_ROWS, 3 * SNAPSHOT_ROWS)
    assert set(await at(SNAPSHOT_ROWS)) == {b"s1", b"a1", b"b1"}
    assert set(await at(2 * SNAPSHOT_ROWS)) == {b"s2", b"a2", b"b1"}
    assert set(await at(3 * SNAPSHOT_ROWS)) == {b"s3", b"a2", b"b3"}
    assert set(await at(None)) == {b"s3", b"a4", b"b3"}


async def test_a_state_that_is_learned_again_begins_before_the_first_row_that_changed(ledger: Ledger) -> None:
    await rewarded(ledger, *["cleo"] * (SNAPSHOT_ROWS + 1), "ana", "ben")
    begun = await ledger.learned.begin("bayes")
    first = await advanced(ledger, begun, SNAPSHOT_ROWS, shared=b"s1", cleo=b"c1")
    live = await advanced(ledger, first, SNAPSHOT_ROWS + 3, shared=b"s2", cleo=b"c2", ben=b"b2")
    assert await ledger.learned.second("bayes") is None, "the state is what the ledger says"
    await ledger.forget(Identity("web::ben"))
    second = await ledger.learned.second("bayes")
    assert second is not None and second.through == SNAPSHOT_ROWS
    assert await ledger.learned.parts(second.state, ("", "web::cleo")) == {"": b"s1", "web::cleo": b"c1"}
    done = await advanced(ledger, second, SNAPSHOT_ROWS + 2, shared=b"s3", cleo=b"c3")
    assert await ledger.learned.swap("bayes", live, done) is None, "the live state has changed since"
    swapped = await ledger.learned.swap("bayes", await present(ledger), done)
    assert swapped is not None and swapped.stale_from is None
    assert await ledger.policy_state("bayes") == (SNAPSHOT_ROWS + 2, {"": b"s3", "web::cleo": b"c3"})


async def test_a_damaged_part_is_lost_alone(ledger: Ledger) -> None:
    await rewarded(ledger, "ana", "ben")
    state = await advanced(ledger, await ledger.learned.begin("bayes"), 2, shared=b"s", ana=b"a", ben=b"damaged")
    await ledger.learned.lose(state.state, PersonId("web::ben"))
    assert await ledger.policy_state("bayes") == (2, {"": b"s", "web::ana": b"a"})
    assert (await present(ledger)).stale_from == 2


def test_snapshots_are_few_and_a_replay_from_the_nearest_is_short() -> None:
    """A replay would begin at the first row, or snapshots would fill the disk."""
    kept: list[int] = []
    for through in range(SNAPSHOT_ROWS, 200 * SNAPSHOT_ROWS, SNAPSHOT_ROWS):
        kept = thinned([*kept, through], through)
        assert len(kept) <= MAX_SNAPSHOTS
        for row in range(1, through, SNAPSHOT_ROWS // 2):
            before = max((each for each in kept if each < row), default=0)
            assert through - before <= 4 * (through - row) + 2 * SNAPSHOT_ROWS
