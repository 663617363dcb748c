"""Canaries on live rewards: what people think promotes a version or rolls it back, and nothing else does.

What breaks without this: a bad version stays, a good one is never served, or one hostile person chooses.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from llmagent_os.errors import LedgerError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.training.canary import replayed
from llmagent_os.training.canary_record import read_record
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.lora_version import Level, Stage
from tests.unit.training.canary_bench import DISLIKED, LIKED, QUICK, CanaryBench, Thought
from tests.unit.training.conftest import JobBench
from tests.unit.training.test_lora_registry import publish

PEOPLE = [f"p{number}" for number in range(12)]


@pytest.fixture
async def bench(jobs: JobBench) -> CanaryBench:
    return await CanaryBench(jobs).open()


async def everybody(bench: CanaryBench, thought: Thought, rounds: int = 4) -> None:
    """Have every person talk once an hour."""
    for _ in range(rounds):
        for name in PEOPLE:
            await bench.converse(name, thought)
        await bench.hour()


async def test_a_canary_that_people_like_is_promoted_and_says_why(bench: CanaryBench) -> None:
    await everybody(bench, LIKED)
    assert await bench.stage() == ("retired", "active")
    assert bench.answers("p1") == bench.canary.name
    version = await bench.host.registry.get(bench.canary.name)
    assert version.why.startswith("promoted by its canary, it is no worse: mean reward +")
    assert bench.host.watch.report() == {version.name: f"active: {version.why}"}
    measured = version.evaluation["canary"]
    assert measured["decision"] == "promote" and measured["evidence"]["no worse"] >= 20
    folder = bench.host.registry.folder_of(version)
    assert f"Active: {version.why}".lower() in (folder / "report.md").read_text().lower()
    assert (folder / "report.html").read_text().count("<svg") == 1
    (test,) = await bench.ledger.canary_tests.all("calendar")
    assert test.ended


async def test_a_canary_that_people_dislike_is_rolled_back_from_the_next_reply_on(bench: CanaryBench) -> None:
    await everybody(bench, DISLIKED)
    assert await bench.stage() == ("active", "rolled_back")
    replies = [await bench.reply(name) for name in PEOPLE]
    assert {reply.lora_version.partition("@")[0] for reply in replies} == {bench.active.name}
    assert "worse" in (await bench.host.registry.get(bench.canary.name)).why


async def test_nobody_is_tried_who_turned_learning_off_or_has_a_version_of_their_own(bench: CanaryBench) -> None:
    bench.silent.add(PersonId("web:local:p1"))
    await publish(bench.jobs, 3, level=Level.PERSONAL, subject="web:local:p2", stage=Stage.ACTIVE)
    await bench.host.look()
    for name in ("p1", "p2"):
        replies = [await bench.reply(name) for _ in range(20)]
        assert not any("canary" in reply.context for reply in replies)
        assert not any(reply.lora_version.startswith(bench.canary.name) for reply in replies)


async def test_what_was_counted_is_the_same_however_often_the_host_is_killed(jobs: JobBench) -> None:
    """At every moment: between two looks, and between the writing of a page and the next."""
    bench = await CanaryBench(jobs, QUICK.model_copy(update={"risk_of_harm": 1e-6, "risk_of_alarm": 1e-6})).open()
    for name in PEOPLE:
        ledger = await Ledger.open(jobs.url)
        host = bench.start_again(ledger)
        for _ in range(2):
            await bench.converse(name, LIKED, minutes=40)
            await host.look()
        await ledger.close()
    bench.start_again()
    await bench.hour()
    counted = await bench.ledger.canary_tests.conversations(bench.canary.name)
    assert [each.person for each in counted] == [
        f"web:local:{name}" for name in PEOPLE
    ]  # the second overlaps the first
    assert all(each.reward == LIKED(each.by_canary) for each in counted)
    record = await read_record(bench.ledger, bench.canary)
    assert record is not None
    seen = [(each.by_canary, LIKED(each.by_canary), each.person) for each in counted]
    assert record.canary.state == replayed(bench.canary.name, bench.settings, seen).state
    assert bench.host.watch.report()[bench.canary.name] == record.canary.why


@pytest.mark.parametrize("moment", ["promote", "note_evaluation"])
async def test_a_host_that_dies_after_the_decision_does_what_was_decided(
    bench: CanaryBench, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the version is promoted, or before its report is written."""

    async def dies(*_: Any) -> None:
        raise LedgerError("killed here")

    for _ in range(3):
        for name in PEOPLE:
            await bench.converse(name, LIKED)
        bench.now += timedelta(hours=1)
    with monkeypatch.context() as patched:
        patched.setattr(bench.host.registry, moment, dies)
        with pytest.raises(LedgerError):
            await bench.hour()
    before = await bench.ledger.canary_tests.conversations(bench.canary.name)
    await bench.start_again().look()
    assert await bench.stage() == ("retired", "active")
    assert await bench.ledger.canary_tests.conversations(bench.canary.name) == before
    await bench.host.look()
    assert (await bench.host.registry.get(bench.canary.name)).evaluation["canary"]["decision"] == "promote"


