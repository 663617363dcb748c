"""kill -9 of the real plan in each of its phases. What breaks without this: a night's training is lost, or half of it
serves people.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from llmagent_os.bot import job_setting
from llmagent_os.events import now
from llmagent_os.training.job_folders import LOG_FILE
from llmagent_os.training.job_runner import run_job
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_difference import layer_differences
from llmagent_os.training.lora_version import Level
from llmagent_os.training.training_job import JobStatus
from llmagent_os.training.training_plan import Candidate
from tests.chatty_model import TALK
from tests.unit.training.conftest import CHECKOUT
from tests.unit.training.test_reaction_plan import ANA, hosting

#: Where the process is killed, in order.
MOMENTS = ("data", "candidates", "training", "evaluation", "copied")


@pytest.mark.usefixtures("warm_programs")
@pytest.mark.timeout(600)  # other tests run beside it
async def test_a_training_that_is_killed_in_every_phase_ends_as_one_that_is_not(
    chatty_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One version, of the same data and with the same weights, and nothing else is left."""
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    async with hosting(tmp_path, chatty_model) as host:
        for prompts in TALK:
            for text in prompts[:4]:  # fewer opinions would not be sure enough for a LoRA of one person
                await host.rated(text, "plain", "👎")
            for text in prompts[2:6]:
                await host.rated(text, "playful", "👍")
        await host.say("/profile clear tone")  # who asks for what they like has it already
        settings: dict[str, Any] = {"learning_rate": 2e-3, "epochs": 24, "checkpoint_seconds": 0.0}
        whole = await host.plan("whole", **settings)
        assert isinstance(whole, Candidate)

        setting = job_setting(host.settings, host.bot)
        config = setting.bot_config | {"training": setting.bot_config["training"] | {"settings": settings}}
        training = setting.training.model_copy(update={"plan": "tests.training_plans:KilledReactions", "tries": 9})
        setting = msgspec.structs.replace(setting, bot_config=config, training=training)
        ledger, queue = host.runtime.ledger, host.runtime.ledger.training_jobs
        job = await queue.add(new_job(host.bot.name, Level.PERSONAL, ANA, "killed", "for a test", 0, now()))
        folder = host.settings.data / "jobs" / job.job_id
        for moment in MOMENTS:
            await run_job(setting.order(job.job_id, 1e6), ledger)
            assert (folder / f"{moment}.txt").exists(), (folder / LOG_FILE).read_text()
        await run_job(setting.order(job.job_id, 1e6), ledger)

        done = await queue.get(job.job_id)
        assert done is not None
        assert (done.status, len(await host.versions())) == (JobStatus.DONE, 1), done.why
        (version,) = await host.versions()
        await host.runtime.training.registry.verify(version)
        made = host.runtime.training.registry.folder_of(version)
        assert (version.data_hash, version.stage) == (whole.data_hash, whole.stage)
        assert max(each.share for each in layer_differences(whole.folder, made)) < 1e-5
        assert [path.name for path in (host.settings.data / "loras").iterdir()] == [version.name]
        assert not list(folder.glob("work-*"))
