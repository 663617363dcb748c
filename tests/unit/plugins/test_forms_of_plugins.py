"""The forms of the shipped plugins. What breaks without this: what somebody filled in is kept wrongly, or nowhere."""

from __future__ import annotations

import pytest

from llmagent_os.errors import PluginError
from llmagent_os.forms.form import FormErrors
from llmagent_os.forms.form_values import FormValues, checked_values
from llmagent_os.plugin import Plugin, ToolResult
from llmagent_os.plugins.calendar import CalendarPlugin
from llmagent_os.plugins.feeds import FeedsPlugin
from llmagent_os.plugins.finance import FinancePlugin
from llmagent_os.plugins.health import HealthPlugin
from llmagent_os.plugins.notes import NotesPlugin
from llmagent_os.plugins.poll import PollPlugin
from llmagent_os.plugins.reminders import RemindersPlugin
from llmagent_os.plugins.todo import TodoPlugin
from llmagent_os.plugins.todo.task_form import NEW_TASK
from tests.unit.plugins.everyday_person import EverydayPerson

#: The plugin, the command that offers the form, the label of its button, what is filled in, and what the answer holds.
FILLED: tuple[tuple[type[Plugin], str, str, dict[str, str], str], ...] = (
    (
        RemindersPlugin,
        "/remind",
        "New reminder",
        {"what": "call Ana", "day": "tomorrow", "time": "6pm"},
        "call Ana”: tomorrow|call Ana”: Wed",
    ),
    (
        RemindersPlugin,
        "/remind",
        "New reminder",
        {"what": "stand up", "time": "9:30", "repeat": "Every weekday"},
        "every weekday",
    ),
    (
        PollPlugin,
        "/poll",
        "New poll",
        {"question": "Lunch?", "options": "Soup\nSalad\nSoup", "until": "friday", "several": "yes"},
        "You may choose several. ",
    ),
    (
        TodoPlugin,
        "/todo",
        "New task",
        {"text": "water plants", "day": "4.12.", "time": "17:00", "priority": "High", "in_list": "#Home"},
        "!!! water plants #home (due",
    ),
    (NotesPlugin, "/note", "New note", {"text": "The door\nsays 4711", "tags": "home, #door"}, "Noted as number 1."),
    (
        FinancePlugin,
        "/finance budget",
        "Set a budget",
        {"category": "groceries", "amount": "400.50", "currency": "EUR"},
        "400.50",
    ),
    (HealthPlugin, "/diary", "Add an entry", {"what": "headache", "severity": "6"}, "headache 6/10"),
    (
        HealthPlugin,
        "/medicine",
        "Add a medicine",
        {"name": "Ibuprofen 400 mg", "times": "8:00 and 8pm", "until": "3.12."},
        "08:00",
    ),
    (
        CalendarPlugin,
        "/calendar new",
        "New event",
        {"title": "Dentist", "day": "friday", "time": "15:00", "minutes": "90", "place": "Main Street 5"},
        "Dentist",
    ),
)


async def fill(person: EverydayPerson, key: str, typed: dict[str, str]) -> ToolResult | FormErrors:
    """Fill in a form as a platform hands it on: the host checks it, and the plugin answers."""
    plugins, context = await person.loaded(), person.context()
    form = next(form for _, form in plugins.forms() if form.key == key).shown(person.plugin.name)
    values = checked_values(form.fields, typed, context.now, context.time_zone)
    if isinstance(values, FormErrors):
        return values
    return await plugins.submitted(person.plugin.name, key, values, context, allowed=None)


@pytest.mark.parametrize(("plugin", "command", "label", "typed", "said"), FILLED)
async def test_a_command_offers_the_form_and_the_plugin_keeps_what_is_filled_in(
    plugin: type[Plugin], command: str, label: str, typed: dict[str, str], said: str
) -> None:
    person = EverydayPerson(plugin())
    offered = await person.command(command)
    (opens,) = [button.value for button in offered.buttons if button.label == label]
    result = await fill(person, opens.removeprefix(f"{plugin.name}:form:"), typed)
    assert isinstance(result, ToolResult), result
    assert any(part in result.text for part in said.split("|")), result.text
    assert await person.records.items()


