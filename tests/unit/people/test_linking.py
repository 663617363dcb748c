"""One person on several platforms. What breaks without this: a link loses, mixes or leaks what people have kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from llmagent_os.events import Conversation, Event, Message, Sender, Timer
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.ledger.link_codes import MAX_GUESSES, MAX_WRONG
from llmagent_os.people.codes import ALPHABET, new_code, read
from llmagent_os.people.linking import CODE_VALID, Joined, Links, Refused
from llmagent_os.people.profiles import Profiles

ANA_S, ANA_D, ANA_T, BEN = map(Identity, ("slack:T1:U1", "discord::17", "telegram::4711", "slack:T1:U2"))
NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


class Desk:
    """A ledger, profiles and links, at a time that tests set."""

    def __init__(self, ledger: Ledger, profiles: Profiles) -> None:
        self.ledger, self.profiles = ledger, profiles
        self.now = NOON
        self.links = Links(ledger, profiles, lambda: self.now)

    async def join(self, one: str, other: str) -> Joined | Refused:
        return await self.links.join(Identity(other), await self.links.issue(Identity(one)))


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    ledger = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")
    yield Desk(ledger, Profiles(tmp_path / "profiles"))
    await ledger.close()


def event(identity: Identity, number: int = 1) -> Message:
    platform, workspace, user = identity.split(":")
    room = Conversation(platform=platform, workspace=workspace, channel="c1")
    return Message(event_id=f"e{number}", conversation=room, sender=Sender(user), text="hi", message_id="m1")


# ── codes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_codes_are_read_however_people_type_them() -> None:
    for _ in range(50):
        code = new_code()
        bare = code.replace("-", "")
        assert set(bare) <= set(ALPHABET)
        for typed in (code, code.lower(), bare, f"`{code}`", f" {bare[:4]} – {bare[4:]}. "):
            assert read(typed) == code
    for wrong in ("", "K7QM", "K7QM-2WX0", "K7QM-2WXDD", "/link", "x" * 10_000):
        assert read(wrong) is None


async def test_a_code_joins_once_within_ten_minutes(desk: Desk) -> None:
    code = await desk.links.issue(ANA_S)
    result = await desk.links.join(ANA_D, code.lower().replace("-", ""))
    assert isinstance(result, Joined)
    assert await desk.links.everyone(ANA_D) == (ANA_S, ANA_D)
    assert await desk.ledger.identities.person(ANA_D) == PersonId(ANA_S)
    assert await desk.links.join(ANA_D, code) == result  # the same event, run again after a crash
    assert await desk.links.join(BEN, code) is Refused.WRONG
    late = await desk.links.issue(ANA_S)
    desk.now += CODE_VALID
    assert await desk.links.join(ANA_T, late) is Refused.WRONG


async def test_the_latest_code_counts_and_ones_own_does_not(desk: Desk) -> None:
    first = await desk.links.issue(ANA_S)
    second = await desk.links.issue(ANA_S)
    assert await desk.links.join(ANA_D, first) is Refused.WRONG
    assert await desk.links.join(ANA_S, second) is Refused.OWN
    await desk.links.join(ANA_D, second)
    third = await desk.links.issue(ANA_S)
    assert await desk.links.join(ANA_D, third) is Refused.SAME


async def test_guessing_is_stopped(desk: Desk) -> None:
    code = await desk.links.issue(ANA_S)
    for _ in range(MAX_GUESSES):
        assert await desk.links.join(BEN, "2222-2222") is Refused.WRONG
    assert await desk.links.join(BEN, code) is Refused.TOO_OFTEN
    assert isinstance(await desk.links.join(ANA_D, code), Joined)  # others are not kept out by it
    desk.now += timedelta(hours=1, seconds=1)
    assert await desk.links.join(BEN, "2222-2222") is Refused.WRONG


async def test_a_thousand_guessers_keep_nobody_from_linking(desk: Desk) -> None:
    code = await desk.links.issue(ANA_S)
    for number in range(1000):
        assert await desk.links.join(Identity(f"slack:T9:{number}"), "2222-2222") is Refused.WRONG
    assert isinstance(await desk.links.join(ANA_D, code), Joined)


async def test_a_code_of_which_half_is_known_ends_before_the_other_half_is_guessed(desk: Desk) -> None:
    """It was on a screen that others saw: with a hundred accounts they would have five hundred tries."""
    code, other = await desk.links.issue(ANA_S), await desk.links.issue(BEN)
    halves = (half for half in ("2222", "3333") if half != code[-4:])
    wrong = f"{code[:4]}-{next(halves)}"
    for number in range(MAX_WRONG - 1):
        assert await desk.links.join(Identity(f"slack:T9:{number}"), wrong) is Refused.WRONG
    assert isinstance(await desk.links.join(ANA_D, code), Joined)
    fresh = await desk.links.issue(ANA_S)
    wrong = f"{fresh[:4]}-{'2222' if fresh[-4:] != '2222' else '3333'}"
    for number in range(MAX_WRONG):
        assert await desk.links.join(Identity(f"slack:T8:{number}"), wrong) is Refused.WRONG
    assert await desk.links.join(ANA_T, fresh) is Refused.WRONG
    assert isinstance(await desk.links.join(Identity("discord::18"), other), Joined), "other codes go on"


async def test_wrong_codes_are_counted_after_forgetting_oneself_and_gone_after_an_hour(desk: Desk) -> None:
    code = await desk.links.issue(ANA_S)
    for _ in range(MAX_GUESSES):
        await desk.links.join(BEN, "2222-2222")
    await desk.ledger.forget(BEN)
    assert await desk.links.join(BEN, code) is Refused.TOO_OFTEN
    assert (await desk.ledger.export(BEN))["guesses"][0]["count"] == MAX_GUESSES
    assert await desk.ledger.identities.prune() == 1  # the desk's hour was long ago
    assert (await desk.ledger.export(BEN))["guesses"] == []


# ── one profile ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_issuers_profile_is_kept_and_its_gaps_are_filled(desk: Desk) -> None:
    await desk.profiles.update(PersonId(ANA_S), name="Ana", verbosity="brief")
    await desk.profiles.update(
        PersonId(ANA_D), name="Annie", place="Berlin", time_zone="Europe/Berlin", mode="conversational"
    )
    await desk.join(ANA_S, ANA_D)
    person = await desk.profiles.get(await desk.ledger.identities.person(ANA_D))
    assert (person.name, person.place, person.time_zone) == ("Ana", "Berlin", "Europe/Berlin")
    assert person.preferences == {"verbosity": "brief", "mode": "conversational"}


async def test_a_preference_that_this_bot_does_not_know_is_left_where_it_is(tmp_path: Path, desk: Desk) -> None:
    """Else nobody could link two accounts after the bot's dimensions were changed."""
    before = Profiles(tmp_path / "profiles", {"verbosity": ("short", "long")})
    await before.update(PersonId(ANA_D), verbosity="short", place="Berlin")
    assert isinstance(await desk.join(ANA_S, ANA_D), Joined)
    person = await desk.profiles.get(PersonId(ANA_S))
    assert (person.place, person.preferences) == ("Berlin", {})


