"""``/usage``: what a person has used of a bot, and what is left of it."""

from __future__ import annotations

from llmagent_os.adapter import Card, Reply
from llmagent_os.events import Command
from llmagent_os.ledger.usage_sums import Period, Scope, Used
from llmagent_os.people.budget_config import NO_LIMIT, Limit
from llmagent_os.people.budgets import PERIODS, Budgets
from llmagent_os.reply.services import Services

_NAMES: dict[Period, str] = {"hour": "This hour", "day": "Today", "month": "This month"}


async def usage(services: Services, command: Command) -> Reply:
    """Answer ``/usage``."""
    budgets = services.budgets
    if budgets is None:
        return Reply("I do not count here what people use.")
    rows: list[tuple[str, str]] = []
    for scope, periods in await budgets.used_by(command):
        for period in PERIODS:
            limit = budgets.config.limits.get((scope, period), NO_LIMIT)
            if scope == "person" or limit != NO_LIMIT:
                rows.append((_label(scope, period), used_text(budgets, periods[period], limit)))
    return Reply("What you have used:", Card(rows=tuple(rows)))


def _label(scope: Scope, period: Period) -> str:
    return _NAMES[period] if scope == "person" else f"This channel, {_NAMES[period].lower()}"


def used_text(budgets: Budgets, used: Used, limit: Limit) -> str:
    """What was used, beside what may be used."""
    price = budgets.config.price
    parts = [
        f"{used.messages}{f' of {limit.messages}' if limit.messages else ''} messages",
        f"{used.tokens:,}{f' of {limit.tokens:,}' if limit.tokens else ''} tokens",
    ]
    if used.speech_seconds or limit.speech:
        most = f" of {limit.speech:g}" if limit.speech else ""
        parts.append(f"{used.speech_seconds / 60:.1f}{most} minutes of speech")
    if used.embedded_tokens:
        parts.append(f"{used.embedded_tokens:,} tokens embedded")
    if price.is_set:
        parts.append(f"{used.money:.2f}{f' of {limit.money:.2f}' if limit.money else ''} {price.currency}")
    return ", ".join(parts)
