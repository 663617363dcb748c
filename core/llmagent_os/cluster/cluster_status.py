"""What runs on a cluster, asked for by a process of its own: one that has connected to Ray ends with the cluster."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import msgspec

from llmagent_os.cluster.bridge_frames import BridgeEnd, end_of, error_at_end
from llmagent_os.cluster.node_resources import NodeResources
from llmagent_os.errors import ModelUnavailableError


class ClusterStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What runs of an application, and on what."""

    ray: str  #: the version of Ray
    nodes: tuple[NodeResources, ...]  #: those that are alive
    status: str  #: of the application, in Ray Serve's words; ``not started``: there is none
    message: str  #: what Ray Serve says of it; empty: nothing
    replicas: dict[str, int]  #: how many replicas are in which state


async def ask_status(address: str, application: str) -> ClusterStatus:
    """Ask a cluster what runs. Ray has to be installed.

    Raises:
        ModelError: the cluster cannot be reached, or cannot be used from here.
    """
    command = (sys.executable, "-P", "-c", "from llmagent_os.cluster.cluster_status import main; main()")
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *command, address, application, stdin=asyncio.subprocess.DEVNULL, stdout=pipe
        )
    except OSError as error:
        raise ModelUnavailableError(f"the cluster cannot be asked: {error}") from error
    try:
        said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    try:
        answer: dict[str, Any] = msgspec.json.decode(said.splitlines()[-1])
    except (IndexError, msgspec.DecodeError) as error:
        raise ModelUnavailableError(
            f"the process that asks the cluster at {address} has ended without a word"
        ) from error
    if "number" in answer and (failed := error_at_end(msgspec.convert(answer, BridgeEnd))) is not None:
        raise failed
    return msgspec.convert(answer, ClusterStatus)


def main() -> None:
    """Print what runs of an application, as one line of JSON: the arguments are the address and the application."""
    address, application = sys.argv[-2:]
    try:
        from llmagent_os.cluster import ray_engine

        ray_engine.connect(address)
        answer: object = ray_engine.status(application)
    except Exception as error:  # whatever Ray raises
        answer = msgspec.to_builtins(end_of(0, error))
    sys.stdout.buffer.write(b"\n" + msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()
    os._exit(0)  # Ray's threads would hold the interpreter up
