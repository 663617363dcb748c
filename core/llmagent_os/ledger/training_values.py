"""The frozen values of what trains weights: versions of LoRAs, and the jobs that make them.

The rules for them are in :mod:`llmagent_os.training.lora_version` and :mod:`llmagent_os.training.training_job`.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec


class Level(StrEnum):
    """Whose replies a LoRA writes. Each level starts from the one before it."""

    SHARED = "shared"  #: everybody's, of one bot
    GROUP = "group"  #: those of the people of one persona
    PERSONAL = "personal"  #: one person's


class Stage(StrEnum):
    """Where a version stands between its training and its end."""

    CANDIDATE = "candidate"  #: trained, and not judged yet
    SHADOW = "shadow"  #: passed the gate; writes no reply yet
    CANARY = "canary"  #: writes the replies of a share of conversations
    ACTIVE = "active"  #: writes the replies of its level
    ROLLED_BACK = "rolled_back"  #: was active or canary, and was taken back
    REJECTED = "rejected"  #: the gate let it not pass
    RETIRED = (
        "retired"  #: a newer version took its place, or the people that it was trained on took back what they gave
    )


class LoraVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a LoRA: where it comes from, and where it stands."""

    name: str  #: its folder's name; holds digits of the hash and nothing of a person
    bot: str
    level: Level
    subject: str = ""  #: a persona's name (group) or a ``PersonId`` (personal); empty: everybody, or a person who left
    parent: str = ""  #: the version that training started from; empty: the base model
    base_model: str  #: the model's name
    base_hash: str  #: first 12 hexadecimal digits of the SHA-256 of the base weights
    data_hash: str  #: SHA-256 of the examples, in hexadecimal digits
    method: str  #: ``distil``, ``sft``, ``kto``, ``dpo`` or ``reinforce``
    job: str = ""  #: the id of the job that made it; empty: made by hand
    people: int = 0  #: how many people contributed
    withdrawn: int = 0  #: how many of them have taken back what they gave
    through: int = 0  #: the ledger's last row of rewards that was learned from
    stage: Stage = Stage.CANDIDATE
    why: str = ""  #: the reason for the stage, in words
    evaluation: dict[str, Any] = {}  #: what was measured, and what the gate said of it
    sha256: str  #: of the files, in hexadecimal digits; see :mod:`llmagent_os.training.lora_folder`
    stale_since: datetime | None = None  #: when a contributor first took something back; None: nobody has
    created_at: datetime
    promoted_at: datetime | None = None  #: when it last became active; None: it never was
    revision: int = 0  #: rises with every change of any version


class JobStatus(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"  #: to be run, for the first time or again
    RUNNING = "running"  #: a process holds its lease
    DONE = "done"  #: it has ended well, with or without a version
    FAILED = "failed"  #: it cannot be done, or was tried too often
    CANCELLED = "cancelled"


class JobProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a job is."""

    phase: str = ""  #: which step of the work: ``data``, ``training``, ``evaluation``, …
    step: int = 0  #: steps done in this phase
    steps: int = 0  #: steps planned in this phase; 0: not known
    loss: float | None = None  #: of the last step, in nats a response token
    tokens_per_second: float | None = None
    seconds_left: float | None = None
    note: str = ""  #: anything to say in words


class TrainingJob(msgspec.Struct, frozen=True, kw_only=True):
    """One training that was asked for."""

    job_id: str
    bot: str
    level: Level
    subject: str = ""  #: a persona's name (group) or a ``PersonId`` (personal)
    key: str  #: the same training of a bot has the same key, and is not run twice
    reason: str  #: why it was asked for, in words
    options: dict[str, Any] = {}  #: what the plan is told beside the bot's configuration: ``{"method": "kto"}``
    through: int = 0  #: the ledger's last row of rewards when it was asked for
    status: JobStatus = JobStatus.WAITING
    tries: int = 0  #: how often a process has begun it
    lease: int = 0  #: rises with every process that takes it up: an earlier one can change it no more
    lease_until: datetime | None = None  #: until when the process has it, if it says nothing more
    epoch: int = 0  #: rises when what the job has done so far may be used no more: people took back what they gave
    cancelling: bool = False  #: the process was asked to end
    progress: JobProgress = JobProgress()
    version: str = ""  #: the version that it made
    why: str = ""  #: what came of it, in words
    seconds: float = 0.0  #: how long processes have worked on it
    created_at: datetime
    started_at: datetime | None = None  #: when the latest process took it up
    finished_at: datetime | None = None
