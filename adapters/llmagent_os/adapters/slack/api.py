"""Slack's Web API, with its refusals in the host's terms, and its limits kept."""

from __future__ import annotations

import asyncio
import json
from typing import Any, NoReturn, cast

import aiohttp
import structlog
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

_log = structlog.stdlib.get_logger(__name__)

#: So many seconds of waiting for a limit are spent inside a call; a longer wait is the host's.
PATIENCE = 5.0

#: The bot's or the app's token is no good, and trying again would not help.
_TOKEN = frozenset(
    "invalid_auth not_authed account_inactive token_revoked token_expired org_login_required app_uninstalled".split()
)
_LATER = frozenset(
    "internal_error fatal_error service_unavailable request_timeout team_added_to_org ratelimited rate_limited".split()
)

#: Methods that take a JSON body; the others take a form.
_JSON = ("chat.", "reactions.")


class SlackApi:
    """Calls methods on one session, and remembers which of them Slack wants left alone for a while."""

    def __init__(self, token: str, url: str, session: aiohttp.ClientSession) -> None:
        """Args: ``url`` is the Web API's, such as ``https://slack.com/api/``; ``session`` is the caller's to close."""
        base = url if url.endswith("/") else f"{url}/"
        self.client = AsyncWebClient(token=token, base_url=base, session=session, retry_handlers=[])
        self.session = session
        self._not_before: dict[str, float] = {}  # method and channel -> when, on the loop's clock

    async def call(self, method: str, *, optional: bool = False, **given: Any) -> dict[str, Any]:
        """Call ``method``; None among the arguments is left out.

        Args:
            method: such as ``chat.postMessage``.
            optional: nobody waits for it: where Slack wants a pause it is not made at all.
            given: its arguments.

        Raises:
            TryLaterError: a limit, an outage, or no way to Slack.
            ConfigError: the token is no good.
            AdapterError: refused; ``str(error)`` begins with Slack's own word for it.
        """
        arguments = {name: value for name, value in given.items() if value is not None}
        # Messages have limits by channel, everything else by method.
        where = f"{method}:{arguments.get('channel', '') if method.startswith('chat.') else ''}"
        await self._wait(where, optional)
        call = cast("Any", self.client.api_call)  # pyright: ignore[reportUnknownMemberType]
        try:
            if method.startswith(_JSON):
                answer = await call(method, json=arguments)
            else:
                form = {
                    name: value if isinstance(value, str) else json.dumps(value) for name, value in arguments.items()
                }
                answer = await call(method, data=form)
            return cast("dict[str, Any]", answer.data)
        except SlackApiError as error:
            self._refused(method, where, error)
        except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise TryLaterError(f"slack: {method} did not get through: {error!r}") from error

    async def _wait(self, where: str, optional: bool) -> None:
        now = asyncio.get_running_loop().time()
        wait = self._not_before.get(where, 0.0) - now
        if wait <= 0:
            return
        if optional or wait > PATIENCE:
            raise TryLaterError(f"slack: {where} is to be left alone for {wait:.1f} s", seconds=wait)
        await asyncio.sleep(wait)

    def _refused(self, method: str, where: str, error: SlackApiError) -> NoReturn:
        answer = cast("Any", error.response)
        status, data = int(answer.status_code), answer.data
        data = cast("dict[str, Any]", data) if isinstance(data, dict) else {}
        word = str(data.get("error", ""))
        if status == 429 or word in ("ratelimited", "rate_limited"):
            seconds = _seconds(answer.headers)
            self._not_before[where] = asyncio.get_running_loop().time() + seconds
            raise TryLaterError(f"slack: {method} has a limit", seconds=seconds) from error
        if status >= 500 or word in _LATER or not word:
            raise TryLaterError(f"slack: {method} answered {status} {word}") from error
        if word in _TOKEN:
            raise ConfigError(
                f"slack: the token was refused ({word}): put a new one into .env, "
                "from https://api.slack.com/apps under OAuth & Permissions"
            ) from error
        needed = str(data.get("needed", ""))
        if word == "missing_scope":
            raise AdapterError(f"missing_scope: {method} needs {needed}; add it to the app and install it again") from (
                error
            )
        raise AdapterError(f"{word}: {method} was refused") from error


def _seconds(headers: Any) -> float:
    for name, value in dict(headers).items():
        if str(name).lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except ValueError:
                break
    return 1.0
