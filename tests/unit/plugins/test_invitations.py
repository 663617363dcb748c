"""Ana is asked where she is, only on the press, and both sides are told what becomes of it."""

from __future__ import annotations

from pathlib import Path

from llmagent_os.chat import ToolCall
from llmagent_os.contacts import NoContacts
from llmagent_os.identity import Identity, PersonId
from llmagent_os.plugins.calendar.invitations import inviting
from tests.unit.plugins.invited_people import LUNCH, WEDNESDAY, Town, labels, value

TOM, ANA = Identity("memory:T1:tom"), Identity("memory:T1:ana")


async def test_ana_accepts_in_her_time_zone_and_everything_later_is_told(tmp_path: Path) -> None:
    town = Town(tmp_path)
    await town.lives_in("ana", "America/New_York")
    move = ToolCall("move_event", {"title": "lunch", "new_date": "saturday"})
    async with town.open("Hello.", LUNCH, "", move, "", ToolCall("delete_event", {"title": "lunch"}), "") as ledger:
        await town.say("ana", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        assert labels(added) == ["Invite Ana"]
        assert len(town.shown("ana")) == 1, "nobody is asked without the press"

        sent = await town.press("tom", value(added, "Invite Ana"))
        assert sent.reply.text == "I've asked Ana, and I will tell you the answer."
        asked = await town.answer("ana", 2)
        assert asked.reply.text == "Tom invites you to lunch, Friday 27 November at 7 AM."
        assert labels(asked) == ["Accept", "Decline"]
        again = await town.press("tom", value(added, "Invite Ana"))
        assert again.reply.text == "I have asked Ana already."
        wrong = await town.press("tom", value(asked, "Accept"))
        assert wrong.reply.text == "That invitation is not open for you, so nothing has changed."

        accepted = await town.press("ana", value(asked, "Accept"))
        assert accepted.reply.text == "I've added lunch with Tom for Friday 27 November at 7 AM. I'll tell Tom."
        told = await town.answer("tom", 5)
        assert told.reply.text == "Ana has accepted: lunch with Ana, Friday 27 November at noon."
        twice = await town.press("ana", value(asked, "Accept"))
        assert twice.reply.text == "You have accepted already."

        asked = await town.say("tom", "move the lunch to saturday")
        assert asked.reply.text.startswith("This would be told to: Ana. "), "the model chose the move"
        await town.say("tom", "yes")
        moved = await town.answer("ana", 5)
        assert moved.reply.text == (
            "Tom has changed lunch: it is now lunch, Saturday 28 November at 7 AM. I've changed it in your calendar."
        )
        hers = await town.say("ana", "/calendar")
        assert hers.reply.text == "You have lunch with Tom, Saturday 28 November at 7 AM."
        await town.say("tom", "delete the lunch")
        await town.say("tom", "yes")
        gone = await town.answer("ana", 7)
        assert gone.reply.text == "Tom has cancelled lunch. I've taken it out of your calendar."
        assert not [key for key, _ in await ledger.records("calendar", ANA).items() if key.startswith("event:")]


async def test_ana_declines_in_words_and_what_is_pressed_later_changes_nothing(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open("Hello.", LUNCH, ""):
        await town.say("ana", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        await town.press("tom", value(added, "Invite Ana"))
        asked = await town.answer("ana", 2)
        declined = await town.say("ana", "decline")
        assert declined.reply.text == "All right, I added nothing. I'll tell Tom."
        assert (await town.answer("tom", 3)).reply.text.startswith("Ana has declined: lunch with Ana")
        assert (await town.press("ana", value(asked, "Decline"))).reply.text == "You have declined already."
        made_up = value(asked, "Accept")[:-16] + "0" * 16
        assert "not open for you" in (await town.press("ana", made_up)).reply.text


async def test_an_event_that_is_gone_is_not_accepted(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open("Hello.", LUNCH, "", ToolCall("delete_event", {"title": "lunch"}), ""):
        await town.say("ana", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        await town.press("tom", value(added, "Invite Ana"))
        asked = await town.answer("ana", 2)
        await town.say("tom", "delete the lunch")
        await town.say("tom", "yes")
        pressed = await town.press("ana", value(asked, "Accept"))
        assert pressed.reply.text == "Tom has cancelled that, so I added nothing."
        pressed = await town.press("tom", value(added, "Invite Ana"))
        assert pressed.reply.text == "That event is not in your calendar, so I asked nobody."


async def test_tom_is_told_when_ana_deletes_what_she_has_accepted(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open("Hello.", LUNCH, "", ToolCall("delete_event", {"title": "lunch"}), ""):
        await town.say("ana", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        await town.press("tom", value(added, "Invite Ana"))
        await town.press("ana", value(await town.answer("ana", 2), "Accept"))
        await town.answer("tom", 3)
        await town.say("ana", "delete the lunch")
        await town.say("ana", "yes")
        assert (await town.answer("tom", 4)).reply.text.startswith("Ana has declined: lunch with Ana")


async def test_of_several_anas_one_is_chosen(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.names |= {"ana": "Ana Stone", "eva": "Ana Lima", "zoe": "Anabel"}
    async with town.open("Hello.", "Hello.", "Hello.", LUNCH, ""):
        for user in ("ana", "eva", "zoe"):
            await town.say(user, "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        assert labels(added) == ["Invite Ana Lima", "Invite Ana Stone"]
        assert added.reply.text.endswith("I know 2 people called Ana: whom shall I invite?")
        await town.press("tom", value(added, "Invite Ana Stone"))
        assert (await town.answer("ana", 2)).reply.text.startswith("Tom invites you")
        assert len(town.shown("eva")) == 1


async def test_people_whom_nobody_can_tell_apart_are_not_asked(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.names["eva"] = "Ana"
    async with town.open("Hello.", "Hello.", LUNCH, ""):
        await town.say("ana", "hi")
        await town.say("eva", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        assert labels(added) == []
        assert "cannot tell them apart" in added.reply.text


async def test_who_turns_invitations_off_is_not_found(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open(LUNCH, "", LUNCH, ""):
        assert "Invitations are on" in (await town.say("ana", "/invitations")).reply.text
        first = await town.say("tom", "lunch with Ana friday at noon")
        assert "Invitations are off" in (await town.say("ana", "/invitations off")).reply.text
        late = await town.press("tom", value(first, "Invite Ana"))
        assert late.reply.text == "I cannot ask that person any more, so I asked nobody."
        assert labels(await town.say("tom", "lunch with Ana friday at noon")) == []
        assert len(town.shown("ana")) == 2
        assert "on`, or `/invitations off`" in (await town.say("ana", "/invitations maybe")).reply.text
        assert "Invitations are on" in (await town.say("ana", "/invitations on")).reply.text


async def test_without_workspaces_only_people_of_a_common_group_are_found(tmp_path: Path) -> None:
    town = Town(tmp_path, workspace="")
    async with town.open("Hello.", LUNCH, "", "Hello.", "Hello.", LUNCH, "", "Hello.", LUNCH, ""):
        await town.say("ana", "hi")
        assert labels(await town.say("tom", "lunch with Ana friday at noon")) == []
        await town.say("ana", "hi", group="choir")
        await town.say("tom", "hi", group="team")
        assert labels(await town.say("tom", "lunch with Ana friday at noon")) == []
        await town.say("tom", "hi", group="choir")
        assert labels(await town.say("tom", "lunch with Ana friday at noon")) == ["Invite Ana"]


async def test_a_group_does_not_see_whom_somebody_knows(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open("Hello.", LUNCH, ""):
        await town.say("ana", "hi")
        assert labels(await town.say("tom", "lunch with Ana friday at noon", group="team")) == []


async def test_who_has_not_written_in_private_cannot_be_asked(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open("Hello.", LUNCH, ""):
        await town.say("ana", "hi", group="team")
        assert labels(await town.say("tom", "lunch with Ana friday at noon")) == []


async def test_either_side_is_forgotten_on_both(tmp_path: Path) -> None:
    for number, forgotten in enumerate((TOM, ANA)):
        town = Town(tmp_path / str(number))
        town.folder.mkdir()
        async with town.open("Hello.", LUNCH, "") as ledger:
            await town.say("ana", "hi")
            added = await town.say("tom", "lunch with Ana friday at noon")
            await town.press("tom", value(added, "Invite Ana"))
            asked = await town.answer("ana", 2)
            await town.press("ana", value(asked, "Accept"))
            await town.answer("tom", 3)
            exported = await ledger.export(ANA)
            assert exported["contacts"][0]["name"] == "Ana"
            await ledger.forget(forgotten)
            kept = {
                key: str(record)
                for who in (TOM, ANA)
                for key, record in await ledger.records("calendar", who).items()
                if key.startswith(("inviting:", "invited:", "answer:"))
            }
            assert kept == {}
            pressed = await town.press("ana", value(asked, "Decline"))
            assert pressed.reply.text == "That invitation is not open for you, so nothing has changed."


async def test_too_many_open_invitations_are_refused(tmp_path: Path) -> None:
    town = Town(tmp_path)
    count = inviting.MAX_OPEN + 1
    script: list[str | ToolCall] = [LUNCH, ""] * count
    async with town.open("Hello.", *script):
        await town.say("ana", "hi")
        replies: list[str] = []
        for _ in range(count):
            added = await town.say("tom", "lunch with Ana friday at noon")
            replies.append((await town.press("tom", value(added, "Invite Ana"))).reply.text)
        assert replies[-2] == "I've asked Ana, and I will tell you the answer."
        assert replies[-1] == "Too many of your invitations are open or new, so I have not asked Ana yet."


async def test_a_press_that_runs_again_after_a_crash_asks_nobody_again(tmp_path: Path) -> None:
    town = Town(tmp_path)
    async with town.open("Hello.", LUNCH, ""):
        await town.say("ana", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        await town.press("tom", value(added, "Invite Ana"))
        await town.answer("ana", 2)
    async with town.open("Hello."):
        assert (await town.press("tom", value(added, "Invite Ana"))).reply.text == "I have asked Ana already."
        await town.say("ana", "hi")
        assert sum("invites you" in each.reply.text for each in town.shown("ana")) == 1


async def test_without_a_ledger_nobody_is_found() -> None:
    nobody = NoContacts()
    assert await nobody.find("Ana", WEDNESDAY) == ()
    assert await nobody.give("handle", "key", {}, WEDNESDAY, mine=("key", {})) == "unknown"
    assert await nobody.give_holder("key", "key", {}, WEDNESDAY) == "unknown"
    await nobody.hide(False)
    assert await nobody.is_hidden()


async def test_ana_is_told_when_tom_s_time_zone_moves_the_lunch(tmp_path: Path) -> None:
    """His zone was assumed; once it is known, the lunch is at his noon, which is another moment for her."""
    town = Town(tmp_path)
    await town.lives_in("ana", "UTC")
    await town.lives_in("tom", "America/New_York")
    await town.profiles.update(PersonId(TOM), time_zone=None)
    async with town.open("Hello.", LUNCH, ""):
        await town.say("ana", "hi")
        added = await town.say("tom", "lunch with Ana friday at noon")
        await town.press("tom", value(added, "Invite Ana"))
        await town.press("ana", value(await town.answer("ana", 2), "Accept"))
        await town.say("tom", "/profile undo")
        told = await town.answer("ana", 4)
        assert told.reply.text == (
            "Tom has changed lunch: it is now lunch, Friday 27 November at 5 PM. I've changed it in your calendar."
        )
