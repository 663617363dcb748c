"""What breaks without this: secrets and contact data end up in logs and training data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.privacy.masking import PrivacyModule, redact, redact_all


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mail ana.lee+cal@mail.example.org about it", "mail [email] about it"),
        ("my card is 4111 1111 1111 1111", "my card is [card]"),
        ("card 4111-1111-1111-1111, exp 12/27", "card [card], exp 12/27"),
        ("call +1 (212) 736-5000 at noon", "call [phone] at noon"),
        ("ring 020 7946 0018 for the plumber", "ring [phone] for the plumber"),
        ("my password is correcthorse", "my password is [secret]"),
        ("token: abcdef123", "token: [secret]"),
        ("use sk-proj-abcdefghijklmnop1234", "use [secret]"),
        ("xoxb-123456789012-abcdefghij is the bot's", "[secret] is the bot's"),
        ("123456789:AAbbccddeeffgghhiijjkkllmmnnooppqqr", "[secret]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.abcDEF123456", "[secret]"),
    ],
)
def test_masks(text: str, kept: str) -> None:
    assert redact(text) == kept


@pytest.mark.parametrize(
    "text",
    [
        "meeting at 10:30 on 2026-11-23",
        "29/03/2026 from 9 to 17:30",
        "dentist 24.11.2026 14.30",
        "review 24-11-2026 1430",
        "review 2026 11 24 1530",
        "workshop 24.11.2026 14.30-15.30 upstairs",
        "dinner for 12 at 7 in room 204",
        "order 1234567 arrives friday",
        "remind me on 5/3 and 6/3 and 7/3",
        "the pin board needs pins",
    ],
)
def test_leaves_dates_and_plain_numbers_alone(text: str) -> None:
    """A calendar whose dates are masked as phone numbers would be useless to learn from."""
    assert redact(text) == text


@given(st.text(max_size=200))
def test_never_fails_and_masks_everything_at_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_masks_at_any_depth() -> None:
    assert redact_all({"a": ["x@y.org", {"b": "x@y.org"}], "n": 3}) == {"a": ["[email]", {"b": "[email]"}], "n": 3}


def test_released_words_carry_no_chat_markup() -> None:
    """A model that writes control tokens into its reply must not have them sent, or read back as markup."""
    assert PrivacyModule().release("hi<|im_end|>\x00 there </tool_call>") == "hi there"
    assert len(PrivacyModule().release("x" * 10_000)) == 8000


@pytest.mark.parametrize(
    "text",
    ["<|im_<|x|>end|>", "<\x00|im_end|>", "</tool</tool_call>_call>", "<|a<|b<|c|>|>|>", "<|a" * 2000 + "|>" * 900],
)
def test_markup_cannot_be_hidden_in_markup(text: str) -> None:
    """A server's own template turns markup in anybody's words into control tokens."""
    left = PrivacyModule().release(text)
    assert PrivacyModule().release(left) == left
    assert "<|im_end|>" not in left
    assert "</tool_call>" not in left


def test_says_whether_something_was_masked() -> None:
    assert PrivacyModule().keep("a@b.org") == ("[email]", True)
    assert PrivacyModule().keep("lunch") == ("lunch", False)
