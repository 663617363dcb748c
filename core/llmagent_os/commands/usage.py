"""``/usage``: what a person has used of a bot, and what is left of it."""

from __future__ import annotations

from llmagent_os.adapter import Card, Reply
from llmagent_os.events import Command
from llmagent_os.languages import LazyText, gettext, lazy_gettext, number_text
from llmagent_os.languages.written_phrases import decimal_text
from llmagent_os.ledger.usage_sums import Period, Used
from llmagent_os.people.budget_config import NO_LIMIT, Limit
from llmagent_os.people.budgets import PERIODS, Budgets
from llmagent_os.reply.services import Services

_NAMES: dict[tuple[bool, Period], LazyText] = {
    (True, "hour"): lazy_gettext("This hour"),
    (True, "day"): lazy_gettext("Today"),
    (True, "month"): lazy_gettext("This month"),
    (False, "hour"): lazy_gettext("This channel, this hour"),
    (False, "day"): lazy_gettext("This channel, today"),
    (False, "month"): lazy_gettext("This channel, this month"),
}


async def usage(services: Services, command: Command) -> Reply:
    """Answer ``/usage``."""
    budgets = services.budgets
    if budgets is None:
        return Reply(gettext("I do not count here what people use."))
    rows: list[tuple[str, str]] = []
    for scope, periods in await budgets.used_by(command):
        for period in PERIODS:
            limit = budgets.config.limits.get((scope, period), NO_LIMIT)
            if scope == "person" or limit != NO_LIMIT:
                rows.append((str(_NAMES[scope == "person", period]), used_text(budgets, periods[period], limit)))
    return Reply(gettext("What you have used:"), Card(rows=tuple(rows)))


def used_text(budgets: Budgets, used: Used, limit: Limit) -> str:
    """What was used, beside what may be used."""
    price = budgets.config.price
    messages, tokens = number_text(used.messages), number_text(used.tokens)
    parts = [
        gettext("{used} of {limit} messages", used=messages, limit=number_text(limit.messages))
        if limit.messages
        else gettext("{used} messages", used=messages),
        gettext("{used} of {limit} tokens", used=tokens, limit=number_text(limit.tokens))
        if limit.tokens
        else gettext("{used} tokens", used=tokens),
    ]
    if used.speech_seconds or limit.speech:
        minutes = decimal_text(used.speech_seconds / 60, 1)
        parts.append(
            gettext("{used} of {limit} minutes of speech", used=minutes, limit=decimal_text(limit.speech))
            if limit.speech
            else gettext("{used} minutes of speech", used=minutes)
        )
    if used.embedded_tokens:
        parts.append(gettext("{used} tokens embedded", used=number_text(used.embedded_tokens)))
    if price.is_set:
        money = decimal_text(used.money, 2)
        if limit.money:
            limit_text = decimal_text(limit.money, 2)
            parts.append(gettext("{used} of {limit} {currency}", used=money, limit=limit_text, currency=price.currency))
        else:
            parts.append(f"{money} {price.currency}")
    return ", ".join(parts)
