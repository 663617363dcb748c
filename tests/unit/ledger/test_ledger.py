"""What breaks without this: messages are lost or answered twice, rewards go to the wrong reply, people see each
other's data, or an upgrade cannot open the ledger of the version before.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from llmagent_os.adapter import Button, Card, Receipt, Reply
from llmagent_os.errors import BadEventError, LedgerError
from llmagent_os.events import Conversation, Event, Message, Sender, event_key
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Accepted, Interaction, Ledger, RewardEvent
from llmagent_os.ledger.connection import connect
from llmagent_os.ledger.migrate import config
from llmagent_os.ledger.schema import REVISION, metadata
from llmagent_os.ledger.writer import ThreadWriter


@pytest.fixture(params=["memory", "disk"])
async def ledger(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = await Ledger.open("sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/ledger.db")
    yield opened
    await opened.close()


def message(
    event_id: str, *, channel: str = "c", user: str = "u", platform: str = "web", text: str = "hello"
) -> Message:
    room = Conversation(platform=platform, channel=channel)
    return Message(
        event_id=event_id,
        conversation=room,
        sender=Sender(user),
        text=text,
        message_id=f"m{event_id}",
        at=datetime(2026, 1, 2, 3, 4, 5, 678901, UTC),
    )


def interaction(event: Message, completion: str = "hi") -> Interaction:
    return Interaction(
        interaction_id=event_key(event),
        event_id=event.event_id,
        episode_id="ep",
        turn_index=3,
        user_id=identity_of(event),
        conversation_key=event.conversation.key,
        context={"hour": 9, "words": ["a"]},
        action={"mode": "task_oriented"},
        action_dist={"task_oriented": 0.75, "conversational": 0.25},
        pscore=0.75,
        policy_version="p1",
        prompt="<|user|>hello",
        completion=completion,
        token_ids=[5, 6],
        behavior_logprobs=[-0.5, -0.25],
        adapter_version="a1",
        model="calendar",
        tool_calls=[{"name": "create_event", "arguments": {"title": "lunch"}}],
        said=event.text,
        created_at=event.at,
    )


def reward(event_id: str, of: str, *, value: float = 1.0, rater: str = "web::u", user: str = "web::u") -> RewardEvent:
    return RewardEvent(
        reward_id=f"web:{event_id}",
        event_id=event_id,
        interaction_id=of,
        rater_id=rater,
        user_id=user,
        op="add" if value > 0 else "remove",
        raw_value="👍",
        reward=value,
        mapping_version="v",
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


# ── inbox ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_redelivered_event_is_not_taken_twice(ledger: Ledger) -> None:
    assert await ledger.accept(message("1"), max_pending=9) is Accepted.NEW
    assert await ledger.accept(message("1"), max_pending=9) is Accepted.DUPLICATE
    await ledger.finish(message("1"), None)
    assert await ledger.accept(message("1"), max_pending=9) is Accepted.DUPLICATE


async def test_two_platforms_may_use_the_same_ids(ledger: Ledger) -> None:
    assert await ledger.accept(message("1", platform="web"), max_pending=9) is Accepted.NEW
    assert await ledger.accept(message("1", platform="slack"), max_pending=9) is Accepted.NEW


async def test_a_full_conversation_takes_nothing_more_and_holds_nobody_else_up(ledger: Ledger) -> None:
    for number in range(3):
        assert await ledger.accept(message(str(number)), max_pending=3) is Accepted.NEW
    assert await ledger.accept(message("3"), max_pending=3) is Accepted.FULL
    assert await ledger.accept(message("2"), max_pending=3) is Accepted.DUPLICATE, (
        "it is safe already, and must be told so"
    )
    assert await ledger.accept(message("4", channel="other"), max_pending=3) is Accepted.NEW
    await ledger.fail(message("0"), "it was hopeless")
    assert await ledger.accept(message("3"), max_pending=3) is Accepted.NEW


async def test_a_burst_cannot_pass_the_bound_while_the_disk_is_written(ledger: Ledger) -> None:
    found = await asyncio.gather(*(ledger.accept(message(str(number)), max_pending=5) for number in range(20)))
    assert found.count(Accepted.NEW) == 5
    assert found.count(Accepted.FULL) == 15
    assert len(await ledger.unfinished()) == 5


async def test_a_crash_leaves_what_was_accepted_and_what_was_decided(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    events = [message(str(number)) for number in range(4)]
    for event in events:
        await ledger.accept(event, max_pending=9)
    reply = Reply("Done.", Card("Lunch", (("when", "today"),)), (Button("Undo", "calendar:undo"),), ("/tmp/a.ics",))
    await ledger.prepare(events[1], reply, interaction(events[1]))
    await ledger.prepare(events[2], Reply("Sorry."), why="it broke")
    await ledger.finish(events[0], None)

    again = await Ledger.open(url)  # the first is still open, as after a crash of its process
    left = await again.unfinished()
    assert [row.event for row in left] == events[1:]
    assert [(row.prepared, row.reply, row.why) for row in left] == [
        (True, reply, None),
        (True, Reply("Sorry."), "it broke"),
        (False, None, None),
    ]
    await again.close()
    await ledger.close()


async def test_finishing_soon_is_seen_by_whoever_reads_next(ledger: Ledger) -> None:
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("hi"), interaction(event))
    await ledger.finish(event, Receipt(("r1",)), soon=True)
    assert await ledger.interaction_of("web", "c", "r1") == interaction(event)
    assert await ledger.unfinished() == []


async def test_finishing_soon_is_kept_by_a_close(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    await ledger.accept(message("1"), max_pending=9)
    await ledger.finish(message("1"), None, soon=True)
    await ledger.close()
    ledger = await Ledger.open(url)
    assert await ledger.unfinished() == []
    await ledger.close()


async def test_what_was_given_up_is_visible_and_not_run_again(ledger: Ledger) -> None:
    await ledger.accept(message("1"), max_pending=9)
    await ledger.fail(message("1"), "the channel is gone")
    assert await ledger.failed() == [("web:1", "the channel is gone")]
    assert await ledger.unfinished() == []


async def test_an_event_is_run_even_if_whoever_delivered_it_hung_up(tmp_path: Path) -> None:
    """A web request can be cancelled while the disk is written: what is stored must not wait for a restart."""
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    stored: list[str] = []
    call = ledger.accept(message("1"), max_pending=9, stored=lambda event: stored.append(event.event_id))
    task = asyncio.create_task(call)
    await asyncio.sleep(0)  # it has asked for the write
    task.cancel()
    await asyncio.wait([task])
    await ledger.accept(message("2"), max_pending=9)
    assert stored == ["1"]
    await ledger.close()


async def test_an_event_that_no_json_can_hold_is_refused_by_name(ledger: Ledger) -> None:
    with pytest.raises(BadEventError, match="'1'"):
        await ledger.accept(message("1", text="half a pair: \ud83d"), max_pending=9)
    assert await ledger.accept(message("1"), max_pending=1) is Accepted.NEW, "the refused one must not count as waiting"


async def test_an_event_that_cannot_be_read_does_not_keep_the_host_from_starting(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for number in range(2):
        await ledger.accept(message(str(number)), max_pending=9)
    engine = sa.create_engine(f"sqlite:///{tmp_path}/ledger.db")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE inbox SET body = '{\"type\":\"hologram\"}' WHERE event_id = '0'"))
    engine.dispose()
    assert [row.event.event_id for row in await ledger.unfinished()] == ["1"]
    assert "cannot be read" in (await ledger.failed())[0][1]
    await ledger.close()


# ── interactions and rewards ──────────────────────────────────────────────────────────────────────────────────────────


async def test_every_message_of_a_split_reply_leads_back_to_it(ledger: Ledger) -> None:
    event = message("1")
    await ledger.accept(event, max_pending=9)
    await ledger.prepare(event, Reply("long"), interaction(event))
    await ledger.finish(event, Receipt(("r1", "r2")))
    assert await ledger.interaction_of("web", "c", "r1") == interaction(event)
    assert await ledger.interaction_of("web", "c", "r2") == interaction(event)
    assert await ledger.interaction_of("web", "other", "r1") is None, "message ids are unique in their channel only"
    assert await ledger.interaction_of("slack", "c", "r1") is None


async def test_history_is_this_persons_here_oldest_first(ledger: Ledger) -> None:
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
    assert [turn.event_id for turn in await ledger.history(here, "web::u", 9)] == ["1", "4", "5"]
    assert [turn.event_id for turn in await ledger.history(here, "web::u", 2)] == ["4", "5"]


async def test_a_second_interaction_with_the_same_id_does_not_stop_the_reply(ledger: Ledger) -> None:
    first, second = message("1"), message("2")
    for event in (first, second):
        await ledger.accept(event, max_pending=9)
        await ledger.prepare(event, Reply("x"), interaction(first))
    assert [row.prepared for row in await ledger.unfinished()] == [True, True]


async def test_a_redelivered_reaction_counts_once(ledger: Ledger) -> None:
    given = reward("7", "web:1")
    assert await ledger.add_reward(given)
    assert not await ledger.add_reward(given)
    taken = reward("8", "web:1", value=-1.0)
    assert await ledger.add_reward(taken)
    assert await ledger.rewards_of("web:1") == [given, taken]
    assert await ledger.rewards_of("web:2") == []


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_forgetting_a_person_leaves_nothing_of_theirs_in_the_file(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    for user in ("ana", "ben"):
        for number in range(20):
            event = message(f"{user}{number}", user=user, text=f"the secret of {user}")
            await ledger.accept(event, max_pending=99)
            await ledger.prepare(event, Reply(f"kept for {user}"), interaction(event, f"told to {user}"))
            if number % 2:
                await ledger.finish(event, Receipt((f"r{user}{number}",)))
            else:
                await ledger.fail(event, f"sorry {user}")
        await ledger.records("calendar", f"web::{user}").put("e", {"title": f"lunch of {user}"})
    await ledger.add_reward(reward("1", "web:ben1", rater="web::ana", user="web::ben"))
    await ledger.add_reward(reward("2", "web:ana1", rater="web::ben", user="web::ana"))

    assert await ledger.forget("web::ana") == 20 + 10 + 10 + 1 + 2  # interactions, joins, given up, records, rewards
    held = all_bytes(tmp_path)
    for text in (b"secret of ana", b"kept for ana", b"told to ana", b"lunch of ana", b"sorry ana", b"web::ana"):
        assert text not in held, text
    assert b"told to ben" in held
    assert len(await ledger.history(message("1").conversation.key, "web::ben", 99)) == 20
    assert await ledger.accept(message("ana1", user="ana"), max_pending=9) is Accepted.DUPLICATE
    await ledger.close()


async def test_a_finished_event_says_nothing_about_the_person(tmp_path: Path) -> None:
    ledger = await Ledger.open(f"sqlite:///{tmp_path}/ledger.db")
    await ledger.accept(message("1", user="ana", text="the secret"), max_pending=9)
    await ledger.prepare(message("1"), Reply("the answer"))
    await ledger.finish(message("1"), None)
    await ledger.close()
    held = (tmp_path / "ledger.db").read_bytes()
    assert b"the secret" not in held
    assert b"the answer" not in held
    assert b"web::ana" not in held


# ── opening ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_second_host_is_told_which_one_is_there(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    first, second = await Ledger.open(url), await Ledger.open(url)
    await first.claim()
    with pytest.raises(LedgerError, match=r"another host \(process \d+\)"):
        await second.claim()
    with pytest.raises(LedgerError, match="already runs"):
        await first.claim()
    await first.close()
    await second.claim()
    await second.close()


async def test_a_killed_host_does_not_keep_the_next_one_out(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    program = f"""
import asyncio, os
from llmagent_os.ledger import Ledger
async def main():
    ledger = await Ledger.open("sqlite:///{path}")
    await ledger.claim()
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program])
    ledger = await Ledger.open(f"sqlite:///{path}")
    assert await ledger.claim() == []
    await ledger.close()


