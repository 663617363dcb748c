"""Shows what was used of a bot: ``llmagent-os usage``. It works with or without a running host."""

from __future__ import annotations

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.bot import Bot
from llmagent_os.commands.usage import used_text
from llmagent_os.config import Settings
from llmagent_os.ledger.usage_sums import Period, Scope
from llmagent_os.people.budget_config import NO_LIMIT
from llmagent_os.people.budgets import Budgets, begins_at
from llmagent_os.people.directory import Directory

#: How many people and channels are listed.
LISTED = 20


async def listing(settings: Settings, bot_name: str, period: Period) -> str:
    """Return what was used in the present hour, day or month: all together, by channel and by person.

    Raises:
        ConfigError: there is no such bot.
    """
    bot = Bot.load(bot_name)
    async with open_ledger(settings) as ledger:
        budgets = Budgets(ledger, Directory(ledger, None), bot.config.budgets, bot.name, settings.zone)
        at = budgets.present
        lines = [f"{bot.name}, this {period} ({at:%Y-%m-%d %H:%M}, {settings.zone}):"]
        scopes: dict[Scope, str] = {"bot": "altogether", "channel": "", "person": ""}
        for scope, title in scopes.items():
            limit = budgets.config.limits.get((scope, period), NO_LIMIT)
            rows = await ledger.usage.most(bot.name, scope, period, begins_at(at)[period], LISTED)
            lines += [f"{title or f'{scope} {subject}'}: {used_text(budgets, used, limit)}" for subject, used in rows]
    return "\n".join(lines if len(lines) > 1 else [*lines, "nothing yet"])
