"""Masks secrets and contact data, and cleans what is sent.

Two strengths. Credentials, card numbers, IBANs and national identity numbers (:func:`without_secrets`) are masked
before anything is stored, shown to a model, logged or echoed: nobody needs them for an answer. E-mail addresses and
phone numbers belong in an answer ("call 212 736 5000 at noon"); :func:`redact` masks them too, in what is logged and in
what is kept for training.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from llmagent_os.privacy.credentials import is_secret_name, mask_credentials, mask_private_keys, token_patterns
from llmagent_os.privacy.personal_numbers import mask_account_numbers, mask_phones

#: An e-mail address.
EMAIL = re.compile(r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+\b")
_MARKUP = re.compile(r"<\|[^|<>]{1,40}\|>|</?tool_call>|</?tool_response>")

#: An end of a line that does not end a statement: "password:" with its value on the next line.
_OPEN_END = re.compile(r"[:=]\s*\Z")

#: How many lines are remembered with what became of them. A prompt repeats nearly all lines of the prompt before it.
REMEMBERED_LINES = 4096

#: The longest line that is remembered, in characters: the schema of all tools is one line of a prompt.
MAX_REMEMBERED_CHARACTERS = 20_000


#: What stands where something was masked.
MASKS = ("[secret]", "[email]", "[phone]", "[iban]", "[id]", "[card]")


def redact(text: str) -> str:
    """Replace secrets, e-mail addresses, phone numbers and account numbers in ``text`` by their kind.

    >>> redact("write to ana@example.org or call +49 30 901820, my password is hunter22")
    'write to [email] or call [phone], my password is [secret]'
    >>> redact("meet at 10:30 on 2026-11-23, room 12")
    'meet at 10:30 on 2026-11-23, room 12'
    """
    return _by_line(mask_private_keys(text), _redacted_line)


def without_secrets(text: str) -> str:
    """Replace what must not be stored or repeated: credentials, cards, IBANs and national identity numbers.

    >>> without_secrets("write to ana@example.org, the pin is 4711")
    'write to ana@example.org, the pin is [secret]'
    """
    return _by_line(mask_private_keys(text), _line_without_secrets)


def redact_all(value: Any) -> Any:
    """Redact every string in the JSON ``value``, at any depth of lists and dicts.

    Keys are left as they are. The value of a key that names a secret is masked, whatever it looks like.

    >>> redact_all({"password": "hunter22", "notes": ["lunch", "a@b.org"]})
    {'password': '[secret]', 'notes': ['lunch', '[email]']}
    """
    return _masked_all(value, redact)


def load_detectors() -> None:
    """Import what the first message with a token would have to wait for."""
    token_patterns()


def _masked_all(value: Any, mask: Callable[[str], str]) -> Any:
    match value:
        case str():
            return mask(value)
        case dict():
            return {key: _masked_field(str(key), item, mask) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case list() | tuple():
            return [_masked_all(item, mask) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _masked_field(key: str, value: Any, mask: Callable[[str], str]) -> Any:
    if is_secret_name(key) and value not in ("", None, True, False) and not isinstance(value, dict | list | tuple):
        return "[secret]"
    return _masked_all(value, mask)


def _by_line(text: str, mask: Callable[[str], str]) -> str:
    """``text`` with every line masked. No secret but a private key goes over the end of a line."""
    if "\n" not in text:
        return _remembering(text, mask)
    lines: list[str] = []
    for line in text.split("\n"):
        if lines and _OPEN_END.search(lines[-1]) and len(lines[-1]) < MAX_REMEMBERED_CHARACTERS:
            lines[-1] += "\n" + line
        else:
            lines.append(line)
    return "\n".join(_remembering(line, mask) for line in lines)


def _remembering(line: str, mask: Callable[[str], str]) -> str:
    if len(line) > MAX_REMEMBERED_CHARACTERS:
        return mask.__wrapped__(line)  # type: ignore[attr-defined, no-any-return]
    return mask(line)


@lru_cache(maxsize=REMEMBERED_LINES)
def _line_without_secrets(line: str) -> str:
    return mask_account_numbers(mask_credentials(line))


@lru_cache(maxsize=REMEMBERED_LINES)
def _redacted_line(line: str) -> str:
    line = _line_without_secrets(line)
    if "@" in line:
        line = EMAIL.sub("[email]", line)
    return mask_phones(line)


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
        """Clean a model's words for sending: no control characters, no chat markup, no secrets.

        Args:
            text: what the model wrote.
            limit: the longest text that is sent, in characters.
        """
        text = "".join(char for char in text[:limit] if char in "\n\t" or char.isprintable())
        while (clean := _MARKUP.sub("", text)) != text:  # the rest may form new markup
            text = clean
        return without_secrets(text.strip())