async def test_one_hostile_person_decides_nothing(bench: CanaryBench) -> None:
    """They tell the versions apart, open threads side by side and come every hour. Others are silent, or content."""
    for hour in range(30):
        for thread in range(5):
            await bench.converse("troll", DISLIKED, channel=f"thread {hour} {thread}")
        await bench.converse(PEOPLE[hour % 12], lambda _: 0.0)
        await bench.hour()
    assert await bench.stage() == ("active", "canary")
    counted = await bench.ledger.canary_tests.conversations(bench.canary.name)
    theirs = [each for each in counted if each.person == "web:local:troll"]
    assert len(theirs) <= 12, "one at a time, and not many more than others"
    await everybody(bench, LIKED, 6)
    assert await bench.stage() == ("retired", "active"), "a good version is promoted all the same"


async def test_one_fan_promotes_no_bad_version(bench: CanaryBench) -> None:
    for hour in range(30):
        await bench.converse("fan", LIKED, channel=f"thread {hour}")
        await bench.hour()
    assert await bench.stage() == ("active", "canary")
    await everybody(bench, DISLIKED, 6)
    assert await bench.stage() == ("active", "rolled_back")


async def test_only_the_person_who_was_answered_is_heard_and_in_time(bench: CanaryBench) -> None:
    """Bystanders, late reactions, withdrawn ones and those of people who left the learning count as silence."""
    late = await bench.reply("p1")
    taken_off = await bench.reply("p2")
    await bench.rate(taken_off, 1.0)
    await bench.rate(taken_off, 1.0, op="remove")
    await bench.converse("p3", lambda _: -1.0, rater="bystander")
    await bench.converse("p4", lambda _: 1.0)
    kept = await bench.reply("p5")
    await bench.rate(kept, 1.0)
    bench.silent.add(PersonId("web:local:p4"))
    bench.now += timedelta(minutes=61)
    await bench.rate(late, 1.0)
    await bench.rate(kept, 1.0, op="remove")
    await bench.host.look()
    counted = await bench.ledger.canary_tests.conversations(bench.canary.name)
    assert [each.reward for each in counted] == [0.0, 0.0, 0.0, 0.0, 1.0]


async def test_a_conversation_is_one_session_with_one_draw(bench: CanaryBench) -> None:
    """Its replies are of one version, and its reward is their mean. However long it is, it is counted once."""
    first = await bench.reply("p1")
    await bench.rate(first, 1.0)
    again = await bench.reply("p1", before=first)
    await bench.rate(again, -1.0)
    last = await bench.reply("p1", before=again)
    await bench.rate(last, -1.0)
    await bench.hour()
    much_later = await bench.reply("p1", before=last)
    await bench.rate(much_later, -1.0)
    await bench.hour()
    assert len({reply.lora_version for reply in (first, again, last, much_later)}) == 1
    (counted,) = await bench.ledger.canary_tests.conversations(bench.canary.name)
    assert counted.reward == pytest.approx(-1 / 3)


async def test_who_is_forgotten_leaves_no_name_and_no_opinion(bench: CanaryBench) -> None:
    await bench.converse("p1", lambda _: 1.0)
    await bench.converse("p2", lambda _: 1.0)
    await bench.hour()
    assert (await bench.ledger.export(Identity("web:local:p1")))["canaries"][0]["reward"] == 1.0
    await bench.ledger.forget(Identity("web:local:p1"))
    await bench.host.registry.take_back([Identity("web:local:p2")])  # turned learning off
    counted = await bench.ledger.canary_tests.conversations(bench.canary.name)
    assert [(each.person, each.reward) for each in counted] == [("", 0.0), ("web:local:p2", 0.0)]
    await bench.converse("p3", lambda _: 1.0)
    await bench.hour()
    assert len(await bench.ledger.canary_tests.conversations(bench.canary.name)) == 3, "the test goes on"
    record = await read_record(bench.ledger, bench.canary)
    assert record is not None
    assert sum(record.canary.state.reward_sums) == 1.0
    assert bench.host.watch.report()[bench.canary.name] == record.canary.why


