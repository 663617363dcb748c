"""The tools that a model may call."""

from __future__ import annotations

from typing import Literal

from llmagent_os.plugin import Span, ToolContext, ToolResult, tool
from llmagent_os.plugins.finance import budget_answers, flow_answers, portfolio_answers, setting_answers, worth_answers
from llmagent_os.plugins.finance.finance_call import FinanceCall
from llmagent_os.plugins.kit.serialized_plugin import SerializedPlugin, serialized

_READ, _WRITE = "finance.read", "finance.write"


class FinanceTools(SerializedPlugin):
    """The tools. Each of them answers with a computation from what the person imported, never with advice."""

    @tool(permission=_READ, read_only=True)
    async def list_transactions(
        self, context: ToolContext, search: Span | None = None, month: Span | None = None
    ) -> ToolResult:
        """List the person's bank transactions, the newest first.

        Args:
            context: who asks, where and when
            search: a payee, or a category
            month: such as November 2026 or last month
        """
        return await FinanceCall(context).computed(flow_answers.list_transactions, search or "", month or "")

    @tool(permission=_READ, read_only=True)
    async def show_spending(
        self, context: ToolContext, category: Span | None = None, month: Span | None = None
    ) -> ToolResult:
        """Say how much the person spent in a month, in all or on one category.

        Args:
            context: who asks, where and when
            category: such as groceries
            month: such as November 2026 or last month; left out, this month
        """
        return await FinanceCall(context).computed(flow_answers.show_spending, category or "", month or "")

    @tool(permission=_READ, read_only=True)
    async def show_cash_flow(self, context: ToolContext) -> ToolResult:
        """Say what came in and what went out in each of the last months."""
        return await FinanceCall(context).computed(flow_answers.show_cash_flow)

    @tool(permission=_READ, read_only=True)
    async def show_net_worth(self, context: ToolContext) -> ToolResult:
        """Say what is on the person's accounts and what their holdings are worth."""
        return await FinanceCall(context).computed(worth_answers.show_net_worth)

    @tool(permission=_READ, read_only=True)
    async def show_recurring(self, context: ToolContext) -> ToolResult:
        """List payments that come again, such as rent and subscriptions, with their next due day."""
        return await FinanceCall(context).computed(flow_answers.show_recurring)

    @tool(permission=_READ, read_only=True)
    async def read_budgets(self, context: ToolContext) -> ToolResult:
        """Say how much of each budget is spent this month."""
        return await budget_answers.read_budgets(FinanceCall(context))

    @tool(permission=_READ, read_only=True)
    async def show_portfolio(
        self, context: ToolContext, figures: Literal["value", "performance", "correlation"] = "value"
    ) -> ToolResult:
        """Compute figures of the person's holdings. It is no advice on what to buy or to sell.

        Args:
            context: who asks, where and when
            figures: the value and the share of each holding; the returns and the risk; or the correlation of prices
        """
        call = FinanceCall(context)
        if figures == "performance":
            return await call.computed(portfolio_answers.show_performance)
        if figures == "correlation":
            return await call.computed(portfolio_answers.show_correlation)
        return await call.computed(portfolio_answers.show_portfolio)

    @tool(permission=_WRITE)
    @serialized
    async def set_budget(self, context: ToolContext, category: Span, amount: Span) -> ToolResult:
        """Set how much the person wants to spend on a category in a month.

        Args:
            context: who asks, where and when
            category: such as groceries
            amount: with its currency, such as 400 EUR; 0 EUR takes the budget back
        """
        return await budget_answers.set_budget(FinanceCall(context), category, amount)

    @tool(permission=_WRITE)
    @serialized
    async def set_category(self, context: ToolContext, payee: Span, category: Span) -> ToolResult:
        """Remember the category of all payments to a payee.

        Args:
            context: who asks, where and when
            payee: such as Lidl
            category: such as groceries
        """
        return await setting_answers.teach_category(FinanceCall(context), payee, category)

    @tool(permission=_WRITE)
    @serialized
    async def add_transaction(
        self, context: ToolContext, amount: Span, payee: Span, day: str | None = None
    ) -> ToolResult:
        """Note one payment that the person made.

        Args:
            context: who asks, where and when
            amount: with its currency, such as 12.50 EUR
            payee: who got it
            day: as YYYY-MM-DD; left out, today
        """
        return await setting_answers.add_transaction(FinanceCall(context), amount, payee, day or "")

    @tool(permission=_WRITE)
    @serialized
    async def set_exchange_rate(
        self, context: ToolContext, base: Span, quote: Span, rate: Span, day: str | None = None
    ) -> ToolResult:
        """Remember an exchange rate that the person gives.

        Args:
            context: who asks, where and when
            base: the currency of which one unit is meant, such as EUR
            quote: the other currency, such as USD
            rate: such as 1.08
            day: as YYYY-MM-DD, from which it holds; left out, today
        """
        return await setting_answers.set_rate(FinanceCall(context), base, quote, rate, day or "")
