"""An OAuth 2.0 server on loopback: authorization code with PKCE, device code, and tokens that are renewed once each."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

from aiohttp import web
from aiohttp.test_utils import TestServer


class OAuthTwin:
    """What the server knows, and what it was asked."""

    def __init__(self) -> None:
        self.url = ""
        self.challenges: dict[str, str] = {}  # by code
        self.refresh_tokens: set[str] = set()
        self.number = 0
        self.renewals = 0
        self.signed_in = False  # on the second device
        self.failing = False
        self.leads_to = ""  #: where requests for tokens are sent on

    def issue(self, challenge: str) -> str:
        """A code, as the sign-in page gives it to somebody who agrees."""
        self.challenges["code-1"] = challenge
        return "code-1"

    async def token(self, request: web.Request) -> web.Response:
        given = {name: values[0] for name, values in parse_qs(await request.text()).items()}
        if self.leads_to:
            return web.Response(status=307, headers={"Location": self.leads_to})
        if self.failing:
            return web.Response(status=503)
        match given:
            case {"grant_type": "authorization_code", "code": code, "code_verifier": verifier, "client_id": "bot"}:
                digest = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
                good = self.challenges.pop(code, None) == digest and given["redirect_uri"].endswith(
                    "/credentials/oauth"
                )
                return self._tokens() if good else _refusal("invalid_grant")
            case {"grant_type": "refresh_token", "refresh_token": refresh, "client_id": "bot"}:
                if refresh not in self.refresh_tokens:
                    return _refusal("invalid_grant")
                self.refresh_tokens.discard(refresh)  # a second use of one is a theft
                self.renewals += 1
                return self._tokens()
            case {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "device-1"}:
                return self._tokens() if self.signed_in else _refusal("authorization_pending")
            case _:
                return _refusal("invalid_request")

    async def device(self, request: web.Request) -> web.Response:
        return web.json_response(
            {
                "device_code": "device-1",
                "user_code": "WDJB-MJHT",
                "verification_uri": f"{self.url}/device",
                "expires_in": 900,
            }
        )

    def _tokens(self) -> web.Response:
        self.number += 1
        self.refresh_tokens.add(f"refresh-{self.number}")
        body = {"access_token": f"access-{self.number}", "refresh_token": f"refresh-{self.number}"}
        return web.json_response({**body, "token_type": "Bearer", "expires_in": 3600})


def _refusal(error: str) -> web.Response:
    return web.Response(status=400, text=json.dumps({"error": error}), content_type="application/json")


@asynccontextmanager
async def running_oauth() -> AsyncGenerator[OAuthTwin]:
    """A server that runs."""
    twin = OAuthTwin()
    application = web.Application()
    application.router.add_post("/token", twin.token)
    application.router.add_post("/device_code", twin.device)
    async with TestServer(application) as server:
        twin.url = str(server.make_url("")).rstrip("/")
        yield twin
