"""Refusals of Telegram, translated into errors that the host understands."""

from __future__ import annotations

from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, TelegramError

from llmagent_os.adapters.telegram.http import FloodError
from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

#: What to do when Telegram refuses the token.
BAD_TOKEN = (
    "Telegram does not know the token in TELEGRAM_TOKEN: it is mistyped, or was revoked. "
    "Get the present token from @BotFather (/token), and put it there"
)


def translated(error: TelegramError) -> AdapterError | ConfigError:
    """``error`` for the host: try later, never again, or not with this token."""
    match error:
        case FloodError():
            return TryLaterError(f"telegram: {error.message}", seconds=error.seconds)
        case InvalidToken():
            return ConfigError(BAD_TOKEN)
        case Forbidden() | BadRequest() | Conflict():  # before NetworkError, the library's base class of BadRequest
            return AdapterError(f"telegram: {error.message}")
        case _:
            return TryLaterError(f"telegram: {error.message}")


def says(error: TelegramError, words: str) -> bool:
    """Whether Telegram's message contains ``words``: it has no codes for these errors."""
    return words in error.message.lower()
