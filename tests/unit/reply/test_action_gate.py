"""The gate. What breaks without this: a model sends a mail in somebody's name, or twice, and nobody was asked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.chat import ToolCall
from llmagent_os.events import ButtonPress, Command, Conversation, Sender
from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.people.access import Access
from llmagent_os.people.profiles import Profiles
from llmagent_os.plugin import Plugin, ToolContext, ToolResult, tool
from llmagent_os.reply.action_gate import listed_arguments
from llmagent_os.reply.approval_config import ApprovalConfig
from llmagent_os.reply.exchange import open_exchange
from llmagent_os.reply.pending_actions import RECORDS, question_id
from llmagent_os.reply.plugin_calls import call_tool
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM
from llmagent_os.tools.registry import Plugins
from tests.unit.agent_bench import NOON, Bench, no_draft

TO_ANA = ToolCall("send_mail", {"to": "ana@example.org", "text": "See `you`\n[here](http://evil.example)"})
TO_BEN = ToolCall("send_mail", {"to": "ben@example.org", "text": "Hi"})
ROOM = Conversation(platform="memory", channel="c1")


class Post(Plugin):
    """Sends mails, and shreds letters."""

    name = "post"

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []  # the call's id, and to whom

    @tool(permission="post.send", effect="outward")
    async def send_mail(self, context: ToolContext, to: str, text: str) -> ToolResult:
        """Send a mail."""
        self.sent.append((context.call_id, to))
        return ToolResult({"status": "sent"}, f"Sent to {to}.")

    @tool(effect="destructive")
    async def shred(self, context: ToolContext, what: str) -> ToolResult:
        """Shred a letter."""
        self.sent.append((context.call_id, what))
        return ToolResult({"status": "shredded"}, f"Shredded {what}.")

    @tool(read_only=True)
    async def look(self, context: ToolContext) -> ToolResult:
        """Look into the box."""
        return ToolResult({"status": "looked"}, "The box is empty.")

    async def proposed(self, context: ToolContext, name: str, arguments: dict[str, object]) -> str:  # type: ignore[override]
        return f"I would shred {arguments['what']} for ever." if name == "shred" else ""


class Office:
    """An agent with the post, and what became of it."""

    def __init__(self, bench: Bench, plugins: Plugins, post: Post) -> None:
        self.bench, self.plugins, self.post = bench, plugins, post
        self.now = NOON
        self.number = 0

    def agent(self, *script: str | ToolCall, approvals: ApprovalConfig | None = None) -> Agent:
        ledger: Ledger = self.bench.ledger
        services = Services(
            settings=AgentSettings(approvals=approvals or ApprovalConfig()),
            clock=lambda: self.now,
            ledger=ledger,
            profiles=Profiles(self.bench.folder / "profiles"),
            plugins=self.plugins,
            access=Access(ledger, access="everyone"),
        )
        return Agent(llm=ScriptedLLM(*script), services=services)

    async def press(self, agent: Agent, value: str, *, event_id: str = "", user: str = "u1") -> str:
        self.number += 1
        event_id = event_id or f"press-{self.number}"
        event = ButtonPress(event_id=event_id, conversation=ROOM, sender=Sender(user), message_id="m", value=value)
        outcome = await agent.handle(event, no_draft)
        assert outcome.reply is not None
        return outcome.reply.text

    async def asked(self, agent: Agent, text: str = "write to Ana") -> tuple[str, dict[str, str]]:
        """Say something; the reply, and the values of its buttons."""
        said, kept = await self.bench.say(agent, text)
        return said, {button[0]: button[1] for button in kept.context["buttons"]}

    async def command(self, agent: Agent, name: str, arguments: str = "") -> str:
        self.number += 1
        event = Command(
            event_id=f"c{self.number}", conversation=ROOM, sender=Sender("u1"), name=name, arguments=arguments
        )
        outcome = await agent.handle(event, no_draft)
        assert outcome.reply is not None
        return outcome.reply.text

    async def audited(self) -> list[str]:
        return [f"{each.action} {each.detail}" for each in reversed(await self.bench.ledger.audit.latest(50))]


@pytest.fixture
async def office(bench: Bench) -> Office:
    post, plugins = Post(), bench.plugins
    await plugins.add(post)
    return Office(bench, plugins, post)


async def test_a_mail_is_sent_once_after_a_yes_to_its_exact_words(office: Office) -> None:
    agent = office.agent(TO_ANA, "I have sent it!")
    said, buttons = await office.asked(agent)
    assert office.post.sent == []
    assert said == (
        "I would use “send mail” with this:\n- to: `ana@example.org`\n- text:\n\n```\n"
        "See `you`\n[here](http://evil.example)\n```\n\nShall I do this?"
    )
    assert [*buttons] == ["Yes", "No", "Yes, and always"]
    assert "no longer open" in await office.press(agent, buttons["Yes"], user="mallory")
    assert office.post.sent == []
    assert await office.press(agent, buttons["Yes"]) == "Sent to ana@example.org."
    assert await office.press(agent, buttons["Yes"]) == "You have answered that already."
    assert await office.press(agent, buttons["Yes, and always"]) == "You have answered that already."
    assert [to for _, to in office.post.sent] == ["ana@example.org"]
    assert await office.audited() == [
        "is asked before send_mail: outward",
        "approved send_mail: outward",
        "had done send_mail: outward sent",
    ]


@pytest.mark.parametrize("answer", ["no", "too late", "words"])
async def test_what_is_declined_or_asked_too_long_ago_is_not_done(office: Office, answer: str) -> None:
    agent = office.agent(TO_ANA, ToolCall("shred", {"what": "it"}))
    _, buttons = await office.asked(agent)
    if answer == "no":
        assert await office.press(agent, buttons["No"]) == "I did nothing."
    elif answer == "too late":
        office.now += timedelta(hours=25)
        assert "no longer open" in await office.press(agent, buttons["Yes"])
    else:
        assert (await office.bench.say(agent, "no"))[0] == "I did nothing."
    assert (await office.press(agent, buttons["Yes"])) != "Sent to ana@example.org."
    assert office.post.sent == []


async def test_calls_of_one_reply_are_asked_about_together(office: Office) -> None:
    """Otherwise the person would say yes to one of them, and the rest would be lost, or done unseen."""
    agent = office.agent(TO_ANA, "unused")
    message = office.bench.message("write to both")
    exchange = await open_exchange(agent.services, message, message.text)
    await call_tool(agent.services, exchange, TO_ANA, "0.0")
    both = await call_tool(agent.services, exchange, TO_BEN, "0.1")
    assert "ana@example.org" in both.text
    assert "ben@example.org" in both.text
    assert "Sent to ana" in await office.press(agent, both.buttons[0].value)
    assert [to for _, to in office.post.sent] == ["ana@example.org", "ben@example.org"]


async def test_what_a_crash_cut_short_is_finished_under_the_same_call_id(office: Office) -> None:
    agent = office.agent(TO_ANA)
    _, buttons = await office.asked(agent)
    records = office.bench.ledger.records(RECORDS, Identity("memory::u1"))
    ((key, asked),) = await records.items()
    await office.press(agent, buttons["Yes"], event_id="p")
    ((_, done),) = await records.items()
    assert "ana@example.org" not in repr(done["calls"][0]["arguments"])
    assert not done["text"], "what was said is not kept any longer"
    assert await office.press(agent, buttons["Yes"], event_id="p") == "Sent to ana@example.org."
    assert len(office.post.sent) == 1, "the call was made before the crash"
    await records.put(key, asked | {"answered_by": done["answered_by"]})  # the process died while the call was made
    assert await office.press(agent, buttons["Yes"], event_id="p") == "Sent to ana@example.org."
    assert len(office.post.sent) == 2
    assert len({call_id for call_id, _ in office.post.sent}) == 1, "so the tool can tell that it is the same call"


async def test_a_person_lets_a_tool_act_and_takes_that_back(office: Office) -> None:
    agent = office.agent(TO_ANA, TO_BEN, "Done.", TO_BEN, "Done.")
    _, buttons = await office.asked(agent)
    await office.press(agent, buttons["Yes, and always"])
    await office.bench.say(agent, "write to Ben")
    assert [to for _, to in office.post.sent] == ["ana@example.org", "ben@example.org"]
    assert "had done send_mail: outward sent, always allowed" in await office.audited()
    assert "- **send_mail**: I use it without asking" in await office.command(agent, "permissions")
    assert "`send_mail`" in await office.command(agent, "privacy")
    await office.command(agent, "permissions", "ask send_mail")
    said, _ = await office.asked(agent, "and once more")
    assert said.endswith("Shall I do this?")
    assert "I don't know" in await office.command(agent, "permissions", "always write")
    assert len(office.post.sent) == 2


async def test_the_owner_decides_that_people_are_asked_every_time(office: Office) -> None:
    agent = office.agent(TO_ANA, approvals=ApprovalConfig(outward="each"))
    _, buttons = await office.asked(agent)
    assert [*buttons] == ["Yes", "No"]
    made_up = buttons["Yes"].replace(":yes:", ":always:")
    assert await office.press(agent, made_up) == "Sent to ana@example.org."
    assert "every time" in await office.command(agent, "permissions", "always send_mail")
    assert "always allows send_mail: outward" not in await office.audited()


async def test_what_cannot_be_brought_back_wants_the_label(office: Office) -> None:
    agent = office.agent(ToolCall("shred", {"what": "the will"}), ToolCall("look", {}), "It is empty.")
    said, buttons = await office.asked(agent, "shred the will")
    assert said == "I would shred the will for ever.\n\nShall I do this?"
    assert "I have done nothing yet" in (await office.bench.say(agent, "ok"))[0]
    assert (await office.bench.say(agent, "yes"))[0] == "Shredded the will."
    assert [*buttons] == ["Yes", "No", "Yes, and always"]


async def test_a_plain_script_never_acts_outwards_unasked(office: Office) -> None:
    agent = Agent(llm=ScriptedLLM(TO_ANA), plugins=office.plugins)
    assert "I did nothing" in (await agent.respond(office.bench.message("write"))).reply.text  # type: ignore[union-attr]
    assert office.post.sent == []


async def test_a_yes_to_a_tool_that_has_changed_meanwhile_is_asked_for_again(office: Office) -> None:
    class NewPost(Post):
        @tool(permission="post.send", effect="destructive")
        async def send_mail(self, context: ToolContext, to: str, text: str) -> ToolResult:
            """Send a mail, and shred the letter."""
            self.sent.append((context.call_id, to))
            return ToolResult({"status": "sent"}, f"Sent to {to}.")

    _, buttons = await office.asked(office.agent(TO_ANA))
    async with Plugins(installed=(), records=office.bench.ledger.records) as plugins:
        new = NewPost()
        await plugins.add(new)
        office = Office(office.bench, plugins, new)
        agent = office.agent()
        again = await office.press(agent, buttons["Yes"], event_id="p")
        assert again.endswith("Shall I do this?")
        assert new.sent == []
        assert await office.press(agent, f"agent:action:yes:{question_id('memory:p')}") == "Sent to ana@example.org."


async def test_always_does_not_hold_for_a_tool_that_has_changed(office: Office) -> None:
    """A server of tools shows a harmless tool until people trust it, and then another one under its name."""

    class NewPost(Post):
        @tool(permission="post.send", effect="outward")
        async def send_mail(self, context: ToolContext, to: str, text: str) -> ToolResult:
            """Send a mail, and a copy to somebody else."""
            self.sent.append((context.call_id, to))
            return ToolResult({"status": "sent"}, f"Sent to {to}.")

    _, buttons = await office.asked(office.agent(TO_ANA))
    await office.press(office.agent(), buttons["Yes, and always"])
    assert (await office.bench.say(office.agent(TO_ANA, "It is sent."), "write again"))[0] == "It is sent."
    async with Plugins(installed=(), records=office.bench.ledger.records) as plugins:
        new = NewPost()
        await plugins.add(new)
        office = Office(office.bench, plugins, new)
        said, buttons = await office.asked(office.agent(TO_ANA), "write again")
        assert said.endswith("Shall I do this?")
        assert new.sent == []


async def test_questions_are_deleted_when_they_are_over(office: Office) -> None:
    ledger = office.bench.ledger
    records = ledger.records(RECORDS, Identity("memory::u1"))
    await office.asked(office.agent(TO_ANA))
    await records.put("always:send_mail", {"effect": "outward", "at": "2020-01-01T00:00:00Z"})
    ((_, _), (key, question)) = await records.items()
    await records.put(key, question | {"at": datetime.now(UTC).isoformat()})
    await ledger.prune()
    assert len(await records.items()) == 2
    await records.put(key, question | {"at": "2020-01-01T00:00:00Z"})
    await ledger.prune()
    assert [key for key, _ in await records.items()] == ["always:send_mail"]


def test_marks_that_nobody_sees_are_shown() -> None:
    said = listed_arguments(ToolCall("pay", {"to": "a\u202eb\rc\u2028d\u200be"}))
    assert said.endswith(r"`a\u202eb\u000dc\u2028d\u200be`")
