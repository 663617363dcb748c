"""When a training is asked for. What breaks without this: nothing is ever learned, or what nobody has agreed to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.training import host_training, registry_resolver
from llmagent_os.training.host_training import HostTraining
from llmagent_os.training.job_runner import JobRunner
from llmagent_os.training.job_schedule import JobSchedule
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level, Stage
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_job import JobStatus
from tests.training_plans import BASE_HASH
from tests.unit.training.conftest import JobBench
from tests.unit.training.people import ANA, BEN, CLEO, rate, take_off
from tests.unit.training.test_lora_registry import publish


def schedule(jobs: JobBench, clock: Callable[[], datetime] = now, **config: object) -> JobSchedule:
    """A schedule of a bot whose person Cleo has opted out."""

    async def consenting(identity: Identity) -> PersonId | None:
        return None if identity == CLEO else await jobs.ledger.identities.person(identity)

    given = TrainingConfig.model_validate({"plan": "tests.training_plans:Quick"} | config)
    return JobSchedule("calendar", given, jobs.ledger, consenting, clock)


async def test_enough_new_opinions_ask_for_a_training_once(jobs: JobBench) -> None:
    at = schedule(jobs, opinions=3)
    await rate(jobs.ledger, ANA)
    await rate(jobs.ledger, BEN, kind="thanks", emoji="")
    await rate(jobs.ledger, ANA, kind="went_on", emoji="")  # says nothing of what she thinks
    assert await at.ask() == []
    await rate(jobs.ledger, ANA)
    (job,) = await at.ask()
    assert (job.level, job.reason, job.through) == (
        Level.SHARED,
        "3 new opinions or more",
        await jobs.ledger.last_reward(),
    )
    assert await at.ask() == []
    assert await schedule(jobs, opinions=3).ask() == []  # nor after a restart
    for _ in range(3):
        await rate(jobs.ledger, BEN)
    assert len(await at.ask()) == 1


async def test_opinions_of_who_opted_out_do_not_count(jobs: JobBench) -> None:
    at = schedule(jobs, opinions=2, personal_opinions=2)
    for _ in range(4):
        await rate(jobs.ledger, CLEO)
    await rate(jobs.ledger, ANA)
    assert await at.ask() == []


async def test_a_person_who_has_said_enough_gets_a_training_of_their_own(jobs: JobBench) -> None:
    at = schedule(jobs, levels=["personal"], personal_opinions=2)
    for who in (ANA, BEN, ANA):
        await rate(jobs.ledger, who)
    (job,) = await at.ask()
    assert (job.level, job.subject) == (Level.PERSONAL, ANA)
    await rate(jobs.ledger, ANA)
    assert await at.ask() == []
    await rate(jobs.ledger, ANA)
    (again,) = await at.ask()
    assert again.key != job.key


async def test_a_few_opinions_are_trained_on_after_a_time(jobs: JobBench) -> None:
    clock = now()
    at = schedule(jobs, lambda: clock, opinions=2, every_hours=24)
    for _ in range(2):
        await rate(jobs.ledger, ANA)
    assert len(await at.ask()) == 1
    await rate(jobs.ledger, ANA)
    clock += timedelta(hours=23)
    assert await at.ask() == []
    clock += timedelta(hours=2)
    assert [job.reason for job in await at.ask()] == [
        "the last training was 24 hours ago or more, and there are 1 new opinions"
    ]


async def test_what_was_taken_back_asks_for_a_training_without_it(jobs: JobBench) -> None:
    at = schedule(jobs)
    given = await rate(jobs.ledger, ANA)
    version = await publish(jobs, 1, ANA, BEN, stage=Stage.ACTIVE, through=await jobs.ledger.last_reward())
    assert await at.ask() == []
    await take_off(jobs.ledger, given)
    (job,) = await at.ask()
    assert version.name in job.reason
    assert await at.ask() == []


async def test_what_was_taken_back_is_asked_for_until_a_training_has_ended_well(jobs: JobBench) -> None:
    """The disk was full. Else the version with what was taken back answers people for ever."""
    clock = now()
    at = schedule(jobs, lambda: clock)
    given = await rate(jobs.ledger, ANA)
    await publish(jobs, 1, ANA, BEN, stage=Stage.ACTIVE, through=await jobs.ledger.last_reward())
    await take_off(jobs.ledger, given)
    (job,) = await at.ask()
    clock += timedelta(days=1)
    assert await at.ask() == []  # it waits yet
    claimed = await jobs.queue.claim(job.job_id, now(), timedelta(seconds=30), tries=3)
    assert claimed is not None
    await jobs.queue.end(claimed, JobStatus.FAILED, "no space left on device", now())
    (again,) = await at.ask()
    await jobs.queue.cancel(again.job_id, now())
    assert await at.ask() == []  # once a day is enough
    clock += timedelta(days=1)
    assert len(await at.ask()) == 1


@pytest.mark.parametrize("level", ["shared", "personal"])
async def test_a_training_that_has_failed_is_asked_for_again_the_next_day(jobs: JobBench, level: str) -> None:
    """The disk was full. Nobody has to give as many opinions again."""
    clock = now()
    at = schedule(jobs, lambda: clock, levels=[level], opinions=2, personal_opinions=2)
    for _ in range(2):
        await rate(jobs.ledger, ANA)
    (job,) = await at.ask()
    for _ in range(2):
        claimed = await jobs.queue.claim(job.job_id, now(), timedelta(seconds=30), tries=3)
        assert claimed is not None
        await jobs.queue.end(claimed, JobStatus.FAILED, "no space left on device", now())
        assert await at.ask() == []  # once a day is enough
        clock += timedelta(days=1)
        (job,) = await at.ask()
        assert job.through == await jobs.ledger.last_reward()
        assert await at.ask() == []
    claimed = await jobs.queue.claim(job.job_id, now(), timedelta(seconds=30), tries=3)
    assert claimed is not None
    await jobs.queue.end(claimed, JobStatus.DONE, "", now())
    assert await at.ask() == []
    await rate(jobs.ledger, ANA)
    assert await at.ask() == []  # what was learned from is not new
    await rate(jobs.ledger, ANA)
    assert len(await at.ask()) == 1


async def test_a_host_trains_serves_what_it_made_and_reports_it(
    jobs: JobBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From reactions to another LoRA in the running host, and back again by another process."""
    monkeypatch.setattr(registry_resolver, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(host_training, "JOB_POLL_SECONDS", 0.01)
    setting = jobs.setting(stage="active", opinions=2, people=[ANA])
    host = HostTraining(setting, jobs.ledger, Directory(jobs.ledger, None), BASE_HASH, now)
    await host.open()
    running = asyncio.create_task(host.run())
    for _ in range(2):
        await rate(jobs.ledger, ANA)
    await schedule(jobs, opinions=2).ask()  # what the host does every minute
    await until(lambda: host.resolver.resolve(PersonId(BEN)) is not None)
    (job,) = await jobs.queue.all()
    version = await jobs.registry.get(job.version)
    assert job.status == JobStatus.DONE
    assert host.resolver.resolve(PersonId(BEN)) == str(jobs.registry.folder_of(version))
    await asyncio.sleep(0.1)
    with monkeypatch.context() as patched:
        patched.setattr(host, "_ledger", None)  # no request reads it
        patched.setattr(host, "registry", None)
        assert await host.report() == {"job": None, "serving": {version.name: "active"}, "canary": {}}
    other = await Ledger.open(jobs.url)
    await LoraRegistry(other, jobs.data).roll_back(version, "by hand, in another process")
    await until(lambda: host.resolver.resolve(PersonId(BEN)) is None)
    await other.close()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_a_job_that_runs_is_reported_without_the_person(jobs: JobBench) -> None:
    host = HostTraining(jobs.setting(), jobs.ledger, Directory(jobs.ledger, None), BASE_HASH, now)
    asked = await jobs.ask(Level.PERSONAL, ANA)
    job = await jobs.queue.claim(asked.job_id, now(), timedelta(seconds=9), tries=3)
    assert job is not None
    running = asyncio.create_task(host.run())
    while (report := (await host.report())["job"]) is None:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (report["id"], report["level"]) == (asked.job_id, "personal")
    assert ANA not in str(report)


async def test_one_job_of_a_bot_at_a_time(jobs: JobBench) -> None:
    first, second = await jobs.ask(), await jobs.ask()
    lease = timedelta(seconds=30)
    assert (await jobs.ask(key=first.key)).job_id == first.job_id
    assert await jobs.queue.claim(first.job_id, now(), lease, tries=3) is not None
    assert await jobs.queue.claim(second.job_id, now(), lease, tries=3) is None
    assert await jobs.queue.next("calendar", now()) is None
    assert await jobs.queue.next("calendar", now() + 2 * lease) is not None
    assert not await JobRunner(jobs.setting(), jobs.ledger, now).run_next()


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.01)
