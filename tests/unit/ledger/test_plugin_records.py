"""What all people keep with a plugin: a vote that is counted twice, or that outlives its voter, decides wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger, plugin_records

ANA, ANAS_PHONE, BO = Identity("web::ana"), Identity("sms::ana"), Identity("web::bo")


async def test_each_person_counts_once_also_with_two_accounts_and_not_after_an_erasure(ledger: Ledger) -> None:
    for identity, choice in ((ANA, 1), (ANAS_PHONE, 2), (BO, 3)):
        await ledger.records("poll", identity).put("vote:x", {"choice": choice})
        await ledger.records("other", identity).put("vote:x", {"choice": 9})
    shared = ledger.shared_records("poll")

    async def choices() -> list[int]:
        return sorted(record["choice"] for _, record in await shared.under("vote:x"))

    assert await choices() == [1, 2, 3]
    now = datetime.now(UTC)
    await ledger.identities.issue(ANA, "code", now, timedelta(minutes=10))
    await ledger.identities.join(ANAS_PHONE, "code", now)
    assert await choices() == [1, 3]
    await ledger.records("poll", ANAS_PHONE).put("vote:x", {"choice": 4})
    assert len(await choices()) == 2
    await ledger.forget(BO)
    assert len(await choices()) == 1
    assert await shared.under("vote:y") == []


async def test_the_agents_own_records_that_are_over_go_in_steps(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them in one step would hold up every message meanwhile."""
    monkeypatch.setattr(plugin_records, "PRUNED_AT_ONCE", 2)
    old, fresh = datetime(2020, 1, 1, tzinfo=UTC).isoformat(), datetime.now(UTC).isoformat()
    for number in range(5):
        asked = ledger.records("agent.approvals", Identity(f"memory::u{number}"))
        await asked.put("question:1", {"at": old})
        await asked.put("question:2", {"at": fresh})
        await ledger.records("diary", Identity(f"memory::u{number}")).put("question:1", {"at": old})
    assert await ledger.prune() == 5
    assert [key for key, _ in await ledger.records("agent.approvals", Identity("memory::u4")).items()] == ["question:2"]
    assert await ledger.records("diary", Identity("memory::u0")).get("question:1") is not None
