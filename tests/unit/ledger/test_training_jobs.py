"""The queue of trainings under any order of events. What breaks without this: two processes write one LoRA."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_jobs import Renewal
from llmagent_os.ledger.training_values import JobProgress, JobStatus, Level, TrainingJob
from tests.unit.ledger.samples import SIX

LEASE = timedelta(seconds=30)
TRIES = 3


class Queue(RuleBasedStateMachine):
    """Processes that claim, work, sleep, die and cancel, on the clock of one machine."""

    claims = Bundle[TrainingJob]("claims")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.ledger: Ledger = self.runner.run(Ledger.open("sqlite://"))
        self.queue = self.ledger.training_jobs
        self.now = SIX
        self.latest: dict[str, int] = {}  #: by job, the newest lease
        for name in ("a", "b"):
            job = TrainingJob(job_id=name, bot="x", level=Level.SHARED, key=name, reason="", created_at=SIX)
            self.run(self.queue.add(job))

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    def teardown(self) -> None:
        self.run(self.ledger.close())
        self.runner.close()

    @rule(seconds=st.integers(0, 45))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(target=claims, job_id=st.sampled_from("ab"))
    def claim(self, job_id: str) -> TrainingJob:
        held = [job for job in self.run(self.queue.all()) if job.status == JobStatus.RUNNING]
        claimed: TrainingJob | None = self.run(self.queue.claim(job_id, self.now, LEASE, tries=TRIES))
        if claimed is None:
            return TrainingJob(job_id=job_id, bot="x", level=Level.SHARED, key="", reason="", created_at=SIX, lease=-1)
        assert all(job.lease_until <= self.now for job in held), "two processes at once"
        assert claimed.lease > self.latest.get(job_id, 0)
        self.latest[job_id] = claimed.lease
        return claimed

    @rule(job=claims)
    def renew(self, job: TrainingJob) -> None:
        heard = self.run(self.queue.renew(job, self.now, LEASE, JobProgress(step=job.lease)))
        if self.latest.get(job.job_id) != job.lease:
            assert heard == Renewal.LOST

    @rule(job=claims, status=st.sampled_from([JobStatus.DONE, JobStatus.FAILED, JobStatus.WAITING]))
    def end(self, job: TrainingJob, status: JobStatus) -> None:
        ended = self.run(self.queue.end(job, status, "", self.now))
        assert not ended or self.latest[job.job_id] == job.lease

    @rule(job=claims, counts=st.booleans())
    def die(self, job: TrainingJob, counts: bool) -> None:
        before = self.run(self.queue.get(job.job_id))
        self.run(self.queue.abandon(job.job_id, job.lease, self.now, counts=counts))
        if self.latest.get(job.job_id) != job.lease:
            assert self.run(self.queue.get(job.job_id)) == before

    @rule(job_id=st.sampled_from("ab"))
    def cancel(self, job_id: str) -> None:
        self.run(self.queue.cancel(job_id, self.now))

    @invariant()
    def what_has_ended_stays_ended(self) -> None:
        for job in self.run(self.queue.all()):
            assert (job.finished_at is not None) == (job.status not in (JobStatus.WAITING, JobStatus.RUNNING))
            assert (job.lease_until is not None) == (job.status == JobStatus.RUNNING)
            assert 0 <= job.tries <= TRIES


TestQueue = Queue.TestCase
TestQueue.settings = settings(max_examples=15, stateful_step_count=25, deadline=None, derandomize=True)


async def test_a_clock_that_is_set_back_neither_holds_a_job_nor_lengthens_the_day() -> None:
    """Its process was killed, and then the clock was set right. Else all trainings of the bot wait for that long."""
    ledger = await Ledger.open("sqlite://")
    queue = ledger.training_jobs
    await queue.add(TrainingJob(job_id="a", bot="x", level=Level.SHARED, key="a", reason="", created_at=SIX))
    ahead = SIX + timedelta(days=2)
    assert await queue.claim("a", ahead, LEASE, tries=TRIES) is not None
    assert await queue.next("x", ahead) is None
    claimed = await queue.claim("a", SIX, LEASE, tries=TRIES)
    assert claimed is not None
    assert await queue.end(claimed, JobStatus.WAITING, "", SIX - timedelta(hours=1))
    assert await queue.spent("x", SIX - timedelta(days=1)) == 0.0
    await ledger.close()
