"""What breaks without this: a reaction counts twice or not at all, or what waits for reactions is not woken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from llmagent_os.adapter import Reply
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from tests.unit.ledger.samples import execute, interaction, message, reward, without_completions

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


async def test_a_redelivered_reaction_counts_once(ledger: Ledger) -> None:
    """One thumb up would count as two."""
    given = reward("7", "web:1")
    assert await ledger.add_reward(given)
    assert not await ledger.add_reward(given)
    taken = reward("8", "web:1", value=-1.0)
    assert await ledger.add_reward(taken)
    assert await ledger.rewards_of("web:1") == [given, taken]
    assert await ledger.rewards_of("web:2") == []


async def test_rewards_come_in_pages_with_what_came_before_them(on_disk: Ledger, tmp_path: Path) -> None:
    """A policy would learn rewards twice, out of order, or without knowing who had reacted before."""
    event = message("1")
    await on_disk.accept(event, max_pending=9)
    await on_disk.prepare(event, Reply("x"), interaction(event))
    given = [reward("7", "web:1"), reward("8", "web:1", rater="web::ben"), reward("9", "gone"), reward("10", "web:1")]
    for each in given:
        await on_disk.add_reward(each)
    execute(tmp_path, "UPDATE rewards SET op = 'multiply' WHERE event_id = '10'")
    first, second, third = await on_disk.rewards_after(0, 3)
    assert [row.reward for row in (first, second, third)] == given[:3]
    assert first.interaction == without_completions(interaction(event))
    assert (first.person, first.identities) == ("web::u", ("web::u",))
    assert (first.so_far, second.so_far) == (given[:1], given[:2])
    assert third.interaction is None
    (damaged,) = await on_disk.rewards_after(third.seq, 3)
    assert (damaged.reward, damaged.so_far) == (None, given[:2])


async def test_all_who_watch_rewards_are_called_until_they_stop(ledger: Ledger) -> None:
    """With two watchers, such as a policy and a report, one of them would miss what people think."""
    called: list[str] = []
    stop_first = ledger.watch_rewards(lambda: called.append("first"))
    stop_second = ledger.watch_rewards(lambda: called.append("second"))
    await ledger.add_reward(reward("7", "web:1"))
    assert called == ["first", "second"]
    stop_first()
    stop_first()
    await ledger.accept(message("1"), max_pending=9)
    await ledger.prepare(message("1"), None, rewards=[reward("8", "web:1")])
    assert called == ["first", "second", "second"]
    await ledger.identities.issue(Identity("web::u"), "code", NOON, timedelta(hours=1))
    await ledger.identities.join(Identity("web::ben"), "code", NOON)
    await ledger.identities.leave(Identity("web::ben"))
    await ledger.forget(Identity("web::u"))
    assert called == ["first", *["second"] * 5]
    stop_second()
    await ledger.add_reward(reward("9", "web:1"))
    assert len(called) == 6
