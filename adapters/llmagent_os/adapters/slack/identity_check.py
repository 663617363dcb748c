"""The check of a bot's tokens when it starts: who the bot is, and which rights are missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec
import structlog

from llmagent_os.adapters.slack.api import Api
from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

_log = structlog.stdlib.get_logger(__name__)

#: Scopes of the bot's token, and what does not work without them.
SCOPES = {
    "chat:write": "answers",
    "reactions:read": "reactions",
    "im:history": "direct messages",
    "app_mentions:read": "mentions in channels",
    "files:read": "files that people send",
    "files:write": "files that the bot sends",
    "commands": "slash commands",
    "users:read": "names of people in messages",
    "channels:read": "names of channels in messages",
}


class BotIdentity(msgspec.Struct, frozen=True):
    """Who the tokens belong to."""

    user_id: str  #: of the bot
    team_id: str  #: of the workspace
    bot_id: str | None  #: of the app's bot
    title: str  #: the names of the bot and its workspace


async def check_identity(api: Api) -> BotIdentity:
    """Ask Slack who the bot is. Missing rights are logged.

    Raises:
        ConfigError: Slack refuses the token, or the bot could not even answer.
        TryLaterError: Slack cannot be reached.
    """
    try:
        answer = cast("Any", await api.client.api_call("auth.test"))  # pyright: ignore[reportUnknownMemberType]
    except Exception:
        await api.call("auth.test")  # fails in the same way, with an error of the host
        raise
    scopes = {scope.strip() for scope in _header(answer.headers, "x-oauth-scopes").split(",")} - {""}
    missing = {scope: use for scope, use in SCOPES.items() if scope not in scopes} if scopes else {}
    if "chat:write" in missing:
        raise ConfigError(
            "slack: the bot's token lacks the scope chat:write, and cannot answer: "
            "add it to the app (`llmagent-os setup slack`) and install it again"
        )
    if missing:
        _log.warning("slack: scopes are missing", missing=[f"{scope}: {use}" for scope, use in missing.items()])
    raw: object = answer.data
    data = cast("dict[str, Any]", raw) if isinstance(raw, dict) else {}
    team = str(data.get("team_id", ""))
    return BotIdentity(
        user_id=str(data.get("user_id", "")),
        team_id=team,
        bot_id=data.get("bot_id"),
        title=f"@{data.get('user', 'bot')} in {data.get('team', team)}",
    )


async def check_app_token(api: Api) -> None:
    """Ask Slack whether the app's token, which ``api`` uses, opens Socket Mode.

    Raises:
        ConfigError: Slack refuses the token.
        TryLaterError: Slack cannot be reached.
    """
    try:
        await api.call("apps.connections.open")
    except TryLaterError:
        raise
    except (AdapterError, ConfigError) as error:
        raise ConfigError(
            f"slack: SLACK_APP_TOKEN was refused ({error}): make one with the scope connections:write, "
            "under Basic Information, App-Level Tokens"
        ) from error


def _header(headers: Any, name: str) -> str:
    items: Callable[[], Any] = headers.items
    return next((str(value) for key, value in items() if str(key).lower() == name), "")
