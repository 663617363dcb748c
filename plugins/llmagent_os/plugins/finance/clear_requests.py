"""Reads requests whose words leave no doubt, before a model is asked."""

from __future__ import annotations

import re
from collections.abc import Collection

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.finance.categories import clean_category
from llmagent_os.plugins.finance.transaction import Transaction, plain_words

_ASK = r"(?:please |can you |could you )?(?:show|tell|give)? ?(?:me )?"
_MINE = r"(?:my |the |our )?"
_WHOLE: tuple[tuple[str, str], ...] = (
    (rf"{_ASK}(?:what(?: is|'s) )?{_MINE}net worth", "show_net_worth"),
    (rf"{_ASK}(?:what(?: is|'s) )?{_MINE}cash ?flow", "show_cash_flow"),
    (
        rf"{_ASK}(?:what are )?{_MINE}(?:recurring payments|subscriptions)|which subscriptions do i (?:have|pay)",
        "show_recurring",
    ),
    (rf"{_ASK}(?:what are |how are )?{_MINE}budgets", "read_budgets"),
    (rf"{_ASK}(?:what is in )?{_MINE}portfolio", "show_portfolio"),
)
_SPENT = re.compile(
    r"how much (?:did|have) (?:i|we) spen[dt](?: on (?P<category>[\w ]+?))?"
    r"(?: (?:in |during )?(?P<month>this month|last month|(?:[a-z]+ \d{4}|[a-z]{3,9})))?"
)
_BUDGET = re.compile(
    r"(?:please )?set (?:a |my |the )?budget (?:of (?P<amount>\S+(?: \S+)?) (?:for|on) (?P<category>[\w ]+?)|"
    r"for (?P<other>[\w ]+?) (?:to|of|at) (?P<sum>\S+(?: \S+)?))(?: (?:a|per|every) month)?"
)
_IS = re.compile(r"(?P<payee>[\w&.' -]{2,40}?) (?:is|are|counts? as|belongs? to) (?P<category>[\w ]{3,30})", re.I)


def read_request(text: str, known: Collection[str]) -> ToolCall | None:
    """The call that the whole of a message asks for; None: the rules do not understand all of it.

    Args:
        text: the message.
        known: the categories that the person has.

    >>> read_request("How much did I spend on groceries in November?", ["groceries"]).arguments
    {'category': 'groceries', 'month': 'november'}
    >>> read_request("how much did I spend on a good friend", ["groceries"])
    """
    words = " ".join(text.casefold().replace("’", "'").split()).strip(" .?!")
    for pattern, name in _WHOLE:
        if re.fullmatch(pattern, words):
            return ToolCall(name, {})
    if found := _SPENT.fullmatch(words):
        category = clean_category(found["category"] or "")
        if category and category not in known:
            return None
        given = {"category": category, "month": found["month"] or ""}
        return ToolCall("show_spending", {key: value for key, value in given.items() if value})
    if found := _BUDGET.fullmatch(words):
        category = clean_category(found["category"] or found["other"])
        return ToolCall("set_budget", {"category": category, "amount": found["amount"] or found["sum"]})
    return None


def unknown_category(text: str, known: Collection[str]) -> str:
    """The one or two words that a question about spending takes for a category, and that are none; empty: none are.

    >>> unknown_category("how much did I spend on food?", ["groceries"])
    'food'
    """
    found = _SPENT.fullmatch(" ".join(text.casefold().split()).strip(" .?!"))
    category = clean_category(found["category"] or "") if found else ""
    return category if category not in known and len(category.split()) < 3 else ""


def taught(text: str, known: Collection[str], transactions: Collection[Transaction]) -> tuple[str, str] | None:
    """The payee and the category that a message such as "Lidl is groceries" teaches; None: it teaches nothing.

    The category must be known, and the payee one of the person's own.
    """
    found = _IS.fullmatch(text.strip(" .!"))
    if found is None or clean_category(found["category"]) not in known:
        return None
    words = plain_words(found["payee"])
    is_payee = bool(words) and any(f" {words} " in f" {each.words} " for each in transactions)
    return (words, clean_category(found["category"])) if is_payee else None
