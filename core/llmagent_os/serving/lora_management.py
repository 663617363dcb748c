"""vLLM's endpoints that load and unload LoRAs, and what their answers mean.

API: https://docs.vllm.ai/en/latest/features/lora.html. Redirects are never followed: they could send the key, and the
path of a person's LoRA, to another server. What vLLM 0.32 answers is recorded in ``tests/unit/serving/vllm_server.py``.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from llmagent_os.errors import LoraError, ModelBusyError, ModelSetupError, ModelUnavailableError
from llmagent_os.serving.server_failure import reason_of
from llmagent_os.serving.server_models import why_unreachable

#: For a question that the server answers from memory, in seconds.
ASK_SECONDS = 5.0
#: For reading a LoRA into the server's memory: a large one on a network's disk takes a while.
LOAD_SECONDS = 60.0
#: Of an answer that is read.
MAX_BYTES = 8_000_000

#: A token that is certain, and one that is never drawn, in nats.
_CERTAIN, _NEVER = 1e-6, -1000.0

#: What a server has to be started with.
HOW_TO_START = "start it with --enable-lora, and with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True in its environment"

_RANK = re.compile(r"rank (\d+) is greater than max_lora_rank (\d+)", re.IGNORECASE)
_NO_FILES = re.compile(r"no adapter found for|doesn't contain tensors|no such file|permission denied", re.IGNORECASE)
_DISABLED = re.compile(r"lora is not enabled|--enable-lora", re.IGNORECASE)
_ANOTHER_MODEL = re.compile(r"target modules|size mismatch|shape", re.IGNORECASE)


class ServedModel(msgspec.Struct, frozen=True):
    """A model or a LoRA in a server's list."""

    id: str  #: the name by which it is asked for
    owned_by: str = ""  #: ``vllm`` on a vLLM server
    root: str | None = None  #: of the model: its folder or hub id, on the server; of a LoRA: its folder there
    parent: str | None = None  #: of a LoRA: the model; None: it is no LoRA
    max_model_len: int | None = None  #: tokens that the model reads and writes at most


class _List(msgspec.Struct):
    data: list[ServedModel]


class _Alternative(msgspec.Struct):
    logprob: float


class _Token(msgspec.Struct):
    top_logprobs: list[_Alternative]


class _Logprobs(msgspec.Struct):
    content: list[_Token]


class _ProbedChoice(msgspec.Struct):
    logprobs: _Logprobs


class _Probed(msgspec.Struct):
    choices: list[_ProbedChoice]


