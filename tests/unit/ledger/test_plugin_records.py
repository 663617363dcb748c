"""What all people keep with a plugin: a vote that is counted twice, or that outlives its voter, decides wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llmagent_os.adapter_kit.shared_values import SharedValues
from llmagent_os.events import Command, Conversation, Sender
from llmagent_os.identity import NO_ACCOUNT, Identity
from llmagent_os.ledger import Ledger, plugin_records
from llmagent_os.records import INTERACTION, RESPONSE_URL, Records

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


async def keep(store: Records, prefix: str, key: str, value: dict[str, Any], seconds: float = 900.0) -> None:
    await SharedValues(store, prefix, shared=True, seconds=seconds).put(key, value)


async def test_an_erased_person_has_no_commands_left_but_the_one_to_be_answered(ledger: Ledger) -> None:
    """Else the token and the person's id would stay; and the answer to the erasure itself would go to the channel."""
    room = Conversation(platform="discord", workspace="", channel="c")
    forget = Command(event_id="3", conversation=room, sender=Sender("u1"), at=datetime.now(UTC), name="forget")
    await ledger.claim(("discord",))
    await ledger.accept(forget, max_pending=9)
    store = ledger.records("adapter.discord", NO_ACCOUNT)
    for key, user in (("1", "u1"), ("2", "u2"), ("3", "u1")):
        await keep(store, INTERACTION, key, {"token": "t", "user_id": user})
    await ledger.forget(Identity("discord::u1"))
    assert [key for key, _ in await store.items()] == ["interaction:2", "interaction:3"]


async def test_what_adapters_share_for_a_while_goes_once_it_is_over(ledger: Ledger) -> None:
    store = ledger.records("adapter.discord", NO_ACCOUNT)
    for prefix in (INTERACTION, RESPONSE_URL):
        await keep(store, prefix, "over", {"user_id": "u1"}, seconds=-1.0)
        await keep(store, prefix, "open", {"user_id": "u1"})
    await store.put("positions", {"channels": {}})
    assert await ledger.prune() == 2
    assert [key for key, _ in await store.items()] == ["interaction:open", "positions", "response:open"]
