"""Takes the last change of trades and prices back: an import of holdings, or their deletion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from llmagent_os.languages import gettext
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.finance.finance_call import FinanceCall
from llmagent_os.plugins.finance.finance_store import PRICES, TRADES

UNDO_TIMER = "undo"
UNDO_FOR = timedelta(days=1)  #: what was deleted is gone for good then
_REF, _BEFORE = "before", "before:"


async def keep_before(call: FinanceCall, symbols: Iterable[str]) -> str:
    """Keep the trades, and the prices of ``symbols``, as they are before a change.

    Returns:
        What the button of Undo names. A call that is made again after a crash keeps what it kept the first time.
    """
    records = call.context.records
    ref = hashlib.sha256(call.context.call_id.encode()).hexdigest()[:12]
    kept = await records.get(_REF)
    if kept is not None and kept["ref"] == ref:
        return ref
    await drop_undo(call)
    for key in (TRADES, *(f"{PRICES}{symbol}" for symbol in symbols)):
        await records.put(f"{_BEFORE}{key}", {"record": await records.get(key)})
    await records.put(_REF, {"ref": ref})
    await call.context.timers.set(UNDO_TIMER, call.context.now + UNDO_FOR)
    return ref


def undo_button(ref: str) -> Button:
    """The button that takes the change back."""
    return Button(gettext("Undo"), f"before:{ref}:")


async def undo_holdings(call: FinanceCall, ref: str) -> ToolResult:
    """Take the last change back, if it is the one that the button names."""
    records = call.context.records
    kept = await records.get(_REF)
    if kept is None or kept["ref"] != ref:
        return ToolResult({"status": "stale"}, gettext("That can no longer be undone."))
    for key, before in await records.items():
        if not key.startswith(_BEFORE):
            continue
        if before["record"] is None:
            await records.delete(key.removeprefix(_BEFORE))
        else:
            await records.put(key.removeprefix(_BEFORE), before["record"])
    await drop_undo(call)
    return ToolResult({"status": "undone"}, gettext("Your trades and prices are as they were."))


async def drop_undo(call: FinanceCall) -> None:
    """Make the last change final."""
    for key, _ in await call.context.records.items():
        if key == _REF or key.startswith(_BEFORE):
            await call.context.records.delete(key)
