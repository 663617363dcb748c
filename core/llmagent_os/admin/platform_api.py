"""A small HTTP client for the questions that a setup guide asks a platform. No error of it shows a token."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec

from llmagent_os.admin.findings import Finding
from llmagent_os.errors import AdapterError

if TYPE_CHECKING:
    from aiohttp import ClientSession

TIMEOUT_SECONDS = 10.0  #: for one question to a platform
MAX_ANSWER_BYTES = 2_000_000
MAX_CLOCK_SECONDS = 30.0  #: that the clock may differ from the platform's

_T = TypeVar("_T")


@dataclass(frozen=True)
class Answer:
    """A platform's answer to one question."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    who: str = "the platform"

    def read(self, kind: type[_T]) -> _T:
        """Return the body as the documented type.

        Raises:
            AdapterError: the body has another form.
        """
        try:
            return msgspec.json.decode(self.body, type=kind)
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
            raise AdapterError(
                f"{self.who} answers {self.status} with something that its documentation does not describe"
            ) from error


class Api:
    """Asks a platform's HTTP API a few questions. Its errors show no token, no path and no content of a request.

    Args:
        who: the platform's name, for error messages.
        address: the API's address.
        headers: sent with every question.
    """

    def __init__(self, who: str, address: str, headers: Mapping[str, str] | None = None) -> None:
        self._who = who
        self._address = address.rstrip("/")
        self._headers = dict(headers or {})
        self._session: ClientSession | None = None
        #: how many seconds this machine's clock is ahead of the platform's; None: the platform named no time yet
        self.clock_ahead: float | None = None

    async def __aenter__(self) -> Self:
        from aiohttp import ClientSession, ClientTimeout

        self._session = ClientSession(headers=self._headers, timeout=ClientTimeout(total=TIMEOUT_SECONDS))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
        """Ask one question and return the whole answer.

        Raises:
            AdapterError: the platform cannot be reached, is busy, or answers with too much data.
        """
        from aiohttp import ClientConnectorError, ClientError, InvalidURL

        if self._session is None:
            raise RuntimeError("use it as `async with Api(...) as api`")
        body = bytearray()
        try:
            # A redirect could send the token to another server.
            url = f"{self._address}/{path}"
            asked = time.time()
            async with self._session.request(method, url, headers=headers, allow_redirects=False) as response:
                async for chunk in response.content.iter_chunked(65_536):
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise AdapterError(f"{self._who} answers with more than {MAX_ANSWER_BYTES / 1e6:.0f} MB")
                status, said = response.status, dict(response.headers)
        except TimeoutError as error:
            raise AdapterError(f"{self._who} does not answer within {TIMEOUT_SECONDS:g} s") from error
        except ClientConnectorError as error:
            raise AdapterError(f"{self._who} cannot be reached: {error.os_error.strerror or error.os_error}") from error
        except InvalidURL as error:
            raise AdapterError(f"{self._who} cannot be reached: its address is not valid") from error
        except (ClientError, OSError, ValueError) as error:  # their text may show the address
            raise AdapterError(f"{self._who} cannot be reached: {type(error).__name__}") from error
        if status == 429:
            raise AdapterError(f"{self._who} asks for a pause (429)")
        if status >= 500:
            raise AdapterError(f"{self._who} has an internal problem ({status})")
        headers_read = {name.lower(): value for name, value in said.items()}
        self._compare_clocks(headers_read, (asked + time.time()) / 2)
        return Answer(status, headers_read, bytes(body), self._who)

    def _compare_clocks(self, headers: Mapping[str, str], here: float) -> None:
        if "date" not in headers or "age" in headers:  # an answer from a cache is old
            return
        with suppress(ValueError, TypeError, OverflowError):
            self.clock_ahead = here - parsedate_to_datetime(headers["date"]).timestamp()


def check_clock_against(section: str, api: Api) -> tuple[Finding, ...]:
    """Compare this machine's clock with the platform's. Nothing is found if the platform named no time."""
    if api.clock_ahead is None:
        return ()
    seconds = abs(api.clock_ahead)
    if seconds <= MAX_CLOCK_SECONDS:
        return (Finding(section, "ok", "this machine's clock agrees with the platform's"),)
    way = "ahead of" if api.clock_ahead > 0 else "behind"
    text = f"this machine's clock is {seconds:.0f} s {way} the platform's: reminders come at the wrong time"
    remedy = "set the clock, and let the system keep it: timedatectl set-ntp true"
    return (Finding(section, "problem", f"{text}, and signed requests are refused", remedy),)


def unreachable(section: str, error: AdapterError, variable: str, value: str) -> Finding:
    """Return the finding for a platform that did not answer properly. ``variable`` is the setting of its address."""
    remedy = f"check that this machine can reach {value} ({variable}), and try again in a minute"
    return Finding(section, "problem", str(error), remedy)