async def test_taking_apart_gives_each_side_what_was_its_own(desk: Desk) -> None:
    await desk.profiles.update(PersonId(ANA_S), name="Ana")
    await desk.profiles.update(
        PersonId(ANA_D), name="Annie", place="Berlin", time_zone="Europe/Berlin", mode="conversational"
    )
    await desk.join(ANA_S, ANA_D)
    await desk.profiles.update(PersonId(ANA_S), mode="task_oriented")  # changed since: hers, and not taken away
    assert await desk.links.leave(ANA_D) == ()
    slack, discord = await desk.profiles.get(PersonId(ANA_S)), await desk.profiles.get(PersonId(ANA_D))
    assert (slack.name, slack.place, slack.preferences) == ("Ana", None, {"mode": "task_oriented"})
    assert (discord.name, discord.place, discord.preferences) == ("Annie", "Berlin", {"mode": "conversational"})
    assert await desk.links.leave(ANA_D) is None


@pytest.mark.parametrize("leaver", [ANA_S, ANA_D, ANA_T])
async def test_of_three_any_can_leave(desk: Desk, leaver: Identity) -> None:
    await desk.profiles.update(PersonId(ANA_S), name="Ana")
    await desk.profiles.update(PersonId(ANA_T), place="Oslo", time_zone="Europe/Oslo")
    await desk.join(ANA_S, ANA_D)
    await desk.join(ANA_D, ANA_T)  # whoever of them issues it, it is the person's
    assert await desk.links.everyone(ANA_T) == (ANA_S, ANA_D, ANA_T)
    rest = tuple(each for each in (ANA_S, ANA_D, ANA_T) if each != leaver)
    assert await desk.links.leave(leaver) == rest
    assert await desk.links.everyone(leaver) == (leaver,)
    assert len({await desk.ledger.identities.person(each) for each in rest}) == 1
    assert await desk.ledger.identities.person(leaver) == PersonId(leaver)


