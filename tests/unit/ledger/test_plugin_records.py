"""What all people keep with a plugin: a vote that is counted twice, or that outlives its voter, decides wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger

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
