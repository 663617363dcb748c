"""Chat in the browser: one aiohttp server, a WebSocket a page, and a transcript that outlives both.

.. code-block:: python

    adapter = WebAdapter(
        host="127.0.0.1", port=8321, token=None,             # a token is required where others can reach the host
        data=Path("data/web"),                               # a folder: the transcript lives here
        title="Calendar", examples=("What do I have tomorrow?",), about="",
        health=None, metrics=None,                           # async () -> dict with "ok"; () -> Prometheus text
        origins=(),                                          # further addresses of the page, behind a proxy
    )
    await adapter.run(accept)                                # adapter.url once it has started
"""

from llmagent_os.adapters.web.adapter import WebAdapter

__all__ = ["WebAdapter"]
