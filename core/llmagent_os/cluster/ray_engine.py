"""The only file that imports Ray. What it gives to others has nothing of Ray in it: bytes, numbers, and our errors.

Ray is imported when this file is, which takes a second and 100 MB: so it is imported inside functions. Ray
sends Python objects as pickles between its own processes, so whoever reaches a cluster's ports runs code there. Hence
:data:`RAY_AUTH_MODE` is set to ``token`` unless somebody has chosen, and a cluster belongs in a private network.

A process that has connected ends when the head of the cluster is away for a minute: Ray does that by itself. So a host
never connects; it starts a process that does (:mod:`~llmagent_os.cluster.ray_bridge`).
"""

from __future__ import annotations

import contextlib
import importlib
import os
import socket
import threading
from collections.abc import AsyncGenerator, Callable
from typing import Any

os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import msgspec
import ray as _ray  # pyright: ignore[reportMissingTypeStubs]
from ray import serve as _serve  # pyright: ignore[reportMissingTypeStubs]

from llmagent_os.cluster.cluster_errors import no_cluster, not_served, versions_differ, wrong_token
from llmagent_os.cluster.node_resources import Needs, NodeResources, check_needs
from llmagent_os.cluster.replica_caller import ReplicaLostError
from llmagent_os.cluster.replica_order import ReplicaOrder, ReplicaScale
from llmagent_os.errors import ModelBusyError, ModelError, ModelSetupError, ModelUnavailableError

ray: Any = _ray
serve: Any = _serve

#: Whose actors and applications are ours.
NAMESPACE = "llmagent_os"
#: The only deployment of an application.
DEPLOYMENT = "replica"
#: Libraries write sets in the order of their hashes: a training that is run again is to make the same files.
SAME_EVERY_TIME = {"PYTHONHASHSEED": "0"}
#: How long it may take to connect, and until something at the address listens.
CONNECT_SECONDS, LISTEN_SECONDS = 25.0, 5.0
#: How long a replica that is replaced may finish its replies, on top of the longest reply.
DRAIN_SECONDS = 10.0
#: How often a replica that cannot start is started.
STARTS = 3
#: How often the health of a replica is asked for, and how long the answer may take.
HEALTH_SECONDS = 5.0, 30.0
#: Requests that wait at one host for a replica; more are refused.
MAX_QUEUED = 1024

_LOST = (
    ray.exceptions.RayActorError,
    ray.exceptions.WorkerCrashedError,
    ray.exceptions.NodeDiedError,
    ray.exceptions.ObjectLostError,
    ray.exceptions.TaskCancelledError,
    serve.exceptions.ReplicaUnavailableError,
)


# ── the cluster ───────────────────────────────────────────────────────────────────────────────────────────────────────


def connect(address: str) -> None:
    """Connect this process to a cluster, which it stays connected to.

    Raises:
        ClusterUnavailableError: there is no cluster at the address.
        ConfigError: its versions are others, or it refuses the token.
    """
    if ray.is_initialized():
        return
    _check_listens(address)
    failed: list[Exception] = []

    def init() -> None:
        try:
            ray.init(address=address, namespace=NAMESPACE, log_to_driver=False, configure_logging=False)
        except Exception as error:
            failed.append(error)

    # In a thread: Ray would take over SIGTERM in the main one, and tries for minutes where nothing answers.
    trying = threading.Thread(target=init, name="llmagent-os-ray-connect", daemon=True)
    trying.start()
    trying.join(CONNECT_SECONDS)
    if trying.is_alive():
        raise no_cluster(address, f"no answer within {CONNECT_SECONDS:g} s")
    try:
        for each in failed:
            raise each
    except ray.exceptions.AuthenticationError as error:
        raise wrong_token(address, error) from error
    except (ConnectionError, ValueError, TimeoutError) as error:
        raise no_cluster(address, error) from error
    except RuntimeError as error:
        raise (versions_differ if "ersion mismatch" in str(error) else no_cluster)(address, error) from error


