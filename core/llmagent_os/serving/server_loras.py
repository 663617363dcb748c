"""The LoRAs of one vLLM server: loaded on first use, kept within its slots, dropped when they serve nobody any more.

A LoRA's name on the server is the installation's mark, the folder's name and a hash of the files. vLLM keys what it has
read of prompts by the name of the LoRA (https://github.com/vllm-project/vllm/issues/42125), so a name must never stand
for two sets of weights. Two hosts of one installation use the same names, and what one has loaded the other need not.

A server may forget everything at any moment, by a restart, and another host may unload what this one uses. Whoever is
told that a name is unknown calls :meth:`ServerLoras.forget` and asks again: the LoRA is then loaded again.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Collection
from concurrent.futures import Future
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import structlog

from llmagent_os.errors import LoraError, ModelBusyError, ModelError
from llmagent_os.serving.lora_artifact import ArtifactCache, LoraArtifact
from llmagent_os.serving.lora_management import LoraManagement, ServedModel

_log = structlog.stdlib.get_logger(__name__)

#: For so long a LoRA that the server did not take is not offered again: every message of its person would wait for it.
REFUSED_SECONDS = 30.0


class HeldLora(msgspec.Struct, frozen=True):
    """A LoRA that is loaded, and stays so until the reply is written."""

    name: str  #: by which the server is asked for it
    version: str  #: as the engine records it: the folder's name, ``@`` and a hash


class _Slot:
    """A LoRA that is loaded, or is being loaded."""

    def __init__(self, *, loaded: bool = False) -> None:
        self.users = 0  # replies that are being written with it
        self.ready: Future[None] = Future()
        self._begun = loaded
        if loaded:
            self.ready.set_result(None)

    def begin(self) -> bool:
        """Whether the caller has to load it: True for one caller only."""
        if self._begun:
            return False
        self._begun = True
        return True

    @property
    def loaded(self) -> bool:
        return self.ready.done() and self.ready.exception() is None


class _Turn:
    """A request that waits for a slot."""

    def __init__(self) -> None:
        self.news: Future[None] = Future()  # a slot has changed


class LoraPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a server finds LoRAs, and how many it keeps."""

    #: most LoRAs of this installation on a server: what it was started with as ``--max-cpu-loras``
    slots: int = 32
    mark: str = ""  #: of the installation: begins the names of its LoRAs; empty: names begin with the folder's
    here: Path | None = None  #: the folder of LoRAs in this process; None: every path is the server's too
    there: str = ""  #: the same folder as the server sees it; empty: under the same path


