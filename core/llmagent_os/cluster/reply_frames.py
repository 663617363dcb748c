"""What a host and a replica say to each other about one reply, as MessagePack.

The host asks with a :class:`ReplyAsked`. The replica answers with frames: the text as it grows, and then the completion
or the failure. A failure is the very error that the in-process engine raises, so that a caller cannot tell them apart.
A replica that does not hold the LoRA answers :class:`LoraWanted`, and the host asks again with the LoRA's files.
"""

from __future__ import annotations

import msgspec

from llmagent_os import errors
from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.errors import ModelError, ModelUnavailableError
from llmagent_os.serving.lora_files import LoraFiles
from llmagent_os.serving.tool_call_parsing import InvalidCallError

#: Stands in a request for the LoRA that travels beside it.
HELD = "held"


class ReplyAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A request, and the LoRA that answers it."""

    request: ChatRequest  #: its ``lora`` is :data:`HELD` where there is a :attr:`lora_id`
    lora_id: str = ""  #: names the LoRA by its content; empty: the base model, or the model's own LoRA
    files: LoraFiles | None = None  #: of the LoRA; None: the replica may hold it
    stream: bool = True  #: whether the growing text is wanted
    model_hash: str = ""  #: of the weights that the host knows the model by; empty: not known


class Begun(msgspec.Struct, frozen=True, tag="begun"):
    """A replica has taken the request."""

    replica: str  #: its machine and process, as ``gpu-1:4711``
    writing: int  #: replies that were being written there
    waiting: int  #: requests that waited there


class Grown(msgspec.Struct, frozen=True, tag="grown"):
    """The text so far is the first ``keep`` characters of the text before, and ``piece``."""

    keep: int
    piece: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """The reply is finished."""

    completion: Completion


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """There is no reply."""

    kind: str  #: the name of the error's class
    text: str
    rejected: tuple[Completion, ...] = ()
    why: str = ""  #: of an invalid call
    said: str = ""  #: of an invalid call


class LoraWanted(msgspec.Struct, frozen=True, tag="lora_wanted"):
    """The replica does not hold the LoRA."""


Frame = Begun | Grown | Done | Failed | LoraWanted

_asked = msgspec.msgpack.Decoder(ReplyAsked)
_frame: msgspec.msgpack.Decoder[Frame] = msgspec.msgpack.Decoder(Frame)


def decode_asked(raw: bytes) -> ReplyAsked:
    """Read what a host asks.

    Raises:
        msgspec.ValidationError: another version of this project has written it.
    """
    return _asked.decode(raw)


def decode_frame(raw: bytes) -> Frame:
    """Read a frame of a replica.

    Raises:
        ModelUnavailableError: another version of this project has written it.
    """
    try:
        return _frame.decode(raw)
    except msgspec.MsgspecError as error:
        raise ModelUnavailableError(
            f"the replica says something that this version cannot read ({error}): install the same version of "
            "llmagent-os on every machine of the cluster"
        ) from error


def grown(before: str, text: str) -> Grown:
    """The frame that makes ``text`` of ``before``.

    >>> grown("Hello", "Hello you")
    Grown(keep=5, piece=' you')
    """
    keep = len(before) if text.startswith(before) else 0
    return Grown(keep, text[keep:])


def failed(error: ModelError) -> Failed:
    """The frame that carries an error."""
    rejected = tuple(error.rejected)
    if isinstance(error, InvalidCallError):
        return Failed(type(error).__name__, str(error), rejected, error.why, error.said)
    return Failed(type(error).__name__, str(error), rejected)


def error_of(frame: Failed) -> ModelError:
    """The error that a frame carries. A class that this version does not know is a plain ModelError."""
    if frame.kind == InvalidCallError.__name__:
        return InvalidCallError(frame.why, frame.said, frame.rejected)
    kind: object = vars(errors).get(frame.kind)
    error = kind(frame.text) if isinstance(kind, type) and issubclass(kind, ModelError) else ModelError(frame.text)
    error.rejected = frame.rejected
    return error