@pytest.mark.parametrize(
    ("plugin", "key", "typed", "wrong"),
    [
        (RemindersPlugin, "new", {"what": "call", "day": "today", "time": "7:00"}, "time"),
        (RemindersPlugin, "new", {"what": "call", "day": "2020-01-01", "time": "7:00"}, "day"),
        (PollPlugin, "new", {"question": "Lunch?", "options": "Soup"}, "options"),
        (PollPlugin, "new", {"question": "Lunch?", "options": "A\nB", "until": "2020-01-01"}, "until"),
        (TodoPlugin, "new", {"text": "x", "day": "2020-01-01"}, "day"),
        (TodoPlugin, "new", {"text": "x", "priority": "9"}, "priority"),
        (NotesPlugin, "new", {"text": "   "}, "text"),
        (FeedsPlugin, "new", {"address": "example.org"}, "address"),
        (FinancePlugin, "budget", {"category": "food", "amount": "much"}, "amount"),
        (FinancePlugin, "budget", {"category": "food", "amount": "5", "currency": "shells"}, "currency"),
        (HealthPlugin, "medicine", {"name": "Ibuprofen", "times": "always"}, "times"),
        (CalendarPlugin, "new", {"title": "Dentist", "day": "2020-01-01", "time": "9:00"}, "day"),
        (CalendarPlugin, "new", {"title": "Dentist", "time": "9:00", "minutes": "1.5"}, "minutes"),
    ],
)
async def test_what_cannot_be_is_said_at_its_field_and_nothing_is_kept(
    plugin: type[Plugin], key: str, typed: dict[str, str], wrong: str
) -> None:
    person = EverydayPerson(plugin())
    result = await fill(person, key, typed)
    assert isinstance(result, FormErrors), result
    assert [*result.fields] == [wrong]
    assert await person.records.items() == []


@pytest.mark.parametrize(
    "plugin",
    [CalendarPlugin, FeedsPlugin, FinancePlugin, HealthPlugin, NotesPlugin, PollPlugin, RemindersPlugin, TodoPlugin],
)
async def test_whatever_opens_a_form_in_a_window_offers_its_button_elsewhere(plugin: type[Plugin]) -> None:
    for form in plugin.forms:
        for line in form.opened_by:
            offered = await EverydayPerson(plugin()).command(f"/{line}")
            assert f"{plugin.name}:form:{form.key}" in [button.value for button in offered.buttons], line


async def test_a_red_flag_in_a_form_sends_to_emergency_care() -> None:
    result = await fill(EverydayPerson(HealthPlugin()), "entry", {"what": "crushing chest pain and I cannot breathe"})
    assert isinstance(result, ToolResult)
    assert result.data["status"] == "emergency"


async def test_the_same_call_keeps_one_reminder() -> None:
    """A host that crashed after the plugin had answered asks it again, with the same call."""
    person = EverydayPerson(RemindersPlugin())
    for _ in range(2):
        person.calls = 6
        await fill(person, "new", {"what": "call Ana", "day": "tomorrow", "time": "18:00"})
    assert (await person.command("/reminders")).data["count"] == "1"


async def test_a_form_is_there_only_where_the_bot_permits_what_it_does() -> None:
    """A bot that only reads tasks would otherwise add one through the form, past the permission of the tool."""
    person = EverydayPerson(TodoPlugin())
    plugins, values = await person.loaded(), FormValues({"text": "milk"})
    own = NEW_TASK.__class__(key="own", title="Read", fields=NEW_TASK.fields, opened_by=("todo own",), permission="a.b")
    person.plugin.forms = (NEW_TASK, own)
    for allowed, keys in ((("todo.read",), []), (("todo.*",), ["new"]), (("todo.read", "a.*"), ["own"])):
        assert [form.key for _, form in plugins.forms(allowed)] == keys
    with pytest.raises(PluginError, match="whose form 'new' was sent"):
        await plugins.submitted("todo", "new", values, person.context(), allowed=("todo.read",))
    plugins.allow(("todo.read",))
    assert plugins.forms() == []
    assert await person.records.items() == []


async def test_commands_and_buttons_write_nothing_where_the_bot_permits_only_reading() -> None:
    """The tool that adds a task is refused there, and "/todo milk" is the same by another way."""
    person = EverydayPerson(TodoPlugin())
    plugins = await person.loaded()
    await plugins.command("todo", "milk", person.context())
    kept, reads = await person.records.items(), ("todo.read",)
    for line in ("bread", "done 1", "clear", "add"):
        said = await plugins.command("todo", line, person.context(), allowed=reads)
        assert said.data["status"] == "refused", line
    assert (await plugins.press("todo:undo:1.1", person.context(), allowed=reads)).data["status"] == "refused"
    for line in ("", "All", "#home", "lists"):
        assert (await plugins.command("todo", line, person.context(), allowed=reads)).data["status"] != "refused", line
    assert (await plugins.press("todo:page:", person.context(), allowed=reads)).data["status"] != "refused"
    assert await person.records.items() == kept
