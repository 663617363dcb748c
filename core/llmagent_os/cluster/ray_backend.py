"""A model on the replicas of a cluster as a backend: what the in-process engine gives, from another machine.

Here are tries and the limit of time. A replica that is lost in the middle of a reply costs time, and no words: another
replica writes the same reply again, by the same seed, and the text that was shown already is not shown again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from pathlib import Path

import msgspec
import structlog

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.cluster.known_loras import KnownLoras
from llmagent_os.cluster.replica_caller import ReplicaCaller, ReplicaLostError
from llmagent_os.cluster.reply_frames import (
    HELD,
    Begun,
    Done,
    Failed,
    Grown,
    LoraWanted,
    ReplyAsked,
    decode_frame,
    error_of,
)
from llmagent_os.errors import ModelBusyError, ModelUnavailableError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.options import RayOptions

_log = structlog.stdlib.get_logger(__name__)

_FIRST_PAUSE_SECONDS = 0.1  # before the second try; each further pause is twice as long
_SEED_BITS = 63


class RayBackend:
    """A model that replicas serve.

    Args:
        model: its name, for messages.
        options: the limits.
        caller: asks the replicas.
        base: the model as it is here: replicas with other weights are refused. None: it is not known.
    """

    def __init__(self, model: str, options: RayOptions, caller: ReplicaCaller, base: Location | None = None) -> None:
        self._model = model
        self._options = options
        self._caller = caller
        self._base = base
        self._loras = KnownLoras()

    async def warm_up(self) -> None:
        """Reach the cluster, so that the first reply does not wait for it.

        Raises:
            ModelError: the cluster cannot be reached, or does not serve the model.
        """
        await self._caller.connect()

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        try:
            async with asyncio.timeout(self._options.timeout):
                return await self._persistently(request, on_text)
        except TimeoutError:
            raise ModelBusyError(
                f"no replica of {self._model} finished a reply within {self._options.timeout:g} s (timeout)"
            ) from None

    async def _persistently(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Ask replicas until one has written the whole reply."""
        asked, folder = await asyncio.to_thread(self._prepare, request, on_text is not None)
        shower, last = _Shower(on_text), ReplicaLostError("none was asked")
        for again in range(self._options.retries + 1):
            try:
                completion = await self._ask(asked, folder, shower)
            except ReplicaLostError as error:
                _log.warning("a replica was lost, and another is asked", model=self._model, error=str(error))
                last = error
                await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2**again)
            else:
                await shower.finish(completion.text)
                return completion
        raise ModelUnavailableError(f"{self._options.retries + 1} replicas of {self._model} were lost: {last}")

    def _prepare(self, request: ChatRequest, stream: bool) -> tuple[ReplyAsked, Path | None]:
        """What replicas are asked, and the folder of the LoRA that the request names.

        Raises:
            LoraError: the folder holds no LoRA.
            ModelError: the model's files cannot be read here.
        """
        known = "" if self._base is None else model_hash(self._base)
        if request.temperature and request.seed is None:  # a second try then draws the same words
            request = msgspec.structs.replace(request, seed=random.getrandbits(_SEED_BITS))
        if request.lora is None or request.lora == "base":
            return ReplyAsked(request=request, stream=stream, model_hash=known), None
        folder = Path(request.lora).expanduser()
        lora_id = self._loras.id_of(folder)
        request = msgspec.structs.replace(request, lora=HELD, lora_above=())
        return ReplyAsked(request=request, lora_id=lora_id, stream=stream, model_hash=known), folder

    async def _ask(self, asked: ReplyAsked, folder: Path | None, shower: _Shower) -> Completion:
        """Have one replica write the reply. It is given the LoRA if it does not hold it."""
        completion = await self._read(asked, shower)
        if completion is None and folder is not None:
            files = await asyncio.to_thread(self._loras.files_of, folder)
            lora_id = await asyncio.to_thread(lambda: files.version)  # a new one, if the folder was replaced just now
            asked = msgspec.structs.replace(asked, lora_id=lora_id, files=files)
            completion = await self._read(asked, shower)
        if completion is None:
            raise ReplicaLostError(f"a replica of {self._model} let go of the LoRA that it was given")
        return completion

    async def _read(self, asked: ReplyAsked, shower: _Shower) -> Completion | None:
        """The reply of one replica; None: it wants the LoRA.

        Raises:
            ReplicaLostError: the replica was lost.
            ModelError: what the replica's engine has raised.
        """
        text = ""
        async with contextlib.aclosing(self._caller.ask(asked.lora_id, msgspec.msgpack.encode(asked))) as frames:
            async for raw in frames:
                match decode_frame(raw):
                    case Begun(replica, writing, waiting):
                        about = {"lora": asked.lora_id, "writing": writing, "waiting": waiting}
                        _log.debug("a replica answers", replica=replica, **about)
                    case Grown(keep, piece):
                        text = text[:keep] + piece
                        await shower.show(text)
                    case Done(completion):
                        return completion
                    case Failed() as frame:
                        raise error_of(frame)
                    case LoraWanted():
                        return None
        raise ReplicaLostError(f"a replica of {self._model} ended in the middle of a reply")

    async def aclose(self) -> None:
        """Do nothing: no part of the way to the cluster belongs to an event loop."""

    def close(self) -> None:
        """Let go of the cluster. Replies that are not finished end with a ModelUnavailableError."""
        self._caller.close()


class _Shower:
    """Shows the growing text of a reply, which may be begun again by another replica."""

    def __init__(self, on_text: OnText | None) -> None:
        self._on_text = on_text
        self._shown = ""

    async def show(self, text: str) -> None:
        """Show ``text`` where it goes on from what was shown already."""
        if self._on_text is not None and text != self._shown and text.startswith(self._shown):
            self._shown = text
            await self._on_text(text)

    async def finish(self, text: str) -> None:
        """Show the whole text, also where it is another one than was begun with."""
        if self._on_text is not None and text != self._shown:
            self._shown = text
            await self._on_text(text)
