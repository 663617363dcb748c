"""What breaks without this: a new request counts as a complaint, or a correction counts as thanks."""

from __future__ import annotations

from llmagent_os.feedback.implicit_signs import sign
from llmagent_os.identity import Identity
from llmagent_os.ledger import Interaction


def test_signs() -> None:
    def before(said: str, status: str = "") -> Interaction:
        calls = [{"name": "x", "arguments": {}, "result": {"status": status}}] if status else []
        return Interaction(
            interaction_id="1", event_id="1", user_id=Identity("u"), conversation_key="c", said=said, tool_calls=calls
        )

    for said, then, expected in (
        ("book lunch tomorrow", "book a lunch for tomorrow", "reask"),
        ("book lunch tomorrow", "no thanks", "thanks"),
        ("book lunch tomorrow", "that's wrong", "correction"),
        ("book lunch tomorrow", "not what I asked", "correction"),
        ("book lunch tomorrow", "what do I have next week?", "went_on"),
        ("book lunch tomorrow", "great", "thanks"),
        ("book lunch", "", "went_on"),
        ("book lunch with Ana on Friday", "book lunch with Eva on Friday", "went_on"),
        ("book lunch with Ana on Friday", "please book a lunch with Ana on Friday", "reask"),
        ("what do I have tomorrow?", "what do I have on Friday?", "went_on"),
        ("gym at 7 on monday", "gym at 7am on monday", "reask"),
        ("book lunch tomorrow", "no, thanks!", "thanks"),
        ("book lunch tomorrow", "No. Thank you", "thanks"),
        ("book lunch tomorrow", "no, that's all", "went_on"),
        ("book lunch tomorrow", "no need", "went_on"),
        ("book lunch tomorrow", "no, that's wrong", "correction"),
        ("book lunch tomorrow", "no", "correction"),
        ("book lunch tomorrow", "thanks but that's wrong", "correction"),
        ("book lunch tomorrow", "actually that's perfect", "thanks"),
        ("book lunch tomorrow", "actually, make it 3", "correction"),
        ("book lunch tomorrow", "ok, very nice!", "thanks"),
        ("book lunch tomorrow", "That's perfect", "thanks"),
        ("book lunch tomorrow", "find a nice restaurant", "went_on"),
        ("book lunch tomorrow", "exactly what time is dinner?", "went_on"),
        ("book lunch tomorrow", "not great", "went_on"),
    ):
        assert sign(before(said), then) == expected, then
    assert sign(before("book lunch", "missing"), "no, lunch at 3") == "went_on", "it answers what was asked"
