"""Updates as Telegram delivers them: JSON that is checked before anything else is done with it."""

from __future__ import annotations

from typing import Any, cast

import structlog
from telegram import Update

from llmagent_os.errors import BadEventError

_log = structlog.stdlib.get_logger(__name__)

#: The kinds of updates that Telegram is asked for. Reactions come only if they are named.
UPDATE_KINDS = (
    "message",
    "edited_message",
    "callback_query",
    "message_reaction",
    "message_reaction_count",
    "my_chat_member",
)


def decode_update(raw: object) -> tuple[int, Update] | None:
    """The update of ``raw``, which was JSON, and its chat, 0 for none. None if it is malformed: that is logged."""
    try:
        if not isinstance(raw, dict):
            raise BadEventError(f"an update is a JSON object, not {type(raw).__name__}")
        update = Update.de_json(cast("dict[str, Any]", raw))
        return chat_of(update), update
    except Exception as error:  # the library raises whatever it stumbles over
        log_skipped(raw, error)  # pyright: ignore[reportUnknownArgumentType]
        return None


def chat_of(update: Update) -> int:
    """The id of the chat in which an update happened, 0 for none.

    Raises:
        BadEventError: the id is not a number: the library checks no types.
    """
    chat = update.effective_chat
    if chat is None:
        return 0
    if not isinstance(chat.id, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadEventError(f"a chat's id is a number, not {type(chat.id).__name__}")
    return chat.id


def number_of(raw: object) -> int | None:
    """The number of an update, by which it is confirmed; None if it has none."""
    number: object = raw.get("update_id") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return number if isinstance(number, int) else None


def log_skipped(raw: object, error: Exception) -> None:
    """Log that an update is skipped, without what people wrote in it."""
    kinds = sorted(str(key)[:40] for key in cast("dict[str, Any]", raw)) if isinstance(raw, dict) else []
    _log.warning("telegram: a malformed update is skipped", fields=kinds[:5], error=type(error).__name__)
    _log.debug("telegram: why an update is skipped", error=repr(error))
