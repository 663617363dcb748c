"""Forms question by question. What breaks without this: an answer is lost, taken twice, or taken from somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from llmagent_os.agent import Agent, AgentSettings
from llmagent_os.events import ButtonPress, Command, Conversation, Event, Sender, decode, encode
from llmagent_os.handler import Outcome
from llmagent_os.plugin import Form, FormErrors, FormField, FormValues, ToolContext, ToolResult
from llmagent_os.reply.services import Services
from llmagent_os.testing import ScriptedLLM
from tests.unit.agent_bench import NOON, Bench, no_draft

PAGE = Form(
    key="page",
    title="A page",
    opened_by=("diary new",),
    fields=(
        FormField(key="text", label="What happened?"),
        FormField(key="day", label="Day", kind="date", default="today"),
        FormField(key="mood", label="Mood", kind="choice", choices=(("1", "Good"), ("0", "Bad"))),
    ),
)


class Writer:
    """Somebody who fills in the form of the diary, in a group of the platform ``memory``."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self.now = bench, NOON
        self.pages: list[tuple[str, str]] = []
        writer = self

        async def submitted(
            self: object, context: ToolContext, form: str, values: FormValues
        ) -> ToolResult | FormErrors:
            if values.text("text") == "nothing":
                return FormErrors({"text": "That is not much."})
            page = f"{values.text('text')}/{values.day('day')}/{values.text('mood')}"
            writer.pages.append((context.call_id, page))
            return ToolResult({"status": "written"}, f"Written: {page}.")

        monkeypatch.setattr(type(bench.diary), "forms", (PAGE,))
        monkeypatch.setattr(type(bench.diary), "submitted", submitted)
        self.agent = self.restarted()

    def restarted(self, **more: Any) -> Agent:
        services = Services(
            ledger=self.bench.ledger,
            profiles=self.bench.profiles,
            plugins=self.bench.plugins,
            settings=AgentSettings(asks_consent=False),
            clock=lambda: self.now,
            **more,
        )
        self.agent = Agent(llm=ScriptedLLM(*["Hm."] * 9), services=services)
        return self.agent

    async def gives(self, event: Event) -> tuple[str, tuple[str, ...]]:
        """What the bot answers: the text, and the labels of the buttons."""
        self.event = event
        self.outcome: Outcome = await self.agent.handle(event, no_draft)
        if self.outcome.reply is None:
            return "", ()
        self.buttons = {button.label: button.value for button in self.outcome.reply.buttons}
        return self.outcome.reply.text, tuple(self.buttons)

    async def again(self) -> tuple[str, tuple[str, ...]]:
        """The last event once more, as after a crash."""
        return await self.gives(self.event)

    async def says(self, text: str, **whose: str) -> tuple[str, tuple[str, ...]]:
        return await self.gives(self.bench.message(text, **whose))

    async def presses(self, label: str, *, value: str = "", kind: str = "direct") -> tuple[str, tuple[str, ...]]:
        said = self.bench.message("")
        where = Conversation(platform="memory", channel="c1", kind=kind)  # type: ignore[arg-type]
        value = value or self.buttons[label]
        press = ButtonPress(event_id=said.event_id, conversation=where, sender=said.sender, message_id="m", value=value)
        return await self.gives(press)

    async def types(self, line: str, **more: Any) -> tuple[str, tuple[str, ...]]:
        name, _, arguments = line.removeprefix("/").partition(" ")
        said = self.bench.message("")
        where, sender = said.conversation, said.sender
        given = Command(
            event_id=said.event_id, conversation=where, sender=sender, name=name, arguments=arguments, **more
        )
        return await self.gives(given)

    async def opens(self) -> tuple[str, tuple[str, ...]]:
        return await self.presses("", value="diary:form:page")


@pytest.fixture
def writer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Writer:
    return Writer(bench, monkeypatch)


async def test_each_answer_is_kept_over_a_restart_and_taken_once(writer: Writer) -> None:
    assert await writer.opens() == ("A page, question 1 of 3:\n**What happened?**", ("Cancel",))
    assert (await writer.again())[0].startswith("A page, question 1 of 3")
    day = await writer.says("it snowed")
    assert day == ("A page, question 2 of 3:\n**Day**", ("Keep “today”", "Back", "Cancel"))
    writer.restarted()
    assert await writer.again() == day, "the answer is not taken for the next question"
    assert (await writer.says("soon"))[0].startswith("I cannot read this as a day.")
    mood = await writer.says("tomorrow")
    assert mood[1] == ("Good", "Bad", "Back", "Cancel")
    done = await writer.presses("Good")
    assert done[0] == "Written: it snowed/2026-11-23/1."
    writer.restarted()
    assert (await writer.again())[0] == "I have taken the form “A page”."
    assert len(writer.pages) == 1


