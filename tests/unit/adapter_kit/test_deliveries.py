"""The progress of replies. What breaks without this: no reply is sent any more."""

from __future__ import annotations

from llmagent_os.adapter import Receipt
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.records import MemoryRecords


async def test_a_damaged_progress_of_one_reply_does_not_stop_the_others() -> None:
    store = MemoryRecords()
    await store.put("delivery:old", {"sent": 7})
    await store.put("delivery:k", {"sent": ["m0"]})
    posted: list[str] = []

    async def post(number: int, text: str) -> str:
        posted.append(text)
        return f"m{number}"

    assert await Deliveries(store).deliver("k", ["one", "two"], post, again=True) == Receipt(("m0", "m1"))
    assert posted == ["two"]


async def test_a_damaged_progress_that_another_host_stored_loses_no_reply() -> None:
    store = MemoryRecords()
    deliveries = Deliveries(store, shared=True)
    await deliveries.progress("other")  # what was there at the start has been read
    await store.put("delivery:k", {"sent": 7})

    async def post(number: int, text: str) -> str:
        return f"m{number}"

    assert await deliveries.deliver("k", ["one", "two"], post, again=True) == Receipt(("m0", "m1"))
