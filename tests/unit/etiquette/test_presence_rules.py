"""Who talks to whom. What breaks without this: the bot answers what people say to each other, or nobody at all."""

from __future__ import annotations

import pytest

from llmagent_os.etiquette.presence_rules import Rule, is_closing, is_for_somebody_else, quiet_request
from llmagent_os.events import Conversation, Message, Sender

GROUP = Conversation(platform="memory", channel="g", thread="t", kind="group")


def said(text: str, *, mentions: tuple[Sender, ...] = (), reply_to: str | None = None) -> Message:
    return Message(
        event_id="1",
        conversation=GROUP,
        sender=Sender("u1", "Ana"),
        text=text,
        message_id="1",
        mentions=mentions,
        reply_to=reply_to,
        addressed=False,
    )


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (said("@Ben can you come at five?", mentions=(Sender("u2", "Ben"),)), "mention"),
        (said("Ben, can you come at five?"), "name"),
        (said("hey ben, lunch at noon"), "name"),  # Ben has spoken here
        (said("Clara: did you see that?"), "name"),
        (said("yes, I saw it", reply_to="m7"), "reply"),
        (said("Calendar, what do I have tomorrow? can you tell?"), None),
        (said("Yes, can you move it to four?"), None),
        (said("Clara, kommst du um fünf?"), "name"),
        (said("oye Luis, ¿puedes venir a las cinco?"), "name"),
        (said("小明，你五点能来吗？"), "name"),
        (said("Morgen, hast du da Zeit?"), None),
        (said("Gracias, ¿me lo puedes mover a las cuatro?"), None),
        (said("明天，你有空吗？"), None),
        (said("Tomorrow, can you remind me?"), None),
        (said("Lunch: move it to noon"), None),
        (said("what do I have tomorrow?"), None),
        (said("and on Friday?", reply_to="t"), None),  # on Slack everything in a thread answers its first message
    ],
)
def test_a_message_for_somebody_else_is_seen(message: Message, rule: Rule | None) -> None:
    assert is_for_somebody_else(message, "Calendar", frozenset({"ana", "ben", "王小明"})) == rule


#: Closings in German, Spanish and Chinese.
OTHER_LANGUAGES = ("Danke dir!", "ok, bis morgen", "muchas gracias, hasta luego", "vale", "好的，谢谢！", "哈哈哈")


@pytest.mark.parametrize(
    "text", ["thanks!", "ok great, thank you", "bye", "see you tomorrow", "👍", "Got it.", *OTHER_LANGUAGES]
)
def test_thanks_and_good_byes_need_no_answer(text: str) -> None:
    assert is_closing(text)


@pytest.mark.parametrize("text", ["ok?", "thanks, and on Friday?", "tomorrow", "cancel it", "good " * 30, ""])
def test_anything_else_is_no_closing(text: str) -> None:
    assert not is_closing(text)


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("be quiet for an hour", 1),
        ("Calendar, please stay silent for 2 hours!", 2),
        ("shut up", 24),
        ("not you", 24),
        ("I wasn't asking you, bot", 24),
        ("not asked for", 24),
        ("Sei bitte still!", 24),
        ("sei bitte zwei Stunden still", 2),
        ("Antworte hier für 30 Minuten nicht mehr", 0.5),
        ("cállate durante media hora, por favor", 0.5),
        ("no respondas más por 3 días", 72),
        ("请安静两个小时吧", 2),
        ("半小时内别说话", 0.5),
        ("dich hat niemand gefragt", 24),
        ("cállate, por favor", 24),
        ("别说话了", 24),
        ("我没问你", 24),
    ],
)
def test_a_wish_for_silence_is_understood(text: str, hours: float) -> None:
    found = quiet_request(text, "Calendar")
    assert found is not None
    assert found.time.total_seconds() == hours * 3600


@pytest.mark.parametrize(
    "text",
    [
        "remind me to be quiet",
        "be quiet until somebody calls",
        "not you tomorrow",
        "hush hush movie",
        "sei morgen um drei da",
        "sei still bis morgen",
        "cállate hasta mañana",
        "no es mañana",
    ],
)
def test_a_message_about_silence_is_none(text: str) -> None:
    assert quiet_request(text, "Calendar") is None
