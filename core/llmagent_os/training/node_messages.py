"""What a job's process and the node that trains for it say to each other, as MessagePack."""

from __future__ import annotations

from typing import Any

import msgspec

from llmagent_os.identity import PersonId
from llmagent_os.ledger.training_values import JobProgress, Stage, TrainingJob
from llmagent_os.sealing.mounts import Mount
from llmagent_os.training.process_limits import Priority


class NodeSite(msgspec.Struct, frozen=True, kw_only=True):
    """A :class:`~llmagent_os.training.training_plan.JobSite` that travels."""

    folder: str
    data: str
    ledger_url: str
    model: str
    bot: dict[str, Any]
    training: dict[str, Any]


class NodeOrder(msgspec.Struct, frozen=True, kw_only=True):
    """The job of a node."""

    plan: str  #: ``module:attribute``
    job: TrainingJob
    site: NodeSite
    ledger_tag: str  #: what the job's folder in the data folder says: it is the same folder there
    storage: str = ""  #: URL of the job's folder on shared storage; empty: the node works in ``site.folder``
    key: bytes = b""  #: of that folder
    save_seconds: float = 5.0  #: how often what has changed is saved there
    priority: Priority = "low"  #: ``idle`` counts as ``low``: Ray's own threads in the process must be heard
    memory_bytes: int  #: how much memory the process may have resident
    mounts: tuple[Mount, ...] = ()  #: opens what is sealed in the data folder


class NodeCandidate(msgspec.Struct, frozen=True, kw_only=True):
    """A :class:`~llmagent_os.training.training_plan.Candidate` that travels: its folder is one below the job's."""

    folder: str
    parent: str
    base_model: str
    base_hash: str
    data_hash: str
    method: str
    contributors: tuple[PersonId, ...]
    through: int
    evaluation: dict[str, Any]
    stage: Stage
    why: str


class NodeEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How the plan has ended."""

    candidate: NodeCandidate | None = None
    nothing: str | None = None  #: why there is nothing to learn
    cancelled: bool = False
    kind: str = ""  #: the name of an error's class
    text: str = ""  #: what the error says


class NodeReport(msgspec.Struct, frozen=True, kw_only=True):
    """What has happened on the node since it was asked last."""

    progress: JobProgress | None = None
    log: str = ""
    end: NodeEnd | None = None


class NodeQuestion(msgspec.Struct, frozen=True):
    """Asks for a report."""

    cancel: bool = False  #: whether the plan is to end
