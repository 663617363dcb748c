"""What breaks without this: a ledger that a bot has really used does not work as before, once it has moved."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from llmagent_os.adapter import Receipt, Reply
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId, identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.audit_log import AuditEntry
from llmagent_os.ledger.memories import MemoryChange, NewMemory
from llmagent_os.ledger.training_values import Level, LoraVersion, TrainingJob
from llmagent_os.ledger.usage_sums import Account, Used
from llmagent_os.storage.copying import copy_rows
from llmagent_os.storage.database_end import OF_RUNNING_HOSTS
from llmagent_os.storage.open_ends import open_end
from llmagent_os.storage.progress import Silent
from tests.unit.ledger.samples import MINUTE, SIX, interaction, message, reminder_request, reward

ANA, BEN = Identity("web::ana"), Identity("web::ben")

#: What asks a ledger for something.
Question = Callable[[Ledger], Awaitable[Any]]

#: Tables that nothing below writes: only a damaged row, a canary and a message of a group fill them.
NOT_USED = {"damaged", "canary_tests", "canary_conversations", "encounters"}


async def talk(ledger: Ledger) -> None:
    """Messages, replies, thumbs, and what plugins keep."""
    await ledger.claim()
    for number in range(5):
        event = message(str(number), user="ana")
        await ledger.accept(event, max_pending=9)
        await ledger.prepare(event, Reply("hi"), interaction(event))
        if number < 4:
            await ledger.finish(event, Receipt((f"r{number}",)))
    await ledger.add_reward(reward("9", "web:1", rater="web::ana", user="web::ana"))
    await ledger.records("notes", ANA).put("a", {"text": "with a \x00 and 汉字", "big": 2**60})
    await ledger.timers("notes", reminder_request()).set("a", SIX)
    await ledger.held.hold(message("held"), SIX, 9)
    await ledger.silences.begin(message("s"), "asked", now() + timedelta(days=1))
    await ledger.open_questions.put(ANA, "web:1", message("1").conversation, "m1")
    await ledger.note_contact(message("c", user="ana"), "Ana", "Ana", SIX)
    memory = NewMemory(
        topic="likes", value="tea", text="You like tea", source="web:1", room="r", is_private=True, said_at=SIX
    )
    await ledger.memories.change(ANA, lambda _: MemoryChange(add=(memory,)))


async def administer(ledger: Ledger) -> None:
    """Accounts, links, approvals, sums, and what was learned."""
    await ledger.identities.issue(ANA, "ABCD", now(), MINUTE)
    await ledger.identities.join(BEN, "WRONG", now())
    await ledger.identities.join(BEN, "ABCD", now())
    asked = {"valid": timedelta(hours=1), "again": MINUTE}
    await ledger.members.ask(Identity("slack:T:x"), "X", "1234", "e", SIX, **asked)
    await ledger.members.allow(ANA, "admin", SIX)
    await ledger.platform_admins.confirm(ANA, "slack:T1", SIX)
    await ledger.audit.add(AuditEntry(at=SIX, actor="command line", role="owner", action="approve", subject=ANA))
    sums = [Account("person", (ANA,)), Account("bot")]
    await ledger.usage.add("bot", sums, {"day": SIX.timestamp()}, Used(messages=3, money=0.1 + 0.2))
    state = await ledger.learned.begin("bot:bayes")
    stored = await ledger.learned.advance(state, 1, {"": bytes(range(256)), ANA: b"\x00"})
    assert stored is not None
    assert await ledger.learned.note(stored, 2, [(2, ANA)]) is not None
    await ledger.personas.put("bot", PersonId(ANA), "verbosity=brief", {"brief": 1 / 3}, 1, SIX.timestamp())
    job = TrainingJob(job_id="j", bot="bot", level=Level.SHARED, key="k", reason="", created_at=SIX)
    await ledger.training_jobs.add(job)
    version = LoraVersion(
        name="v1", bot="bot", level=Level.SHARED, base_model="m", base_hash="0", data_hash="1", method="sft",
        sha256="2", created_at=SIX, evaluation={"loss": 1 / 3},
    )  # fmt: skip
    await ledger.lora_versions.add(version, [PersonId(ANA)])


QUESTIONS: dict[str, Question] = {
    "replies": lambda ledger: ledger.replies_after(0, 99),
    "unfinished": lambda ledger: ledger.unfinished(),
    "completions": lambda ledger: ledger.completions_of("web:1"),
    "records": lambda ledger: ledger.records("notes", ANA).items(),
    "memories": lambda ledger: ledger.memories.of(ANA),
    "everyone": lambda ledger: ledger.identities.everyone(BEN),
    "members": lambda ledger: ledger.members.listed(),
    "requests": lambda ledger: ledger.members.requests(SIX),
    "admins": lambda ledger: ledger.platform_admins.listed(),
    "audit": lambda ledger: ledger.audit.latest(9),
    "usage": lambda ledger: ledger.usage.of("bot", Account("person", (ANA,)), {"day": SIX.timestamp()}),
    "learned": lambda ledger: ledger.learned.read("bot:bayes"),
    "progress": lambda ledger: ledger.learned.progress("bot:bayes"),
    "changes": lambda ledger: ledger.learned.changed_since(1, 0),
    "persona": lambda ledger: ledger.personas.get("bot", PersonId(ANA)),
    "jobs": lambda ledger: ledger.training_jobs.all(),
    "versions": lambda ledger: ledger.lora_versions.all(),
    "contributors": lambda ledger: ledger.lora_versions.contributors("v1"),
    "question": lambda ledger: ledger.open_questions.find(ANA, "web:1"),
    "export": lambda ledger: ledger.export(ANA),
    "tag": lambda ledger: ledger.tag(),
}


async def answers(url: str) -> dict[str, Any]:
    ledger = await Ledger.open(url)
    found = {name: await ask(ledger) for name, ask in QUESTIONS.items()}
    await ledger.close()
    return found


def moved(source: str, target: str, data: Path) -> dict[str, int]:
    with open_end(source, data) as left, open_end(target, data) as right:
        left.begin_reading()
        copy_rows(left, right, Silent())
        right.commit()
        return left.counts()


async def test_a_ledger_answers_after_two_moves_as_before(tmp_path: Path, postgresql_url: str) -> None:
    """People would be asked again, lose their reminders, or be known as somebody else."""
    url = f"sqlite:///{tmp_path}/ledger.db"
    ledger = await Ledger.open(url)
    await talk(ledger)
    await administer(ledger)
    await ledger.close()
    before = await answers(url)
    counts = await asyncio.to_thread(moved, url, postgresql_url, tmp_path)
    assert {name for name, count in counts.items() if not count} - NOT_USED - OF_RUNNING_HOSTS <= {
        *("profiles", "damaged_profiles", "secrets", "account_keys", "policy_snapshots"),
        *(name for name in counts if name.startswith("web_")),
    }
    assert await answers(postgresql_url) == before
    back = f"sqlite:///{tmp_path}/back/ledger.db"
    await asyncio.to_thread(moved, postgresql_url, back, tmp_path / "back")
    assert await answers(back) == before
    again = await Ledger.open(back)
    assert [identity_of(each.event) for each in await again.claim()] == [ANA], "it goes on with what was unfinished"
    await again.close()
