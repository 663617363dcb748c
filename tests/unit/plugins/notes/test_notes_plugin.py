"""Notes: one that cannot be found again, or that is lost with its file, was written for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmagent_os.events import Attachment, Conversation, Message, Sender
from llmagent_os.plugins.notes import NotesPlugin
from tests.unit.plugins.everyday_person import EverydayPerson


@pytest.fixture
def person() -> EverydayPerson:
    return EverydayPerson(NotesPlugin())


def message(text: str, *files: Path, problem: str = "") -> Message:
    sent = tuple(
        Attachment(name=file.name, content_type="text/plain", path=str(file), size=file.stat().st_size, problem=problem)
        for file in files
    )
    room = Conversation(platform="web", channel="c")
    return Message(event_id="1", conversation=room, sender=Sender("ana"), text=text, message_id="1", attachments=sent)


async def send(person: EverydayPerson, event: Message) -> str:
    result = await (await person.loaded()).received(person.context(event.text, event))
    person.shown = result or person.shown
    return "" if result is None else str(result.data["status"])


async def found(person: EverydayPerson, words: str = "") -> list[str]:
    listed = await person.command(f"/notes {words}".strip())
    return [] if listed.card is None else [text for _, text in listed.card.rows]


async def test_notes_are_found_by_words_and_tags(person: EverydayPerson) -> None:
    await person.command("/note the code of the door is 4711 #home")
    await person.command("/note Crème brûlée: six yolks #kitchen #home")
    assert len(await found(person)) == 2
    assert await found(person, "creme YOLKS") == ["Crème brûlée: six yolks #kitchen #home"]
    assert await found(person, "#home door") == ["the code of the door is 4711 #home"]
    assert await found(person, "#hom") == await found(person, "nothing like that") == []
    tags = await person.command("/notes tags")
    assert tags.card is not None and tags.card.rows == (("#home", "2"), ("#kitchen", "1"))


async def test_what_to_note_is_asked_for(person: EverydayPerson) -> None:
    await person.command("/note")
    assert (await person.say("milk is out")) is not None
    await person.command("/note")
    assert await person.say("never mind") is None
    assert await found(person) == ["milk is out"]


async def test_edit_and_delete_can_be_taken_back(person: EverydayPerson) -> None:
    await person.command("/note first")
    await person.press("Edit")
    assert (await person.say("second")) is not None and await found(person) == ["second"]
    await person.command("/notes edit 1 third")
    await person.press("Undo")
    assert await found(person) == ["second"]
    shown = await person.command("/notes show 1")
    assert shown.text == "Note 1:\n\nsecond"
    await person.press("Delete")
    await person.press("Undo")
    assert await found(person) == ["second"]
    await person.command("/notes delete 1")
    assert (await person.press_value(shown.buttons[0].value)).data["status"] == "stale"


async def test_files_stay_as_long_as_their_note(person: EverydayPerson, tmp_path: Path) -> None:
    (plan := tmp_path / "plan.txt").write_text("left, then right")
    assert await send(person, message("", plan)) == ""  # nobody asked for a note
    assert await send(person, message("/note the way #trip", plan)) == "added"
    await person.command("/note")
    assert await send(person, message("", plan)) == "added"
    assert await found(person, "plan") == ["the way #trip", "plan.txt"]
    assert [*person.files.written.values()] == [b"left, then right"] * 2
    assert (await person.command("/notes show 1")).files == (next(iter(person.files.written)),)
    await person.press("Delete")
    await person.press("Undo")
    assert len(person.files.written) == 2
    await person.command("/notes delete 1")
    await person.wait(hours=23)
    assert len(person.files.written) == 2
    await person.wait(hours=1)
    assert [*person.files.written] == [(await person.command("/notes show 2")).files[0]]
    assert (await person.plugins.press("notes:undo:1.0", person.context())).data["status"] == "stale"


async def test_the_next_deletion_makes_the_last_one_final(person: EverydayPerson, tmp_path: Path) -> None:
    (plan := tmp_path / "plan.txt").write_text("x")
    for _ in range(2):
        await send(person, message("note this", plan))
    await person.command("/notes delete 1")
    await person.command("/notes delete 2")
    assert len(person.files.written) == 1
    await person.press("Undo")
    await person.wait(days=2)
    assert len(person.files.written) == 1


@pytest.mark.parametrize(
    ("text", "problem", "told"),
    [
        ("note this", "larger than 20 MB", "I could not get the file"),
        (f"note this {'x' * 9000}", "", "at most 8000 characters"),
    ],
)
async def test_what_cannot_be_kept_is_said(
    person: EverydayPerson, tmp_path: Path, text: str, problem: str, told: str
) -> None:
    (plan := tmp_path / "plan.txt").write_text("x")
    assert await send(person, message(text, plan, problem=problem)) == "refused"
    assert person.shown is not None and told in person.shown.text
    gone = message("note this", plan)
    plan.unlink()
    assert await send(person, gone) == "refused"
    assert await found(person) == []


async def test_a_long_list_has_pages_that_keep_the_search(person: EverydayPerson) -> None:
    for number in range(20):
        await person.command(f"/note {'even' if number % 2 == 0 else 'odd'}: {number}")
    assert await found(person, "even") == [f"even: {number}" for number in (0, 2, 4, 6, 8, 10, 12, 14)]
    second = await person.press("Next")
    assert second.card is not None and [text for _, text in second.card.rows] == ["even: 16", "even: 18"]
    for made_up in ("notes:page:x", "notes:edit:9.1", "notes:answer", "notes:blow"):
        assert (await person.plugins.press(made_up, person.context())).text


async def test_a_model_finds_and_changes_notes(person: EverydayPerson) -> None:
    await person.call("add_note", text="the door is green")
    assert (await person.call("find_notes", words="door")).data["text"] == "the door is green"
    await person.call("edit_note", which="green", text="the door is blue")
    assert (await person.call("delete_note", which="green")).data["status"] == "not_found"
    assert (await person.call("delete_note", which="1")).data["status"] == "deleted"


@pytest.mark.parametrize(
    ("said", "tools"),
    [("Note to self: buy milk", ["add_note"]), ("show my notes", ["find_notes"]), ("noted, thanks", [])],
)
async def test_clear_words_need_no_model(person: EverydayPerson, said: str, tools: list[str]) -> None:
    read = await (await person.loaded()).requests_in(person.context(said))
    assert isinstance(read, tuple) and [each.name for each in read] == tools
