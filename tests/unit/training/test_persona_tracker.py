"""Who is of which persona, in a running host. What breaks without this: a group answers strangers, or keeps leavers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest
from pytest import MonkeyPatch

from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profiles
from llmagent_os.policy.learned import make_behavior
from llmagent_os.policy_worker import PolicyWorker
from llmagent_os.training.job_process import LEASE
from llmagent_os.training.job_schedule import JobSchedule
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.persona_tracker import PersonaTracker
from llmagent_os.training.policy_beliefs import read_beliefs
from llmagent_os.training.reaction_data import read_reactions
from llmagent_os.training.starting_version import versions_for
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_plan import NothingToLearn
from tests.reward_history import write_history
from tests.unit.training.conftest import JobBench
from tests.unit.training.test_lora_registry import publish
from tests.unit.training.test_taking_back import names_left

DEFAULTS = {"mode": "task_oriented", "verbosity": "normal", "initiative": "act"}
BRIEF = "verbosity=brief"
#: The usual length is what these like; all others like what is brief.
USUAL = {"uma": "normal", "udo": "normal"}
FAN = tuple(f"fan{number}" for number in range(5))


def person(name: str) -> PersonId:
    return PersonId(f"memory::{name}")


class Town:
    """People who react to what a bot says, and the host's tracker."""

    def __init__(self, jobs: JobBench) -> None:
        self.jobs = jobs
        self.ledger: Ledger = jobs.ledger
        self.profiles = Profiles(jobs.data / "profiles")
        self.written = 0
        self.start()

    def start(self) -> None:
        """Begin as after a restart: with what is in the ledger."""
        policy = make_behavior("q_learning", DEFAULTS, None, 0.03, seed=1)
        self.worker = PolicyWorker(policy, self.ledger, "calendar:q_learning")
        directory = Directory(self.ledger, self.profiles)
        self.tracker = PersonaTracker("calendar", self.ledger, directory, self.worker, policy, DEFAULTS)

    async def react(self, people: Iterable[str], times: int = 30) -> None:
        """Have people react, one after the other, and the host learn and look."""
        names = [name for _ in range(times) for name in people]
        write_history(self.jobs.data / "ledger.db", names, USUAL, self.written)
        self.written += len(names)
        await self.look()

    async def look(self) -> None:
        await self.worker.open()
        await self.worker.catch_up()
        await self.tracker.look()

    def groups(self, *names: str) -> list[str]:
        return [self.tracker.group_of(person(name)) for name in names]


@pytest.fixture
def town(jobs: JobBench) -> Town:
    return Town(jobs)


async def test_people_are_of_the_persona_that_the_policy_has_found(town: Town) -> None:
    await town.react(["ana", "uma"], 5)
    assert town.groups("ana", "uma") == ["", ""], "nobody is known after five reactions"
    await town.react(["ana", "uma", "ben"])
    assert town.groups("ana", "uma", "ben") == [BRIEF, "", BRIEF]
    town.start()
    await town.tracker.refresh()
    assert town.groups("ana", "uma", "ben") == [BRIEF, "", BRIEF], "also after a restart, before anything is learned"


