"""What passes between the host and the process of a plugin: frames of MessagePack, each behind its length."""

from __future__ import annotations

import asyncio
from typing import Literal

import msgspec

from llmagent_os.errors import PluginError

LENGTH_BYTES = 4  #: before every frame: its length, big-endian
MAX_FRAME_BYTES = 16 * 1024 * 1024  #: of one frame; a file that a plugin writes is the largest thing that passes


class RpcFrame(msgspec.Struct, frozen=True, array_like=True):
    """One message of either side."""

    #: ``ask`` wants an ``answer`` or an ``error`` of the same number; ``cancel`` ends the work on an ``ask``
    kind: Literal["ask", "answer", "error", "cancel"]
    number: int  #: of the ``ask``, counted by the side that asks
    method: str = ""  #: of an ``ask``, and of what answers it
    body: msgspec.Raw = msgspec.Raw(b"\xc0")  #: MessagePack; its type goes by the method


def encoded(frame: RpcFrame) -> bytes:
    """Write a frame with its length.

    Raises:
        PluginError: it is larger than :data:`MAX_FRAME_BYTES`.
    """
    raw = msgspec.msgpack.encode(frame)
    if len(raw) > MAX_FRAME_BYTES:
        raise PluginError(f"{frame.method or frame.kind}: {len(raw)} bytes; at most {MAX_FRAME_BYTES} pass at once")
    return len(raw).to_bytes(LENGTH_BYTES, "big") + raw


async def read_frame(reader: asyncio.StreamReader) -> RpcFrame | None:
    """Read the next frame. None: the other side has closed the connection.

    Raises:
        PluginError: what came is no frame, or one that is too large.
    """
    try:
        size = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
        if size > MAX_FRAME_BYTES:
            raise PluginError(f"a frame of {size} bytes; at most {MAX_FRAME_BYTES} are read")
        raw = await reader.readexactly(size)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    try:
        return msgspec.msgpack.decode(raw, type=RpcFrame)
    except msgspec.MsgspecError as error:
        raise PluginError(f"what came is no frame: {error}") from error
