"""Refusals of Slack, translated into errors that the host understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

#: The token is wrong, and trying again would not help.
_BAD_TOKEN = frozenset(
    "invalid_auth not_authed account_inactive token_revoked token_expired org_login_required app_uninstalled".split()
)
#: Slack has a problem of its own.
_OUTAGE = frozenset(
    "internal_error fatal_error service_unavailable request_timeout team_added_to_org ratelimited rate_limited".split()
)
#: There is a rate limit.
_RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})

#: The blocks of a message were refused; its text may be sent without them.
BAD_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
#: The message that was to be changed cannot be changed any more.
MESSAGE_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "streaming_state_conflict"})
#: The bot is not part of the conversation.
NOT_A_MEMBER = frozenset({"channel_not_found", "not_in_channel", "is_archived"})
#: The workspace or the app does not have a feature at all, wherever it is used.
NO_FEATURE = frozenset(
    "unknown_method missing_scope not_allowed_token_type method_deprecated feature_not_enabled no_permission "
    "not_allowed access_denied team_access_not_granted".split()
)
#: There are no native streams at all, whatever is streamed.
NO_STREAMS = frozenset({"unknown_method", "not_allowed_token_type", "missing_scope", "method_deprecated"})


class RefusedError(AdapterError):
    """Slack refused a request. ``code`` is Slack's own word for the reason, and begins the message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


def translated(
    method: str, status: int, data: Mapping[str, Any], headers: Mapping[str, str]
) -> RefusedError | ConfigError | TryLaterError:
    """What a refusal means to the host: try later, never again, or not with this token.

    Args:
        method: of the Web API.
        status: of HTTP.
        data: the answer's JSON.
        headers: of the answer.
    """
    code = str(data.get("error", ""))
    if status == 429 or code in _RATE_LIMITED:
        return TryLaterError(f"slack: {method} has a rate limit", seconds=_retry_after(headers))
    if status >= 500 or code in _OUTAGE or not code:
        return TryLaterError(f"slack: {method} answered {status} {code}")
    if code in _BAD_TOKEN:
        return ConfigError(
            f"slack: the token was refused ({code}): put a new one into .env, "
            "from https://api.slack.com/apps under OAuth & Permissions"
        )
    if code == "missing_scope":
        needed = str(data.get("needed", ""))
        return RefusedError(code, f"{method} needs {needed}; add it to the app and install it again")
    return RefusedError(code, f"{method} was refused")


def _retry_after(headers: Mapping[str, str]) -> float:
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(0.0, float(value))
            except ValueError:
                break
    return 1.0