class LoraManagement:
    """Loads and unloads the LoRAs of one vLLM server.

    Args:
        url: of the server's API: ``http://127.0.0.1:8000/v1``.
        key: of the server; empty: it needs none.
    """

    def __init__(self, url: str, key: str = "") -> None:
        self.url = url.rstrip("/")
        self._key = key

    async def models(self) -> tuple[ServedModel, ...]:
        """What the server has: its model under each of its names, and the LoRAs that are loaded. Empty: it has no list.

        Raises:
            ModelUnavailableError: the server cannot be reached, or has another kind of list.
            ModelSetupError: the server refuses the key.
        """
        status, body = await self._ask("GET", "/models", None, ASK_SECONDS)
        self._check_access(status)
        if status in (404, 405, 501):
            return ()  # a server that lists nothing: vLLM always does
        try:
            return tuple(msgspec.convert(body, _List).data) if status == 200 else self._no_list(status, body)
        except msgspec.ValidationError:
            return self._no_list(status, body)

    def _no_list(self, status: int, body: Any) -> tuple[ServedModel, ...]:
        raise ModelUnavailableError(f"{self.url} lists no models ({status}: {reason_of(body)})")

    async def can_load(self) -> bool | None:
        """Whether the server loads LoRAs at run time, by a request that names none. None: only with a key.

        Raises:
            ModelUnavailableError: the server cannot be reached.
        """
        status, _ = await self._ask("POST", "/load_lora_adapter", {}, ASK_SECONDS)
        return None if status in (401, 403) else status in (400, 422)

    async def tells_drawn_logprobs(self, model: str) -> bool | None:
        """Whether log-probabilities are those of the distribution that tokens are drawn from. None: it does not say.

        By default vLLM's are the model's own, before the temperature and the floor. One token is drawn under a floor
        that leaves the likeliest token alone: what is drawn from then has it for certain.

        Raises:
            ModelUnavailableError: the server cannot be reached.
        """
        body = {
            "model": model,
            "messages": [{"role": "user", "content": "hello"}],
            "max_tokens": 1,
            "temperature": 1.0,
            "min_p": 1.0,
            "logprobs": True,
            "top_logprobs": 2,
        }
        status, said = await self._ask("POST", "/chat/completions", body, LOAD_SECONDS)
        try:
            first, *others = msgspec.convert(said, _Probed).choices[0].logprobs.content[0].top_logprobs
        except (msgspec.ValidationError, IndexError, ValueError):
            return None
        return status == 200 and first.logprob > -_CERTAIN and all(each.logprob < _NEVER for each in others)

    async def load(self, name: str, path: str, rank: int) -> None:
        """Have the server load a LoRA. A LoRA of that name that is there already stays: names hold a hash of the files.

        Args:
            name: by which requests ask for the LoRA.
            path: of the folder, as the server sees it.
            rank: of the LoRA.

        Raises:
            LoraError: the server does not take this LoRA; the message says what to change.
            ModelUnavailableError: the server cannot be reached, or did not answer in time.
            ModelSetupError: the server refuses the key, or sends elsewhere.
        """
        body = {"lora_name": name, "lora_path": path}
        status, said = await self._ask("POST", "/load_lora_adapter", body, LOAD_SECONDS)
        self._check_access(status)
        reason = reason_of(said)
        if status == 200 or (status == 400 and "already been loaded" in reason):
            return
        if status in (502, 503, 504):
            raise ModelBusyError(f"{self.url} cannot load a LoRA now ({status}: {reason})")
        raise LoraError(f"{self.url} {self._refusal(status, said, reason, path, rank)}")

    async def unload(self, name: str) -> None:
        """Have the server drop a LoRA. One that is not there is no error.

        Raises:
            ModelUnavailableError: the server cannot be reached, or does not drop it.
            ModelSetupError: the server refuses the key, or sends elsewhere.
        """
        status, said = await self._ask("POST", "/unload_lora_adapter", {"lora_name": name}, ASK_SECONDS)
        self._check_access(status)
        if status not in (200, 404):
            raise ModelUnavailableError(f"{self.url} does not unload {name} ({status}: {reason_of(said)})")

    def _refusal(self, status: int, said: Any, reason: str, path: str, rank: int) -> str:
        """Why a LoRA was not loaded, and what to do."""
        if status == 405 or (status == 404 and said == {"detail": "Not Found"}):
            return f"does not load LoRAs at run time: {HOW_TO_START}"
        if found := _RANK.search(reason):
            return f"takes LoRAs up to rank {found[2]}, and this one has {rank}: start it with --max-lora-rank {rank}"
        if _NO_FILES.search(reason):
            return (
                f"finds no LoRA in {path}: let it read that folder under this path, or set LLMAGENT_OS_LORA_ROOT to "
                f"the path that the folder of LoRAs has there ({reason})"
            )
        if _ANOTHER_MODEL.search(reason):
            return f"has another base model than the LoRA in {path} was trained on, or has no such layers: {reason}"
        if _DISABLED.search(reason):
            return f"cannot load a LoRA: {HOW_TO_START} ({reason})"
        return f"does not load the LoRA in {path} ({status}: {reason})"

    def _check_access(self, status: int) -> None:
        if status in (401, 403):
            what = "refuses the key in" if self._key else "takes nobody without a key: set"
            raise ModelSetupError(f"{self.url} {what} LLMAGENT_OS_API_KEY ({status})")
        if 300 <= status < 400:
            raise ModelSetupError(
                f"{self.url} sends elsewhere ({status}), which is not followed: write its own address"
            )

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None, seconds: float) -> tuple[int, Any]:
        """The status and the answer: JSON where there is any, otherwise its text."""
        from aiohttp import ClientError, ClientSession, ClientTimeout

        headers = {"Authorization": f"Bearer {self._key}"} if self._key else {}
        try:
            async with (
                ClientSession(headers=headers, timeout=ClientTimeout(total=seconds)) as session,
                session.request(method, f"{self.url}{path}", json=body, allow_redirects=False) as response,
            ):
                raw = b""
                while len(raw) < MAX_BYTES and (more := await response.content.read(MAX_BYTES)):
                    raw += more
                status = response.status
        except TimeoutError as error:
            raise ModelBusyError(f"{self.url}{path} gave no answer within {seconds:g} s") from error
        except (ClientError, OSError, ValueError) as error:
            raise ModelUnavailableError(f"{self.url} cannot be reached: {why_unreachable(error)}") from error
        try:
            return status, msgspec.json.decode(raw)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return status, raw[:2000].decode(errors="replace")
