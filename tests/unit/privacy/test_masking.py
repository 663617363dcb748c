"""What breaks without this: secrets and contact data end up in logs and training data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmagent_os.privacy import masking
from llmagent_os.privacy.masking import PrivacyModule, redact, redact_all, without_secrets


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("mail ana.lee+cal@mail.example.org about it", "mail [email] about it"),
        ("my card is 4111 1111 1111 1111", "my card is [card]"),
        ("card 4111-1111-1111-1111, exp 12/27", "card [card], exp 12/27"),
        ("visa/4111111111111111", "visa/[card]"),
        ("call +1 (212) 736-5000 at noon", "call [phone] at noon"),
        ("ring 020 7946 0018 for the plumber", "ring [phone] for the plumber"),
        ("my password is correcthorse", "my password is [secret]"),
        ("token: abcdef123", "token: [secret]"),
        ("use sk-proj-abcdefghijklmnop1234", "use [secret]"),
        ("xoxb-123456789012-abcdefghij is the bot's", "[secret] is the bot's"),
        ("123456789:AAbbccddeeffgghhiijjkkllmmnnooppqqr", "[secret]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0.abcDEF123456", "[secret]"),
        # passwords, as people write them
        ("pw hunter22", "pw [secret]"),
        ("pw: swordfish", "pw: [secret]"),
        ("remember that the wifi password is Blue-Sky", "remember that the wifi password is [secret]"),
        ("the password for my bank account is hunter2", "the password for my bank account is [secret]"),
        ("my Netflix password's hunter2", "my Netflix password's [secret]"),
        ('the password is "blue sky 7"', 'the password is "[secret]"'),
        ("password:\nhunter22", "password:\n[secret]"),
        ("Passwort: Geheim", "Passwort: [secret]"),
        ("das WLAN-Passwort ist Sommer2024", "das WLAN-Passwort ist [secret]"),
        ("mot de passe : soleil42", "mot de passe : [secret]"),
        ("la contraseña es hola123", "la contraseña es [secret]"),
        ("密码是hunter22", "密码是[secret]"),
        ("my passphrase is correct horse battery staple", "my passphrase is [secret]"),
        ("my pin is 4711", "my pin is [secret]"),
        ("gate code 12345", "gate code [secret]"),
        # settings, requests and code
        ("aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key=[secret]"),
        ("export DB_PASSWORD='hunter 22'", "export DB_PASSWORD='[secret]'"),
        ('{"password": "hunter22", "user": "ana"}', '{"password": "[secret]", "user": "ana"}'),
        ("Authorization: Bearer abc.def.ghi", "Authorization: Bearer [secret]"),
        ("use bearer abcdef0123456789", "use bearer [secret]"),
        ("postgres://ana:hunter22@db.example/x", "postgres://ana:[secret]@db.example/x"),
        # tokens, whole: what comes after the part that a detector knows is masked too
        ("xoxb-123456789012-1234567890123-AbCdEfGhIjKl-MnOp here", "[secret] here"),
        ("xoxb-12345-abc-def-ghi please", "[secret] please"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[secret]"),
        ("glpat-abcdefghijklmnopqrst", "[secret]"),
        ("SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstu", "[secret]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----\nbye", "[secret]\nbye"),
        # accounts and identity numbers
        ("pay DE89 3704 0044 0532 0130 00 on friday", "pay [iban] on friday"),
        ("to GB82WEST12345698765432", "to [iban]"),
        ("iban de89370400440532013000", "iban [iban]"),
        ("my ssn is 536-90-4399", "my ssn is [id]"),
        ("social security number 078051120", "social security number [id]"),
        ("DNI 12345678Z", "DNI [id]"),
        ("AB 12 34 56 C is my number", "[id] is my number"),
        ("codice RSSMRA85T10A562S", "codice [id]"),
        ("cpf 111.444.777-35", "cpf [id]"),
        ("Steuer-ID 86095742719", "Steuer-ID [id]"),
        ("passport number X1234567", "passport number [id]"),
        ("passport: C01X00T47, valid until 2031-01-05", "passport: [id], valid until 2031-01-05"),
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
        "pw reset tomorrow at 3",
        "PWAD-KFKC",  # a code of /link
        "a train to Pwllheli-Central at 3",
        "password meeting friday 3pm",
        "the password is wrong",
        "my password expires in 5 days",
        "meeting about secret santa",
        "the key to success is practice",
        "token ring workshop at 10",
        "the bearer of good news arrives at 5",
        "flight LH 1234 on 12 12 2026",
        "room AB 12, building 34",
        "passport: 2026-11-12 10:30",
        "Reisepass 12.11.2026 10:00",
        "cita DNI 12.11.2026 14:30",
        "buy tin 10 cans 20 pieces 30",
        "remind me of Passwort: morgen um 15:00",
        "PW: lunch tomorrow",
        "pw day at 10:30",
        "Passwords: 10:30 review",
        "session token 9:30",
        "Token for the bus: buy tomorrow",
        # what /link and /revoke are given
        "PW2B-SMWZ",
        "pwqq b5ns",
        "discord::684122828592498198",
        "https://discord.com/channels/684122828592498198/251471283343638236",
    ],
)
def test_leaves_dates_and_plain_numbers_alone(text: str) -> None:
    """A calendar whose dates are masked as phone numbers would be useless to learn from."""
    assert redact(text) == text


def test_a_number_on_which_a_check_fails_is_no_reason_to_fail() -> None:
    """python-stdnum raises KeyError for some numbers with the form of a Chinese identity number."""
    text = "parcel 111100190001010000 arrives today"
    assert without_secrets(text) == text


@given(st.text(max_size=200))
def test_never_fails_and_masks_everything_at_once(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_masks_at_any_depth() -> None:
    assert redact_all({"a": ["x@y.org", {"b": "x@y.org"}], "n": 3}) == {"a": ["[email]", {"b": "[email]"}], "n": 3}


def test_a_field_with_the_name_of_a_secret_is_masked_whatever_its_value_is() -> None:
    given = {"args": {"password": "hunter", "pin": 4711, "nested": [{"api_key": "abc"}], "title": "lunch"}}
    masked = {
        "args": {"password": "[secret]", "pin": "[secret]", "nested": [{"api_key": "[secret]"}], "title": "lunch"}
    }
    assert redact_all(given) == masked


def test_contact_data_stays_where_only_secrets_are_masked() -> None:
    """A person who asks to be reminded of a call needs the number."""
    text = "call 212-736-5000 or mail ana@example.org"
    assert without_secrets(text) == text
    assert without_secrets(text + ", pw hunter22") == text + ", pw [secret]"


def test_a_line_that_was_masked_before_is_not_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The prompt of every round repeats the prompt of the round before it."""
    searched: list[str] = []

    def search(line: str) -> str:
        searched.append(line)
        return line

    monkeypatch.setattr(masking, "mask_credentials", search)
    prompt = "\n".join(f"a line of the prompt, {number} of this test" for number in range(50))
    redact(prompt)
    redact(prompt + "\nand a new line of this test")
    assert len(searched) == 51


def test_no_rule_is_slow_on_a_text_that_was_made_for_it() -> None:
    """Steps are counted by length: a rule that backtracks would take minutes here, and end the test by its time-out."""
    for piece in ("password ", "passport 1 ", "token for ", "://a", "A1-", "secret.secret-", "1 ", "authorization: "):
        assert redact(piece * (10_000 // len(piece)))


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