async def test_a_look_costs_what_is_new(town: Town, monkeypatch: MonkeyPatch) -> None:
    """With thousands of people, nobody may be looked at who has said nothing."""
    await town.react(["ana", "ben", "uma"])
    counted: list[PersonId] = []
    put = town.ledger.personas.put

    async def noting(bot: str, who: PersonId, *rest: object) -> bool:
        counted.append(who)
        return await put(bot, who, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(town.ledger.personas, "put", noting)
    await town.look()
    assert counted == []
    await town.react(["ben"], 1)
    assert counted == [person("ben")]
    town.start()
    await town.look()
    assert counted == [person("ben")], "a restart counts nobody again"


async def test_what_a_person_asks_for_in_words_wins(town: Town) -> None:
    await town.react(["ana"])
    await town.profiles.update(person("ana"), verbosity="detailed")
    await town.react(["ana"], 1)
    assert town.groups("ana") == [""]


@pytest.mark.parametrize("way", ["consent", "forgotten"])
async def test_nothing_is_kept_of_who_leaves(town: Town, way: str) -> None:
    await town.react(["ana", "ben"])
    town.jobs.registry.watch(town.tracker.refresh)
    await town.jobs.registry.take_back([Identity(person("ana"))])
    assert town.groups("ana", "ben") == ["", BRIEF], "from the next reply on"
    if way == "consent":
        await town.profiles.update(person("ana"), learning="off")
        await town.react(["ana"], 8)
    else:
        await town.ledger.forget(Identity(person("ana")))
        await town.look()
        assert names_left(town.jobs, person("ana")) == set()
    assert town.groups("ana", "ben") == ["", BRIEF]
    assert await town.ledger.personas.get("calendar", person("ana")) is None


async def test_a_persona_goes_with_accounts_that_are_linked_and_back(town: Town) -> None:
    await town.react(["ana", "uma"])
    at = datetime(2026, 6, 1, tzinfo=UTC)
    await town.ledger.identities.issue(Identity(person("new")), "code", at, timedelta(minutes=10))
    await town.ledger.identities.join(Identity(person("ana")), "code", at)
    await town.tracker.refresh()
    assert town.groups("new", "ana") == [BRIEF, ""], "the person is named after the other account now"
    await town.look()
    assert town.groups("new") == [BRIEF]
    await town.ledger.identities.leave(Identity(person("ana")))
    await town.look()
    assert town.groups("new", "ana") == ["", BRIEF], "each account has what its own reactions have said"


async def test_who_is_of_another_persona_now_marks_the_versions_of_the_group(town: Town) -> None:
    """Else the group goes on with the words of somebody who has left it."""
    await town.react([*FAN, "uma"])
    jobs, own = town.jobs, person("fan0")
    group = await publish(jobs, 1, *map(person, FAN), level=Level.GROUP, subject=BRIEF, stage=Stage.ACTIVE)
    shared = await publish(jobs, 2, *map(person, FAN), stage=Stage.ACTIVE)
    asked = await jobs.ask(Level.GROUP, BRIEF)
    job = await jobs.queue.claim(asked.job_id, now(), LEASE, tries=3)
    await town.profiles.update(own, verbosity="detailed")
    await town.react(["fan0"], 1)
    group, shared = await jobs.registry.get(group.name), await jobs.registry.get(shared.name)
    assert (group.withdrawn, group.stage, group.stale_since is not None) == (1, Stage.ACTIVE, True)
    assert (shared.withdrawn, shared.stale_since) == (0, None)
    back = {person: at for person, at in await jobs.registry.contributors(group) if at is not None}
    assert list(back) == [own]
    assert job is not None and (await jobs.job(asked.job_id)).epoch == job.epoch + 1, "the training begins again"


# ── jobs ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def schedule(town: Town, **config: object) -> JobSchedule:
    async def consenting(identity: Identity) -> PersonId | None:
        return await town.ledger.identities.person(identity)

    given = TrainingConfig.model_validate({"levels": ["group"]} | config)
    return JobSchedule("calendar", given, town.ledger, consenting, now)


async def test_a_training_is_asked_for_when_a_group_has_said_enough(town: Town) -> None:
    await town.react([*FAN[:4], "uma", "udo"])
    assert await schedule(town, group_opinions=10).ask() == [], "four people are no group"
    await town.react(FAN)
    (job,) = await schedule(town, group_opinions=10).ask()
    assert (job.level, job.subject) == (Level.GROUP, BRIEF)
    assert job.reason.endswith("of 5 people who like short answers")
    await town.react([*FAN[:3], "uma"], 3)
    assert await schedule(town, group_opinions=10).ask() == []
    await town.react(FAN[:1], 1)
    assert len(await schedule(town, group_opinions=10).ask()) == 1


async def test_a_group_of_too_few_learns_nothing(town: Town) -> None:
    await town.react(FAN)
    job = await town.jobs.ask(Level.GROUP, BRIEF)
    found = await read_reactions(town.ledger, Directory(town.ledger, None), job)
    assert isinstance(found, NothingToLearn)
    assert found.why.startswith("0 people who like short answers have judged replies, and 5 are needed")


@pytest.mark.parametrize(("stale", "parent"), [(False, "group"), (True, "shared")])
async def test_a_personal_training_starts_from_the_deepest_level_above_it(
    town: Town, *, stale: bool, parent: str
) -> None:
    await town.react(FAN)
    jobs = town.jobs
    shared = await publish(jobs, 1, person("ana"), stage=Stage.ACTIVE)
    group = await publish(jobs, 2, *map(person, FAN), level=Level.GROUP, subject=BRIEF, stage=Stage.ACTIVE)
    if stale:
        await town.ledger.lora_versions.withdraw([Identity(person("fan1"))], now())
    wanted = {"group": group.name, "shared": shared.name}[parent]
    assert await versions_for(
        await jobs.ask(Level.PERSONAL, person("fan0")), town.ledger, jobs.data, shared.base_hash
    ) == (
        wanted,
        wanted,
    )
    of_group = await versions_for(await jobs.ask(Level.GROUP, BRIEF), town.ledger, jobs.data, shared.base_hash)
    assert of_group == (shared.name, shared.name if stale else group.name)


async def test_a_job_reads_what_the_running_policy_believes(town: Town) -> None:
    await town.react(["ana", "uma"])
    bot = {"name": "calendar", "policy": {"learner": "q_learning", "exploration": 0.03}, "behavior": DEFAULTS}
    found = await read_beliefs(town.ledger, bot, [person("ana"), person("uma"), person("nobody")])
    assert set(found) == {person("ana"), person("uma")}
    assert found[person("ana")][BRIEF] > 0.7 > 0.5 > found[person("uma")][BRIEF]
    assert "initiative=act" not in found[person("ana")]
    fixed = {**bot, "policy": {"learner": "fixed"}}
    assert await read_beliefs(town.ledger, fixed, [person("ana")]) == {}
    other = {**bot, "behavior": {**DEFAULTS, "mode": "conversational"}}
    assert await read_beliefs(town.ledger, other, [person("ana")]) == {}, "learned with other settings"
