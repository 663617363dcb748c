"""What Telegram's refusals mean to the host."""

from __future__ import annotations

from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, TelegramError

from llmagent_os.adapters.telegram.http import FloodError
from llmagent_os.errors import AdapterError, ConfigError, TryLaterError

BAD_TOKEN = (
    "Telegram does not know the token in TELEGRAM_TOKEN: it is mistyped, or was revoked. "
    "Get the present one from @BotFather (/token), and put it there"
)


def explained(error: TelegramError) -> AdapterError | ConfigError:
    """``error`` as one of the host's."""
    match error:
        case FloodError():
            return TryLaterError(f"telegram: {error.message}", seconds=error.seconds)
        case InvalidToken():
            return ConfigError(BAD_TOKEN)
        case Forbidden() | BadRequest() | Conflict():  # before NetworkError, which BadRequest is to the library
            return AdapterError(f"telegram: {error.message}")
        case _:
            return TryLaterError(f"telegram: {error.message}")


def says(error: TelegramError, *words: str) -> bool:
    """Whether one of ``words`` is in what Telegram said: it has no codes for these."""
    message = error.message.lower()
    return any(each in message for each in words)
