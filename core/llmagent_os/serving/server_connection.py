"""Connections to an OpenAI-compatible server, through the openai client.

Here are requests, the errors that HTTP has for them, and the limits of size and of silence.
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, cast

from llmagent_os.errors import ModelBusyError, ModelSetupError, ModelUnavailableError
from llmagent_os.events import now
from llmagent_os.serving.options import ServerOptions
from llmagent_os.serving.server_failure import ServerFailureError, failure, is_out_of_range, refused_parameter
from llmagent_os.serving.server_request import OPTIONAL_PARAMETERS

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_DEFAULT_URL = "https://api.openai.com/v1"


class ParameterRefusedError(Exception):
    """A model does not take a parameter."""

    def __init__(self, name: str, *, value_only: bool = False) -> None:
        super().__init__(name)
        self.name = name  #: of the parameter
        self.value_only = value_only  #: it takes other values of it


class ServerConnection:
    """The way to one server.

    Args:
        options: where the server is, and the limits.
    """

    def __init__(self, options: ServerOptions) -> None:
        self._options = options
        #: the server's address
        self.url = options.base_url or os.environ.get("OPENAI_BASE_URL") or _DEFAULT_URL
        # A connection belongs to the event loop that opened it. Synchronous calls run in a loop of their own.
        self._clients: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncOpenAI]
        self._clients = weakref.WeakKeyDictionary()
        self._making = threading.Lock()

    async def client(self) -> AsyncOpenAI:
        """The client of this event loop. It is made in a thread: its import alone takes a second."""
        loop = asyncio.get_running_loop()
        if (client := self._clients.get(loop)) is None:
            client = await asyncio.to_thread(self._make_client, loop)
        return client

    def _make_client(self, loop: asyncio.AbstractEventLoop) -> AsyncOpenAI:
        with self._making:
            if loop not in self._clients:
                import openai

                options = self._options
                client = openai.AsyncOpenAI(
                    base_url=self.url,
                    api_key=options.api_key or os.environ.get("OPENAI_API_KEY") or "none",
                    timeout=cast("Any", openai).Timeout(options.idle_timeout, connect=options.connect_timeout),
                    max_retries=0,  # tries are counted here, and end with the time for the reply
                    # A redirect could send the key, and what people said, to another server.
                    http_client=cast("Any", openai).DefaultAsyncHttpxClient(follow_redirects=False),
                )
                _ = client.chat.completions.with_streaming_response  # imported when it is used first
                self._clients[loop] = client
            return self._clients[loop]

    async def aclose(self) -> None:
        """Close the connections that belong to the running event loop."""
        if client := self._clients.pop(asyncio.get_running_loop(), None):
            with suppress(RuntimeError):
                await client.close()

    async def pieces(self, response: Any) -> AsyncGenerator[bytes]:
        """The bytes of a reply as they come, within the limits of size and of silence."""
        pieces = response.iter_bytes()
        size = 0
        while True:
            try:
                async with asyncio.timeout(self._options.idle_timeout):
                    piece = await anext(pieces, None)
            except TimeoutError as error:
                raise self._silent() from error
            except Exception as error:  # the HTTP library differs from release to release of the openai client
                if "Timeout" in type(error).__name__:
                    raise self._silent() from error
                reason = f"broke off in the middle of a reply: {error or type(error).__name__}"
                raise ServerFailureError(ModelUnavailableError, reason) from error
            if piece is None:
                return
            size += len(piece)
            if size > self._options.max_bytes:
                reason = f"sent more than {self._options.max_bytes} bytes (max_bytes)"
                raise ServerFailureError(ModelUnavailableError, reason)
            yield piece

    @asynccontextmanager
    async def response(self, body: dict[str, Any]) -> AsyncGenerator[Any]:
        """The server's response, before its body is read.

        Raises:
            ServerFailureError: the server answers with an error, or cannot be reached.
            ParameterRefusedError: the model does not take one of the parameters.
        """
        client = await self.client()
        import openai  # only now: the client's thread has imported it

        create = cast("Any", client.chat.completions).with_streaming_response.create
        try:
            async with create(**body) as response:
                yield response
        except openai.APITimeoutError as error:
            raise self._silent() from error
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            reason = f"cannot be reached: {cause or type(cause).__name__}; is the server running?"
            raise ServerFailureError(ModelSetupError, reason, may_pass=True) from error
        except openai.APIStatusError as error:
            refused = set(body) & OPTIONAL_PARAMETERS
            if error.status_code in (400, 422) and (name := refused_parameter(error.body, refused)):
                found = failure(error.status_code, error.body)
                if found.kind is ModelSetupError:
                    raise ParameterRefusedError(name, value_only=is_out_of_range(name, error.body)) from error
            raise self._failure(error) from error

    def _failure(self, error: Any) -> ServerFailureError:
        """The failure that an answer with an error status stands for."""
        headers = error.response.headers
        status: int = error.status_code
        found = failure(status, error.body or error.message, wait=_retry_after(headers))
        is_object = isinstance(error.body, dict)
        if 300 <= status < 400:
            said = f"sends elsewhere ({status}), which is not followed: write its own address in LLMAGENT_OS_BASE_URL"
            return ServerFailureError(ModelSetupError, said)
        is_page = "html" in str(headers.get("content-type") or "")
        if status in (404, 405) and (is_page or not is_object or set(error.body) == {"detail"}):
            said = "with a web page" if is_page else f"({found.reason.partition(': ')[2]})"
            return ServerFailureError(ModelSetupError, f"refused with {status} {said}: there are no chat completions")
        return found

    def _silent(self) -> ServerFailureError:
        reason = f"did not send anything for {self._options.idle_timeout:g} s (idle_timeout)"
        return ServerFailureError(ModelBusyError, reason)


def _retry_after(headers: Any) -> float | None:
    """Seconds that a server asks to wait for: ``retry-after-ms``, or ``retry-after`` as seconds or as a date."""
    with suppress(TypeError, ValueError):
        return max(0.0, float(headers.get("retry-after-ms")) / 1000)
    given = headers.get("retry-after")
    with suppress(TypeError, ValueError):
        return max(0.0, float(given))
    with suppress(TypeError, ValueError):
        return max(0.0, (parsedate_to_datetime(given) - now()).total_seconds())
    return None
