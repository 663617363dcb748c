"""What a training job does: the contract between the process of a job and the code that trains.

A plan runs in the job's process. It may be killed at any moment. Then it is run again with the same job and the same
folder: what it has left in the folder is its checkpoint.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec

from llmagent_os.identity import PersonId
from llmagent_os.ledger.training_values import JobProgress, Stage, TrainingJob

#: How often it is looked whether a job is to end, while it waits for something.
_LOOK_SECONDS = 0.2

_Result = TypeVar("_Result")


class JobSite(msgspec.Struct, frozen=True, kw_only=True):
    """Where a job works, and with what."""

    folder: Path  #: the job's own folder, for checkpoints; the same when the job is run again, and deleted at its end
    data: Path  #: the data folder of the installation
    ledger_url: str  #: the installation's ledger; a plan opens it to read
    model: str  #: the bot's model, as :func:`~llmagent_os.serving.model_location.locate` takes it
    bot: dict[str, Any]  #: the bot's configuration, as its TOML file has it
    training: dict[str, Any]  #: of this, ``[training]``


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan has made: a LoRA, and all that its version is to say of it."""

    folder: Path  #: a PEFT folder: ``adapter_config.json`` and ``adapter_model.safetensors``
    parent: str = ""  #: the version that training started from; empty: the base model
    base_model: str  #: the model's name
    base_hash: str  #: first 12 hexadecimal digits of the SHA-256 of the base weights
    data_hash: str  #: SHA-256 of the examples, in hexadecimal digits
    method: str  #: how it was trained
    contributors: tuple[PersonId, ...] = ()  #: whose words or reactions it was trained on
    through: int = 0  #: the ledger's last row of rewards that was learned from
    evaluation: dict[str, Any] = {}  #: what was measured, and what the gate said of it
    stage: Stage = Stage.CANDIDATE  #: as the gate decided: ``rejected``, ``shadow``, ``canary`` or ``active``
    why: str = ""  #: the reason for the stage, in words


class NothingToLearn(msgspec.Struct, frozen=True):
    """What a plan gives in place of a candidate where there is none: too few samples, no positives, …"""

    why: str  #: in words


#: Tells how far the work is. May be called as often as one likes: what comes too quickly is left out.
ReportProgress = Callable[[JobProgress], None]

#: Whether the job was cancelled, or has lost its lease. The plan asks at every step, and ends with
#: :class:`JobCancelledError` soon after it is true.
Cancelled = Callable[[], bool]


class TrainingPlan(Protocol):
    """Does the work of a job."""

    def run(
        self, job: TrainingJob, site: JobSite, report: ReportProgress, cancelled: Cancelled
    ) -> Candidate | NothingToLearn:
        """Train. Blocks: it has the process for itself.

        Raises:
            JobCancelledError: ``cancelled`` was true.
            LLMAgentOSError: the work cannot be done; the message says why. It is not tried again.
        """
        ...


class JobCancelledError(Exception):
    """The job was cancelled: raised by a plan that has seen it."""


async def until_cancelled(work: Coroutine[Any, Any, _Result], cancelled: Cancelled) -> _Result:
    """Wait for work of many waits, and cancel it when the job is to end.

    Raises:
        JobCancelledError: the job is to end.
    """
    working = asyncio.create_task(work)
    while not (await asyncio.wait([working], timeout=_LOOK_SECONDS))[0]:
        if cancelled():
            working.cancel()
            await asyncio.wait([working])
            raise JobCancelledError
    return working.result()
