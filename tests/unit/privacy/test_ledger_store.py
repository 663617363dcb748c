"""The ledger as a store. What breaks without this: one of two ledgers is passed over, or one is made by looking."""

from __future__ import annotations

import asyncio
import os
from datetime import timedelta
from pathlib import Path

from llmagent_os.events import now
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.privacy.ledger_store import LedgerStore, data_subject
from llmagent_os.privacy.stores import DataSubject

ANA_S, ANA_T = Identity("slack:T1:U7"), Identity("telegram::4711")
ANA = DataSubject.of([ANA_S, ANA_T])


async def kept(folder: Path, name: str, *, linked: bool) -> LedgerStore:
    """A ledger on disk with a record for each of Ana's accounts."""
    url = f"sqlite:///{folder}/{name}.db"
    ledger = await Ledger.open(url)
    for identity in ANA.identities:
        await ledger.records("notes", identity).put("n", {"of": identity})
    if linked:
        await ledger.identities.issue(ANA_S, "code", now(), timedelta(minutes=10))
        await ledger.identities.join(ANA_T, "code", now())
    await ledger.close()
    return LedgerStore(name, url=url, data=folder)


async def test_the_person_is_found_by_whichever_ledger_has_linked_them(tmp_path: Path) -> None:
    ledgers = (await kept(tmp_path, "chat", linked=False), await kept(tmp_path, "ledger", linked=True))
    assert await data_subject(ANA_T, ledgers) == ANA
    assert await data_subject(Identity("web:local:ben"), ledgers) == DataSubject.of([Identity("web:local:ben")])


async def test_a_ledger_that_knows_no_link_exports_and_erases_all_accounts_too(tmp_path: Path) -> None:
    for name, linked in (("chat", False), ("ledger", True)):
        store = await kept(tmp_path, name, linked=linked)
        found = (await store.export(ANA))["records"]
        assert sorted(each["record"]["of"] for each in found) == [ANA_S, ANA_T]
        assert await store.erase(ANA) >= 2
        assert (await store.export(ANA))["records"] == []


async def test_a_ledger_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Whoever only asks must not leave an empty ledger behind."""
    store = LedgerStore("chat", url=f"sqlite:///{tmp_path}/chat.db", data=tmp_path)
    assert (await store.export(ANA), await store.erase(ANA), await store.prune()) == ({}, 0, 0)
    assert await data_subject(ANA_S, (store,)) == DataSubject.of([ANA_S])
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


def test_a_ledger_elsewhere_is_not_looked_for_below_the_data_folder(tmp_path: Path) -> None:
    inside = LedgerStore("ledger", url=f"sqlite:///{tmp_path}/ledger.db", data=tmp_path)
    outside = LedgerStore("ledger", url="sqlite:////somewhere/else.db", data=tmp_path)
    assert (inside.holds.paths, outside.holds.paths) == (("ledger.db*",), ())
