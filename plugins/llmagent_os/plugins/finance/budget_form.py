"""The form in which a person sets a budget."""

from __future__ import annotations

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolResult
from llmagent_os.plugins.finance.budget_answers import set_budget
from llmagent_os.plugins.finance.categories import clean_category
from llmagent_os.plugins.finance.finance_call import FinanceCall
from llmagent_os.plugins.finance.money import currency_of

BUDGET = Form(
    key="budget",
    title=gettext_noop("Budget of a month"),
    opened_by=("finance budget",),
    fields=(
        FormField(
            key="category", label=gettext_noop("Category"), help=gettext_noop("Such as groceries"), max_length=60
        ),
        FormField(
            key="amount",
            label=gettext_noop("Amount"),
            kind="number",
            help=gettext_noop("What may be spent in a month; 0 takes the budget back"),
        ),
        FormField(
            key="currency",
            label=gettext_noop("Currency"),
            required=False,
            help=gettext_noop("Such as EUR; empty: your usual one"),
            max_length=10,
        ),
    ),
)


async def answer_budget_form(call: FinanceCall, values: FormValues) -> ToolResult | FormErrors:
    """Set the budget that was filled in."""
    amount, currency = values.number("amount"), values.text("currency")
    if not clean_category(values.text("category")):
        return FormErrors({"category": gettext("Write the name of a category, such as groceries.")})
    if amount is None or amount < 0:
        return FormErrors({"amount": gettext("Write an amount that is not below 0.")})
    if currency and not currency_of(currency):
        return FormErrors({"currency": gettext("I don't know this currency.")})
    result = await set_budget(call, values.text("category"), f"{amount:f} {currency}".strip())
    return FormErrors({"amount": result.text}) if result.data["status"] == "unclear" else result