async def test_closed_is_closed(ledger: Ledger) -> None:
    await ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        await ledger.accept(message("1"), max_pending=9)


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ledger.db", "sqlite:///"),
        ("postgresql://db/ledger", "SQLite"),
        ("sqlite:////proc/no/ledger.db", "/proc/no/ledger.db"),
    ],
)
async def test_a_wrong_url_is_named_with_what_to_write(url: str, says: str) -> None:
    with pytest.raises(LedgerError, match=says):
        await Ledger.open(url)


async def test_a_file_that_is_no_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"\xff\xd8\xff" * 1000)
    with pytest.raises(LedgerError, match=r"holiday\.jpg"):
        await Ledger.open(f"sqlite:///{path}")
    assert path.read_bytes() == b"\xff\xd8\xff" * 1000


async def test_a_ledger_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/ledger.db"
    await (await Ledger.open(url)).close()
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    with pytest.raises(LedgerError, match="upgrade llmagent-os"):
        await Ledger.open(url)


def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    """Else a fresh install works and an upgraded one does not, or the other way round."""
    assert ScriptDirectory.from_config(config()).get_heads() == [REVISION]
    database = connect(tmp_path / "ledger.db", "FULL")
    assert compare_metadata(MigrationContext.configure(database.sql), metadata) == []
    database.close()


