"""What a replica is told when it is started: which model, how it decodes, and how many replicas there are."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import msgspec

from llmagent_os.serving.options import LocalOptions

#: Begins the name of a model that a cluster serves.
RAY = "ray:"

_PREFIX = "llmagent-os-"
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


class ReplicaOrder(msgspec.Struct, frozen=True, kw_only=True):
    """A model that replicas serve. It travels as MessagePack."""

    model: str  #: as :func:`~llmagent_os.serving.model_location.locate` takes it
    models: str | None = None  #: the folder of downloaded models; None: the one that the node's settings name
    model_hash: str = ""  #: of the weights; a replica with other ones refuses to start. Empty: not known
    options: LocalOptions = LocalOptions()  #: of each replica's engine

    @property
    def models_folder(self) -> Path | None:
        """The folder of downloaded models."""
        return None if self.models is None else Path(self.models)


class ReplicaScale(msgspec.Struct, frozen=True, kw_only=True):
    """How many replicas there are, and what each is given."""

    least: int = 1  #: replicas that there are always
    most: int = 1  #: replicas that there are under load
    #: requests at work in a replica at which another one is started; 0: as many as it has slots
    target_requests: float = 0.0
    cpus: float = 1.0  #: processors that a replica asks for
    gpus: float = 0.0  #: graphics processors that a replica asks for


def application_name(model: str) -> str:
    """The name of a model's application in Ray Serve. Bots with the same model share its replicas.

    It ends with a digest: ``organisation/model`` and ``organisation-model`` are two models.

    >>> application_name("ray:organisation/model@main")
    'llmagent-os-organisation-model-main-f2e3802e'
    """
    name = model.removeprefix(RAY)
    digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
    return f"{_PREFIX}{_ODD.sub('-', name).strip('-')}-{digest}"
