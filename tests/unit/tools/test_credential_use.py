"""What of a credential is left in a result. What breaks without this: a password is shown, or one ends a plugin."""

from __future__ import annotations

from llmagent_os.adapter import Button, Card
from llmagent_os.credentials.credential import GivenCredential
from llmagent_os.plugin import ToolResult
from llmagent_os.tools.credential_use import HIDDEN, scrubbed_result

RESULT = ToolResult(
    {"status": "done", "seen": ["key=hunter22", {"hunter22": 1}]},
    "with hunter22",
    card=Card(title="hunter22 here"),
    buttons=(Button("hunter22", "go"),),
)


def test_a_credential_is_masked_wherever_it_stands() -> None:
    scrubbed = scrubbed_result(RESULT, [GivenCredential(secret="hunter22")])
    assert "hunter22" not in repr(scrubbed)
    assert scrubbed.data == {"status": "done", "seen": [f"key={HIDDEN}", {HIDDEN: 1}]}
    assert scrubbed.buttons == (Button(HIDDEN, "go"),)


def test_a_password_that_is_a_name_of_a_field_breaks_nothing() -> None:
    for secret in ("text", "data", "buttons", "status", "label"):
        assert scrubbed_result(RESULT, [GivenCredential(secret=secret)]).buttons == RESULT.buttons
