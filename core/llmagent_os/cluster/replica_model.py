"""The in-process engine inside a replica: it holds LoRAs by their content, and answers in frames."""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextvars import ContextVar
from typing import Self
from weakref import WeakValueDictionary

import msgspec

from llmagent_os.chat import Completion
from llmagent_os.cluster.replica_order import ReplicaOrder
from llmagent_os.cluster.reply_frames import (
    HELD,
    Begun,
    Done,
    Frame,
    LoraWanted,
    ReplyAsked,
    decode_asked,
    failed,
    grown,
)
from llmagent_os.errors import LoraError, ModelError, ModelSetupError
from llmagent_os.serving.local import LocalBackend
from llmagent_os.serving.lora_files import LoraFiles
from llmagent_os.serving.lora_weights import LoraWeights, weights_of
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location, locate
from llmagent_os.serving.options import LocalOptions

#: The LoRA that answers the request which the current task prepares.
_answering: ContextVar[LoraWeights | None] = ContextVar("_answering", default=None)


class HeldLora:
    """A LoRA in a replica's memory. Whoever counts the LoRAs of a replica keeps this object."""

    def __init__(self, weights: LoraWeights) -> None:
        self.weights = weights


class LoraAwayError(Exception):
    """The replica does not hold a LoRA, and no request has brought its files."""


#: Gives the LoRA of a name, and keeps it for the next request; it calls :meth:`ReplicaModel.load` for a new one.
Hold = Callable[[str], Awaitable[HeldLora]]


class ReplicaModel(LocalBackend):
    """A model whose LoRAs come with the requests, and not from a folder."""

    def __init__(self, location: Location, options: LocalOptions) -> None:
        super().__init__(location, options)
        self._name_here = f"{platform.node()}:{os.getpid()}"
        self._offered: dict[str, LoraFiles] = {}  # of requests that are about to hold them
        self._held: WeakValueDictionary[str, HeldLora] = WeakValueDictionary()

    @classmethod
    def load_model(cls, order: ReplicaOrder) -> Self:
        """Load the model of an order. Takes seconds.

        Raises:
            ModelError: this machine has no such model, or one with other weights.
        """
        location = locate(order.model, order.models_folder)
        found = model_hash(location)
        if order.model_hash and found != order.model_hash:
            raise ModelSetupError(
                f"the model {order.model} on this machine has the weights {found or 'unknown'}, and the cluster was "
                f"started with {order.model_hash}: install the same model on every machine"
            )
        return cls(location, order.options)

    async def load(self, lora_id: str) -> HeldLora:
        """A LoRA that still answers a request, or one whose files came with a request.

        Raises:
            LoraAwayError: it is neither.
            LoraError: the files hold no LoRA that can be served, or another one.
        """
        if (writing := self._held.get(lora_id)) is not None:
            return writing
        if (files := self._offered.get(lora_id)) is None:
            raise LoraAwayError(lora_id)
        try:
            held = HeldLora(await asyncio.to_thread(_weights, lora_id, files))
        except ModelError as error:
            raise LoraError(str(error)) from error
        self._held[lora_id] = held
        return held

    def check_health(self) -> None:
        """Raise an error where no request can be answered any more.

        Raises:
            ModelError: the engine has ended.
        """
        if not self.engine.alive:
            raise ModelError("the engine of this replica has ended")

    async def answer(self, raw: bytes, hold: Hold) -> AsyncGenerator[bytes]:
        """Answer what a host asks, in frames. Closed early, it frees the slot at the next token."""
        async with contextlib.aclosing(self._frames(decode_asked(raw), hold)) as frames:
            async for frame in frames:
                yield msgspec.msgpack.encode(frame)

    async def _frames(self, asked: ReplyAsked, hold: Hold) -> AsyncGenerator[Frame]:
        if asked.model_hash and asked.model_hash != self._model_hash:
            yield failed(self._other_weights(asked.model_hash))
            return
        held = None
        if asked.lora_id:
            if asked.lora_id not in self._held and asked.files is None:
                yield LoraWanted()
                return
            try:
                held = await self._hold(asked, hold)
            except LoraAwayError:  # it was let go of between the look and the hold
                yield LoraWanted()
                return
            except ModelError as error:
                yield failed(error)
                return
        yield Begun(self._name_here, *self.engine.load)
        news: asyncio.Queue[str | None] = asyncio.Queue(1)

        async def show(text: str) -> None:
            await news.put(text)

        writing = asyncio.create_task(self._write(asked, held, show if asked.stream else None))
        writing.add_done_callback(lambda _: news.put_nowait(None) if news.empty() else None)
        before = ""
        try:
            while not writing.done():
                text = await news.get()
                if text is not None and text != before:
                    yield grown(before, text)
                    before = text
            try:
                completion = await writing
            except ModelError as error:
                yield failed(error)
            else:
                yield Done(completion)
        finally:
            writing.cancel()

    def _other_weights(self, wanted: str) -> ModelSetupError:
        """The error of a host whose model is another one. Its trainings would take our replies for that one's."""
        return ModelSetupError(
            f"the cluster serves other weights ({self._model_hash or 'unknown'}, and this host has {wanted}): run "
            "`llmagent-os cluster start` again, with the same model on every machine"
        )

    async def _hold(self, asked: ReplyAsked, hold: Hold) -> HeldLora:
        if asked.files is not None:
            self._offered[asked.lora_id] = asked.files
        try:
            return await hold(asked.lora_id)
        finally:
            if self._offered.get(asked.lora_id) is asked.files:  # else another request has offered it since
                self._offered.pop(asked.lora_id, None)

    async def _write(
        self, asked: ReplyAsked, held: HeldLora | None, show: Callable[[str], Awaitable[None]] | None
    ) -> Completion:
        """Runs in a task of its own, whose LoRA no other request sees."""
        _answering.set(held.weights if held else None)
        return await self.complete(asked.request, show)

    def _lora(self, name: str | None) -> LoraWeights | None:
        return _answering.get() if name == HELD else super()._lora(name)


def _weights(lora_id: str, files: LoraFiles) -> LoraWeights:
    """The weights in the files of a LoRA.

    Raises:
        ModelError: they hold no LoRA, or another one than ``lora_id``: replies would be recorded as of that one.
    """
    if files.version != lora_id:
        raise ModelError(f"the LoRA in {files.where} is {files.version}, and {lora_id} was asked for")
    return weights_of(files)
