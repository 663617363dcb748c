"""Serves a bot's model on a Ray cluster: ``llmagent-os cluster``."""

from __future__ import annotations

from typing import Any

from llmagent_os.bot import SERVER, Bot
from llmagent_os.cluster.ray_extra import check_installed
from llmagent_os.cluster.replica_order import RAY, ReplicaOrder, ReplicaScale, application_name
from llmagent_os.config import PREFIX, Settings
from llmagent_os.errors import ConfigError
from llmagent_os.serving.model_catalogue import MODELS_FOLDER
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location, locate
from llmagent_os.serving.no_model import NO_MODEL
from llmagent_os.serving.options import LocalOptions

#: LoRAs that a replica keeps in memory.
MAX_LORAS = 64


def start(settings: Settings, bot: Bot, address: str) -> str:
    """Have replicas serve the bot's model. Replicas that serve it already are replaced, and lose no reply.

    Args:
        settings: how many replicas, and what each is given.
        bot: whose model.
        address: of the cluster; empty: that of the settings.

    Returns:
        What runs then.

    Raises:
        ConfigError: the bot has no local model, Ray is missing, or no node is large enough for a replica.
        ModelError: there is no cluster, or the replicas do not start.
    """
    location = _location(settings, bot)
    check_installed()
    order = ReplicaOrder(
        model=location.name if location.lora is None else str(location.lora),
        models=str((settings.data / MODELS_FOLDER).resolve()),
        model_hash=model_hash(location),
        options=LocalOptions(
            slots=settings.slots,
            threads=settings.threads or max(1, round(settings.ray_replica_cpus)),
            device=settings.device,
            timeout=bot.config.model_seconds,
            max_loras=MAX_LORAS,
        ),
    )
    scale = ReplicaScale(
        least=settings.ray_replicas,
        most=settings.ray_most_replicas,
        target_requests=settings.ray_target_requests,
        cpus=settings.ray_replica_cpus,
        gpus=settings.ray_replica_gpus,
    )
    from llmagent_os.cluster import ray_engine

    ray_engine.connect(where := _address(settings, address))
    ray_engine.start(application_name(location.name), order, scale)
    lines = _lines(location, ray_engine.status(application_name(location.name)))
    hint = f"hosts use it with {PREFIX}MODEL={RAY}{location.name} and {PREFIX}RAY_ADDRESS={where}"
    return "\n".join([*lines, hint])


def status(settings: Settings, bot: Bot, address: str) -> str:
    """What runs of the bot's model, and what the nodes have.

    Raises:
        ConfigError: the bot has no local model, or Ray is missing.
        ModelError: there is no cluster.
    """
    location = _location(settings, bot)
    check_installed()
    from llmagent_os.cluster import ray_engine

    ray_engine.connect(_address(settings, address))
    return "\n".join(_lines(location, ray_engine.status(application_name(location.name))))


def stop(settings: Settings, bot: Bot, address: str) -> str:
    """End the replicas of the bot's model. The cluster goes on.

    Raises:
        ConfigError: the bot has no local model, Ray is missing, or nothing serves the model.
        ModelError: there is no cluster.
    """
    location = _location(settings, bot)
    check_installed()
    from llmagent_os.cluster import ray_engine

    ray_engine.connect(where := _address(settings, address))
    if not ray_engine.stop(application_name(location.name)):
        raise ConfigError(f"the cluster at {where} does not serve the model {location.name}")
    return f"The replicas of {location.name} have ended. The cluster goes on: `ray stop` ends a machine's part of it."


def _location(settings: Settings, bot: Bot) -> Location:
    """Where the bot's model is.

    Raises:
        ConfigError: it is a server's, or there is none.
        ModelError: it cannot be found.
    """
    name = (settings.model or bot.config.model).removeprefix(RAY)
    if name == NO_MODEL or name.startswith(SERVER):
        raise ConfigError(
            f"bot {bot.name!r} has the model {name!r}, which no replica can load: set {PREFIX}MODEL to an installed "
            "model, a folder or a hub id"
        )
    return locate(name, settings.data / MODELS_FOLDER)


def _address(settings: Settings, address: str) -> str:
    return address or settings.ray_address or "auto"


def _lines(location: Location, about: dict[str, Any]) -> list[str]:
    """What runs, one thing a line."""
    replicas = ", ".join(f"{count} {state.lower()}" for state, count in about["replicas"].items()) or "none"
    nodes = [
        f"node {node['address']}: {node['cpus']:g} CPUs, {node['gpus']:g} GPUs, {node['memory'] / 1e9:.1f} GB"
        for node in about["nodes"]
    ]
    said = [f"says: {about['message']}"] if about["message"] else []
    return [f"model {location.name}: {about['status'].lower()}", f"replicas: {replicas}", *said, *nodes]
