"""Deletes all transactions or all holdings, once the person has agreed."""

from __future__ import annotations

from llmagent_os.languages import gettext
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.finance.finance_call import FinanceCall, unclear
from llmagent_os.plugins.finance.holdings_undo import keep_before, undo_button


async def ask_to_clear(call: FinanceCall, what: str) -> ToolResult:
    """Ask before anything is deleted."""
    if what == "transactions":
        text = gettext("Shall I delete all your transactions? That cannot be undone.")
    elif what == "holdings":
        text = gettext("Shall I delete all your trades and prices? You can undo it for a day.")
    else:
        return unclear(
            gettext("`/finance clear transactions` deletes these, `/finance clear holdings` trades and prices.")
        )
    buttons = (Button(gettext("Delete"), f"clear:{what}", "danger"),)
    return ToolResult({"status": "missing", "need": "consent"}, text, buttons=buttons, word_for_word=True)


async def clear(call: FinanceCall, what: str) -> ToolResult:
    """Delete. ``what`` comes from a button."""
    if what not in ("transactions", "holdings"):
        return await ask_to_clear(call, what)
    undo: tuple[Button, ...] = ()
    if what == "holdings":
        undo = (undo_button(await keep_before(call, (await call.store.holdings()).prices)),)
    await call.store.clear(what == "holdings")
    return ToolResult({"status": "deleted"}, gettext("They are deleted."), buttons=undo, effect="destructive")
