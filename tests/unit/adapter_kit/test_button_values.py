"""Long values of buttons. What breaks without this: a press ends in an error for good."""

from __future__ import annotations

import pytest

from llmagent_os.adapter_kit import button_values
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.records import MemoryRecords, Record


@pytest.mark.parametrize("damaged", [{}, {"value": 7}, {"value": None, "at": []}])
async def test_a_damaged_value_is_none_and_does_not_stop_the_pruning(
    damaged: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(button_values, "MAX_VALUES", 1)
    store = MemoryRecords()
    values = ButtonValues(store, limit=64)
    carried = await values.carried("x" * 100)
    await store.put(f"button:{carried[1:]}", damaged)
    assert await values.value(carried) is None
    other = await values.carried("y" * 100)
    await values.prune()
    assert [key for key, _ in await store.items()], "one of the two is left"
    assert await values.value(other) in ("y" * 100, None)
