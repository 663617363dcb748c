"""Training plans for tests, which run in processes of their own: a quick one, and the real one that is killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors import numpy as safetensors

from llmagent_os.errors import ModelError
from llmagent_os.identity import PersonId
from llmagent_os.ledger.training_values import JobProgress, Stage, TrainingJob
from llmagent_os.training import lora_registry
from llmagent_os.training.reaction_plan import ReactionPlan
from llmagent_os.training.training_plan import Candidate, JobCancelledError, JobSite, NothingToLearn

#: The step of a training after which :class:`KilledReactions` dies.
KILLED_AT_STEP = 1

BASE_HASH = "0123456789ab"


def write_lora(folder: Path, seed: int = 0, scale: float = 1.0) -> Path:
    """Write the files of a LoRA of one layer, as PEFT does."""
    folder.mkdir(parents=True, exist_ok=True)
    order = np.random.default_rng(seed)
    name = "base_model.model.model.layers.0.self_attn.q_proj"
    tensors = {
        f"{name}.lora_A.weight": order.normal(size=(2, 8)).astype(np.float32),
        f"{name}.lora_B.weight": scale * order.normal(size=(8, 2)).astype(np.float32),
    }
    cast("Any", safetensors).save_file(tensors, folder / "adapter_model.safetensors")
    config = {"peft_type": "LORA", "lora_alpha": 4, "r": 2, "base_model_name_or_path": "tiny"}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def counted_lora(folder: Path, steps: int) -> Path:
    """What :class:`Quick` makes of a number of steps."""
    return write_lora(folder, seed=int(hashlib.sha256(b"x" * steps).hexdigest()[:8], 16))


def candidate(folder: Path, *people: str, **changed: Any) -> Candidate:
    """What a plan makes of a folder."""
    given: dict[str, Any] = {
        "base_model": "tiny",
        "base_hash": BASE_HASH,
        "data_hash": "d" * 64,
        "method": "sft",
        "contributors": tuple(map(PersonId, people)),
    }
    return Candidate(folder=folder, **(given | changed))


class Quick:
    """Counts to ``steps``, keeps each step on disk, and writes a LoRA that depends on all of them.

    ``begun`` names a file that is told at which step each process begins. ``kill`` names the moment at which the
    process kills itself, once: a step, ``copied`` (the files of the version are there, and no row) or ``published``
    (the row is there).
    """

    def run(
        self, job: TrainingJob, site: JobSite, report: Callable[[JobProgress], None], cancelled: Callable[[], bool]
    ) -> Candidate | NothingToLearn:
        given = site.training["settings"]
        if "nothing" in given:
            return NothingToLearn(given["nothing"])
        if "error" in given:
            raise ModelError(given["error"])
        if "crash" in given:
            raise RuntimeError(given["crash"])
        if "memory" in given:
            hoard = np.ones(int(given["memory"]), dtype=np.uint8)
            while not cancelled():
                hoard += 1
                time.sleep(0.02)
            raise JobCancelledError
        _kill_around_publishing(site, str(given.get("kill", "")))
        done = site.folder / "steps.txt"
        steps = int(given.get("steps", 3))
        first = len(done.read_text()) if done.exists() else 0
        if "begun" in given:
            with Path(given["begun"]).open("a", encoding="utf-8") as begun:
                begun.write(f"{first}\n")
        for step in range(first, steps):
            if cancelled():
                raise JobCancelledError
            report(JobProgress(phase="counting", step=step, steps=steps, loss=1.0 / (step + 1)))
            if given.get("kill") == step:
                kill_once(site)
            time.sleep(float(given.get("seconds", 0)))
            done.write_text("x" * (step + 1))
        folder = counted_lora(site.folder / "lora", len(done.read_text()))
        stage = Stage(given.get("stage", "candidate"))
        return candidate(folder, *given.get("people", ()), stage=stage, through=job.through)


class KilledReactions(ReactionPlan):
    """Learns from reactions in a process that kills itself once in every phase, and while it publishes."""

    def run(
        self, job: TrainingJob, site: JobSite, report: Callable[[JobProgress], None], cancelled: Callable[[], bool]
    ) -> Candidate | NothingToLearn:
        def report_and_die(progress: JobProgress) -> None:
            report(progress)
            if progress.phase != "training" or progress.step > KILLED_AT_STEP:
                kill_once(site, progress.phase)

        _kill_around_publishing(site, "copied")
        return super().run(job, site, report_and_die, cancelled)


def kill_once(site: JobSite, moment: str = "killed") -> None:
    """Kill this process as ``kill -9`` does, unless it was killed at this moment before."""
    marker = site.folder.parent / f"{moment}.txt"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def _kill_around_publishing(site: JobSite, kill: str) -> None:
    module: Any = lora_registry
    if kill == "copied":
        publish_folder = module.publish_folder

        def publish_and_die(*arguments: Any) -> Path:
            folder: Path = publish_folder(*arguments)
            kill_once(site, kill)
            return folder

        module.publish_folder = publish_and_die
    elif kill == "published":
        publish = module.LoraRegistry.publish

        async def add_and_die(*arguments: Any) -> Any:
            version = await publish(*arguments)
            kill_once(site, kill)
            return version

        module.LoraRegistry.publish = add_and_die
