"""Asks an OpenAI-compatible server whether it has a model, before anybody talks to the bot.

API: https://platform.openai.com/docs/api-reference/models/list. Not every server lists its models, and some take names
that they do not list. So a name that is not listed is tried once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from difflib import get_close_matches
from errno import ECONNREFUSED

import msgspec

from llmagent_os.chat import ChatRequest
from llmagent_os.errors import ConfigError, ModelError, ModelNotFoundError, ModelUnavailableError

LIST_SECONDS = 5.0  #: for the list of models
TRY_SECONDS = 10.0  #: for one token; a server that is still loading the model takes longer
MAX_LIST_BYTES = 8_000_000  #: of the list
NAMES_SHOWN = 8  #: names of the list that an error shows


class _Model(msgspec.Struct):
    id: str


class _Models(msgspec.Struct):
    data: list[_Model]


async def check_model_name(
    model: str, url: str, key: str, complete: Callable[[ChatRequest], Awaitable[object]]
) -> None:
    """Check that the server has the model, and takes the key.

    Args:
        model: the name by which the server calls the model.
        url: of the server: ``http://127.0.0.1:8000/v1``.
        key: of the server; empty: none.
        complete: asks the server for one reply of this model.

    Raises:
        ConfigError: the server refuses the key.
        ModelNotFoundError: the server has no such model; the message names the nearest one.
        ModelUnavailableError: the server cannot be reached.
    """
    names = await listed_models(url, key)
    if model in names or f"{model}:latest" in names:  # Ollama adds ":latest" itself
        return
    try:
        async with asyncio.timeout(TRY_SECONDS):
            await complete(ChatRequest(messages=[{"role": "user", "content": "hello"}], max_tokens=1))
    except ModelNotFoundError as error:
        near = get_close_matches(model, names, 1, 0.6)
        more = ", ..." if len(names) > NAMES_SHOWN else ""
        there = f"it has: {', '.join(sorted(names)[:NAMES_SHOWN])}{more}" if names else "it lists none"
        hint = f"did you mean {near[0]!r}?" if near else there
        raise ModelNotFoundError(f"{url} has no model {model!r}; {hint}") from error
    except (ModelError, TimeoutError):
        return  # the server knows the name: it fails for another reason, or is busy


async def listed_models(url: str, key: str) -> tuple[str, ...]:
    """Return the names of the server's models. Empty: it does not list them.

    Raises:
        ConfigError: the server refuses the key.
        ModelUnavailableError: the server cannot be reached, or does not answer within :data:`LIST_SECONDS`.
    """
    from aiohttp import ClientError, ClientSession, ClientTimeout

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        async with (
            ClientSession(headers=headers, timeout=ClientTimeout(total=LIST_SECONDS)) as session,
            # A redirect could send the key to another server.
            session.get(f"{url.rstrip('/')}/models", allow_redirects=False) as response,
        ):
            status = response.status
            body = await response.content.read(MAX_LIST_BYTES) if status == 200 else b""
            while body and len(body) < MAX_LIST_BYTES and (more := await response.content.read(MAX_LIST_BYTES)):
                body += more
    except (ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
        raise ModelUnavailableError(f"{url} cannot be reached: {why_unreachable(error)}") from error
    if status == 401:
        what = "refuses the key in" if key else "takes nobody without a key: set"
        raise ConfigError(f"{url} {what} LLMAGENT_OS_API_KEY (401)")
    try:
        return tuple(each.id for each in msgspec.json.decode(body, type=_Models).data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return ()


def why_unreachable(error: Exception) -> str:
    """Why a server cannot be reached; aiohttp's own words speak of sockets."""
    from aiohttp import ClientConnectorCertificateError, ClientConnectorDNSError, ClientConnectorError

    match error:
        case ClientConnectorDNSError():
            return "there is no server of that name"
        case ClientConnectorError() if not isinstance(error, ClientConnectorCertificateError) and (
            error.os_error.errno == ECONNREFUSED or isinstance(error.os_error, ConnectionRefusedError)
        ):
            return "nothing listens there"
        case _:
            return str(error) or f"no answer within {LIST_SECONDS:g} s"
