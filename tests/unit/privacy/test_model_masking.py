"""What a model's server is sent. What breaks without this: names leave the machine, or never come back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from llmagent_os.bot import Bot, make_llm
from llmagent_os.chat import ChatRequest, Completion, ToolCall, tool_message
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.privacy import model_masking
from llmagent_os.privacy.entity_recognition import is_available
from llmagent_os.privacy.model_masking import KINDS, MaskingBackend, Placeholders, seen_by_server
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.tool_call_parsing import InvalidCallError

SAID = "I am Ana Stone from Ypsilanti. Write to ana@example.org or call +1 212 736 5000, Ana asks."
KNOWN = (("name", "Ana Stone"), ("place", "Ypsilanti"))


class Parrot:
    """A backend that remembers what it was sent, and gives what it was told to give."""

    def __init__(self, *given: Completion | Exception) -> None:
        self.given = list(given)
        self.sent: list[ChatRequest] = []
        self.pieces: list[str] = []

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        self.sent.append(request)
        for piece in self.pieces:
            assert on_text is not None
            await on_text(piece)
        found = self.given.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    async def aclose(self) -> None: ...

    def close(self) -> None: ...


def request(*messages: dict[str, Any]) -> ChatRequest:
    return ChatRequest(messages=list(messages), personal=KNOWN)


async def test_nothing_personal_leaves_and_the_answer_has_it_all() -> None:
    call = ToolCall("send", {"to": ["EMAIL_1"], "text": "NAME_1 is in <PLACE_1>"})
    parrot = Parrot(Completion(text="Hello Name_2, I call [PHONE_1]. NAME_9?", tool_calls=(call,)))
    asked = request({"role": "system", "content": "You talk to Ana Stone."}, {"role": "user", "content": SAID})
    got = await MaskingBackend(parrot, ()).complete(asked, None)
    sent = msgspec.json.encode(parrot.sent[0]).decode()
    for word in ("Ana", "Stone", "Ypsilanti", "example.org", "736"):
        assert word not in sent
    assert parrot.sent[0].messages[1]["content"] == (
        "I am NAME_1 from PLACE_1. Write to EMAIL_1 or call PHONE_1, NAME_2 asks."
    )
    assert got.text == "Hello Ana, I call +1 212 736 5000. NAME_9?"
    assert got.tool_calls[0].arguments == {"to": ["ana@example.org"], "text": "Ana Stone is in Ypsilanti"}
    assert asked.messages[1]["content"] == SAID, "what is kept is not what was sent"


async def test_calls_and_results_of_earlier_rounds_are_masked_too() -> None:
    parrot = Parrot(Completion(text="Done."))
    made = {"role": "assistant", "content": "", "tool_calls": [ToolCall("find", {"who": "Ana Stone"})]}
    other = {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"a": "Ana"}}}]}
    asked = request({"role": "user", "content": "find her"}, made, tool_message({"mail": "ana@example.org"}), other)
    await MaskingBackend(parrot, ()).complete(asked, None)
    sent = msgspec.json.encode(parrot.sent[0].messages).decode()
    assert "Ana" not in sent and "example.org" not in sent
    assert parrot.sent[0].messages[1]["tool_calls"][0].name == "find"


async def test_a_server_sees_what_the_owner_allows() -> None:
    parrot = Parrot(Completion(text="ok"), Completion(text="ok"))
    asked = request({"role": "user", "content": SAID})
    await MaskingBackend(parrot, ("names", "phones")).complete(asked, None)
    assert parrot.sent[0].messages[0]["content"] == (
        "I am Ana Stone from PLACE_1. Write to EMAIL_1 or call +1 212 736 5000, Ana asks."
    )
    await MaskingBackend(parrot, KINDS).complete(asked, None)
    assert parrot.sent[1].messages[0]["content"] == SAID


async def test_half_a_placeholder_is_never_shown() -> None:
    """A draft that says NAME_ for a moment would look broken, and NAME_1 for NAME_12 would name somebody else."""
    parrot = Parrot(Completion(text="Hi NAME_1, fine"))
    parrot.pieces = ["Hi", "Hi NA", "Hi NAME_", "Hi NAME_1", "Hi NAME_1, fine"]
    shown: list[str] = []

    async def show(text: str) -> None:
        shown.append(text)

    await MaskingBackend(parrot, ()).complete(request({"role": "user", "content": "I am Ana Stone"}), show)
    assert shown == ["Hi", "Hi ", "Hi ", "Hi ", "Hi Ana Stone, fine"]


async def test_what_was_rejected_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = Completion(text="", tool_calls=(ToolCall("send", {"to": "NAME_1"}),))
    parrot = Parrot(InvalidCallError("no such tool", "said", (tried,)))
    with pytest.raises(InvalidCallError) as raised:
        await MaskingBackend(parrot, ()).complete(request({"role": "user", "content": "I am Ana Stone"}), None)
    assert raised.value.rejected[0].tool_calls[0].arguments == {"to": "Ana Stone"}


def test_names_that_a_recogniser_finds_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that nobody told the bot: the people with whom somebody has lunch."""

    def names_in(text: str) -> list[tuple[str, str]]:
        return [("name", "Bob")] if "Bob" in text else []

    monkeypatch.setattr(model_masking, "names_in", names_in)
    placeholders = Placeholders(KINDS)
    assert placeholders.mask("lunch with Bob; Bobsled race") == "lunch with NAME_1; Bobsled race"
    assert placeholders.restore("lunch with NAME_1") == "lunch with Bob"


@pytest.mark.parametrize(
    ("setting", "host", "seen"),
    [
        ("", "api.openai.com", set[str]()),
        ("", "localhost", set(KINDS)),
        ("localhost=nothing", "localhost", set[str]()),
        ("api.openai.com=everything", "API.openai.com", set(KINDS)),
        ("a.example=names, b.example = places + emails", "b.example", {"places", "emails"}),
    ],
)
def test_each_server_has_a_rule_of_its_own(setting: str, host: str, seen: set[str]) -> None:
    assert seen_by_server(setting, host) == seen


@pytest.mark.parametrize("setting", ["everything", "api.example.org=all", "=names", "a=names+ages"])
def test_a_rule_that_cannot_be_read_is_named(setting: str) -> None:
    with pytest.raises(ConfigError, match="LLMAGENT_OS_MODEL_SERVER_SEES cannot hold"):
        seen_by_server(setting, "api.example.org")


def test_a_bot_on_a_server_elsewhere_masks_by_default() -> None:
    bot = Bot.load("calendar")
    far = Settings.load(env_file=None, model="openai:m", base_url="https://models.example.org/v1")
    near = Settings.load(env_file=None, model="openai:m", base_url="http://127.0.0.1:8000/v1")
    backends = [make_llm(settings, bot)._backend for settings in (far, near)]  # pyright: ignore[reportPrivateUsage]
    assert [isinstance(backend, MaskingBackend) for backend in backends] == [True, False]


@pytest.mark.skipif(not is_available(), reason="Presidio and a spaCy model are not installed (extra pii)")
def test_presidio_finds_names_that_nobody_told_the_bot() -> None:
    placeholders = Placeholders(KINDS)
    assert placeholders.mask("Invite Barbara Miller from Chicago") == "Invite NAME_1 from PLACE_1"