def _check_listens(address: str) -> None:
    """Check that something listens at an address. Ray would try for long, and not say what is wrong.

    Of an address of this machine, Ray makes the one that others reach it by: that one is left to Ray.

    Raises:
        ClusterUnavailableError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or host in ("", "localhost") or host.startswith("127."):
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), LISTEN_SECONDS).close()
    except (OSError, ValueError, OverflowError) as error:
        raise no_cluster(address, error) from error


def nodes() -> list[NodeResources]:
    """The nodes that are alive."""
    return [
        NodeResources(
            node["NodeManagerAddress"],
            cpus=node["Resources"].get("CPU", 0.0),
            gpus=node["Resources"].get("GPU", 0.0),
            memory=node["Resources"].get("memory", 0.0),
        )
        for node in ray.nodes()
        if node["Alive"]
    ]


def _free(needs: Needs) -> bool:
    """Whether something with these needs could be started beside all that runs."""
    free = ray.available_resources()
    return bool(free.get("CPU", 0.0) >= needs.cpus and free.get("GPU", 0.0) >= needs.gpus)


# ── replicas ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class Replica:
    """One replica of a model. Ray Serve makes it on a node."""

    def __init__(self, raw: bytes) -> None:
        from llmagent_os.cluster.replica_model import HeldLora, ReplicaModel  # PyTorch: on a node only

        order = msgspec.msgpack.decode(raw, type=ReplicaOrder)
        self._model = ReplicaModel.load_model(order)

        async def hold(lora_id: str) -> HeldLora:
            return await self._model.load(lora_id)

        self._hold = serve.multiplexed(max_num_models_per_replica=order.options.max_loras)(hold)

    async def answer(self, raw: bytes) -> AsyncGenerator[bytes]:
        """Answer what a host asks; see :meth:`~llmagent_os.cluster.replica_model.ReplicaModel.answer`."""
        async with contextlib.aclosing(self._model.answer(raw, self._hold)) as frames:
            async for frame in frames:
                yield frame

    async def load(self) -> tuple[int, int, int]:
        """The process, how many replies are written in it, and how many requests wait."""
        return (os.getpid(), *self._model.engine.load)

    def check_health(self) -> None:
        """Raise an error where the replica is to be replaced. Ray Serve asks."""
        self._model.check_health()

    def __del__(self) -> None:
        """Stop the engine. Ray Serve calls this when the replica has finished its replies."""
        if (model := self.__dict__.get("_model")) is not None:
            model.close()


def start(application: str, order: ReplicaOrder, scale: ReplicaScale) -> None:
    """Have replicas serve a model, and wait until they do. Replicas that serve it already are replaced one by one.

    Where there is room, the new replica answers before the old one gets no more requests. An old one finishes what it
    writes.

    Raises:
        ConfigError: no node is large enough for a replica.
        ModelSetupError: the replicas do not start.
    """
    needs = Needs("a replica", cpus=scale.cpus, gpus=scale.gpus)
    check_needs(needs, nodes())
    serve.start(proxy_location="Disabled", logging_config={"log_level": "ERROR"})
    period, timeout = HEALTH_SECONDS
    deployment = serve.deployment(
        name=DEPLOYMENT,
        ray_actor_options={"num_cpus": scale.cpus, "num_gpus": scale.gpus},
        max_ongoing_requests=2 * order.options.slots,
        max_queued_requests=MAX_QUEUED,
        autoscaling_config={
            "min_replicas": scale.least,
            "max_replicas": max(scale.least, scale.most),
            "target_ongoing_requests": scale.target_requests or float(order.options.slots),
        },
        graceful_shutdown_timeout_s=order.options.timeout + DRAIN_SECONDS,
        graceful_shutdown_wait_loop_s=0.5,
        health_check_period_s=period,
        health_check_timeout_s=timeout,
        max_constructor_retry_count=STARTS,
        max_surge_percent=100 if _free(needs) else 0,
        logging_config={"log_level": "ERROR"},
    )(Replica)
    try:
        serve.run(deployment.bind(msgspec.msgpack.encode(order)), name=application, route_prefix=None)
    except RuntimeError as error:
        raise ModelSetupError(
            f"the replicas of {order.model} do not start: {_last_words(application, error)}"
        ) from error


def _last_words(application: str, error: Exception) -> str:
    """Why an application has failed, in one line."""
    status = serve.status().applications.get(application)
    said = [status.message, *(each.message for each in status.deployments.values())] if status else [str(error)]
    lines = [line.strip() for text in said for line in text.splitlines() if "Error: " in line]
    return lines[-1] if lines else " ".join(said[0].split())


def stop(application: str) -> bool:
    """End the replicas of an application; returns whether there was one."""
    if application not in _applications():
        return False
    serve.delete(application)
    return True


def status(application: str) -> dict[str, Any]:
    """What runs of an application, and the nodes of the cluster, as JSON values."""
    found = _applications().get(application)
    about: dict[str, Any] = {"ray": ray.__version__, "nodes": [msgspec.to_builtins(node) for node in nodes()]}
    if found is None:
        return about | {"status": "not started", "message": "", "replicas": {}}
    replicas = {
        state: count for each in found.deployments.values() for state, count in each.replica_states.items() if count
    }
    said = [found.message, *(each.message for each in found.deployments.values())]
    message = " ".join(" ".join(filter(None, said)).split())
    return about | {"status": found.status.value, "message": message, "replicas": replicas}


def _applications() -> dict[str, Any]:
    try:
        return dict(serve.status().applications)
    except serve.exceptions.RayServeException:  # Serve was never started there
        return {}


class Asker:
    """Asks the replicas of an application. Only in a process that has connected."""

    def __init__(self, application: str, model: str, address: str) -> None:
        """Find the application. Blocks.

        Raises:
            ModelSetupError: the cluster does not serve it.
        """
        self._model = model
        try:
            handle = serve.get_app_handle(application)
        except serve.exceptions.RayServeException as error:
            raise not_served(model, address) from error
        self._handle = handle.options(method_name="answer", stream=True)

    async def ask(self, lora_id: str, raw: bytes) -> AsyncGenerator[bytes]:
        """See :meth:`llmagent_os.cluster.replica_caller.ReplicaCaller.ask`."""
        handle = self._handle.options(multiplexed_model_id=lora_id) if lora_id else self._handle
        answer = handle.remote(raw)
        whole = False
        try:
            async for frame in answer:
                yield frame
            whole = True
        except _LOST as error:
            raise ReplicaLostError(f"{type(error).__name__} while {self._model} answered") from error
        except serve.exceptions.BackPressureError as error:
            raise ModelBusyError(f"{MAX_QUEUED} requests wait for a replica of {self._model} already") from error
        except serve.exceptions.DeploymentUnavailableError as error:
            raise ModelUnavailableError(f"the replicas of {self._model} did not start: see its status") from error
        except ray.exceptions.RayTaskError as error:
            raise ModelError(f"the replica of {self._model} failed: {error.cause}") from error
        finally:
            if not whole:
                answer.cancel()


# ── work on nodes ─────────────────────────────────────────────────────────────────────────────────────────────────────


class Workplace:
    """Where a piece of work is done on a node: it is told messages, and answers them."""

    def __init__(self, reference: str, raw: bytes) -> None:
        module, _, attribute = reference.partition(":")
        self._work = vars(importlib.import_module(module))[attribute](raw)

    def tell(self, raw: bytes) -> bytes:
        """Give the work a message; returns its answer."""
        answer: bytes = self._work.tell(raw)
        return answer


class WorkLostError(Exception):
    """The process of the work, or its node, was lost."""


class Work:
    """A piece of work on a node, as whoever asked for it sees it."""

    def __init__(self, reference: str, raw: bytes, needs: Needs) -> None:
        """Have a node do it; waits for nothing.

        Args:
            reference: ``module:attribute`` of what is called with ``raw`` there. It must have a method ``tell``.
            raw: what the work is told first.
            needs: what it asks for.

        Raises:
            ConfigError: no node is large enough.
        """
        check_needs(needs, nodes())
        options = {"num_cpus": needs.cpus, "num_gpus": needs.gpus, "memory": needs.memory or None}
        same = {"env_vars": SAME_EVERY_TIME}
        make: Callable[..., Any] = ray.remote(Workplace).options(max_restarts=0, runtime_env=same, **options).remote
        self._actor = make(reference, raw)
        self._asked: Any = None  #: the message that has no answer yet

    def tell(self, raw: bytes, seconds: float) -> bytes | None:
        """Tell the work something; None: it has not answered within ``seconds``, such as before a node has room.

        A message is told when the one before it is answered: after None the same message is waited for.

        Raises:
            WorkLostError: its process or its node was lost.
        """
        if self._asked is None:
            self._asked = self._actor.tell.remote(raw)
        try:
            answer: bytes = ray.get(self._asked, timeout=seconds)
        except ray.exceptions.GetTimeoutError:
            return None
        except (ray.exceptions.RayActorError, ray.exceptions.NodeDiedError, ray.exceptions.ObjectLostError) as error:
            raise WorkLostError(" ".join(str(error).split())) from error
        self._asked = None
        return answer

    def end(self) -> None:
        """End the process of the work."""
        with contextlib.suppress(Exception):  # it has ended already, or the cluster has
            ray.kill(self._actor)
