"""Jobs in real processes, killed at any moment. What breaks without this: a training is lost, or two do it at once."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import psutil  # type: ignore[import-untyped]
import pytest

from llmagent_os.admin import jobs_command
from llmagent_os.config import Settings
from llmagent_os.events import now
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import JobStatus, Level
from llmagent_os.people.directory import Directory
from llmagent_os.privacy.job_store import JobStore
from llmagent_os.privacy.retention import KILLED_TRAININGS
from llmagent_os.training import job_folders, job_process, plan_runner
from llmagent_os.training.host_training import HostTraining
from llmagent_os.training.job_folders import LEDGER_FILE, LOG_FILE, JobFolders, job_folder, make_job_folder
from llmagent_os.training.job_order import ClusterWork
from llmagent_os.training.job_process import LEASE
from llmagent_os.training.job_runner import JobRunner, run_job
from llmagent_os.training.lora_folder import sha256_of
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.training_job import TrainingJob
from llmagent_os.training.training_plan import Candidate, JobSite
from tests.training_plans import candidate, counted_lora, write_lora
from tests.unit.training.conftest import JobBench, JobTest
from tests.unit.training.people import ANA, rate

MUCH = 1e6  #: seconds

#: Starts processes that import for themselves. It is not what ``sys.executable`` is in a test.
PYTHON = sys.executable


async def until(jobs: JobBench, job_id: str, is_so: JobTest) -> TrainingJob:
    while not is_so(job := await jobs.job(job_id)):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return job


def process_of_job() -> psutil.Process:
    (found,) = (each for each in psutil.Process().children() if "job_process" in " ".join(each.cmdline()))
    return found


async def test_a_job_makes_a_version_and_leaves_only_its_log(jobs: JobBench) -> None:
    job = await jobs.ask()
    await run_job(jobs.setting(people=["web:local:ana"]).order(job.job_id, MUCH), jobs.ledger)
    done = await jobs.job(job.job_id)
    assert (done.status, done.tries, done.finished_at is not None) == (JobStatus.DONE, 1, True), done.why
    version = await jobs.registry.get(done.version)
    await jobs.registry.verify(version)
    assert (version.job, version.people, version.stage) == (job.job_id, 1, "candidate")
    folder = jobs.data / "jobs" / job.job_id
    assert {path.name for path in folder.iterdir()} == {LOG_FILE, LEDGER_FILE}
    assert "the job begins" in (folder / LOG_FILE).read_text()


@pytest.mark.parametrize("kill", [2, "copied", "published"])
async def test_a_job_that_is_killed_is_finished_by_another_process(
    jobs: JobBench, tmp_path: Path, kill: int | str
) -> None:
    """kill -9 between two steps, and around publishing: one version, the same as without."""
    job, setting = await jobs.ask(), jobs.setting(kill=kill)
    await run_job(setting.order(job.job_id, MUCH), jobs.ledger)
    after = await jobs.job(job.job_id)
    assert after.status == (JobStatus.DONE if kill == "published" else JobStatus.WAITING)
    await run_job(setting.order(job.job_id, MUCH), jobs.ledger)
    (version,) = await jobs.registry.all()
    assert version.sha256 == sha256_of(counted_lora(tmp_path / "whole", 3))
    await jobs.registry.verify(version)
    assert [path.name for path in (jobs.data / "loras").iterdir()] == [version.name]


async def test_a_job_that_is_terminated_is_put_back_and_loses_no_try(jobs: JobBench) -> None:
    """As where the machine shuts down: every process is told to end at once."""
    job = await jobs.ask()
    running = asyncio.create_task(
        run_job(jobs.setting(steps=100_000, seconds=0.01).order(job.job_id, MUCH), jobs.ledger)
    )
    await until(jobs, job.job_id, lambda job: bool(job.progress.phase))
    process_of_job().terminate()
    await running
    after = await jobs.job(job.job_id)
    assert (after.status, after.tries) == (JobStatus.WAITING, 0), after.why


async def test_a_job_whose_process_always_dies_has_failed(jobs: JobBench) -> None:
    job = await jobs.ask()
    order = jobs.setting(crash="a fault of the plan", tries=2).order(job.job_id, MUCH)
    for _ in range(3):
        await run_job(order, jobs.ledger)
    failed = await jobs.job(job.job_id)
    assert (failed.status, failed.tries) == (JobStatus.FAILED, 2)
    assert f"llmagent-os jobs logs {job.job_id}" in failed.why
    assert "a fault of the plan" in (jobs.data / "jobs" / job.job_id / LOG_FILE).read_text()


async def test_the_log_of_a_job_that_fails_says_why_and_nothing_that_people_said(jobs: JobBench) -> None:
    """The log stays for weeks, also when somebody is erased."""
    job = await jobs.ask()
    setting = jobs.setting(error="ana@example.org is no model", examples=["what Ana told the bot"])
    await run_job(setting.order(job.job_id, MUCH), jobs.ledger)
    log = (jobs.data / "jobs" / job.job_id / LOG_FILE).read_text()
    assert "the job has failed" in log and "in run\n" in log and "ModelError: [email] is no model" in log
    assert "what Ana told the bot" not in log


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: the extra `ray`")
@pytest.mark.timeout(300)
async def test_a_job_is_put_back_when_the_cluster_is_away(jobs: JobBench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training is not lost because a machine is down, and its log says what was."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    job = await jobs.ask()
    setting = msgspec.structs.replace(jobs.setting(), cluster=ClusterWork(address="127.0.0.1:1"))
    await run_job(setting.order(job.job_id, MUCH), jobs.ledger)
    after = await jobs.job(job.job_id)
    log = (jobs.data / "jobs" / job.job_id / LOG_FILE).read_text()
    assert (after.status, after.tries) == (JobStatus.WAITING, 1), log
    assert "there is no Ray cluster at 127.0.0.1:1" in log
    await run_job(jobs.setting().order(job.job_id, MUCH), jobs.ledger)
    assert (await jobs.job(job.job_id)).status == JobStatus.DONE


@pytest.mark.parametrize(
    ("told", "status", "why"),
    [
        ({"error": "the model is damaged"}, JobStatus.FAILED, "the model is damaged"),
        ({"nothing": "there are no positives"}, JobStatus.DONE, "nothing to learn: there are no positives"),
        ({"memory": 400_000_000, "memory_gb": 0.3}, JobStatus.FAILED, "raise memory_gb in [training]"),
        ({"plan": "NoSuchPlan"}, JobStatus.FAILED, "cannot be loaded"),
    ],
)
async def test_a_job_ends_with_its_reason_in_words(
    jobs: JobBench, told: dict[str, Any], status: JobStatus, why: str
) -> None:
    job = await jobs.ask()
    setting = jobs.setting(**told)
    await run_job(setting.order(job.job_id, MUCH), jobs.ledger)
    ended = await jobs.job(job.job_id)
    assert ended.status == status
    assert why in ended.why
    assert not list((jobs.data / "jobs" / job.job_id).glob("work-*"))


async def test_a_job_is_cancelled_while_it_runs(jobs: JobBench) -> None:
    job = await jobs.ask()
    running = asyncio.create_task(
        run_job(jobs.setting(steps=10_000, seconds=0.01).order(job.job_id, MUCH), jobs.ledger)
    )
    seen = await until(jobs, job.job_id, lambda job: job.progress.step > 1)
    assert (seen.progress.phase, seen.progress.steps) == ("counting", 10_000)
    assert await jobs.queue.cancel(job.job_id, now()) == JobStatus.RUNNING
    await running
    assert (await jobs.job(job.job_id)).status == JobStatus.CANCELLED
    assert await jobs.registry.all() == []


async def test_a_host_that_stops_interrupts_its_job_and_the_next_goes_on(jobs: JobBench) -> None:
    job = await jobs.ask()
    order = jobs.setting(steps=100, seconds=0.05).order(job.job_id, MUCH)
    running = asyncio.create_task(run_job(order, jobs.ledger))
    await until(jobs, job.job_id, lambda job: job.progress.step > 3)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    stopped = await jobs.job(job.job_id)
    assert (stopped.status, stopped.tries) == (JobStatus.WAITING, 0)  # a stop is no failed try
    kept = next((jobs.data / "jobs" / job.job_id).glob("work-0/steps.txt")).read_text()
    assert len(kept) > 3
    await run_job(order, jobs.ledger)
    assert (await jobs.job(job.job_id)).status == JobStatus.DONE


async def test_a_process_that_sleeps_longer_than_its_lease_changes_nothing(jobs: JobBench) -> None:
    """A machine is suspended, another process does the job, and the first wakes up."""
    job = await jobs.ask()
    order = jobs.setting(steps=200, seconds=0.01).order(job.job_id, MUCH)
    asleep = asyncio.create_task(run_job(order, jobs.ledger))
    await until(jobs, job.job_id, lambda job: job.progress.step > 1)
    process = process_of_job()
    process.send_signal(signal.SIGSTOP)
    later = now() + 2 * LEASE
    other = await jobs.queue.claim(job.job_id, later, LEASE, tries=3)
    assert other is not None
    assert other.lease == 2
    process.send_signal(signal.SIGCONT)
    await asleep
    still = await jobs.job(job.job_id)
    assert (still.status, still.lease) == (JobStatus.RUNNING, 2)
    assert await jobs.registry.all() == []


async def test_a_job_that_has_used_up_its_time_goes_on_another_day(jobs: JobBench) -> None:
    job = await jobs.ask()
    setting = jobs.setting(steps=10_000, seconds=0.01)
    await run_job(setting.order(job.job_id, 0.5), jobs.ledger)
    later = await jobs.job(job.job_id)
    assert (later.status, later.tries) == (JobStatus.WAITING, 0)
    assert "goes on tomorrow" in later.why
    assert later.seconds > 0.5


async def test_the_runner_keeps_to_quiet_hours_and_to_the_days_budget(jobs: JobBench) -> None:
    job = await jobs.ask()
    noon = now().replace(hour=12, minute=0)
    assert not await JobRunner(jobs.setting(quiet_hours="01:00-06:00"), jobs.ledger, lambda: noon).run_next()
    used_up = jobs.setting(minutes_a_day=1e-9, steps=10_000, seconds=0.01)
    runner = JobRunner(used_up, jobs.ledger, now)
    assert await runner.run_next()  # nothing is spent yet
    assert (await jobs.job(job.job_id)).status == JobStatus.WAITING
    assert not await runner.run_next()
    assert await JobRunner(jobs.setting(), jobs.ledger, now).run_next()
    assert (await jobs.job(job.job_id)).status == JobStatus.DONE


async def test_a_process_that_cannot_begin_is_not_started_again_at_once(jobs: JobBench) -> None:
    """Its ledger is on a disk that is full, say. Else the host starts processes as fast as it can, for ever."""
    job = await jobs.ask()
    setting = msgspec.structs.replace(jobs.setting(), ledger_url=f"sqlite:///{jobs.data}")
    runner = JobRunner(setting, jobs.ledger, now)
    assert not await runner.run_next()
    assert (await jobs.job(job.job_id)).status == JobStatus.WAITING
    assert await JobRunner(jobs.setting(), jobs.ledger, now).run_next()


@pytest.mark.parametrize(("priority", "says"), [("idle", [5, 19]), ("low", [0, 19]), ("normal", [0, 0])])
def test_the_process_gives_way(priority: str, says: list[int]) -> None:
    """A training at the host's own priority would make every reply wait. 5 is Linux's SCHED_IDLE."""
    code = (
        "import os; from llmagent_os.training.process_limits import give_way; "
        f"give_way({priority!r}); print([os.sched_getscheduler(0), os.nice(0)])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == str(says)


async def test_a_person_who_leaves_has_running_trainings_begin_again(jobs: JobBench) -> None:
    """What was read of the person before may reach no weights, and may not lie in a checkpoint."""
    await rate(jobs.ledger, ANA)
    shared, own = await jobs.ask(), await jobs.ask(Level.PERSONAL, ANA)
    order = jobs.setting(steps=300, seconds=0.01, people=[ANA]).order(shared.job_id, MUCH)
    running = asyncio.create_task(run_job(order, jobs.ledger))
    await until(jobs, shared.job_id, lambda job: job.progress.step > 3)
    await jobs.ledger.forget(ANA)
    await JobFolders(jobs.ledger, jobs.data).delete_taken_back()
    await running
    again = await jobs.job(shared.job_id)
    assert (again.status, again.epoch, again.tries) == (JobStatus.WAITING, 1, 0)
    assert not list((jobs.data / "jobs" / shared.job_id).glob("work-*"))
    assert await jobs.registry.all() == []
    assert await jobs.queue.get(own.job_id) is None


@pytest.mark.parametrize("ends", ["published", "failed"])
async def test_what_a_training_writes_after_a_person_left_is_deleted(
    jobs: JobBench, monkeypatch: pytest.MonkeyPatch, ends: str
) -> None:
    """The person leaves, and the training ends before its next heartbeat tells it so."""

    class Late:
        def run(self, job: TrainingJob, site: JobSite, report: object, cancelled: object) -> Candidate:
            asyncio.run(leave())
            made = candidate(write_lora(site.folder / "lora"), ANA)
            if ends == "failed":
                raise OSError("No space left on device")
            return made

    async def leave() -> None:
        ledger = await Ledger.open(jobs.url)
        await LoraRegistry(ledger, jobs.data).take_back([ANA])
        await JobFolders(ledger, jobs.data).delete_taken_back()
        await ledger.close()

    def load_late(reference: str) -> Late:
        return Late()

    monkeypatch.setattr(plan_runner, "load_plan", load_late)
    await rate(jobs.ledger, ANA)
    job = await jobs.ask()
    make_job_folder(job_folder(jobs.data, job.job_id), await jobs.ledger.tag())
    assert await job_process.work(jobs.setting().order(job.job_id, MUCH), threading.Event()) == 0
    assert (await jobs.job(job.job_id)).epoch == 1
    assert not list((jobs.data / "jobs").glob("*/work-*"))


async def test_a_host_that_is_killed_takes_its_training_along(jobs: JobBench) -> None:
    """kill -9 of the host: its training ends by itself, and the next host goes on with it."""
    job = await jobs.ask()
    order = jobs.setting(steps=60, seconds=0.02).order(job.job_id, MUCH)
    encoded = msgspec.json.encode(order)
    host = await asyncio.create_subprocess_exec(PYTHON, "-c", HOST, stdin=asyncio.subprocess.PIPE)
    assert host.stdin is not None
    host.stdin.write(encoded)
    host.stdin.close()
    await until(jobs, job.job_id, lambda job: job.progress.step > 3)
    (training,) = psutil.Process(host.pid).children()
    host.kill()
    await host.wait()
    stopped = await until(jobs, job.job_id, lambda job: job.status == JobStatus.WAITING)
    assert (stopped.tries, stopped.why) == (0, "it was interrupted, and goes on from where it was")
    psutil.wait_procs([training])
    await run_job(order, jobs.ledger)
    assert (await jobs.job(job.job_id)).status == JobStatus.DONE


async def killed_with_its_host(jobs: JobBench) -> tuple[str, Path]:
    """A job whose process and host were killed at once, as by a loss of power; returns its id and its folder."""
    job = await jobs.ask()
    encoded = msgspec.json.encode(jobs.setting(steps=600, seconds=0.02).order(job.job_id, MUCH))
    host = await asyncio.create_subprocess_exec(PYTHON, "-c", HOST, stdin=asyncio.subprocess.PIPE)
    assert host.stdin is not None
    host.stdin.write(encoded)
    host.stdin.close()
    await until(jobs, job.job_id, lambda job: job.progress.step > 3)
    (training,) = psutil.Process(host.pid).children()
    host.send_signal(signal.SIGSTOP)  # it must not put the job back
    training.kill()
    host.kill()
    await host.wait()
    folder = job_folder(jobs.data, job.job_id)
    assert (await jobs.job(job.job_id)).status == JobStatus.RUNNING
    assert list(folder.glob("work-*"))
    return job.job_id, folder


@pytest.mark.parametrize("who", ["another bot's host", "the day's pruning", "jobs list"])
async def test_what_a_killed_job_has_left_is_deleted_though_its_bot_never_runs_again(
    jobs: JobBench, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    """What people said would lie in its folder for ever, and no other bot could clean up after a crash."""
    job_id, folder = await killed_with_its_host(jobs)

    async def opened() -> None:
        setting = msgspec.structs.replace(jobs.setting(), bot="another")
        host = HostTraining(setting, jobs.ledger, Directory(jobs.ledger, None), "", now)
        if who == "another bot's host":
            await host.open()
        elif who == "the day's pruning":
            await JobStore(host.folders).prune()
        else:
            await jobs_command.listing(Settings.load(env_file=None, data=jobs.data), None)

    await opened()
    assert list(folder.glob("work-*")), "its bot may go on with it"
    later = now() + KILLED_TRAININGS.time + LEASE
    monkeypatch.setattr(job_folders, "now", lambda: later)
    await opened()
    job = await jobs.job(job_id)
    assert job.status == JobStatus.FAILED and "none has gone on with it" in job.why
    assert {path.name for path in folder.iterdir()} == {LOG_FILE, LEDGER_FILE}


async def test_a_killed_job_keeps_no_other_host_from_cleaning_up(jobs: JobBench) -> None:
    job_id, _ = await killed_with_its_host(jobs)
    assert await jobs.queue.any_running(now())
    assert not await jobs.queue.any_running(now() + LEASE)
    assert (await jobs.job(job_id)).status == JobStatus.RUNNING


async def test_a_killed_job_that_is_cancelled_leaves_nothing(jobs: JobBench, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id, folder = await killed_with_its_host(jobs)
    lease = (await jobs.job(job_id)).lease_until
    assert lease is not None
    monkeypatch.setattr(jobs_command, "now", lambda: lease)
    said = await jobs_command.cancel(Settings.load(env_file=None, data=jobs.data), job_id)
    assert said == f"Cancelled: {job_id}"
    assert not list(folder.glob("work-*"))


#: A program that runs the job whose order is its input.
HOST = """
import asyncio, msgspec, sys
from llmagent_os.ledger import Ledger
from llmagent_os.training.job_order import JobOrder
from llmagent_os.training.job_runner import run_job

async def main() -> None:
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=JobOrder)
    await run_job(order, await Ledger.open(order.ledger_url))

asyncio.run(main())
"""