@pytest.mark.parametrize("by_hand", ["promote", "roll_back"])
async def test_who_decides_by_hand_ends_the_test(bench: CanaryBench, by_hand: str) -> None:
    await everybody(bench, lambda _: 0.0, 1)
    other = await Ledger.open(bench.jobs.url)
    registry = CanaryBench(bench.jobs).start_again(other).registry
    await getattr(registry, by_hand)(await registry.get(bench.canary.name), "I know better")
    await other.close()
    await bench.hour()
    version = await bench.host.registry.get(bench.canary.name)
    assert version.why == "I know better"
    assert version.evaluation["canary"]["decision"] == "continue"
    assert "I know better" in (bench.host.registry.folder_of(version) / "report.md").read_text()


async def test_by_hand_in_the_moment_of_the_decision(bench: CanaryBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The terminal is quicker by a moment: its word stands."""
    for _ in range(3):
        for name in PEOPLE:
            await bench.converse(name, LIKED)
        bench.now += timedelta(hours=1)
    promote = bench.host.registry.promote

    async def too_late(version: Any, why: str) -> Any:
        await bench.jobs.registry.roll_back(version, "by hand")
        return await promote(version, why)

    monkeypatch.setattr(bench.host.registry, "promote", too_late)
    await bench.hour()
    assert (await bench.host.registry.get(bench.canary.name)).why == "by hand"
    assert bench.answers("p1") == bench.active.name


async def test_another_active_version_and_other_settings_begin_the_test_again(bench: CanaryBench) -> None:
    await everybody(bench, lambda _: 0.0, 1)
    assert len(await bench.ledger.canary_tests.conversations(bench.canary.name)) == 12
    await publish(bench.jobs, 3, stage=Stage.ACTIVE)
    await bench.host.look()
    assert await bench.ledger.canary_tests.conversations(bench.canary.name) == []
    await everybody(bench, lambda _: 0.0, 1)
    assert len(await bench.ledger.canary_tests.conversations(bench.canary.name)) == 12
    bench.settings = CanarySettings(share=0.3)
    await bench.start_again().look()
    assert await bench.ledger.canary_tests.conversations(bench.canary.name) == []


async def test_a_canary_whose_files_are_damaged_is_rolled_back(bench: CanaryBench) -> None:
    """The level above has answered in its place. These conversations say nothing of it."""
    path = bench.host.registry.folder_of(bench.canary) / "adapter_model.safetensors"
    path.write_bytes(path.read_bytes() + b" ")
    for name in PEOPLE:
        await bench.reply(name, damaged=True)
    await bench.hour()
    version = await bench.host.registry.get(bench.canary.name)
    assert (version.stage, "its files cannot be used" in version.why) == ("rolled_back", True)
    counted = await bench.ledger.canary_tests.conversations(bench.canary.name)
    assert counted and not any(each.by_canary for each in counted)


async def test_a_newer_canary_takes_the_place_of_one_that_is_not_decided(bench: CanaryBench) -> None:
    newer = await publish(bench.jobs, 3, stage=Stage.CANARY)
    await bench.hour()
    old = await bench.host.registry.get(bench.canary.name)
    assert (old.stage, newer.name in old.why) == ("retired", True)
    assert list(bench.host.watch.report()) == [old.name, newer.name]


async def test_nothing_certain_is_given_up(jobs: JobBench) -> None:
    bench = await CanaryBench(jobs, CanarySettings(share=0.5, max_conversations=20)).open()
    await everybody(bench, lambda _: 0.0, 2)
    assert await bench.stage() == ("active", "rolled_back")
    assert "given up by its canary" in (await bench.host.registry.get(bench.canary.name)).why


async def test_a_flood_of_reactions_is_not_trusted(bench: CanaryBench) -> None:
    """More than thirty opinions in ten minutes: none of them counts."""
    replies = [await bench.reply("flood", channel=f"c{number}") for number in range(40)]
    for reply in replies:
        await bench.rate(reply, -1.0)
    bench.now = max(bench.now, now())
    await bench.hour()
    (counted,) = await bench.ledger.canary_tests.conversations(bench.canary.name)
    assert counted.reward == 0.0


async def test_a_canary_that_was_trained_on_what_was_taken_back_is_not_promoted(jobs: JobBench) -> None:
    """The next training makes one without it."""
    bench = CanaryBench(jobs)
    bench.active = await publish(jobs, 1, stage=Stage.ACTIVE)
    bench.canary = await publish(jobs, 2, "web:local:gone", stage=Stage.CANARY)
    await jobs.registry.take_back([Identity("web:local:gone")])
    await bench.host.look()
    await everybody(bench, LIKED)
    assert await bench.stage() == ("active", "canary")