class ServerLoras:
    """Keeps a server's LoRAs. Safe to use from several threads and event loops.

    Args:
        management: of the server.
        place: where the server finds LoRAs, and how many it keeps.
        artifacts: reads LoRAs; several servers share one.
    """

    def __init__(self, management: LoraManagement, place: LoraPlace, artifacts: ArtifactCache) -> None:
        self._management = management
        self._place = place
        self._artifacts = artifacts
        self._slots: OrderedDict[str, _Slot] = OrderedDict()  # the least recently used first
        self._pinned: frozenset[str] = frozenset()
        self._refused: dict[str, tuple[float, str]] = {}  # until when, and why
        self._waiting: list[_Turn] = []  # for a slot, who came first at the front
        self._tasks: set[asyncio.Task[None]] = set()  # that load
        self._lock = threading.Lock()

    @property
    def loaded(self) -> tuple[str, ...]:
        """The names of the LoRAs that the server has, as far as this process knows. The least recently used first."""
        with self._lock:
            return tuple(name for name, slot in self._slots.items() if slot.loaded)

    def holds(self, version: str) -> bool:
        """Whether the server has a LoRA, as far as this process knows."""
        with self._lock:
            slot = self._slots.get(self.name_of(version))
            return slot is not None and slot.loaded

    def name_of(self, version: str) -> str:
        """The name of a LoRA on the server."""
        mark = self._place.mark
        return f"{mark}.{version}" if mark else version

    def path_of(self, artifact: LoraArtifact) -> str:
        """The folder of a LoRA as the server sees it."""
        here, there = self._place.here, self._place.there
        if not there or here is None or not artifact.folder.is_relative_to(here.resolve()):
            return str(artifact.folder)
        return "/".join([there.rstrip("/"), *artifact.folder.relative_to(here.resolve()).parts])

    @asynccontextmanager
    async def use(self, folder: Path) -> AsyncGenerator[HeldLora]:
        """Have the server hold a LoRA while a reply is written. It is loaded if it is not there.

        Raises:
            LoraError: the files are missing or damaged, or the server does not take the LoRA.
            ModelUnavailableError: the server cannot be reached, or has not loaded the LoRA in time.
        """
        artifact = await asyncio.to_thread(self._artifacts.get, folder)
        name = self.name_of(artifact.version)
        slot = await self._hold(name, artifact)
        try:
            yield HeldLora(name, artifact.version)
        finally:
            self._release(slot)

    async def push(self, folder: Path) -> str:
        """Load a LoRA before anybody asks for it, where a slot is free for it; waits for no reply.

        Returns:
            Its version.

        Raises:
            LoraError, ModelUnavailableError: as :meth:`use` says.
        """
        artifact = await asyncio.to_thread(self._artifacts.get, folder)
        name = self.name_of(artifact.version)
        with self._lock:
            taken = self._taken(name, None)
        if taken is not None:
            self._release(await self._ready(name, taken[0], artifact, taken[1]))
        return artifact.version

    def forget(self, name: str) -> None:
        """Note that the server does not have a LoRA, or nobody knows."""
        with self._lock:
            self._slots.pop(name, None)
            self._wake()

    def pin(self, versions: Collection[str]) -> frozenset[str]:
        """Name the LoRAs that are never dropped for others. One slot at least stays free for those.

        Returns:
            The versions that are kept: the first ones.
        """
        kept = frozenset([*dict.fromkeys(versions)][: max(0, self._place.slots - 1)])
        with self._lock:
            self._pinned = frozenset(map(self.name_of, kept))
            self._wake()
        return kept

    # ── what the server really has ────────────────────────────────────────────────────────────────────────────────

    def note_list(self, models: Collection[ServedModel]) -> None:
        """Take up what the server says it has: another host may have loaded or dropped LoRAs, or it was restarted."""
        there = [model.id for model in models if model.parent is not None and self._is_ours(model.id)]
        with self._lock:
            for name in [name for name, slot in self._slots.items() if slot.loaded and name not in there]:
                if not self._slots[name].users:  # a reply that is being written finds out by itself
                    del self._slots[name]
            for name in there:
                if name not in self._slots:
                    self._slots[name] = _Slot(loaded=True)
                    self._slots.move_to_end(name, last=False)
            self._wake()

    async def drop_others(self, kept: Collection[str]) -> None:
        """Unload this installation's LoRAs beside those in ``kept``. A reply that is being written ends as it began.

        Raises:
            ModelError: the server cannot be reached, or refuses. What is left is dropped by the next call.
        """
        names = {self.name_of(each) for each in kept}
        with self._lock:
            gone = [name for name, slot in self._slots.items() if name not in names and slot.loaded]
        for name in gone:
            await self._management.unload(name)
            self.forget(name)
            _log.info("a LoRA that is not served any more was unloaded", server=self._management.url, lora=name)

    def _is_ours(self, name: str) -> bool:
        return bool(self._place.mark) and name.startswith(f"{self._place.mark}.")

    # ── slots ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _hold(self, name: str, artifact: LoraArtifact) -> _Slot:
        slot, victim = await self._turn(name)
        return await self._ready(name, slot, artifact, victim)

    async def _turn(self, name: str) -> tuple[_Slot, str | None]:
        """Wait until a slot is free, behind those who came before."""
        turn = _Turn()
        try:
            while True:
                with self._lock:
                    if (taken := self._taken(name, turn)) is not None:
                        return taken
                    turn.news = news = Future[None]()
                    first = turn not in self._waiting
                    if first:
                        self._waiting.append(turn)
                if first:
                    url = self._management.url
                    _log.warning("every slot for LoRAs writes a reply: one waits", server=url, lora=name)
                await asyncio.shield(asyncio.wrap_future(news))
        finally:
            with self._lock:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                    self._wake()

    def _taken(self, name: str, turn: _Turn | None) -> tuple[_Slot, str | None] | None:
        """A slot with one more user, and the LoRA that makes room for it. None: it has to wait. The lock is held.

        While somebody waits, only replies with pinned LoRAs are begun: by others, no slot would ever fall free.

        Raises:
            LoraError: the server has just refused the LoRA.
        """
        until, why = self._refused.get(name, (0.0, ""))
        if until > time.monotonic():
            raise LoraError(why)
        is_next = not self._waiting or self._waiting[0] is turn
        if not is_next and not (name in self._pinned and name in self._slots):
            return None
        slot, victim = self._take(name)
        if slot is None:
            return None
        slot.users += 1
        return slot, victim

    async def _ready(self, name: str, slot: _Slot, artifact: LoraArtifact, victim: str | None) -> _Slot:
        """Wait until a slot's LoRA is loaded. Whoever comes first has it loaded in a task of its own, which goes on."""
        if slot.begin():
            task = asyncio.get_running_loop().create_task(self._load(name, slot, artifact, victim))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            await asyncio.shield(asyncio.wrap_future(slot.ready))
        except ModelError as error:
            self._release(slot)
            raise type(error)(str(error)) from error  # each of those who waited gets an error of its own
        except BaseException:
            self._release(slot)
            raise
        return slot

    def _take(self, name: str) -> tuple[_Slot | None, str | None]:
        """A slot for a LoRA, and the LoRA that makes room for it. None: every slot is in use. The lock is held."""
        if (slot := self._slots.get(name)) is not None:
            self._slots.move_to_end(name)
            return slot, None
        victim: str | None = None
        if len(self._slots) >= max(1, self._place.slots):
            free = (each for each, slot in self._slots.items() if slot.loaded and not slot.users)
            victim = next((each for each in free if each not in self._pinned), None)
            if victim is None:
                return None, None
            del self._slots[victim]
        self._slots[name] = _Slot()
        return self._slots[name], victim

    async def _load(self, name: str, slot: _Slot, artifact: LoraArtifact, victim: str | None) -> None:
        begun = time.monotonic()
        try:
            if victim is not None:
                await self._management.unload(victim)
            await self._management.load(name, self.path_of(artifact), artifact.rank)
        except BaseException as error:
            self._failed(name, slot, error)
            slot.ready.set_exception(error if isinstance(error, ModelError) else ModelBusyError(f"{name} was given up"))
            if not isinstance(error, ModelError):
                raise
            return
        seconds = round(time.monotonic() - begun, 3)
        _log.info("a LoRA was loaded", server=self._management.url, lora=name, seconds=seconds)
        slot.ready.set_result(None)
        with self._lock:
            self._wake()  # whoever had it loaded may have gone: then it makes room

    def _failed(self, name: str, slot: _Slot, error: BaseException) -> None:
        now = time.monotonic()
        with self._lock:
            if self._slots.get(name) is slot:
                del self._slots[name]
            self._refused = {each: told for each, told in self._refused.items() if told[0] > now}
            if isinstance(error, LoraError):
                self._refused[name] = (now + REFUSED_SECONDS, str(error))
            self._wake()

    def _release(self, slot: _Slot) -> None:
        with self._lock:
            slot.users -= 1
            self._wake()

    def _wake(self) -> None:
        """Have the one look again who has waited longest for a slot. The lock is held."""
        if self._waiting and not self._waiting[0].news.done():
            self._waiting[0].news.set_result(None)
