"""What a server can do if it is vLLM: take LoRAs, and tell the tokens of its replies."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Collection
from pathlib import Path
from typing import Any

import structlog

from llmagent_os.chat import ChatRequest
from llmagent_os.errors import LoraError, ModelError, ModelSetupError, ModelUnavailableError
from llmagent_os.serving.lora_artifact import ArtifactCache, version_of
from llmagent_os.serving.lora_management import LoraManagement
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.served_tokens import ServedTokens
from llmagent_os.serving.server_loras import HeldLora, LoraPlace, ServerLoras
from llmagent_os.serving.vllm_request import amended, drawing_rule, needs_drawn_logprobs

_log = structlog.stdlib.get_logger(__name__)

#: How long a server of unknown kind is not asked again which it is.
UNKNOWN_SECONDS = 30.0
#: How long it is known which log-probabilities a server sends. Within it, vLLM cannot be restarted with other ones.
DRAWN_SECONDS = 10.0
#: The highest temperature that vLLM takes.
MOST_TEMPERATURE = 2.0
_PAUSE_SECONDS = 0.5  # before a LoRA is loaded again; each further pause is twice as long


class VllmServer:
    """One server that is vLLM, or may be.

    Args:
        url: of its API.
        model: the name by which it calls the model.
        options: the kind of the servers, the place of LoRAs, and the key.
        base: the model that it serves; None: it is not known.
        artifacts: reads LoRAs.
    """

    def __init__(
        self, url: str, model: str, options: ServerOptions, base: Location | None, artifacts: ArtifactCache
    ) -> None:
        key = "" if options.api_key in (None, "none") else str(options.api_key)
        place = LoraPlace(
            slots=options.lora_slots,
            mark=options.lora_mark,
            here=Path(options.loras_here) if options.loras_here else None,
            there=options.loras_there,
        )
        self.management = LoraManagement(url, key)
        self.loras = ServerLoras(self.management, place, artifacts)
        self._model = model
        self._retries = options.retries
        self._kind = options.kind
        self._base = base
        self._is_vllm: bool | None = {"vllm": True, "openai": False}.get(options.kind)
        self._ask_again = 0.0
        self._drawn_logprobs: bool | None = None  # None: it was not asked
        self._drawn_until = 0.0
        self._told = set[str]()  # what the owner was told
        self._pinned: tuple[Path, ...] = ()
        self._kept: dict[Path, str] | None = None  # version by folder; None: nobody has said which are served

    async def recognised(self, *, salted: bool = False) -> bool:
        """Whether the server is vLLM. It is asked once; one that does not answer is asked again later.

        Args:
            salted: for a request that must not share what is kept of prompts: ask again now.
        """
        if self._is_vllm is not None or (time.monotonic() < self._ask_again and not salted):
            return bool(self._is_vllm)
        try:
            models = await self.management.models()
        except ModelError as error:
            self._ask_again = time.monotonic() + UNKNOWN_SECONDS
            _log.debug("it is not known whether the server is vLLM", server=self.management.url, why=str(error))
            return False
        self._is_vllm = any(model.owned_by == "vllm" for model in models)
        return self._is_vllm

    def check(self, request: ChatRequest) -> None:
        """Check what vLLM would refuse, and what no other request should suffer for.

        Raises:
            ModelSetupError: the temperature is too high.
        """
        if self._is_vllm and request.temperature > MOST_TEMPERATURE:
            raise ModelSetupError(
                f"vLLM draws at temperatures up to {MOST_TEMPERATURE:g}, and {request.temperature:g} was asked for: "
                "lower `temperature` in bot.toml"
            )

    @property
    def learns(self) -> bool:
        """Whether replies are asked for with what is needed to learn from them."""
        return bool(self._is_vllm) and self._base is not None

    def amended(self, body: dict[str, Any], request: ChatRequest) -> dict[str, Any]:
        """The body of a request for this server."""
        return amended(body, request, learns=self.learns) if self._is_vllm else body

    async def base_hash(self) -> str:
        """The hash of the model's weights; empty: the model is not known."""
        return "" if self._base is None else await asyncio.to_thread(model_hash, self._base)

    # ── what is learned from ──────────────────────────────────────────────────────────────────────────────────────

    async def learnable(
        self, request: ChatRequest, body: dict[str, Any], served: ServedTokens | None
    ) -> dict[str, Any]:
        """The fields of a completion that trainings need; none where nobody knows how likely the tokens were.

        Args:
            request: what was to be answered.
            body: what the server was asked: a parameter that it refused is left out there.
            served: the tokens that it sent.
        """
        if not self.learns:
            return {}
        fields: dict[str, Any] = {"model_hash": await self.base_hash()}
        if served is None:
            self._tell(
                "the server sends no token ids with log-probabilities, or not all: nothing is learned from how its "
                "replies were drawn; vLLM 0.11 and later send them"
            )
            return fields
        if body.get("temperature") != request.temperature:
            return fields  # the server refused the temperature, and drew at one that it did not tell
        if needs_drawn_logprobs(request.temperature, request.min_p) and not await self._tells_drawn():
            self._tell(
                "the server's log-probabilities are not those that words are drawn by: nothing is learned from how its "
                "replies were drawn; start it with --logprobs-mode processed_logprobs, or set `temperature` to 1 and "
                "`min_p` to 0 in bot.toml"
            )
            return fields
        return fields | {
            "prompt_token_ids": served.prompt,
            "token_ids": served.tokens,
            "logprobs": served.logprobs,
            "constraint": drawing_rule(request),
        }

    async def _tells_drawn(self) -> bool:
        if self._drawn_logprobs is None or time.monotonic() >= self._drawn_until:
            self._drawn_logprobs = None
            try:
                self._drawn_logprobs = await self.management.tells_drawn_logprobs(self._model)
                self._drawn_until = time.monotonic() + DRAWN_SECONDS
            except ModelError as error:
                _log.warning("it is not known which log-probabilities the server sends", error=str(error))
        return bool(self._drawn_logprobs)

    def _tell(self, what: str) -> None:
        """Tell the owner once."""
        if what not in self._told:
            self._told.add(what)
            _log.warning(what, server=self.management.url)

    # ── LoRAs ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @contextlib.asynccontextmanager
    async def lora(self, name: str | None) -> AsyncGenerator[HeldLora | None]:
        """Hold the LoRA of a folder while a reply is written. None: ``name`` is no folder, but a name of the server's.

        Raises:
            LoraError: the LoRA cannot be used on this server.
            ModelUnavailableError: the server cannot be reached.
        """
        is_named = self._kind != "openai" and name not in (None, "base")
        folder = await asyncio.to_thread(_folder_of, str(name)) if is_named else None
        if folder is None:
            yield None
            return
        if not await self.recognised():
            raise LoraError(f"{self.management.url} is not vLLM, or does not answer: it is given no LoRAs")
        async with contextlib.AsyncExitStack() as stack:
            yield await self._held(folder, stack)

    async def _held(self, folder: Path, stack: contextlib.AsyncExitStack) -> HeldLora:
        """Load a LoRA, again where the server is busy or being restarted."""
        for tries_left in reversed(range(self._retries + 1)):
            try:
                held = await stack.enter_async_context(self.loras.use(folder))
                self._note(folder, held.version)
                return held
            except ModelUnavailableError as error:
                if not tries_left:
                    raise
                _log.warning("a LoRA is loaded again", server=self.management.url, why=str(error))
                await asyncio.sleep(_PAUSE_SECONDS * 2.0 ** (self._retries - tries_left))
        raise ModelUnavailableError(f"{self.management.url} was not asked for a LoRA: retries is negative")

    async def keep(self, pinned: Collection[Path], served: Collection[Path]) -> None:
        """Note which LoRAs are served now, and unload the others. Those in ``pinned`` are loaded by :meth:`look`.

        Raises:
            ModelError: the server cannot be reached. What is to be unloaded, :meth:`look` unloads later.
        """
        first, others = [*map(_plain, pinned)], [*map(_plain, served)]
        self._kept = await asyncio.to_thread(_versions, [*first, *others])
        self._pinned = tuple(folder for folder in dict.fromkeys(first) if folder in self._kept)
        self._pin()
        if await self.recognised():
            await self.loras.drop_others(self._kept.values())

    def _pin(self) -> frozenset[str]:
        """Pin what is to be loaded always; gives the versions for which there is room."""
        kept = self._kept or {}
        return self.loras.pin([kept[folder] for folder in self._pinned])

    def _note(self, folder: Path, version: str) -> None:
        """Note that a folder that is kept holds another version now: else it would be unloaded at every look."""
        folder = _plain(folder)
        if self._kept is not None and self._kept.get(folder, version) != version:
            self._kept[folder] = version
            self._pin()

    async def look(self) -> bool:
        """Bring what the server has into step with what is served.

        Returns:
            Whether the server was looked at. False: it is not vLLM, and is left alone.

        Raises:
            ModelError: the server cannot be reached, or does not take a LoRA. The others are loaded all the same.
        """
        if self._is_vllm is False:
            return False
        try:
            models = await self.management.models()
        except ModelError:
            self.doubt()
            raise
        if self._is_vllm is None:
            self._is_vllm = any(model.owned_by == "vllm" for model in models)
        if not self._is_vllm or self._kept is None:
            return bool(self._is_vllm)
        self.loras.note_list(models)
        await self.loras.drop_others(self._kept.values())
        kept, refused = self._pin(), list[LoraError]()
        for folder in [each for each in self._pinned if self._kept[each] in kept]:
            try:
                self._note(folder, await self.loras.push(folder))
            except LoraError as error:
                refused.append(error)
        if refused:
            raise refused[0]
        return True

    def restarted(self, name: str) -> None:
        """Note that the server does not know a LoRA any more: what else was found out may be wrong, too."""
        self.loras.forget(name)
        self.doubt()

    def doubt(self) -> None:
        """Note that the server was away: it may have been started again with other options."""
        self._drawn_logprobs = None


def _plain(folder: Path) -> Path:
    return folder.expanduser().absolute()


def _versions(folders: Collection[Path]) -> dict[Path, str]:
    found: dict[Path, str] = {}
    for folder in folders:
        try:
            found[folder] = version_of(folder)
        except LoraError as error:
            _log.error("a LoRA cannot be given to servers", error=str(error))
    return found


def _folder_of(name: str) -> Path | None:
    """The folder that names a LoRA; None: it is no folder. An absolute path is one even where it was deleted since."""
    path = Path(name).expanduser()
    return path if path.is_absolute() or path.is_dir() else None
