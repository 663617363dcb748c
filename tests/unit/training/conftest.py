"""A ledger on disk, and jobs of a bot whose plans run in real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.events import now
from llmagent_os.ledger import Ledger
from llmagent_os.training.job_runner import JobSetting
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_job import TrainingJob

CHECKOUT = Path(__file__).parents[3]


class JobBench:
    """An installation with one bot, and no host."""

    def __init__(self, data: Path, ledger: Ledger, url: str) -> None:
        self.data = data
        self.ledger = ledger
        self.url = url
        self.queue = ledger.training_jobs
        self.registry = LoraRegistry(ledger, data)
        self._asked = 0

    def setting(self, plan: str = "Quick", model: str = "tiny", **changed: Any) -> JobSetting:
        """A bot whose plan is told ``changed``."""
        fields: dict[str, Any] = {
            name: changed.pop(name) for name in list(changed) if name in TrainingConfig.model_fields
        }
        given = {"plan": f"tests.training_plans:{plan}", "quiet_hours": "", "priority": "normal", "settings": changed}
        training = TrainingConfig.model_validate(given | fields)
        config = {"training": training.model_dump(mode="json")}
        return JobSetting(
            data=self.data, ledger_url=self.url, model=model, bot="calendar", bot_config=config, training=training
        )

    async def ask(self, level: Level = Level.SHARED, subject: str = "", key: str = "") -> TrainingJob:
        """Ask for a training."""
        self._asked += 1
        through = await self.ledger.last_reward()
        job = new_job("calendar", level, subject, key or str(self._asked), "for a test", through, now())
        return await self.queue.add(job)

    async def job(self, job_id: str) -> TrainingJob:
        """The job as it is now."""
        job = await self.queue.get(job_id)
        assert job is not None
        return job


@pytest.fixture
async def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JobBench]:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setattr("llmagent_os.training.job_runner.POLL_SECONDS", 0.02)
    url = f"sqlite:///{tmp_path}/data/ledger.db"
    ledger = await Ledger.open(url)
    yield JobBench(tmp_path / "data", ledger, url)
    await ledger.close()


#: Says whether something is so, of a job.
JobTest = Callable[[TrainingJob], bool]
