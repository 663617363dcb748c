"""Tasks: one that is lost, done twice or forgotten on its day was not worth writing down."""

from __future__ import annotations

import pytest

from llmagent_os.plugins.todo import TodoPlugin
from tests.unit.plugins.everyday_person import EverydayPerson


@pytest.fixture
def person() -> EverydayPerson:
    return EverydayPerson(TodoPlugin())


async def tasks(person: EverydayPerson, words: str = "") -> list[str]:
    listed = await person.command(f"/todo {words}".strip())
    return [] if listed.card is None else [text for _, text in listed.card.rows]


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("buy milk", "buy milk"),
        ("buy milk #Home !! friday", "!! buy milk #home (due 4 Dec 2026)"),
        ("call Ana tomorrow at 5pm", "call Ana (due Wed, 2 Dec 2026, 17:00)"),
        ("Milch kaufen freitag", "Milch kaufen (due 4 Dec 2026)"),
        ("comprar pan el viernes", "comprar pan (due 4 Dec 2026)"),
        ("estirar cada día", "estirar cada día"),
        ("wow! that is great", "wow! that is great"),
        ("stretch every day", "stretch every day"),  # a repetition stays in the words
    ],
)
async def test_a_task_is_read_from_words(person: EverydayPerson, said: str, line: str) -> None:
    await person.command(f"/todo {said}")
    assert await tasks(person) == [line]


async def test_urgent_tasks_come_first_and_others_where_they_were_put(person: EverydayPerson) -> None:
    for each in ("one", "two", "three !", "four"):
        await person.command(f"/todo {each}")
    assert await tasks(person) == ["! three", "one", "two", "four"]
    assert (await person.command("/todo move 4 1")).data["place"] == "1"
    assert await tasks(person) == ["! three", "four", "one", "two"]
    await person.command("/todo move 4 99")
    await person.command("/todo move 1 2")
    assert await tasks(person) == ["! three", "two", "one", "four"]
    await person.command("/todo edit 4 !!!")
    assert (await tasks(person))[0] == "!!! four"


async def test_done_can_be_taken_back(person: EverydayPerson) -> None:
    await person.command("/todo buy milk")
    await tasks(person)
    await person.press("Done 1")
    assert (await tasks(person), await tasks(person, "all")) == ([], ["buy milk (done)"])
    await person.command("/todo open 1")
    await person.command("/todo done 1")
    await person.press("Undo")
    assert await tasks(person) == ["buy milk"]
    await person.command("/todo done 1")
    assert (await person.command("/todo clear")).data["count"] == "1"
    assert await tasks(person, "all") == []


async def test_what_was_done_is_dropped_after_a_month(person: EverydayPerson) -> None:
    await person.command("/todo buy milk")
    await person.command("/todo done 1")
    await person.wait(days=31)
    assert await tasks(person, "all") == []


async def test_delete_and_edit_can_be_taken_back(person: EverydayPerson) -> None:
    await person.command("/todo buy milk #home")
    await person.command("/todo edit 1 buy oat milk friday")
    assert await tasks(person) == ["buy oat milk #home (due 4 Dec 2026)"]
    await person.command("/todo delete 1")
    old = person.shown
    await person.press("Undo")
    assert await tasks(person, "#home") == ["buy oat milk #home (due 4 Dec 2026)"]
    assert old is not None and (await person.press_value(old.buttons[0].value)).data["status"] == "stale"


async def test_a_date_reminds_if_the_person_wants_it(person: EverydayPerson) -> None:
    await person.command("/todo call Ana tomorrow at 5pm")
    assert person.timers.pending == {}
    await person.press("Remind me")
    (said,) = await person.wait(days=1, hours=9)
    assert said.text == "To be done: call Ana (was due Wed, 2 Dec 2026, 17:00)."
    await person.press("In an hour")
    assert len(await person.wait(hours=1)) == 1
    await person.press("In an hour")
    await person.command("/todo done 1")
    assert await person.wait(hours=2) == []


async def test_a_moved_date_moves_its_reminder(person: EverydayPerson) -> None:
    await person.command("/todo call Ana tomorrow at 5pm")
    await person.command("/todo remind 1")
    await person.command("/todo edit 1 friday at 5pm")
    assert [f"{at:%d %H:%M}" for at in person.timers.pending.values()] == ["04 16:00"]


async def test_lists_are_named_and_long_ones_have_pages(person: EverydayPerson) -> None:
    for number in range(10):
        await person.command(f"/todo task {chr(97 + number)} #home")
    await person.command("/todo alone")
    lists = await person.command("/todo lists")
    assert lists.card is not None and lists.card.rows == (("no list", "1"), ("#home", "10"))
    assert len(await tasks(person, "#home")) == 8
    second = await person.press("Next")
    assert second.card is not None and len(second.card.rows) == 2


async def test_what_is_missing_is_asked_for_and_what_is_wrong_is_said(person: EverydayPerson) -> None:
    assert (await person.command("/todo add")).text == "What is to be done?"
    assert await person.say("buy milk") is not None
    assert await tasks(person) == ["buy milk"]
    for line, status in (
        ("/todo call Ana yesterday at 3pm", "unclear"),
        ("/todo done 7", "not_found"),
        ("/todo edit 1", "unclear"),
        (f"/todo {'x' * 600}", "too_long"),
    ):
        assert (await person.command(line)).data["status"] == status
    for made_up in ("todo:page:", "todo:page:a:b:c:d", "todo:done:1.x", "todo:answer", "todo:remind:1"):
        assert (await person.plugins.press(made_up, person.context())).data["status"] in ("stale", "listed", "empty")


async def test_a_model_adds_and_finishes_tasks(person: EverydayPerson) -> None:
    await person.call("add_task", text="call Ana", due="friday", in_list="Work")
    await person.call("add_task", text="call Bo")
    assert (await person.call("finish_task", which="call")).data["status"] == "several"
    assert (await person.call("finish_task", which="ana")).data["status"] == "done"
    assert (await person.call("list_tasks")).data["tasks"] == "2: call Bo"
    assert (await person.call("delete_task", which="2")).data["status"] == "deleted"


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("Add milk to my to-do list", [{"text": "milk"}]),
        ("put milk on my shopping list.", [{"text": "milk", "in_list": "shopping"}]),
        ("show me my tasks", [dict[str, str]()]),
        ("add two and two", list[dict[str, str]]()),
    ],
)
async def test_clear_words_need_no_model(person: EverydayPerson, said: str, arguments: list[dict[str, str]]) -> None:
    read = await (await person.loaded()).requests_in(person.context(said))
    assert isinstance(read, tuple) and [each.arguments for each in read] == arguments
