"""The HTTP client under python-telegram-bot, on aiohttp as in the rest of this project.

The library's own client is on httpx. Its calls cost several times as much, it reads a file into memory before the first
byte can be refused, and it rounds the pauses that Telegram asks for.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from http import HTTPStatus
from typing import IO, Any, Final, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import BadRequest, NetworkError, TelegramError, TimedOut
from telegram.request import BaseRequest, RequestData

from llmagent_os.adapter_kit.files import CHUNK_BYTES

CONNECT_SECONDS = 5.0  #: to make a connection
READ_SECONDS = 15.0  #: to answer, unless the caller says otherwise
UPLOAD_SECONDS = 60.0  #: to answer a request with files
MAX_FLOOD_SECONDS = 86_400.0  #: the longest pause that is believed

#: Statuses of refusals that the library itself tells apart.
_KNOWN_STATUSES: Final = frozenset({400, 401, 403, 404, 409})


class FloodError(TelegramError):
    """Telegram asks for a pause."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many requests: Telegram asks for a pause of {seconds:g} seconds")
        self.seconds = seconds


class Http(BaseRequest):
    """One pool of connections. It is made with the first call, and again with the first one after :meth:`shutdown`."""

    def __init__(self, address: str) -> None:
        """Args: ``address`` is the API's; the environment may name a proxy for it."""
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return READ_SECONDS

    async def initialize(self) -> None:
        """Do nothing: the first call connects."""

    async def shutdown(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self,
        url: str,
        method: str,
        request_data: RequestData | None = None,
        read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE,
        connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:
        """Send a request, and return the status and the body. The pool grows as needed: no request waits for it.

        Raises:
            FloodError: Telegram asks for a pause.
            BadRequest: Telegram refuses the request, and would refuse it later too.
            TimedOut, NetworkError: there is no answer.
        """
        files = request_data.multipart_data if request_data is not None else {}
        default = UPLOAD_SECONDS if files else READ_SECONDS
        total = read_timeout if isinstance(read_timeout, int | float) else default
        try:
            async with self._open().request(
                method,
                url,
                data=_form(request_data.json_parameters, files) if request_data is not None else None,
                timeout=aiohttp.ClientTimeout(total=total, sock_connect=CONNECT_SECONDS),
                allow_redirects=False,
            ) as answer:
                status, body = answer.status, await answer.read()
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(f"{type(error).__name__}: {_without_address(error, url)}") from None
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise FloodError(_retry_after(body))
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _KNOWN_STATUSES:
            raise BadRequest(f"refused with status {status}")
        return status, body

    async def stream(self, url: str) -> AsyncGenerator[bytes, None]:
        """The bytes of a file as they arrive.

        Raises:
            NetworkError: there is no such file, or the connection broke.
        """
        timeout = aiohttp.ClientTimeout(total=UPLOAD_SECONDS, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        try:
            async with self._open().get(url, timeout=timeout, allow_redirects=False) as answer:
                if answer.status != HTTPStatus.OK:
                    raise NetworkError(f"the file was refused with status {answer.status}")
                async for chunk in answer.content.iter_chunked(CHUNK_BYTES):
                    yield chunk
        except TimeoutError as error:
            raise TimedOut from error
        except aiohttp.ClientError as error:
            raise NetworkError(f"{type(error).__name__}: {_without_address(error, url)}") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                proxy=_proxy(self._address),  # once: aiohttp would look into the environment with every call
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _proxy(address: str) -> str | None:
    """The proxy that the environment names for ``address``: ``HTTPS_PROXY``, ``NO_PROXY``."""
    parts = urlsplit(address)
    return None if proxy_bypass(parts.hostname or "") else getproxies().get(parts.scheme)


def _form(
    parameters: Mapping[str, str], files: Mapping[str, tuple[str, bytes | IO[bytes], str]]
) -> aiohttp.FormData | Mapping[str, str]:
    if not files:
        return parameters
    form = aiohttp.FormData(parameters)
    for name, (filename, content, mime) in files.items():
        form.add_field(name, content, filename=filename, content_type=mime)
    return form


def _without_address(error: BaseException, url: str) -> str:
    """The message of ``error`` without the address: it holds the token."""
    return str(error).replace(url, "…").replace(url.rpartition("/")[0], "…")


def _retry_after(body: bytes) -> float:
    """``parameters.retry_after`` of a refusal, in seconds; 1 if there is none."""
    try:
        answer: object = json.loads(body)
        parameters: Any = cast("dict[str, Any]", answer).get("parameters") or {}
        return min(max(float(parameters["retry_after"]), 0.0), MAX_FLOOD_SECONDS)
    except (ValueError, TypeError, AttributeError, KeyError):
        return 1.0
