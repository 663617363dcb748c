"""``llmagent-os jobs`` and ``versions``. What breaks without this: nobody sees what was trained, or can undo it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from llmagent_os.admin import jobs_command, versions_command
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError
from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import locate
from llmagent_os.training.job_schedule import new_job
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import LoraVersion
from llmagent_os.training.training_job import JobStatus, Level, TrainingJob
from tests.tiny_model import save_model
from tests.training_plans import BASE_HASH, candidate, write_lora
from tests.unit.training.people import ANA, CLEO, rate

pytestmark = pytest.mark.usefixtures("warm_programs")

CHECKOUT = Path(__file__).parents[3]

CONFIG = """
name = "diary"
model = "tiny"
[consent]
training = true
ask = false

[training]
plan = "tests.training_plans:Quick"
priority = "normal"
settings = {{ people = ["web:local:ana"], steps = {steps}, seconds = 0.01 }}
"""


def bot(folder: Path, steps: int) -> Bot:
    """A bot that is trained for a number of steps."""
    folder.mkdir(exist_ok=True)
    (folder / "bot.toml").write_text(CONFIG.format(steps=steps))
    return Bot.load(folder)


def nothing(_: TrainingJob) -> None:
    """Watch nothing."""


async def test_a_training_from_the_command_line_to_a_rollback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CHECKOUT))
    monkeypatch.setattr(jobs_command, "POLL_SECONDS", 0.02)
    settings = Settings.load(env_file=None, data=tmp_path / "data")
    seen: list[TrainingJob] = []
    said = await jobs_command.run(settings, bot(tmp_path / "bot", 60), Level.SHARED, "", "", seen.append)
    job = said.partition(":")[0]
    assert f"{job}: done, made diary-shared-" in said
    assert {each.progress.phase for each in seen} >= {"counting"}
    await jobs_command.run(settings, bot(tmp_path / "bot", 3), Level.PERSONAL, "web:local:ana", "", nothing)
    listed = (await jobs_command.listing(settings, "diary")).splitlines()
    assert [line.split()[5:7] for line in listed] == [["personal", "done:"], ["shared", "done:"]]
    assert "reason: asked for by hand" in await jobs_command.show(settings, job[:6])
    assert "the job has made a version" in await jobs_command.logs(settings, job)
    with pytest.raises(ConfigError, match="has ended: done"):
        await jobs_command.cancel(settings, job)

    first, second = (line.split()[0] for line in (await versions_command.listing(settings, None)).splitlines())
    shown = await versions_command.show(settings, first)
    assert "people: 1, of whom 0 have taken something back\n  web:local:ana" in shown
    assert f"job {job}" in shown
    differing = await versions_command.diff(settings, first, second)
    assert "level: shared -> personal" in differing
    assert "layers.0.self_attn.q_proj: distance" in differing
    await versions_command.promote(settings, first, "it passed")
    assert f"* {first}" in await versions_command.listing(settings, "diary")
    rolled = await versions_command.roll_back(settings, first, "by hand")
    assert rolled == f"Rolled back: {first}; the level above answers"
    assert "load it with" in await versions_command.export(settings, first, tmp_path / "mine")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
async def test_a_command_that_is_stopped_leaves_the_job_in_the_queue(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Not as one that runs for as long as its process does, or its lease: nobody could go on with it."""
    bot(tmp_path / "bot", 1_000_000)
    settings = Settings.load(env_file=None, data=tmp_path / "data")
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "LLMAGENT_OS_DATA": str(settings.data)}
    program = Path(sys.executable).with_name("llmagent-os")
    process = await asyncio.create_subprocess_exec(
        program, "jobs", "run", tmp_path / "bot", env=environment, stderr=asyncio.subprocess.PIPE
    )
    ledger = await Ledger.open(settings.ledger_url)
    try:
        async with asyncio.timeout(60):
            while not ((at := await ledger.training_jobs.running("diary")) and at.progress.phase):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            process.send_signal(number)
            _, errors = await process.communicate()
        (job,) = await ledger.training_jobs.all()
    finally:
        await ledger.close()
    assert (process.returncode, job.status, job.tries) == (code, JobStatus.WAITING, 0), errors.decode()
    assert b"Traceback" not in errors


