"""Finds out where people sign in to a server of tools, and makes the installation known there.

The server names its authorization server (RFC 9728), which describes itself (RFC 8414) and registers clients
(RFC 7591). What is found is a credential like any other: :mod:`llmagent_os.credentials` signs people in with PKCE,
keeps their tokens and renews them. A token is asked for this server alone (RFC 8707).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from urllib.request import parse_http_list, parse_keqv_list

import msgspec
from mcp.client.auth.utils import (
    build_oauth_authorization_server_metadata_discovery_urls,
    build_protected_resource_metadata_discovery_urls,
    get_client_metadata_scopes,
    issuers_match,
)
from mcp.shared.auth import OAuthMetadata, ProtectedResourceMetadata
from mcp.shared.auth_utils import check_resource_allowed, resource_url_from_server_url
from pydantic import BaseModel, ValidationError

from llmagent_os.adapter_kit.guarded_http import AddressError, GuardedHttp, Response
from llmagent_os.credentials.credential import OAuthServer
from llmagent_os.errors import PluginError
from llmagent_os.mcp.mcp_config import ServerConfig

#: Seconds for one request, and bytes of its answer.
SECONDS = 10.0
MAX_BYTES = 200_000

#: The variable with which oauthlib has people sign in without https, on a machine where that is tried out.
PLAIN = "OAUTHLIB_INSECURE_TRANSPORT"

_Found = TypeVar("_Found", bound=BaseModel)


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """What an authorization server calls this installation."""

    issuer: str  #: the authorization server
    redirect: str  #: where sign-ins come back to
    client_id: str
    client_secret: str = ""  #: empty: there is none


class SignInDiscovery:
    """Asks one server of tools, and the authorization server that it names."""

    def __init__(
        self,
        server: str,
        config: ServerConfig,
        *,
        client_secret: str,
        redirect: str,
        title: str,
        file: Path | None,
        allow_private: bool,
    ) -> None:
        """Args:
        server: its name in the bot's file.
        config: what the file says of it.
        client_secret: of the client that the file names; empty: none.
        redirect: where sign-ins come back to.
        title: of the bot, which the pages of the sign-in show.
        file: keeps the registration; None: it is made anew each time.
        allow_private: addresses of this machine and its network may be asked, also without https.
        """
        self._server, self._config, self._client_secret = server, config, client_secret
        self._redirect, self._title, self._file, self._allow_private = redirect, title, file, allow_private

    async def found(self) -> OAuthServer:
        """Where people sign in.

        Raises:
            PluginError: the server does not say it, or no sign-in as MCP describes it is possible there.
        """
        try:
            async with GuardedHttp(allow_private=self._allow_private, seconds=SECONDS, max_bytes=MAX_BYTES) as http:
                return await self._found(http)
        except AddressError as error:
            raise PluginError(f"the server {self._server!r} does not say where to sign in: {error}") from None

    async def _found(self, http: GuardedHttp) -> OAuthServer:
        url = self._config.url
        refused = await http.request("GET", url, headers={"Accept": "text/event-stream"}, follow=False)
        challenge = refused.headers.get("www-authenticate", "") if refused.status == 401 else ""
        addresses = build_protected_resource_metadata_discovery_urls(_named(challenge, "resource_metadata"), url)
        resource = await self._first(http, addresses, ProtectedResourceMetadata)
        if resource is None or not check_resource_allowed(resource_url_from_server_url(url), str(resource.resource)):
            raise PluginError(
                f"the server {self._server!r} does not say where to sign in: it has no metadata (RFC 9728) for {url}"
            )
        issuer = str(resource.authorization_servers[0])
        addresses = build_oauth_authorization_server_metadata_discovery_urls(issuer, url)
        metadata = await self._first(http, addresses, OAuthMetadata)
        if metadata is None or not issuers_match(str(metadata.issuer), issuer):
            raise PluginError(
                f"the authorization server {issuer} of {self._server!r} does not describe itself (RFC 8414)"
            )
        if "S256" not in (metadata.code_challenge_methods_supported or ()):
            raise PluginError(f"the authorization server {issuer} of {self._server!r} does not support PKCE with S256")
        for address in (metadata.authorization_endpoint, metadata.token_endpoint):
            self._check(str(address), plain=self._allow_private and bool(os.environ.get(PLAIN)))
        client = await self._client(http, metadata)
        asked = get_client_metadata_scopes(_named(challenge, "scope"), resource, metadata, ["refresh_token"])
        return OAuthServer(
            authorize_url=str(metadata.authorization_endpoint),
            token_url=str(metadata.token_endpoint),
            client_id=client.client_id,
            client_secret=client.client_secret,
            scopes=self._config.scopes or tuple((asked or "").split()),
            resource=resource_url_from_server_url(str(resource.resource)),
            issuer=str(metadata.issuer),
        )

    async def _client(self, http: GuardedHttp, metadata: OAuthMetadata) -> Registration:
        issuer = str(metadata.issuer)
        if self._config.client_id:
            return Registration(
                issuer=issuer,
                redirect=self._redirect,
                client_id=self._config.client_id,
                client_secret=self._client_secret,
            )
        kept = self._kept()
        if kept is not None and (kept.issuer, kept.redirect) == (issuer, self._redirect):
            return kept
        if metadata.registration_endpoint is None:
            raise PluginError(
                f"the authorization server {issuer} of {self._server!r} registers nobody: register the bot there "
                f"with the address {self._redirect}, and write its `client_id` into [mcp.servers.{self._server}]"
            )
        self._check(str(metadata.registration_endpoint))
        methods = metadata.token_endpoint_auth_methods_supported or ["none"]
        asked = {
            "client_name": self._title,
            "redirect_uris": [self._redirect],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "none" if "none" in methods else "client_secret_post",
        }
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        answer = await http.request(
            "POST",
            str(metadata.registration_endpoint),
            headers=headers,
            body=json.dumps(asked).encode(),
            follow=False,
        )
        try:
            given = msgspec.json.decode(answer.body, type=_Registered)
        except msgspec.MsgspecError:
            raise PluginError(
                f"the authorization server {issuer} of {self._server!r} does not register the bot"
            ) from None
        made = Registration(
            issuer=issuer,
            redirect=self._redirect,
            client_id=given.client_id,
            client_secret=given.client_secret,
        )
        self._keep(made)
        return made

    async def _first(self, http: GuardedHttp, addresses: list[str], kind: type[_Found]) -> _Found | None:
        """The first of ``addresses`` that has a document of a kind."""
        for address in addresses:
            self._check(address)
            answer: Response = await http.request("GET", address, headers={"Accept": "application/json"}, follow=False)
            if answer.status == 200:
                try:
                    return kind.model_validate_json(answer.body)
                except ValidationError:
                    continue
        return None

    def _check(self, address: str, *, plain: bool | None = None) -> None:
        """Refuse an address that a server names, where what is sent there could be read on the way.

        Args:
            address: that is asked.
            plain: it need not begin with https://. None: if addresses of this machine and its network may be asked.
        """
        if urlsplit(address).scheme != "https" and not (self._allow_private if plain is None else plain):
            raise PluginError(f"the server {self._server!r} has people sign in without https: {address[:200]}")

    def _kept(self) -> Registration | None:
        try:
            return None if self._file is None else msgspec.json.decode(self._file.read_bytes(), type=Registration)
        except (OSError, msgspec.MsgspecError):
            return None

    def _keep(self, made: Registration) -> None:
        if self._file is not None:
            self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opener: Callable[[str, int], int] = lambda path, flags: os.open(path, flags, 0o600)  # noqa: E731
            with open(self._file, "wb", opener=opener) as file:
                file.write(msgspec.json.encode(made))


class _Registered(msgspec.Struct, frozen=True):
    client_id: str
    client_secret: str = ""


def _named(challenge: str, name: str) -> str | None:
    """A parameter of the header ``WWW-Authenticate`` (RFC 9110, section 11.6.1). None: it has none such.

    >>> _named('Bearer error="invalid_token", resource_metadata="https://a.example/m"', "resource_metadata")
    'https://a.example/m'
    """
    scheme, _, rest = challenge.partition(" ")
    if scheme.lower() != "bearer":
        return None
    pairs = [each for each in parse_http_list(rest) if "=" in each]
    return parse_keqv_list(pairs).get(name)
