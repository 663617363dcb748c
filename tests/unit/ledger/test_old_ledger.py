"""What breaks without this: after an upgrade the bot has another opinion of what people like than it had before.

``old/ledger_0004.sql`` is a ledger that the code of revision 0004 wrote: three weeks of a bot in March 2026, with a
scripted model. ``old/learned_0004.json`` has what that code observed in the ledger, and the states that come of it. Two
of the decisions are of a configuration with other dimensions: only what they say of ``verbosity`` is learned. The
observations are the same on every machine. The states are the same bit for bit where the arithmetic is that of the
machine that they were made on.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import platform
import sqlite3
import subprocess
import sys
from collections import Counter
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import pytest
import safetensors
import scipy

from llmagent_os.bot import Bot
from llmagent_os.identity import NO_ACCOUNT, Identity, PersonId
from llmagent_os.ledger import CompletionRecord, Interaction, Ledger
from llmagent_os.policy import Context, Decision, Kind, label
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy
from llmagent_os.policy_worker import PolicyWorker

OLD = Path(__file__).with_name("old")

#: The parts of a learned state that are not computed: the settings it was learned with, and the raters' tallies.
PLAIN_PARTS = ("\x00made", "\x00trust")

#: Sums come out in another order with more threads.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}

ANA = (Identity("slack:T01:U0ANA"), Identity("telegram::1001"), Identity("telegram::1009"))


class Observed(msgspec.Struct, frozen=True, array_like=True):
    """One call of ``LearnedPolicy.observe``."""

    decision_id: str
    user_id: str  #: the person who was answered
    action: str  #: the action's label
    kind: str
    reward: float | None
    weight: float


class Situation(msgspec.Struct, frozen=True):
    """A person and the features of a request, for which the learners give the probabilities of all actions."""

    person: PersonId
    context: Context


class Learned(msgspec.Struct, frozen=True):
    """What one learner has learned from the ledger."""

    version: str
    through: int  #: the last row of rewards that was learned from
    state: str  #: SHA-256 of all parts
    parts: dict[str, str]  #: by part, the first 16 digits of its SHA-256
    chances: list[list[float]]  #: the probability of every action, in every :class:`Situation`


class Expected(msgspec.Struct, frozen=True):
    """What ``old/learned_0004.json`` holds."""

    numbers: dict[str, str]  #: the libraries and the processor, on which the bits of a sum depend
    asked: list[Situation]
    learners: dict[str, Learned]
    observations: list[Observed]  #: the same for every learner


class Replayed(msgspec.Struct, frozen=True):
    """What the present code has learned from the old ledger, and on which machine."""

    numbers: dict[str, str]
    learners: dict[str, Learned]
    observations: dict[str, list[Observed]]  #: by learner


class NotingPolicy(LearnedPolicy):
    """A policy that notes what it and its copies observe."""

    observed: ClassVar[dict[str, list[Observed]]] = {}  #: by learner

    def observe(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> None:
        action = label(decision.action)
        here = self.observed.setdefault(self.learner.name, [])
        here.append(Observed(decision.decision_id, decision.person_id, action, kind, reward, weight))
        super().observe(decision, reward, kind=kind, weight=weight, at=at)


@cache
def expected() -> Expected:
    return msgspec.json.decode((OLD / "learned_0004.json").read_bytes(), type=Expected)


def old_ledger(folder: Path) -> Path:
    """The ledger as the old code left it, as a file."""
    path = folder / "ledger.db"
    database = sqlite3.connect(path)
    try:
        database.executescript((OLD / "ledger_0004.sql").read_text(encoding="utf-8"))
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("0004",)]
    finally:
        database.close()
    return path


def numbers() -> dict[str, str]:
    """The libraries and the processor. Where they are the same, so are the bits of a sum."""
    cpu: dict[str, str] = {}
    about = Path("/proc/cpuinfo")
    for line in about.read_text(encoding="utf-8").splitlines() if about.exists() else ():
        name, _, value = line.partition(":")
        cpu.setdefault(name.strip(), value.strip())
    return {
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "safetensors": safetensors.__version__,
        "machine": platform.machine(),
        # Clouds give every AMD processor one name. Family, model and the widest vectors tell the processors apart.
        "cpu": ", ".join(cpu.get(name, "") for name in ("model name", "cpu family", "model")),
        "avx512": str("avx512f" in cpu.get("flags", "").split()),
    }


async def learn(path: Path, learner: str) -> Learned:
    """Learn everything in a ledger, as ``policy_worker.replay`` does."""
    config = Bot.load("calendar").config
    ledger = await Ledger.open(f"sqlite:///{path}")
    try:
        await ledger.claim()
        name = f"{config.name}:{learner}"
        await ledger.drop_policy(name)
        made = config.learned_policy(learner)
        policy = NotingPolicy(made.learner, made.actions, made=made.made)
        worker = PolicyWorker(policy, ledger, name)
        await worker.catch_up()
        through, parts = await ledger.policy_state(name)
    finally:
        await ledger.close()
    everything = np.ones(len(policy.actions), np.bool_)
    chances = [policy.learner.probabilities(each.person, each.context, everything) for each in expected().asked]
    state = hashlib.sha256()
    for part in sorted(parts):
        state.update(hashlib.sha256(part.encode()).digest() + hashlib.sha256(parts[part]).digest())
    return Learned(
        version=worker.version,
        through=through or 0,
        state=state.hexdigest(),
        parts={part: hashlib.sha256(parts[part]).hexdigest()[:16] for part in sorted(parts)},
        chances=[each.tolist() for each in chances],
    )


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Replayed:
    """What all learners learn, in a process of its own: numpy reads the number of threads when it is loaded."""
    path = old_ledger(tmp_path_factory.mktemp("old"))
    out = path.with_suffix(".json")
    command = [sys.executable, "-P", __file__, str(path), str(out)]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return msgspec.json.decode(out.read_bytes(), type=Replayed)


@pytest.mark.parametrize("learner", LEARNERS)
def test_an_old_ledger_teaches_what_it_taught(replayed: Replayed, learner: str) -> None:
    """A person would be answered in another way than before the upgrade, for no reason that they gave."""
    wanted = expected()
    known, learned = wanted.learners[learner], replayed.learners[learner]
    assert replayed.observations[learner] == wanted.observations
    assert (learned.version, learned.through) == (known.version, known.through)
    for part in PLAIN_PARTS:  # here machines do not differ
        assert learned.parts[part] == known.parts[part]
    if replayed.numbers == wanted.numbers:
        assert learned.parts == known.parts
        assert learned.state == known.state
    elif learner != "bayes":  # after a difference of one bit it draws other random numbers
        for got, before in zip(learned.chances, known.chances, strict=True):
            assert got == pytest.approx(before, abs=1e-6)


def test_the_old_ledger_has_something_of_everything() -> None:
    """A kind of feedback that the ledger does not have could change without a test that fails."""
    observations = expected().observations
    assert {each.kind for each in observations} == {
        *("reaction", "reask", "correction", "edited", "thanks", "went_on", "tool_failed")
    }
    reactions = [each for each in observations if each.kind == "reaction"]
    rewards, weights = {each.reward for each in reactions}, {each.weight for each in reactions}
    assert {None, -1.0, 0.25, 1.0} <= rewards, "some are taken off, some are worth less than one"
    assert {0.0, 0.25, 0.5, 1.0} <= weights, "some are of bystanders, some are of a flood"
    assert any(0.25 < each < 1 and each != 0.5 for each in weights), "one rater only ever says no"
    assert {each.user_id for each in observations}.isdisjoint(ANA[1:]), "the accounts of Ana are one person"


async def test_all_else_in_an_old_ledger_can_still_be_read(tmp_path: Path) -> None:
    """Messages that were being answered during the upgrade, links and records would be lost."""
    ledger = await Ledger.open(f"sqlite:///{old_ledger(tmp_path)}")
    try:
        waiting, prepared = await ledger.claim()
        assert (waiting.prepared, prepared.prepared) == (False, True)
        assert prepared.reply is not None and prepared.reply.text == "Good night."
        assert await ledger.identities.everyone(ANA[2]) == ANA
        assert await ledger.identities.everyone(Identity("web:local:b3nw")) == ("web:local:b3nw",)
        assert await ledger.records("adapter.telegram", NO_ACCOUNT).get("offset") == {"value": 880500}
        kept = await ledger.export(ANA[0])
        assert {each: len(rows) for each, rows in kept.items() if each in ("identities", "members")} == {
            "identities": 3,
            "members": 0,
        }
        assert kept["interactions"] and kept["rewards"] and kept["records"]
    finally:
        await ledger.close()


async def test_the_completions_of_an_old_ledger_are_read_as_what_they_are(tmp_path: Path) -> None:
    """Training would take words for sent that were not, or greedy choices for samples."""
    ledger = await Ledger.open(f"sqlite:///{old_ledger(tmp_path)}")
    try:
        replies = [reply.interaction for reply in await ledger.replies_after(0, 1000, completions=True)]
    finally:
        await ledger.close()
    kept = [reply for reply in replies if reply is not None]
    assert len(kept) == len(replies) == 126
    written = [reply for reply in kept if reply.completions]
    assert [reply for reply in kept if reply.model] == written, "commands and reminders have no completion"
    for reply in written:
        last = only_completion(reply)
        assert (last.completion, last.model, last.lora_version) == (reply.completion, "calendar", "base")
        assert (last.sampled, last.prompt_token_ids, last.constraint, last.model_hash) == (None, None, None, "")
        assert last.sent is (last.completion == reply.context["reply"])
        assert len(last.token_ids) == len(last.behavior_logprobs) == (len(last.completion.split()) if last.sent else 0)
        assert last.masked is (False if last.sent else None)
    assert Counter((bool(each.prompt), each.sent) for each in map(only_completion, written)) == {
        (False, True): 72,
        (False, False): 20,
        (True, True): 13,
        (True, False): 8,
    }


def only_completion(reply: Interaction) -> CompletionRecord:
    (completion,) = reply.completions
    return completion


if __name__ == "__main__":
    _, ledger_path, out_path = sys.argv
    by_learner = {each: asyncio.run(learn(Path(ledger_path), each)) for each in LEARNERS}
    Path(out_path).write_bytes(msgspec.json.encode(Replayed(numbers(), by_learner, NotingPolicy.observed)))
