"""Checks the Ray cluster that answers or trains for ``llmagent-os doctor``. Starts nothing there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from llmagent_os.admin.findings import Finding
from llmagent_os.bot import Bot, served_name
from llmagent_os.cluster.cluster_status import ClusterStatus, ask_status
from llmagent_os.cluster.node_resources import Needs, check_needs
from llmagent_os.cluster.ray_extra import INSTALL, check_installed
from llmagent_os.cluster.replica_order import RAY, application_name
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import ConfigError, LLMAgentOSError, ModelUnavailableError


async def check_cluster(settings: Settings, bot: Bot) -> AsyncIterator[Finding]:
    """Check that the cluster can be reached, serves the bot's model, and has a node that can train.

    Args:
        settings: of the installation. Where they name no cluster, there is nothing to check.
        bot: whose model is served.
    """
    name = served_name(settings, bot)
    answers, trains = name.startswith(RAY), bool(settings.ray_address) and "jobs" in settings.ray_work
    if not answers and not trains:
        return
    try:
        check_installed()
    except ConfigError as error:
        yield Finding("cluster", "problem", str(error), INSTALL)
        return
    address = settings.ray_address or "auto"
    try:
        status = await ask_status(address, application_name(name))
    except LLMAgentOSError as error:
        away = isinstance(error, ModelUnavailableError)
        start = f"start the cluster, see docs/cluster.md, or correct {PREFIX}RAY_ADDRESS"
        remedy = start if away else "give this machine the cluster's token and versions, see docs/cluster.md"
        yield Finding("cluster", "problem", str(error), remedy)
        return
    nodes = status.nodes
    has = f"{sum(node.cpus for node in nodes):g} CPUs, {sum(node.gpus for node in nodes):g} GPUs"
    count = "1 node" if len(nodes) == 1 else f"{len(nodes)} nodes"
    yield Finding("cluster", "ok", f"{address} can be reached: Ray {status.ray}, {count} with {has}")
    if answers:
        for finding in _application(settings, bot, name.removeprefix(RAY), status):
            yield finding
    if trains:
        yield _trainings(settings, bot, status)


def _application(settings: Settings, bot: Bot, model: str, status: ClusterStatus) -> Iterator[Finding]:
    """Say whether replicas of the model answer."""
    running = status.replicas.get("RUNNING", 0)
    states = ", ".join(f"{count} {state.lower()}" for state, count in status.replicas.items()) or "none"
    text = f"model {model}: {status.status.lower()}, replicas: {states}"
    if status.message:
        text += f" ({status.message})"
    if status.status == "not started":
        text, remedy = f"the cluster does not serve the model {model}", f"llmagent-os cluster start {bot.name}"
        yield Finding("cluster", "problem", text, remedy)
    elif not running:
        remedy = f"see `ray status`; then llmagent-os cluster start {bot.name} starts them again"
        yield Finding("cluster", "problem", text, remedy)
    elif running < settings.ray_replicas:
        yield Finding("cluster", "note", f"{text}; {PREFIX}RAY_REPLICAS is {settings.ray_replicas}")
    else:
        yield Finding("cluster", "ok", text)


def _trainings(settings: Settings, bot: Bot, status: ClusterStatus) -> Finding:
    """Say whether a node is large enough for a training."""
    memory = bot.config.training.memory_gb * 1e9
    needs = Needs("a training", settings.ray_job_cpus, settings.ray_job_gpus, memory)
    try:
        check_needs(needs, status.nodes)
    except ConfigError as error:
        return Finding("cluster", "problem", str(error), f"add a node, or lower {PREFIX}RAY_JOB_CPUS or RAY_JOB_GPUS")
    return Finding("cluster", "ok", f"a node is large enough for a training: {needs}")
