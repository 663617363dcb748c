"""Slack's Web API: calls that keep to Slack's rate limits and fail with errors of the host."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn, cast

import aiohttp
import yarl
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from llmagent_os.adapters.slack.errors import translated
from llmagent_os.errors import TryLaterError

#: The longest pause that a call waits out by itself, in seconds. A longer pause is the host's to plan with.
MAX_PAUSE_SECONDS = 5.0

#: Methods that take a JSON body; the others take a form.
_JSON_METHODS = ("chat.", "reactions.", "assistant.")


class Api:
    """Calls methods, and remembers for which of them Slack wants a pause."""

    def __init__(self, token: str, url: str, session: aiohttp.ClientSession) -> None:
        """Args:
        token: of the bot or of the app.
        url: the Web API's address, such as ``https://slack.com/api/``.
        session: sends the requests; the caller closes it.
        """
        base = url if url.endswith("/") else f"{url}/"
        self.client = AsyncWebClient(token=token, base_url=base, session=session, retry_handlers=[])
        self.session = session
        self._host = yarl.URL(url).host or ""
        self._paused_until: dict[str, float] = {}  # method and channel -> a moment on the loop's clock

    async def call(self, method: str, *, optional: bool = False, **arguments: Any) -> dict[str, Any]:
        """Call ``method`` and return the answer.

        Args:
            method: such as ``chat.postMessage``.
            optional: leave the call out where Slack wants a pause: nobody waits for it.
            arguments: of the method; those that are None are left out.

        Raises:
            TryLaterError: a rate limit, an outage, or Slack cannot be reached.
            ConfigError: Slack refuses the token.
            RefusedError: Slack refuses the call for any other reason.
        """
        given = {name: value for name, value in arguments.items() if value is not None}
        # Messages have rate limits per channel, everything else per method.
        limit = f"{method}:{given.get('channel', '') if method.startswith('chat.') else ''}"
        await self._wait(limit, optional)
        call = cast("Any", self.client.api_call)  # pyright: ignore[reportUnknownMemberType]
        try:
            if method.startswith(_JSON_METHODS):
                answer = await call(method, json=given)
            else:
                form = {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()}
                answer = await call(method, data=form)
            return cast("dict[str, Any]", answer.data)
        except SlackApiError as error:
            self._refused(method, limit, error)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise TryLaterError(f"slack: {method} did not get through: {error!r}") from error

    def is_own_address(self, url: str) -> bool:
        """Whether ``url`` belongs to Slack, or to the server that stands in for Slack: it may be shown the token."""
        try:
            address = yarl.URL(url)
        except ValueError:
            return False
        host = address.host or ""
        return (address.scheme == "https" and (host == "slack.com" or host.endswith(".slack.com"))) or (
            host == self._host and address.scheme in ("http", "https")
        )

    async def _wait(self, limit: str, optional: bool) -> None:
        now = asyncio.get_running_loop().time()
        seconds = self._paused_until.get(limit, 0.0) - now
        if seconds <= 0:
            return
        if optional or seconds > MAX_PAUSE_SECONDS:
            raise TryLaterError(f"slack: {limit} must pause for {seconds:.1f} s", seconds=seconds)
        await asyncio.sleep(seconds)

    def _refused(self, method: str, limit: str, error: SlackApiError) -> NoReturn:
        answer = cast("Any", error.response)
        raw: object = answer.data
        data = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
        headers = {str(name): str(value) for name, value in dict(answer.headers).items()}
        known = translated(method, int(answer.status_code), data, headers)
        if isinstance(known, TryLaterError) and known.seconds is not None:
            self._paused_until[limit] = asyncio.get_running_loop().time() + known.seconds
        raise known from error
