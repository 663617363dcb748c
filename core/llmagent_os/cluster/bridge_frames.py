"""What a host and its bridge to a cluster say to each other: frames on the bridge's input and output.

A frame is its length in 8 bytes, and a value as MessagePack.
"""

from __future__ import annotations

from typing import IO

import msgspec

from llmagent_os import errors
from llmagent_os.cluster.cluster_errors import ClusterUnavailableError
from llmagent_os.cluster.replica_caller import ReplicaLostError
from llmagent_os.errors import LLMAgentOSError, ModelSetupError, ModelUnavailableError

LENGTH_BYTES = 8
#: The longest frame: a LoRA with everything around it.
MAX_FRAME_BYTES = 4 * 1024**3


class BridgeOrder(msgspec.Struct, frozen=True, tag="order"):
    """The first frame of the host: which replicas are asked."""

    address: str
    application: str
    model: str


class BridgeAsked(msgspec.Struct, frozen=True, tag="ask"):
    """A request, by a number of its own."""

    number: int
    lora_id: str
    raw: bytes


class BridgeCancelled(msgspec.Struct, frozen=True, tag="cancel"):
    """Nobody waits for a request any more."""

    number: int


class BridgeFrame(msgspec.Struct, frozen=True, tag="frame"):
    """A frame of a replica."""

    number: int
    raw: bytes


class BridgeEnd(msgspec.Struct, frozen=True, tag="end"):
    """The end of a request; 0 is the number of connecting itself."""

    number: int
    kind: str = ""  #: the name of an error's class; empty: no error
    text: str = ""


ToBridge = BridgeOrder | BridgeAsked | BridgeCancelled
FromBridge = BridgeFrame | BridgeEnd

to_bridge: msgspec.msgpack.Decoder[ToBridge] = msgspec.msgpack.Decoder(ToBridge)
from_bridge: msgspec.msgpack.Decoder[FromBridge] = msgspec.msgpack.Decoder(FromBridge)


def read_frame(stream: IO[bytes]) -> bytes | None:
    """The next frame of a stream; None: it has ended, perhaps in the middle of one."""
    length = stream.read(LENGTH_BYTES)
    if len(length) < LENGTH_BYTES or (size := int.from_bytes(length)) > MAX_FRAME_BYTES:
        return None
    raw = stream.read(size)
    return raw if len(raw) == size else None


def write_frame(stream: IO[bytes], value: ToBridge | FromBridge) -> None:
    """Write a frame, at once.

    Raises:
        OSError: nobody reads.
    """
    raw = msgspec.msgpack.encode(value)
    stream.write(len(raw).to_bytes(LENGTH_BYTES) + raw)
    stream.flush()


def end_of(number: int, error: Exception) -> BridgeEnd:
    """The frame that ends a request with an error."""
    return BridgeEnd(number, type(error).__name__, str(error) or repr(error))


def error_at_end(end: BridgeEnd) -> LLMAgentOSError | None:
    """The error that a frame carries. None: the request has ended well.

    A wrong configuration is the model's, for whoever waits for a reply.
    """
    if not end.kind:
        return None
    if end.kind == ReplicaLostError.__name__:
        return ReplicaLostError(end.text)
    if end.kind == ClusterUnavailableError.__name__:
        return ClusterUnavailableError(end.text)
    kind: object = vars(errors).get(end.kind)
    if isinstance(kind, type) and issubclass(kind, errors.ModelError):
        return kind(end.text)
    return (ModelSetupError if end.kind == "ConfigError" else ModelUnavailableError)(end.text)
