"""The HTTP under python-telegram-bot: on aiohttp, as in the rest of this project, and with limits read to the fraction.

The library's own is on httpx, whose calls cost several times as much, and reads a file into memory before the first
byte can be refused.
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

#: What Telegram answers with that the library tells apart by itself.
_KNOWN: Final = frozenset({400, 401, 403, 404, 409})

#: Seconds to wait for a connection, and for an answer where the caller does not say.
_CONNECT, _READ, _UPLOAD = 5.0, 15.0, 60.0


class FloodError(TelegramError):
    """Telegram asks for a pause."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many requests: Telegram asks for a pause of {seconds:g} seconds")
        self.seconds = seconds


class Http(BaseRequest):
    """One pool of connections; made at the first call, and again at the first one after :meth:`shutdown`."""

    def __init__(self, address: str) -> None:
        """Args: ``address`` is the API's, for which the environment may name a proxy."""
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    @property
    def read_timeout(self) -> float:
        return _READ

    async def initialize(self) -> None:
        """Nothing: the first call connects."""

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
        """Call, and return status and body. The pool grows as needed, so that nobody waits for it.

        Raises:
            FloodError: Telegram asks for a pause.
            BadRequest: it does not take this, and will not take it later either.
            TimedOut, NetworkError: there is no answer.
        """
        files = request_data.multipart_data if request_data is not None else {}
        total = read_timeout if isinstance(read_timeout, int | float) else _UPLOAD if files else _READ
        try:
            async with self._open().request(
                method,
                url,
                data=_form(request_data.json_parameters, files) if request_data is not None else None,
                timeout=aiohttp.ClientTimeout(total=total, sock_connect=_CONNECT),
                allow_redirects=False,
            ) as answer:
                status, body = answer.status, await answer.read()
        except TimeoutError as error:
            raise TimedOut from error
        except (aiohttp.ClientError, OSError) as error:
            raise NetworkError(f"{type(error).__name__}: {_without_address(error, url)}") from None
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            raise FloodError(_pause(body))
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in _KNOWN:
            raise BadRequest(f"refused with status {status}")
        return status, body

    async def stream(self, url: str) -> AsyncGenerator[bytes, None]:
        """A file's bytes as they come.

        Raises:
            NetworkError: it is not there, or the line was cut.
        """
        timeout = aiohttp.ClientTimeout(total=_UPLOAD, sock_connect=_CONNECT, sock_read=_READ)
        try:
            async with self._open().get(url, timeout=timeout, allow_redirects=False) as answer:
                if answer.status != HTTPStatus.OK:
                    raise NetworkError(f"the file was refused with status {answer.status}")
                async for chunk in answer.content.iter_chunked(1 << 16):
                    yield chunk
        except TimeoutError as error:
            raise TimedOut from error
        except aiohttp.ClientError as error:
            raise NetworkError(f"{type(error).__name__}: {_without_address(error, url)}") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0),
                proxy=_proxy(self._address),  # once: aiohttp would look into the environment at every call
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _proxy(address: str) -> str | None:
    """What the environment says of the way there: ``HTTPS_PROXY``, ``NO_PROXY``."""
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
    """What an error says, without the address, which holds the token."""
    return str(error).replace(url, "…").replace(url.rpartition("/")[0], "…")


def _pause(body: bytes) -> float:
    """``parameters.retry_after`` of a refusal, in seconds; 1 where there is none."""
    try:
        answer: object = json.loads(body)
        parameters: Any = cast("dict[str, Any]", answer).get("parameters") or {}
        return min(max(float(parameters["retry_after"]), 0.0), 86_400.0)
    except (ValueError, TypeError, AttributeError, KeyError):
        return 1.0
