"""The web chat as an installation configures it."""

from __future__ import annotations

from llmagent_os.adapters.web.adapter import ABOUT, WebAdapter
from llmagent_os.setup import AdapterSetup


def from_setup(setup: AdapterSetup) -> WebAdapter:
    """The web chat of ``setup``.

    Raises:
        ConfigError: a setting is wrong; names it.
    """
    settings, bot = setup.settings, setup.bot
    return WebAdapter(
        host=settings.web_host,
        port=settings.web_port,
        token=settings.web_token.get_secret_value() or None,
        data=setup.data,
        title=bot.title,
        examples=bot.examples,
        about=bot.about or ABOUT,
        health=setup.health,
        metrics=setup.metrics,
        origins=[origin.strip() for origin in settings.web_origins.split(",") if origin.strip()],
    )
