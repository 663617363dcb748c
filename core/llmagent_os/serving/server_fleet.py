"""Several servers with the same model: which of them answers a request, and what happens when one is away.

A request with a LoRA goes to a server that holds the LoRA, otherwise to the one that the LoRA's name is drawn to: every
host draws the same, so a person's LoRA is on one server and not on all (rendezvous hashing: Thaler and Ravishankar
1998, https://doi.org/10.1109/90.663936). Among equals the least busy answers. A server that fails is asked last for a
while, and the others answer in its place.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import structlog

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.errors import LoraError, ModelBusyError, ModelError, ModelSetupError, ModelUnavailableError
from llmagent_os.serving.backend import OnText
from llmagent_os.serving.lora_artifact import ArtifactCache
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.openai_server import ServerBackend
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.vllm_watch import watch_servers

_log = structlog.stdlib.get_logger(__name__)

#: For how long a server that failed is asked last: at first, and at most.
AWAY_SECONDS, MOST_AWAY_SECONDS = 1.0, 30.0
#: Before all servers are asked once more, in seconds.
_PAUSE_SECONDS = 0.5


class _Member:
    """One server of a fleet."""

    def __init__(self, url: str, backend: ServerBackend) -> None:
        self.url = url
        self.backend = backend
        self.running = 0  # replies that it writes
        self.failures = 0  # in a row
        self.away_until = 0.0

    @property
    def away(self) -> bool:
        return time.monotonic() < self.away_until

    def note(self, failed: bool) -> None:
        self.failures = self.failures + 1 if failed else 0
        pause = min(AWAY_SECONDS * 2.0 ** (self.failures - 1), MOST_AWAY_SECONDS) if failed else 0.0
        self.away_until = time.monotonic() + pause


class ServerFleet:
    """A model of several servers.

    Args:
        model: the name by which every server calls the model.
        options: where the servers are, and the limits.
        base: the model that the servers have, as it is here; None: it is not known.
    """

    def __init__(self, model: str, options: ServerOptions, base: Location | None = None) -> None:
        self._options = options
        self._artifacts = artifacts = ArtifactCache(base)
        urls = [options.base_url, *options.more_urls]
        self._members = [
            _Member(
                str(url),
                # Another server is a better second try than the same one.
                ServerBackend(
                    model, msgspec.structs.replace(options, base_url=url, more_urls=(), retries=0), base, artifacts
                ),
            )
            for url in dict.fromkeys(urls)
        ]

    async def warm_up(self) -> None:
        """Get ready. Asks no server."""
        for member in self._members:
            await member.backend.warm_up()

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        seconds = self._options.timeout
        try:
            async with asyncio.timeout(seconds):
                return await self._complete(request, on_text)
        except TimeoutError:
            raise ModelBusyError(f"no server finished a reply within {seconds:g} s (timeout)") from None

    async def _complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        key = await asyncio.to_thread(self._key, request)
        failures: list[ModelError] = []
        for round_ in range(self._options.retries + 1):
            if round_:
                await asyncio.sleep(_PAUSE_SECONDS * round_)
            for member in self._order(key, request.cache_salt):
                try:
                    return await self._ask(member, request, on_text)
                except (ModelUnavailableError, ModelSetupError) as error:
                    failures.append(error)
                    if len(self._members) > 1:
                        _log.warning("a model's server failed; another is asked", server=member.url, why=str(error))
            if not any(_may_pass(error) for error in failures[-len(self._members) :]):
                break
        raise _worst(failures[-len(self._members) :])

    async def _ask(self, member: _Member, request: ChatRequest, on_text: OnText | None) -> Completion:
        member.running += 1
        try:
            completion = await member.backend.complete(request, on_text)
        except (ModelUnavailableError, ModelSetupError) as error:
            if not isinstance(error, LoraError):  # a server that does not take a LoRA answers the others
                member.note(failed=True)
            raise
        finally:
            member.running -= 1
        member.note(failed=False)
        return completion

    def _key(self, request: ChatRequest) -> str:
        """What decides which server answers: the version of the LoRA; empty: any server may."""
        if request.lora in (None, "base"):
            return ""
        folder = Path(str(request.lora)).expanduser()
        try:
            return self._artifacts.get(folder).version if folder.is_dir() else str(request.lora)
        except LoraError:
            return str(request.lora)

    def _order(self, key: str, salt: str) -> list[_Member]:
        """The servers in the order in which they are asked. A person without a LoRA comes back to the same one."""

        def place(member: _Member) -> tuple[bool, bool, int, bytes]:
            holds = bool(key) and member.backend.vllm.loras.holds(key)
            drawn = hashlib.blake2b(f"{key or salt} {member.url}".encode(), digest_size=8).digest()
            # A LoRA that no server holds yet goes where its name is drawn to, however busy that server is.
            busy = member.running if holds or not key else 0
            return member.away, not holds, busy, drawn

        return sorted(self._members, key=place)

    async def keep_loras(self, pinned: Sequence[Path], served: Sequence[Path]) -> None:
        """Note which LoRAs are served now; see :class:`~llmagent_os.serving.backend.KeepsLoras`."""
        keeping = (member.backend.keep_loras(pinned, served) for member in self._members)
        found = await asyncio.gather(*keeping, return_exceptions=True)
        for error in found:
            if error is not None:
                raise error

    async def watch(self) -> None:
        """Keep the servers in step with what is served, and note which are away, until cancelled."""
        if self._options.kind == "openai":
            return

        def seen(at: int, error: ModelError | None) -> None:
            if not isinstance(error, LoraError):
                self._members[at].note(failed=error is not None)

        await watch_servers([member.backend.vllm for member in self._members], seen)

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        for member in self._members:
            await member.backend.aclose()

    def close(self) -> None:
        """Do nothing: connections close with their event loops."""


def _may_pass(error: ModelError) -> bool:
    """Whether the same servers may answer in a moment: they were busy, or being restarted."""
    return not isinstance(error, ModelSetupError) or "cannot be reached" in str(error)


def _worst(failures: Sequence[ModelError]) -> ModelError:
    """What is raised when no server answered: if one of them only lacks the LoRA, the level above may answer."""
    loras = [error for error in failures if isinstance(error, LoraError)]
    passing = [error for error in failures if isinstance(error, ModelUnavailableError)]
    return next(iter([*loras, *passing, *failures]))