async def test_an_open_code_of_what_was_taken_apart_is_closed(desk: Desk) -> None:
    """Else it would join to somebody else than whoever asked for it meant."""
    await desk.join(ANA_S, ANA_D)
    code = await desk.links.issue(ANA_S)
    await desk.links.leave(ANA_D)
    assert await desk.links.join(BEN, code) is Refused.WRONG


# ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_both_see_what_plugins_keep_and_each_keeps_its_own_afterwards(desk: Desk) -> None:
    slack, discord = desk.ledger.records("calendar", ANA_S), desk.ledger.records("calendar", ANA_D)
    await slack.put("1", {"what": "lunch"})
    await discord.put("2", {"what": "gym"})
    await desk.ledger.records("calendar", BEN).put("3", {"what": "secret"})
    await desk.join(ANA_S, ANA_D)
    assert [key for key, _ in await discord.items()] == [key for key, _ in await slack.items()] == ["1", "2"]
    await discord.put("1", {"what": "late lunch"})
    await discord.put("4", {"what": "new"})
    await desk.links.leave(ANA_D)
    assert await slack.items() == [("1", {"what": "late lunch"})]
    assert await discord.items() == [("2", {"what": "gym"}), ("4", {"what": "new"})]


async def test_what_was_deleted_does_not_come_back_from_the_other_side(desk: Desk) -> None:
    slack, discord = desk.ledger.records("calendar", ANA_S), desk.ledger.records("calendar", ANA_D)
    await slack.put("1", {"what": "lunch"})
    await discord.put("1", {"what": "dinner"})
    await desk.join(ANA_S, ANA_D)
    assert await discord.get("1") == {"what": "dinner"}
    assert await discord.delete("1")
    assert await slack.get("1") is None
    assert not await slack.delete("1")


async def test_a_timer_moved_from_the_other_platform_rings_once_and_where_it_was_set(desk: Desk) -> None:
    await desk.join(ANA_S, ANA_D)
    await desk.ledger.timers("calendar", event(ANA_S)).set("bell", NOON)
    await desk.ledger.timers("calendar", event(ANA_D)).set("bell", NOON + timedelta(hours=1))
    rung: list[Event] = []
    await desk.ledger.move_due_timers(NOON + timedelta(hours=2), limit=10, stored=rung.append)
    assert [(type(each), each.conversation.platform) for each in rung] == [(Timer, "slack")]
    assert rung[0].at == NOON + timedelta(hours=1)


async def _said(ledger: Ledger, identity: Identity) -> None:
    said = event(identity)
    await ledger.accept(said, max_pending=10)
    turn = Interaction(
        interaction_id=f"{said.conversation.platform}:e1",
        event_id="e1",
        user_id=identity,
        conversation_key=said.conversation.key,
        said=f"from {identity}",
    )
    await ledger.prepare(said, None, turn)
    await ledger.finish(said, None)
    await ledger.add_reward(
        RewardEvent(
            reward_id=f"r{identity}",
            event_id="r",
            interaction_id=turn.interaction_id,
            rater_id=identity,
            user_id=identity,
            op="add",
            raw_value="👍",
            reward=1.0,
            mapping_version="1",
        )
    )


async def test_one_is_exported_and_forgotten_with_all_of_themselves_and_nobody_else(desk: Desk) -> None:
    for identity in (ANA_S, ANA_D, Identity("telegram::99")):
        await _said(desk.ledger, identity)
    await desk.join(ANA_S, ANA_D)
    found = await desk.ledger.export(ANA_D)
    assert {each["said"] for each in found["interactions"]} == {f"from {ANA_S}", f"from {ANA_D}"}
    assert await desk.ledger.forget(ANA_D) > 0
    gone = await desk.ledger.export(ANA_S)
    assert {kind: rows for kind, rows in gone.items() if rows} == {}
    assert await desk.links.everyone(ANA_S) == (ANA_S,)
    assert (await desk.ledger.export(Identity("telegram::99")))["interactions"] != []
