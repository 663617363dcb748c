"""Signs people in at OAuth 2.0 servers: authorization code with PKCE, device code, and renewal.

oauthlib writes the requests and reads the answers; they are sent by :class:`~llmagent_os.adapter_kit.guarded_http`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from oauthlib.oauth2 import DeviceClient, InvalidGrantError, OAuth2Error, WebApplicationClient

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp
from llmagent_os.credentials.credential import OAuthServer
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.errors import LLMAgentOSError

SECONDS = 10.0  #: for one request
MAX_BYTES = 100_000  #: of one answer
_FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
_WAITING = ("authorization_pending", "slow_down")  # errors of RFC 8628 that say: not yet


class OAuthRefusedError(LLMAgentOSError):
    """The server does not give a token. The message is a clause for the person."""


class OAuthUnreachableError(LLMAgentOSError):
    """The server cannot be asked at the moment. The message is a clause for the person."""


class DeviceCode(msgspec.Struct, frozen=True):
    """What a person types on a second device (RFC 8628)."""

    device_code: str  #: asks for the token
    user_code: str
    verification_uri: str


def new_verifier() -> str:
    """A new secret of PKCE."""
    return WebApplicationClient("").create_code_verifier(64)


def sign_in_address(server: OAuthServer, *, redirect: str, state: str, verifier: str) -> str:
    """The address of the page on which a person signs in.

    Args:
        server: at which.
        redirect: where the person comes back to.
        state: names the sign-in when they do.
        verifier: of PKCE.
    """
    client: Any = WebApplicationClient(server.client_id)  # its stubs leave the types of keywords out
    return str(
        client.prepare_request_uri(
            server.authorize_url,
            redirect_uri=redirect,
            scope=list(server.scopes) or None,
            state=state,
            code_challenge=client.create_code_challenge(verifier, "S256"),
            code_challenge_method="S256",
            **_resource_of(server),
        )
    )


class OAuthFlow:
    """Asks the servers for tokens."""

    def __init__(self, *, allow_private: bool = False) -> None:
        """Args: ``allow_private``: servers of this machine's own network may be asked."""
        self._allow_private = allow_private

    async def by_code(
        self, server: OAuthServer, *, code: str, redirect: str, verifier: str, now: datetime
    ) -> StoredCredential:
        """The tokens for the code with which a person came back.

        Raises:
            OAuthRefusedError: the server gives none.
            OAuthUnreachableError: it cannot be asked.
        """
        client: Any = WebApplicationClient(server.client_id)
        body = client.prepare_request_body(
            code=code, redirect_uri=redirect, code_verifier=verifier, **_secret_of(server), **_resource_of(server)
        )
        return await self._token(client, server, body, now)

    async def device_code(self, server: OAuthServer) -> DeviceCode:
        """A new code for a second device. Raises as :meth:`by_code` does."""
        asked = {"client_id": server.client_id} | ({"scope": " ".join(server.scopes)} if server.scopes else {})
        answer = await self._post(server.device_url, urlencode(asked))
        try:
            return msgspec.json.decode(answer, type=DeviceCode)
        except msgspec.MsgspecError:
            raise OAuthRefusedError("the server does not give a code") from None

    async def by_device(self, server: OAuthServer, device_code: str, now: datetime) -> StoredCredential | None:
        """The tokens after a person signed in on a second device; None: not yet. Raises as :meth:`by_code` does."""
        client: Any = DeviceClient(server.client_id)
        body = client.prepare_request_body(device_code, include_client_id=True, **_secret_of(server))
        try:
            return await self._token(client, server, body, now)
        except OAuthRefusedError as error:
            if isinstance(error.__cause__, OAuth2Error) and error.__cause__.error in _WAITING:
                return None
            raise

    async def renewed(self, server: OAuthServer, old: StoredCredential, now: datetime) -> StoredCredential:
        """New tokens in the place of ``old`` ones. Raises as :meth:`by_code` does."""
        if not old.refresh:
            raise OAuthRefusedError("the sign-in has ended")
        client: Any = WebApplicationClient(server.client_id)
        given: dict[str, Any] = {"client_id": server.client_id} | _secret_of(server) | _resource_of(server)
        body = client.prepare_refresh_body(refresh_token=old.refresh, **given)
        new = await self._token(client, server, body, now)
        return msgspec.structs.replace(new, given=old.given, refresh=new.refresh or old.refresh)

    async def _token(self, client: Any, server: OAuthServer, body: str, now: datetime) -> StoredCredential:
        answer = await self._post(server.token_url, body)
        try:
            token: Mapping[str, Any] = client.parse_request_body_response(answer.decode("utf-8", "replace"))
        except InvalidGrantError as error:
            raise OAuthRefusedError("the sign-in is not valid any more") from error
        except (OAuth2Error, ValueError, KeyError, TypeError) as error:
            raise OAuthRefusedError("the server does not give a token") from error
        seconds = token.get("expires_in")
        ends = now + timedelta(seconds=float(seconds)) if isinstance(seconds, int | float) else None
        refresh = str(token.get("refresh_token") or "")
        return StoredCredential(secret=str(token["access_token"]), given=now, refresh=refresh, ends=ends)

    async def _post(self, url: str, body: str) -> bytes:
        try:
            async with GuardedHttp(allow_private=self._allow_private, seconds=SECONDS, max_bytes=MAX_BYTES) as http:
                answer = await http.request("POST", url, headers=_FORM, body=body.encode(), follow=False)
        except AddressError as error:
            raise OAuthUnreachableError(str(error)) from None
        if answer.status >= 500 or answer.status == 429:
            raise OAuthUnreachableError("the server has trouble at the moment")
        if 300 <= answer.status < 400:  # the secret of the installation is in the body: only this server may have it
            raise OAuthUnreachableError("the server leads to another address, where I send no secrets")
        return answer.body


def _secret_of(server: OAuthServer) -> dict[str, Any]:
    return {"client_secret": server.client_secret} if server.client_secret else {}


def _resource_of(server: OAuthServer) -> dict[str, Any]:
    return {"resource": server.resource} if server.resource else {}
