"""Answers to what a person says once: categories, currencies, rates, balances, and single transactions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import msgspec

from llmagent_os.languages import date_text, gettext, ngettext
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.finance.budget_answers import told_breaches
from llmagent_os.plugins.finance.categories import category_of, clean_category
from llmagent_os.plugins.finance.exchange_rates import ExchangeRate
from llmagent_os.plugins.finance.finance_call import FinanceCall, FinanceState, percent_text, unclear
from llmagent_os.plugins.finance.finance_store import MAX_TRANSACTIONS, latest_first
from llmagent_os.plugins.finance.money import Money, MoneyError, currency_of, plain_decimal, read_money
from llmagent_os.plugins.finance.net_worth import KnownBalance
from llmagent_os.plugins.finance.reading.date_format import read_date
from llmagent_os.plugins.finance.transaction import Transaction, plain_words

MAX_RULES = 1_000
MAX_RATES = 2_000


async def teach_category(call: FinanceCall, payee: str, category: str) -> ToolResult:
    """Remember the category of all payments whose words fit."""
    words, name = plain_words(payee)[:60].strip(), clean_category(category)
    if not words or not name:
        return unclear(gettext("Which payee, and which category? For example `/finance category Lidl = groceries`."))
    settings = await call.store.settings()
    if len(settings.rules) >= MAX_RULES and words not in settings.rules:
        return unclear(gettext("I know {count} rules already. Change one of them.", count=MAX_RULES))
    rules = {**settings.rules, words: name}
    changed = await call.computed(_changed_by, rules)
    await call.store.keep_settings(msgspec.structs.replace(settings, rules=rules))
    text = gettext("Payments with “{payee}” are {category} from now on.", payee=words, category=name)
    if changed:
        text += " " + ngettext("That changed {count} transaction.", "That changed {count} transactions.", changed)
    return ToolResult(
        {"status": "set", "payee": words, "category": name, "changed": str(changed)},
        " ".join([text, *await told_breaches(call)]),
        word_for_word=True,
    )


def _changed_by(state: FinanceState, rules: dict[str, str]) -> int:
    """How many transactions have another category by other rules."""
    return sum(category_of(each, rules) != category_of(each, state.settings.rules) for each in state.transactions)


async def set_currency(call: FinanceCall, text: str) -> ToolResult:
    """Choose the currency in which sums are told."""
    code = currency_of(text)
    if not code:
        return unclear(gettext("“{text}” is no currency that I know. Write its code, such as EUR.", text=text[:20]))
    settings = await call.store.settings()
    await call.store.keep_settings(msgspec.structs.replace(settings, currency=code))
    return ToolResult({"status": "set", "currency": code}, gettext("I tell sums in {currency}.", currency=code))


async def set_rate(call: FinanceCall, base: str, quote: str, rate: str, day: str = "") -> ToolResult:
    """Remember an exchange rate from a day on; without a day, from today on."""
    one, other, value = currency_of(base), currency_of(quote), plain_decimal(rate.replace(",", "."))
    since = read_date(day, "YMD") if day.strip() else call.today
    if not one or not other or one == other or value is None or value <= 0 or since is None:
        return unclear(
            gettext("I need two currencies, a rate above 0 and a day: `/finance rate EUR USD 1.08 2026-11-01`."), "rate"
        )
    settings = await call.store.settings()
    kept = [each for each in settings.rates if (each.base, each.quote, each.day) != (one, other, since)]
    rates = (*kept[-MAX_RATES + 1 :], ExchangeRate(one, other, value, since))
    await call.store.keep_settings(msgspec.structs.replace(settings, rates=rates))
    text = gettext(
        "From {day} on, 1 {base} is {rate} {quote}.", day=date_text(since), base=one, rate=value, quote=other
    )
    return ToolResult(
        {"status": "set", "rate": f"1 {one} = {value} {other}", "since": since.isoformat()},
        " ".join([text, *await told_breaches(call)]),
        word_for_word=True,
    )


async def state_balance(call: FinanceCall, words: str) -> ToolResult:
    """Remember the balance of an account: ``ACCOUNT 1234.56 EUR [DAY]``."""
    parts = words.split()
    day: date = call.today
    if len(parts) > 3 and (found := read_date(parts[-1], "YMD")):
        day = found
        parts.pop()
    settings = await call.store.settings()
    if len(parts) < 3:
        return unclear(
            gettext("Which account, and how much is on it? For example `/finance balance main 1234.56 EUR`.")
        )
    try:
        money = read_money(" ".join(parts[-2:]))
    except MoneyError as error:
        return unclear(str(error), "amount")
    account = " ".join(parts[:-2])[:60]
    balances = latest_first(settings.balances, KnownBalance(account, day, money))
    await call.store.keep_settings(msgspec.structs.replace(settings, balances=balances))
    text = gettext("{account} held {amount} on {day}.", account=account, amount=money, day=date_text(day))
    return ToolResult({"status": "set", "account": account, "amount": str(money)}, text, word_for_word=True)


async def set_risk_free(call: FinanceCall, text: str) -> ToolResult:
    """Remember the rate a year that could be had without risk."""
    value = plain_decimal(text.strip().rstrip("%").strip().replace(",", "."))
    if value is None or not -10 <= value <= 100:
        return unclear(gettext("I need the rate in percent a year, such as `/finance riskfree 2.5`."), "rate")
    settings = await call.store.settings()
    await call.store.keep_settings(msgspec.structs.replace(settings, risk_free=value))
    rate = percent_text(value / 100)
    return ToolResult(
        {"status": "set", "rate": rate}, gettext("I compute with a risk-free rate of {rate} a year.", rate=rate)
    )


async def add_transaction(call: FinanceCall, amount: str, payee: str, day: str = "") -> ToolResult:
    """Add one payment by hand; with a plus in front, what came in."""
    settings, known = await call.store.settings(), await call.store.transactions()
    booked = read_date(day, "YMD") if day.strip() else call.today
    if booked is None or not payee.strip():
        return unclear(
            gettext("How much, and to whom? For example `/finance add 12.50 EUR Lidl` or `/finance add +100 EUR Ana`.")
        )
    try:
        money = read_money(amount, settings.currency)
    except MoneyError as error:
        return unclear(str(error), "amount")
    source = f"call {call.context.call_id}"
    if len(known) >= MAX_TRANSACTIONS:
        return unclear(gettext("That would be more than {count} transactions.", count=f"{MAX_TRANSACTIONS:,}"))
    signed = abs(money.amount) * (Decimal(1) if amount.strip().startswith("+") else Decimal(-1))
    new = Transaction(
        day=booked, amount=signed, currency=money.currency, account="cash", payee=payee.strip()[:100], source=source
    )
    if not any(each.source == source for each in known):  # a call that runs again after a crash adds nothing
        await call.store.add([new])
    category = category_of(new, settings.rules)
    text = gettext(
        "Noted: {amount}, {payee}, {day}, {category}.",
        amount=Money(signed, money.currency),
        payee=new.payee,
        day=date_text(booked),
        category=category,
    )
    return ToolResult(
        {"status": "added", "amount": str(Money(signed, money.currency)), "category": category},
        " ".join([text, *await told_breaches(call)]),
        word_for_word=True,
    )