def test_alembic_costs_nothing_at_a_start_that_needs_no_migration(tmp_path: Path) -> None:
    connect(tmp_path / "ledger.db", "FULL").close()
    program = f"""
import asyncio, sys
from llmagent_os.ledger import Ledger
async def main():
    await (await Ledger.open("sqlite:///{tmp_path}/ledger.db")).close()
asyncio.run(main())
print([name for name in ("alembic", "torch", "prometheus_client", "aiohttp") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_only_its_owner_can_read_the_file(tmp_path: Path) -> None:
    connect(tmp_path / "ledger.db", "FULL").close()
    assert (tmp_path / "ledger.db").stat().st_mode & 0o077 == 0


async def test_work_that_fails_does_not_spoil_what_shares_its_transaction(tmp_path: Path) -> None:
    """Many people's messages are committed together: one bad one must not lose the others."""
    writer = ThreadWriter(lambda: connect(tmp_path / "ledger.db", "FULL"))
    await writer.start()
    insert = "INSERT INTO records (user_id, plugin, key, body) VALUES ('u', 'p', ?, '{}')"

    async def put(key: str | None) -> int:
        return await writer.run(lambda database: database.driver.execute(insert, (key,)).rowcount)

    found = await asyncio.gather(*map(put, ("a", "b", None, "c")), return_exceptions=True)
    assert [isinstance(each, LedgerError) for each in found] == [False, False, True, False]
    count = await writer.run(lambda database: database.driver.execute("SELECT count(*) FROM records").fetchone())
    assert count == (3,)
    await writer.close()


async def test_one_callback_that_fails_keeps_nobody_else_waiting(tmp_path: Path) -> None:
    """Work of many callers shares a transaction: a fault of one of them must not leave the others hanging."""
    opened = await Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}")

    def fail(_: Event) -> None:
        raise RuntimeError("no room")

    async with asyncio.timeout(10):
        found = await asyncio.gather(
            opened.accept(message("a"), max_pending=9, stored=fail),
            opened.accept(message("b"), max_pending=9),
            return_exceptions=True,
        )
    assert isinstance(found[0], RuntimeError)
    assert found[1] is Accepted.NEW
    await opened.close()


async def test_what_was_given_up_is_not_kept_for_ever(tmp_path: Path) -> None:
    """It holds people's words as they were said, secrets and all."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    opened = await Ledger.open(url)
    for name in ("old", "new"):
        await opened.accept(message(name), max_pending=9)
        await opened.fail(message(name), "no model")
    await opened.close()
    database = connect(tmp_path / "ledger.db", "FULL")
    database.driver.execute("UPDATE inbox SET accepted_at = 0 WHERE event_id = 'old'")
    database.close()
    opened = await Ledger.open(url)
    assert await opened.failed() == [("web:new", "no model")]
    await opened.close()
