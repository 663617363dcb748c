"""Chat in the browser: one aiohttp server, one WebSocket per page, and a transcript that outlives both.

.. code-block:: python

    adapter = WebAdapter(
        host="127.0.0.1", port=8321, token=None,             # a token is required if other machines can reach the host
        data=Path("data/web"),                               # the folder of the transcript
        title="Calendar", examples=("What do I have tomorrow?",), about="",
        health=None, metrics=None,                           # async () -> dict with "ok"; () -> Prometheus text
        origins=(),                                          # further addresses of the page, behind a proxy
        max_file_bytes=20_000_000,                           # of a file that a person attaches
    )
    await adapter.run(accept)                                # adapter.url once it has started
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmagent_os.adapters.web.adapter import ABOUT, WebAdapter

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

__all__ = ["WebAdapter", "from_setup"]


def from_setup(setup: AdapterSetup) -> WebAdapter:
    """The web chat of an installation.

    Raises:
        ConfigError: a setting is wrong; the message names it.
    """
    settings, bot = setup.settings, setup.bot
    return WebAdapter(
        host=settings.web_host,
        port=settings.web_port,
        token=settings.web_token.get_secret_value() or None,
        data=setup.data,
        title=bot.title,
        about=bot.about or ABOUT,
        examples=bot.examples,
        health=setup.health,
        metrics=setup.metrics,
        pages=setup.pages,
        listens=setup.listens,
        shared=setup.shared,
        announcements=setup.announcements,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
        origins=[origin.strip() for origin in settings.web_origins.split(",") if origin.strip()],
    )
