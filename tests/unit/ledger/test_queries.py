"""What breaks without this: a reaction goes to the wrong reply, or a person is shown another person's turns."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.chat import ToolSpec, tools_sha256
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import CompletionRecord, Ledger
from tests.unit.ledger.samples import TOOLS, completions, execute, interaction, message, reward, without_completions


async def test_every_message_of_a_split_reply_leads_back_to_it(ledger: Ledger) -> None:
    """A reaction on the second half of a long reply would be lost."""
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("long"), interaction(event))
    await ledger.finish(event, Receipt(("r1", "r2")))
    assert await ledger.interaction_of("web", "c", "r1") == without_completions(interaction(event))
    assert await ledger.interaction_of("web", "c", "r2") == without_completions(interaction(event))
    assert await ledger.interaction_of("web", "other", "r1") is None, "message ids are unique in their channel only"
    assert await ledger.interaction_of("slack", "c", "r1") is None


async def test_a_message_of_a_person_is_no_reply_of_the_bot(ledger: Ledger) -> None:
    """In a group, the bot would answer people who answer each other."""
    event = message("1")
    assert not await ledger.took_part(event.conversation.key)
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("hi"), interaction(event))
    await ledger.finish(event, Receipt(("r1",)))
    assert await ledger.is_reply("web", "c", "r1")
    assert not await ledger.is_reply("web", "c", event.message_id)
    assert not await ledger.is_reply("web", "other", "r1")
    assert await ledger.took_part(event.conversation.key)


async def test_history_is_this_persons_here_oldest_first(ledger: Ledger) -> None:
    """The model would read another person's words as those of the one who asks."""
    for event in (
        message("1"),
        message("2", user="somebody else"),
        message("3", channel="elsewhere"),
        message("4"),
        message("5"),
    ):
        await ledger.accept(event, max_pending=9)
        await ledger.prepare(event, Reply("x"), interaction(event))
    here = message("1").conversation.key
    assert [turn.event_id for turn in await ledger.history(here, Identity("web::u"), 9)] == ["1", "4", "5"]
    assert [turn.event_id for turn in await ledger.history(here, Identity("web::u"), 2)] == ["4", "5"]


async def test_replies_come_in_pages_with_all_their_rewards(on_disk: Ledger, tmp_path: Path) -> None:
    """Judging a policy would miss opinions, or stop at a damaged row."""
    for number in range(3):
        event = message(str(number))
        await on_disk.accept(event, max_pending=9)
        await on_disk.prepare(event, Reply("x"), interaction(event))
    given = [reward("7", "web:1"), reward("8", "web:1", value=-1.0), reward("9", "web:1", rater="web::ben")]
    for each in given:
        await on_disk.add_reward(each)
    execute(tmp_path, "UPDATE interactions SET context = '{' WHERE event_id = '2'")
    first, second = await on_disk.replies_after(0, 2)
    assert (first.interaction, first.rewards) == (without_completions(interaction(message("0"))), [])
    assert (second.person, second.identities, second.rewards) == ("web::u", ("web::u",), given)
    (damaged,) = await on_disk.replies_after(second.seq, 2)
    assert damaged.interaction is None


async def test_training_reads_all_completions_of_a_reply_as_they_were_written(on_disk: Ledger, tmp_path: Path) -> None:
    """Choosing the tool could not be learned, or would be learned with wrong probabilities."""
    plain = msgspec.structs.replace(interaction(message("0")), completions=(CompletionRecord(completion="hi"),))
    for kept in (plain, interaction(message("1")), without_completions(interaction(message("2")))):
        event = message(kept.event_id)
        await on_disk.accept(event, max_pending=9)
        await on_disk.prepare(event, Reply("x"), kept)
    found = await on_disk.replies_after(0, 3, completions=True)
    assert [each.interaction and each.interaction.completions for each in found] == [
        plain.completions,
        completions(),
        (),
    ]
    assert await on_disk.completions_of("web:1") == completions()
    assert [each.sampled for each in completions()] == [True, False]
    assert await on_disk.completions_of("web:2") == await on_disk.completions_of("web:gone") == ()
    execute(tmp_path, "UPDATE completions SET token_ids = '[' WHERE position = 0")
    assert await on_disk.completions_of("web:1") == completions()[1:], "one is damaged, the other can be learned from"


async def test_a_set_of_tools_is_kept_once_and_found_by_its_name(on_disk: Ledger, tmp_path: Path) -> None:
    """A prompt could not be made again, or the same long list would be stored with every reply."""
    other = (*TOOLS, ToolSpec(name="now", description="The time.", parameters={}, read_only=True))
    for number in range(4):
        event = message(str(number))
        kept = msgspec.structs.replace(interaction(event), tools=other if number == 3 else TOOLS)
        await on_disk.accept(event, max_pending=9)
        await on_disk.prepare(event, Reply("x"), kept)
    assert [await on_disk.tool_set(tools_sha256(tools)) for tools in (TOOLS, other)] == [TOOLS, other]
    assert await on_disk.tool_set(tools_sha256([])) is None
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as database:
        assert database.execute("SELECT COUNT(*) FROM tool_sets").fetchone() == (2,)
    execute(tmp_path, "UPDATE tool_sets SET tools = '[{}]'")
    assert await on_disk.tool_set(tools_sha256(TOOLS)) is None, "a damaged set must not stop whoever reads the others"


async def test_what_a_conversation_remembers_is_read_without_completions(ledger: Ledger) -> None:
    """Every message would read all prompts of the turns before it."""
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("hi"), interaction(event))
    await ledger.finish(event, Receipt(("r1",)))
    (turn,) = await ledger.history(event.conversation.key, Identity("web::u"), 9)
    await ledger.add_reward(reward("7", "web:1"))
    (rewarded,) = await ledger.rewards_after(0, 9)
    (reply,) = await ledger.replies_after(0, 9)
    assert turn == rewarded.interaction == reply.interaction == without_completions(interaction(event))
    assert turn.completion == "hi"


async def test_an_opinion_that_was_taken_back_is_none(ledger: Ledger) -> None:
    """``/profile`` would say that it knows a taste of somebody who has taken their reaction off."""
    for number in range(3):
        event = message(str(number))
        context: dict[str, Any] = {"features": {}} if number else {}  # no policy chose how to give the first reply
        await ledger.accept(event, max_pending=9)
        await ledger.prepare(event, Reply("x"), msgspec.structs.replace(interaction(event), context=context))
    await ledger.add_reward(reward("6", "web:0"))
    await ledger.add_reward(reward("7", "web:1"))
    await ledger.add_reward(reward("8", "web:2", rater="web::ben"))  # not the person who was answered
    assert await ledger.opinions(PersonId("web::u"), ("thanks",)) == [({"mode": "task_oriented"}, True)]
    assert await ledger.opinions(PersonId("web::u"), ("thanks",), besides=("p1",)) == []
    await ledger.add_reward(reward("9", "web:1", value=-1.0))
    assert await ledger.opinions(PersonId("web::u"), ("thanks",)) == []
