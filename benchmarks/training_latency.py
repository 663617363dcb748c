"""Measure how long replies take while a training runs beside them, at each priority that a training may have.

    python -m benchmarks.training_latency [--replies 40] [--rounds 3]

The shipped calendar model answers one request after the other, in this process. Beside it a training of the same model
runs in a job's process, as a host runs it. Rounds without and with a training take turns. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

from tests.tiny_model import calendar_samples

from llmagent_os.chat import ChatRequest
from llmagent_os.events import now
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.training_values import JobProgress, JobStatus, Level, TrainingJob
from llmagent_os.llm import LLM
from llmagent_os.training.job_runner import JobSetting, run_job
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.process_limits import Priority
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_plan import JobCancelledError, JobSite, NothingToLearn
from llmagent_os.training.training_run import TrainingProgress

MODEL = "calendar"
PRIORITIES: tuple[Priority, ...] = ("idle", "low", "normal")


class Endless:
    """Trains until it is cancelled."""

    def run(
        self, job: TrainingJob, site: JobSite, report: Callable[[JobProgress], None], cancelled: Callable[[], bool]
    ) -> NothingToLearn:
        """Train."""
        from llmagent_os.serving.model_loading import load_model
        from llmagent_os.serving.model_location import locate
        from llmagent_os.training.lora import attach
        from llmagent_os.training.objectives.objective_choice import objective_of
        from llmagent_os.training.training_loop import train
        from llmagent_os.training.training_settings import TrainingSettings

        def on_step(at: TrainingProgress) -> None:
            report(JobProgress(phase="training", step=at.step, steps=at.planned, loss=at.loss))
            if cancelled():
                raise JobCancelledError

        location = locate(site.model)
        settings = TrainingSettings(epochs=100_000, stop_at_loss=0.0)
        samples = calendar_samples(location, 64)
        train(attach(load_model(location), settings), samples, objective_of(settings), settings, on_step=on_step)
        return NothingToLearn("it has come to an end")


async def latencies(llm: LLM, replies: int) -> list[float]:
    """How long each of ``replies`` replies takes, in seconds."""
    found: list[float] = []
    for number in range(replies):
        begun = time.perf_counter()
        await llm.complete(ChatRequest(messages=[{"role": "user", "content": f"what do I have on friday {number}?"}]))
        found.append(time.perf_counter() - begun)
    return found


@contextlib.asynccontextmanager
async def training(data: Path, ledger: Ledger, url: str, priority: Priority) -> AsyncGenerator[str]:
    """A training that runs for as long as this is open; gives the job's id once it trains."""
    config = TrainingConfig(plan="benchmarks.training_latency:Endless", priority=priority)
    setting = JobSetting(data=data, ledger_url=url, model=MODEL, bot=MODEL, bot_config={}, training=config)
    job = await ledger.training_jobs.add(new_job(MODEL, Level.SHARED, "", priority + str(now()), "", 0, now()))
    running = asyncio.create_task(run_job(setting.order(job.job_id, 1e6), ledger))
    while (known := await ledger.training_jobs.get(job.job_id)) is not None and not known.progress.step:
        if known.status not in (JobStatus.WAITING, JobStatus.RUNNING):
            raise SystemExit(f"the training did not begin: {known.why}")
        await asyncio.sleep(0.1)
    try:
        yield job.job_id
    finally:
        await ledger.training_jobs.cancel(job.job_id, now())
        await running


async def measure(replies: int, rounds: int) -> None:
    """Print the table."""
    llm = LLM.from_pretrained(MODEL)
    alone: list[float] = []
    beside: dict[Priority, list[float]] = {priority: [] for priority in PRIORITIES}
    steps: dict[Priority, list[float]] = {priority: [] for priority in PRIORITIES}
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        ledger = await Ledger.open(url)
        await latencies(llm, 5)
        for _ in range(rounds):
            alone += await latencies(llm, replies)
            for priority in PRIORITIES:
                async with training(Path(folder), ledger, url, priority) as job_id:
                    before, begun = await ledger.training_jobs.get(job_id), time.perf_counter()
                    beside[priority] += await latencies(llm, replies)
                    after, seconds = await ledger.training_jobs.get(job_id), time.perf_counter() - begun
                    if before is not None and after is not None and after.status == JobStatus.RUNNING:
                        steps[priority].append((after.progress.step - before.progress.step) / seconds)
        await ledger.close()
    await llm.aclose()
    print("| beside the replies | p50 ms | p95 ms | p95, times that without | steps of training a second |")
    print("| --- | ---: | ---: | ---: | ---: |")
    base = p95(alone)
    print(f"| nothing | {1e3 * statistics.median(alone):.0f} | {1e3 * base:.0f} | 1 | |")
    for priority in PRIORITIES:
        found, speed = beside[priority], statistics.mean(steps[priority])
        middle, high = 1e3 * statistics.median(found), p95(found)
        print(f"| a training, `{priority}` | {middle:.0f} | {1e3 * high:.0f} | {high / base:.2f} | {speed:.2f} |")


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replies", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # the job's process imports the plan from here
    asyncio.run(measure(given.replies, given.rounds))
