"""Masks secrets and contact data in what is logged or kept for training, and cleans what is sent."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

_EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_SECRET = re.compile(
    r"""\b(?:sk|pk|rk)[-_](?:live|test|proj|ant)?[-_]?[A-Za-z0-9_-]{16,}      # API keys
      | \bxox[abeprs]-[A-Za-z0-9-]{10,} | \bxapp-[A-Za-z0-9-]{10,}            # Slack
      | \bgh[opsur]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,}                   # GitHub
      | \bAKIA[0-9A-Z]{16}\b | \bAIza[\w-]{30,}                               # clouds
      | \b\d{8,10}:[A-Za-z0-9_-]{35}\b                                        # Telegram
      | \b[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,}                      # Discord
      | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}                                  # JSON Web Tokens
      | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)""",
    re.VERBOSE | re.DOTALL,
)
_NAMED_SECRET = re.compile(
    r"\b(pass(?:word|phrase|code)?|pwd|secret|token|api[ _-]?key|pin(?: code)?)(\s*(?:is|are|[:=])\s*)(\S{3,})",
    re.IGNORECASE,
)
_CARD = re.compile(r"\b\d(?:[ -]?\d){12,18}\b")
_MARKUP = re.compile(r"<\|[^|<>]{1,40}\|>|</?tool_call>|</?tool_response>")
_PHONE = re.compile(r"(?<![\w.:/-])(?:\+|00)?\(?\d[\d ()./-]{6,}\d(?![\w:])")

#: A date, or a date with its year followed by one or two times: "24.11.2026 14.30-15.30". It is no phone number.
_DATE = re.compile(
    r"""\d{1,4}[./-]\d{1,2}[./-]\d{1,4}
      | (?:(?:19|20)\d\d([ ./-])\d{1,2}\1\d{1,2} | \d{1,2}([ ./-])\d{1,2}\2(?:19|20)\d\d)
        (?:[ -]{1,3}(?:[01]?\d|2[0-3])[. ]?[0-5]\d){0,2}""",
    re.VERBOSE,
)


def redact(text: str) -> str:
    """Replace secrets, e-mail addresses, phone numbers and card numbers in ``text`` by their kind.

    >>> redact("write to ana@example.org or call +49 30 901820, my password is hunter22")
    'write to [email] or call [phone], my password is [secret]'
    >>> redact("meet at 10:30 on 2026-11-23, room 12")
    'meet at 10:30 on 2026-11-23, room 12'
    """
    text = _SECRET.sub("[secret]", text)
    text = _NAMED_SECRET.sub(r"\1\2[secret]", text)
    text = _EMAIL.sub("[email]", text)
    if not _has_long_number(text):
        return text
    text = _CARD.sub(lambda match: "[card]" if _is_card(match[0]) else match[0], text)
    return _PHONE.sub(lambda match: "[phone]" if _is_phone(match[0]) else match[0], text)


def redact_all(value: Any) -> Any:
    """Redact every string in the JSON ``value``, at any depth of lists and dicts. Keys are left as they are."""
    match value:
        case str():
            return redact(value)
        case dict():
            return {key: redact_all(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [redact_all(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _has_long_number(text: str) -> bool:
    return sum(char.isdigit() for char in text) >= 7


def _is_card(text: str) -> bool:
    """Whether the digits of ``text`` end in Luhn's check digit (ISO/IEC 7812-1)."""
    digits = [int(char) for char in text if char.isdigit()][::-1]
    doubled = (sum(divmod(2 * digit, 10)) for digit in digits[1::2])
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


@cache
def _numbers() -> Any:
    import phonenumbers  # slow to import, and few messages hold a number

    return phonenumbers


def _is_phone(text: str) -> bool:
    numbers = _numbers()
    if _DATE.fullmatch(text.strip()):
        return False
    for region in (None, "US", "GB", "DE"):
        try:
            if numbers.is_valid_number(numbers.parse(text, region)):
                return True
        except numbers.NumberParseException:
            continue
    return False


class PrivacyModule:
    """Decides what of a text may be kept, and what may be sent.

    It does not separate people: what belongs to a person is looked up by that person's id, wherever it is kept.
    """

    def keep(self, text: str) -> tuple[str, bool]:
        """Mask ``text`` for the ledger and for logs.

        Returns:
            The text as it may be kept, and whether anything was masked.
        """
        kept = redact(text)
        return kept, kept != text

    def keep_all(self, value: list[Any]) -> list[Any]:
        """Mask every string of a JSON list, at any depth."""
        return [redact_all(item) for item in value]

    def release(self, text: str, *, limit: int = 8000) -> str:
        """Clean a model's words for sending: no control characters, no chat markup.

        Args:
            text: what the model wrote.
            limit: the longest text that is sent, in characters.
        """
        text = "".join(char for char in text[:limit] if char in "\n\t" or char.isprintable())
        while (clean := _MARKUP.sub("", text)) != text:  # the rest may form new markup
            text = clean
        return text.strip()
