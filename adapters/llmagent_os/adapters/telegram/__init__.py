"""Telegram, through python-telegram-bot.

.. code-block:: python

    adapter = TelegramAdapter(token="…", data=Path("data/telegram"))
    await adapter.run(accept)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagent_os.adapters.telegram.adapter import TelegramAdapter
from llmagent_os.adapters.telegram.webhook import Webhook
from llmagent_os.errors import NotConfiguredError

if TYPE_CHECKING:
    from llmagent_os.setup import AdapterSetup

__all__ = ["TelegramAdapter", "Webhook", "from_setup"]


def from_setup(setup: AdapterSetup) -> TelegramAdapter:
    """The Telegram bot of an installation.

    Raises:
        NotConfiguredError: there is no token.
        ConfigError: a setting is wrong; names it.
    """
    settings = setup.settings
    token = settings.telegram_token.get_secret_value()
    if not token:
        raise NotConfiguredError(
            "TELEGRAM_TOKEN is not set: get a token from @BotFather; `llmagent-os setup telegram` tells how"
        )
    webhook = None
    if settings.telegram_webhook_url:
        webhook = Webhook(
            url=settings.telegram_webhook_url,
            secret=settings.telegram_webhook_secret.get_secret_value(),
            host=settings.telegram_http_host,
            port=settings.telegram_http_port,
        )
    return TelegramAdapter(
        token=token,
        api_url=settings.telegram_api_url,
        data=setup.data,
        store=setup.store,
        commands=setup.commands,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
        webhook=webhook,
    )
