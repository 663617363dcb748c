"""Who finds whom by name, and what one person gives to another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from llmagent_os.events import LOCAL_WORKSPACE, Conversation, Message, Sender
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.contact_rows import ENCOUNTER_LIFETIME
from llmagent_os.privacy.retention import ENCOUNTERS

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINE = ("mine", {"said": "to ana"})


def said(user: str, *, platform: str = "slack", group: str = "") -> Message:
    """What a person wrote, in private or in a group."""
    workspace = {"slack": "T1", "web": LOCAL_WORKSPACE}.get(platform, "")
    room = Conversation(
        platform=platform, workspace=workspace, channel=group or f"D{user}", kind="group" if group else "direct"
    )
    return Message(event_id="1", conversation=room, sender=Sender(user), text="hi", message_id="m")


async def note(ledger: Ledger, event: Message, name: str, given: str = "", at: datetime = NOON) -> None:
    await ledger.note_contact(event, name, given, at)


async def names(ledger: Ledger, wanted: str, by: Message, at: datetime = NOON) -> list[str]:
    return [contact.name for contact in await ledger.contacts("calendar", by).find(wanted, at)]


async def test_people_are_found_by_whole_words_of_either_name(ledger: Ledger) -> None:
    tom = said("tom")
    await note(ledger, tom, "Tom")
    await note(ledger, said("a"), "Ana Luísa Stone")
    await note(ledger, said("b"), "night.owl", "Ana")
    await note(ledger, said("c"), "Anabel")
    assert await names(ledger, "ana", tom) == ["Ana (night.owl)", "Ana Luísa Stone"]
    assert await names(ledger, "ANA luisa", tom) == ["Ana Luísa Stone"]
    assert await names(ledger, "", tom) == await names(ledger, "Tom", tom) == []


async def test_people_of_another_workspace_are_strangers(ledger: Ledger) -> None:
    await note(ledger, said("tom", platform="telegram"), "Tom")
    await note(ledger, said("ana"), "Ana")
    assert await names(ledger, "Ana", said("tom", platform="telegram")) == []


async def test_visitors_of_the_web_page_are_strangers_until_both_were_let_in(ledger: Ledger) -> None:
    tom, ana, eva = (said(user, platform="web") for user in ("tom", "ana", "eva"))
    for person, name in ((tom, "Tom"), (ana, "Ana"), (eva, "Eva")):
        await note(ledger, person, name)
    await ledger.members.allow(identity_of(ana), "command line", NOON)
    assert await names(ledger, "Ana", tom) == []
    await ledger.members.allow(identity_of(tom), "command line", NOON)
    assert await names(ledger, "Ana", tom) == ["Ana"]
    assert await names(ledger, "Eva", tom) == []
    await ledger.members.revoke(identity_of(ana))
    assert await names(ledger, "Ana", tom) == []


async def test_a_common_group_counts_until_it_is_long_ago(ledger: Ledger) -> None:
    tom, ana = said("tom", platform="telegram", group="-1"), said("ana", platform="telegram", group="-1")
    await note(ledger, tom, "Tom")
    await note(ledger, ana, "Ana")
    assert await names(ledger, "Ana", tom) == ["Ana"]
    late = NOON + ENCOUNTER_LIFETIME + timedelta(minutes=1)
    await note(ledger, tom, "Tom", at=late)
    assert await names(ledger, "Ana", tom, late) == []


def test_the_table_of_retentions_says_how_long_a_group_counts() -> None:
    assert ENCOUNTERS.time == ENCOUNTER_LIFETIME


async def test_linked_accounts_are_one_person_reached_where_they_wrote_last(ledger: Ledger) -> None:
    tom, slack, telegram = said("tom"), said("ana"), said("7", platform="telegram")
    await note(ledger, tom, "Tom")
    await note(ledger, slack, "Ana")
    await note(ledger, telegram, "Ana Stone", at=NOON + timedelta(hours=1))
    await ledger.identities.issue(identity_of(slack), "code", NOON, timedelta(hours=1))
    await ledger.identities.join(identity_of(telegram), "code", NOON)
    contacts = ledger.contacts("calendar", tom)
    (ana,) = await contacts.find("Ana", NOON)
    assert await contacts.give(ana.handle, "key", {"text": "lunch?"}, NOON, mine=MINE) == "given"
    assert await contacts.give(ana.handle, "key", {"text": "again?"}, NOON, mine=MINE) == "given before"
    assert await ledger.records("calendar", identity_of(slack)).get("key") == {"text": "lunch?"}
    timers = (await ledger.export(identity_of(slack)))["timers"]
    assert [timer["conversation"]["platform"] for timer in timers] == ["telegram"]
    await ledger.contacts("calendar", slack).hide(True)
    assert await contacts.find("Ana", NOON) == ()
    assert await contacts.give(ana.handle, "other", {}, NOON, mine=MINE) == "unknown"


async def test_either_person_s_erasure_takes_both_records(ledger: Ledger) -> None:
    tom, ana = said("tom"), said("ana")
    for forgotten in (tom, ana):
        await note(ledger, tom, "Tom")
        await note(ledger, ana, "Ana")
        contacts = ledger.contacts("calendar", tom)
        (found,) = await contacts.find("Ana", NOON)
        assert await contacts.give(found.handle, "key", {"from": "Tom"}, NOON, mine=MINE) == "given"
        own = ledger.records("calendar", identity_of(tom))
        await own.put("mine", {"said": "changed"})
        answer = await ledger.contacts("calendar", ana).give_holder("mine", "answer", {"from": "Ana"}, NOON)
        assert answer == "given"
        await ledger.forget(identity_of(forgotten))
        assert await own.items() == []
        assert await ledger.records("calendar", identity_of(ana)).items() == []


async def test_nothing_is_given_to_nobody_and_not_to_who_is_never_there(ledger: Ledger) -> None:
    tom, ana = said("tom"), said("ana", group="G1")
    await note(ledger, tom, "Tom")
    await note(ledger, ana, "Ana")
    contacts = ledger.contacts("calendar", tom)
    (found,) = await contacts.find("Ana", NOON)
    assert not found.can_be_asked
    assert await contacts.give(found.handle, "key", {}, NOON, mine=MINE) == "unreachable"
    assert await contacts.give("0" * 16, "key", {}, NOON, mine=MINE) == "unknown"
    assert await contacts.give_holder("nobody's", "key", {}, NOON) == "unknown"
    assert await ledger.records("calendar", Identity("slack:T1:tom")).items() == []
