"""Repeated work. What breaks without this: old files are never erased."""

from __future__ import annotations

import pytest

from llmagent_os.adapter_kit.periodic import repeat_every


async def test_works_run_in_order_again_and_again_until_one_fails() -> None:
    ran: list[str] = []

    async def first() -> None:
        ran.append("first")

    async def second() -> None:
        ran.append("second")
        if len(ran) == 4:
            raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await repeat_every(0.0, first, second)
    assert ran == ["first", "second", "first", "second"]