async def test_a_crash_while_the_plugin_answers_asks_it_with_the_same_call(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await writer.opens()
    await writer.says("it snowed")
    await writer.presses("Keep “today”")
    form = writer.agent.services.unfinished_forms
    put, crashing = form.put, [False]

    async def put_or_crash(*arguments: Any) -> None:
        if crashing[0] and not arguments[2].values:
            raise OSError("the process ends here")
        crashing[0] = arguments[2].is_sent
        await put(*arguments)

    monkeypatch.setattr(form, "put", put_or_crash)
    with pytest.raises(OSError, match="ends here"):
        await writer.says("Bad")
    writer.restarted()
    assert (await writer.again())[0] == "Written: it snowed/2026-11-22/0."
    assert len({call for call, _ in writer.pages}) == 1
    assert len(writer.pages) == 2


async def test_what_the_plugin_finds_wrong_is_asked_again(writer: Writer) -> None:
    await writer.opens()
    await writer.says("nothing")
    await writer.presses("Keep “today”")
    wrong, buttons = await writer.presses("Bad")
    assert wrong == "That is not much.\nA page, question 1 of 3:\n**What happened?**"
    assert buttons == ("Keep “nothing”", "Cancel")
    assert (await writer.says("rain"))[0] == "Written: rain/2026-11-22/0."


async def test_back_and_cancel_are_buttons_words_and_commands(writer: Writer) -> None:
    await writer.opens()
    await writer.says("it snowed")
    assert (await writer.types("/back"))[1] == ("Keep “it snowed”", "Cancel")
    old = writer.buttons["Cancel"]
    await writer.presses("Keep “it snowed”")
    assert (await writer.presses("", value=old))[0] == "That button is no longer open."
    assert (await writer.says("back"))[1] == ("Keep “it snowed”", "Cancel")
    assert (await writer.types("/cancel"))[0] == "I have put the form “A page” away."
    assert (await writer.types("/cancel"))[0] == "I don't know /cancel. Type /help for what I can do."
    assert writer.pages == []


async def test_back_to_a_question_that_a_reload_took_away_says_that_the_form_is_gone(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the button fails, and the person is told that something did not work."""
    await writer.opens()
    await writer.says("it snowed")
    changed = msgspec.structs.replace(PAGE, fields=PAGE.fields[1:])
    monkeypatch.setattr(type(writer.bench.diary), "forms", (changed,))
    assert (await writer.presses("Back"))[0] == "That button is no longer open."


@pytest.mark.parametrize("how", ["talk", "command", "late"])
async def test_what_is_no_answer_leaves_the_form(writer: Writer, how: str) -> None:
    await writer.opens()
    await writer.says("it snowed")
    note = "I have put the form “A page” away.\n\n"
    if how == "talk":
        assert await writer.says("what do you think of snow?") == (f"{note}Hm.", ())
    elif how == "command":
        assert (await writer.types("/diary"))[0] == f"{note}An empty diary."
    else:
        writer.now += timedelta(hours=2)
        assert (await writer.says("tomorrow"))[0] == "Hm."
    assert (await writer.says("tomorrow"))[0] == "Hm.", "nothing is swallowed"


async def test_only_who_opened_the_form_answers_it(writer: Writer) -> None:
    await writer.opens()
    assert (await writer.says("it snowed", user="ben"))[0] == "Hm."
    assert (await writer.says("it snowed"))[0].startswith("A page, question 2 of 3")


async def test_a_private_plugin_opens_none_where_others_read_and_leaves_nothing_in_the_ledger(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(writer.bench.diary), "keeps_private", True)
    refused = await writer.presses("", value="diary:form:page", kind="group")
    assert refused[0].startswith("That is private.")
    await writer.opens()
    assert writer.outcome.interaction is None
    await writer.says("it hurts")
    assert writer.outcome.interaction is None
    await writer.presses("Keep “today”")
    await writer.presses("Bad")
    assert writer.outcome.interaction is None
    kept = await writer.bench.ledger.records("agent.forms", "memory::u1").items()  # type: ignore[arg-type]
    assert "hurts" not in str(kept), "what was filled in is with the plugin alone"


async def test_where_a_number_presses_a_button_a_question_for_a_number_has_none(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the terminal, "1" would otherwise press the first button."""
    score = FormField(key="mood", label="Score", kind="choice", choices=(("7", "0"), ("8", "1")), required=False)
    form = Form(key="page", title="A page", opened_by=("diary new",), fields=(PAGE.fields[0], score))
    monkeypatch.setattr(type(writer.bench.diary), "forms", (form,))
    writer.restarted(form_ways={"memory": "numbered"})
    await writer.opens()
    question, buttons = await writer.says("it snowed")
    assert question.endswith("0, 1\nWrite “skip” to leave it, /back to go back, /cancel to stop.")
    assert buttons == ()
    assert (await writer.says("1"))[0] == "Written: it snowed/None/8."


async def test_a_form_of_a_page_is_checked_by_the_host(writer: Writer) -> None:
    writer.restarted(form_ways={"memory": "page"})
    await writer.opens()
    form = writer.outcome.reply.form if writer.outcome.reply else None
    assert form is not None
    assert [field.default for field in form.fields] == ["", "2026-11-22", ""]
    values = (("text", "snow"), ("day", "2026-13-45"), ("mood", "7"), ("made_up", "x"))
    said = await writer.types("/diary", form=form.form_id, values=values)
    assert said[0] == "Please look at this again:"
    again = writer.outcome.reply.form if writer.outcome.reply else None
    assert again is not None
    assert [bool(field.error) for field in again.fields] == [False, True, True]
    assert again.fields[0].default == "snow"
    right = (("text", "snow"), ("day", ""), ("mood", "1"))
    assert (await writer.types("/diary", form=form.form_id, values=right))[0] == "Written: snow/2026-11-22/1."
    assert (await writer.types("/diary", form="diary:gone", values=right))[0] == "That form is no longer there."


def test_an_event_with_a_form_is_stored_and_read_again() -> None:
    room = Conversation(platform="web", channel="c1")
    sent = Command(event_id="1", conversation=room, sender=Sender("u"), name="diary", form="a:b", values=(("x", "y"),))
    assert decode(encode(sent)) == sent
    assert b"values" not in encode(msgspec.structs.replace(sent, form="", values=()))
