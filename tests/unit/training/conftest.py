"""A PeftModel that trains in a blink and samples for it; a ledger on disk, and jobs of a bot that run in processes."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from llmagent_os.events import now
from llmagent_os.ledger import Ledger
from llmagent_os.training.job_runner import JobSetting
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora import attach
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_config import TrainingConfig
from llmagent_os.training.training_device import seeded
from llmagent_os.training.training_job import TrainingJob
from llmagent_os.training.training_settings import TrainingSettings

VOCABULARY = 40


def small_model(seed: int = 0) -> Any:
    """Make a Llama of three blocks with about 20,000 random weights."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        initializer_range=0.2,
    )
    with seeded(seed):
        return LlamaForCausalLM(config).eval()


@pytest.fixture
def adapt() -> Callable[[TrainingSettings], Any]:
    """Gives a fresh model with a fresh LoRA, the same ones every time."""
    torch.set_num_threads(1)
    return lambda settings: attach(small_model(), settings)


def random_samples(count: int, seed: int = 0, **values: Any) -> list[TokenSample]:
    """Make samples of random tokens and lengths, every second of them liked."""
    order = random.Random(seed)

    def tokens(least: int, most: int) -> tuple[int, ...]:
        return tuple(order.randrange(VOCABULARY) for _ in range(order.randint(least, most)))

    return [
        TokenSample(
            prompt=tokens(1, 9),
            response=tokens(1, 6),
            rejected=tokens(1, 6),
            **cast("dict[str, Any]", {"reward": 1.0 if number % 2 else -1.0, **values}),
        )
        for number in range(count)
    ]


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
async def jobs(warm_programs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[JobBench]:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setattr("llmagent_os.training.job_runner.POLL_SECONDS", 0.02)
    url = f"sqlite:///{tmp_path}/data/ledger.db"
    ledger = await Ledger.open(url)
    yield JobBench(tmp_path / "data", ledger, url)
    await ledger.close()


#: Says whether something is so, of a job.
JobTest = Callable[[TrainingJob], bool]
