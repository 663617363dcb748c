"""The finance plugin: imports statements and holdings, and computes from them. It gives no advice.

====================== ==============================================================================================
``reading``            reads files: each format becomes a sheet, whose columns are then understood
``statement_rows``     ... the rows of a sheet as transactions
``import_question``    ... what is asked before an import
``statement_import``   ... the import itself
``transaction``        a transaction, and which two are the same one
``money``              exact amounts in one currency
``exchange_rates``     rates that the person gave; nothing is converted without one
``categories``         the category of a transaction, by rules that the person teaches
``budget_form``        the form in which the person sets a budget
``budgets``            what may be spent, and when it was more
``cash_flow``          what came in and went out
``net_worth``          balances of accounts
``recurring``          payments that come again
``holdings``           trades and prices: value, returns, risk
``holdings_undo``      ... and takes the last change of these back
``finance_store``      keeps it all in the plugin's records
``*_answers``          put it into words, tables and charts
``finance_command``    ``/finance``
``finance_tools``      the tools for models
``clear_requests``     words that need no model
``advice``             refuses advice
====================== ==============================================================================================
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from llmagent_os.languages import gettext, gettext_noop, list_text, ngettext
from llmagent_os.plugin import FormErrors, FormValues, ToolCall, ToolContext, ToolResult
from llmagent_os.plugins.finance.advice import advice_asked, refused_advice
from llmagent_os.plugins.finance.budget_answers import TIMER, told_breaches
from llmagent_os.plugins.finance.budget_form import BUDGET, answer_budget_form
from llmagent_os.plugins.finance.categories import CATEGORIES
from llmagent_os.plugins.finance.clear_requests import read_request, taught, unknown_category
from llmagent_os.plugins.finance.clearing import clear
from llmagent_os.plugins.finance.finance_call import FinanceCall
from llmagent_os.plugins.finance.finance_command import export_transactions, finance_command
from llmagent_os.plugins.finance.finance_tools import FinanceTools
from llmagent_os.plugins.finance.holdings_undo import UNDO_TIMER, drop_undo, undo_holdings
from llmagent_os.plugins.finance.import_question import shall_i
from llmagent_os.plugins.finance.setting_answers import teach_category
from llmagent_os.plugins.finance.statement_import import WAITING_TIMER, import_received
from llmagent_os.plugins.finance.statement_import import pressed as import_pressed
from llmagent_os.plugins.finance.statement_rows import sheet_id
from llmagent_os.plugins.kit.serialized_plugin import serialized

__all__ = ["FinancePlugin"]

_SHOWN = frozenset(("spending", "cashflow", "networth", "recurring", "categorise"))


class FinancePlugin(FinanceTools):
    """Keeps the transactions, budgets and holdings of every person in the plugin's records."""

    name = "finance"
    about = "bank statements, budgets and holdings; computes, gives no advice"
    work = "is looking at your numbers…"
    is_personal = True
    file_commands = frozenset(("finance",))
    commands = {  # noqa: RUF012
        "finance": gettext_noop("your statements, budgets and holdings; send me a file of your bank")
    }

    reading = (
        "/finance",
        "show:*",
    )
    forms = (BUDGET,)

    @serialized
    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        return await answer_budget_form(FinanceCall(context), values)

    @serialized
    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        return await finance_command(FinanceCall(context), arguments.strip()[:1000])

    @serialized
    async def received(self, context: ToolContext) -> ToolResult | None:
        return await import_received(FinanceCall(context))

    @serialized
    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        return await self._pressed(FinanceCall(context), value)

    async def _pressed(self, call: FinanceCall, value: str) -> ToolResult:
        action, _, rest = value.partition(":")
        own, _, given = rest.partition(":")
        if action == "show" and own in _SHOWN:
            return await finance_command(call, own)
        if action == "clear":
            return await clear(call, own)
        if action == "teach":
            return await teach_category(call, given, own)
        if action == "before":
            return await undo_holdings(call, own)
        if action == "undo":
            count = await call.store.take_out(own)
            if not count:
                return ToolResult({"status": "stale"}, gettext("There is nothing of that import any more."))
            text = ngettext(
                "I have taken {count} transaction out again.", "I have taken {count} transactions out again.", count
            )
            return ToolResult({"status": "undone", "count": str(count)}, text)
        return await import_pressed(call, action, own, given)

    async def button_meant(self, context: ToolContext) -> str | None:
        if shall_i() not in context.question:
            return None
        words = context.text.casefold().strip(" .!")
        action = {"yes": "import", "import": "import", "import it": "import", "no": "cancel", "cancel": "cancel"}.get(
            words
        )
        waiting = await FinanceCall(context).store.waiting() if action else None
        return f"{action}:{sheet_id(waiting[1])}" if waiting else None

    async def answer_to(self, context: ToolContext) -> ToolResult | None:
        call = FinanceCall(context)
        if advice_asked(context.text, (await call.store.holdings()).prices):
            return refused_advice()
        if " " not in context.text.strip() or len(context.text) > 80:
            return None
        known = await self._categories(call)
        found = await asyncio.to_thread(taught, context.text, known, await call.store.transactions())
        if not found:
            return None
        async with self.locks.of(context.user_id):
            return await teach_category(call, *found)

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        if len(context.text) > 120:
            return ()
        known = await self._categories(FinanceCall(context))
        if found := read_request(context.text, known):
            return (found,)
        if wrong := unknown_category(context.text, known):
            text = gettext(
                "I have no category “{category}”. There are: {known}.", category=wrong, known=list_text(sorted(known))
            )
            return ToolResult({"status": "unknown", "category": wrong}, text, word_for_word=True)
        return ()

    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        if key == WAITING_TIMER:
            async with self.locks.of(context.user_id):
                await FinanceCall(context).store.clear_waiting()
            return None
        if key == UNDO_TIMER:
            async with self.locks.of(context.user_id):
                await drop_undo(FinanceCall(context))
            return None
        if key != TIMER:
            return None
        async with self.locks.of(context.user_id):
            sentences = await told_breaches(FinanceCall(context))
        return ToolResult({"status": "told"}, " ".join(sentences), word_for_word=True) if sentences else None

    async def export_files(self, context: ToolContext) -> ToolResult | None:
        return await export_transactions(FinanceCall(context))

    async def _categories(self, call: FinanceCall) -> frozenset[str]:
        settings = await call.store.settings()
        return frozenset((*CATEGORIES, *settings.rules.values(), *settings.budgets))