async def test_a_version_of_another_model_is_not_promoted_and_no_rollback_brings_it_back(tmp_path: Path) -> None:
    """Nothing would serve it, and the command would say that it is active."""
    settings = Settings.load(env_file=None, data=tmp_path / "data")
    model = save_model(tmp_path / "model")
    (tmp_path / "bot.toml").write_text(f'name = "diary"\nmodel = "{model}"')
    own = model_hash(locate(str(model)))
    ledger = await Ledger.open(settings.ledger_url)
    registry = LoraRegistry(ledger, settings.data)
    made: list[LoraVersion] = []
    for seed, base_hash in enumerate((own, BASE_HASH, BASE_HASH)):
        about = new_job("diary", Level.SHARED, "", str(seed), "for a test", 0, now())
        folder = write_lora(tmp_path / str(seed), seed)
        kept = await registry.publish(candidate(folder, base_hash=base_hash), about, leased=False)
        assert kept is not None
        made.append(kept)
    await ledger.close()
    good, other, last = (version.name for version in made)
    with pytest.raises(ConfigError, match=r"was trained on the model tiny .*and bot 'diary' has another one"):
        await versions_command.promote(settings, other, "", str(tmp_path))
    with pytest.raises(ConfigError, match="there is no bot"):
        await versions_command.promote(settings, good, "", "nowhere")
    assert "*" not in await versions_command.listing(settings, None)
    assert await versions_command.promote(settings, good, "", str(tmp_path)) == f"Active: {good} (shared)"
    for version in (other, last):  # as before the model of the bot was changed
        assert "name the bot's folder with --bot" in await versions_command.promote(settings, version, "")
    said = await versions_command.roll_back(settings, last, "", str(tmp_path))
    assert said == f"Rolled back: {last}; {good} answers again"


@pytest.mark.parametrize(
    ("level", "subject", "config", "why"),
    [
        (Level.SHARED, "", 'name = "a"\nmodel = "m"', r"write \[training\] in its bot.toml"),
        (Level.SHARED, "web:local:ana", CONFIG.format(steps=1), "leave --of out"),
        (Level.PERSONAL, "", CONFIG.format(steps=1), "Write --of"),
        (Level.PERSONAL, "ana", CONFIG.format(steps=1), "platform:workspace:id"),
    ],
)
async def test_what_cannot_be_trained_is_refused_and_not_asked_for(
    tmp_path: Path, level: Level, subject: str, config: str, why: str
) -> None:
    settings = Settings.load(env_file=None, data=tmp_path / "data")
    (tmp_path / "bot.toml").write_text(config)
    with pytest.raises(ConfigError, match=why):
        await jobs_command.run(settings, Bot.load(tmp_path), level, subject, "", nothing)
    assert "No training was asked for yet" in await jobs_command.listing(settings, None)


async def test_too_few_people_or_reactions_are_said_at_once(tmp_path: Path) -> None:
    """Not by a process that loads a model first, and a job that stands in the list for ever."""
    settings = Settings.load(env_file=None, data=tmp_path / "data")
    (tmp_path / "bot.toml").write_text('name = "diary"\nmodel = "tiny"\n[training]\n')
    asked = Bot.load(tmp_path)
    ledger = await Ledger.open(settings.ledger_url)
    others = [Identity(f"web:local:p{number}") for number in range(4)]
    for who in (*others, ANA, ANA, ANA):
        await rate(ledger, who)
    for who in others:
        await ledger.personas.put("diary", PersonId(who), "verbosity=brief", {}, 0, 0.0)
    with pytest.raises(ConfigError, match="4 people who like short answers are known, and 5 are needed"):
        await jobs_command.run(settings, asked, Level.GROUP, "verbosity=brief", "", nothing)
    await ledger.personas.put("diary", PersonId(ANA), "verbosity=brief", {}, 0, 0.0)
    for level, subject, judged in (
        (Level.SHARED, "", 7),
        (Level.PERSONAL, ANA, 3),
        (Level.PERSONAL, CLEO, 0),
        (Level.GROUP, "verbosity=brief", 7),
    ):
        with pytest.raises(ConfigError, match=f"^{judged} replies are judged, and 8 are needed"):
            await jobs_command.run(settings, asked, level, subject, "", nothing)
    await ledger.close()
    assert "No training was asked for yet" in await jobs_command.listing(settings, None)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('quiet_hours = "1-6"', "write quiet hours as 01:00-06:00"),
        ('plan = "my plan"', "write the plan as module:attribute"),
        ("opinion = 3", "did you mean `opinions`"),
        ("minutes_a_day = 0", "write a number above 0"),
        ('levels = ["all"]', "'shared', 'group' or 'personal'"),
        ('priority = "high"', "write idle, low or normal"),
    ],
)
def test_a_wrong_setting_names_itself(tmp_path: Path, line: str, why: str) -> None:
    (tmp_path / "bot.toml").write_text(f'name = "a"\nmodel = "m"\n[training]\n{line}')
    with pytest.raises(ConfigError, match=r"`training\.") as caught:
        Bot.load(tmp_path)
    assert why in str(caught.value)


def test_the_settings_of_a_plan_are_its_own(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(CONFIG.format(steps=1))
    told: dict[str, Any] = Bot.load(tmp_path).config.training.settings
    assert told["steps"] == 1
