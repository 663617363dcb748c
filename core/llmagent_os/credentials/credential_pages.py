"""Answers the pages on which credentials are given: the form, and the way back from a sign-in by OAuth 2.0."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import msgspec
import structlog

from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.credentials.credential import Credential
from llmagent_os.credentials.form_page import form_page, full_address, message_page, wrong_fields
from llmagent_os.credentials.oauth_flow import OAuthRefusedError, OAuthUnreachableError
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.credentials.vault import OpenPage, Vault, page_key
from llmagent_os.identity import Identity
from llmagent_os.languages import gettext, lazy_gettext

_log = structlog.stdlib.get_logger(__name__)

_NOT_CONNECTED = lazy_gettext("Not connected")


class CredentialPages:
    """The pages of one installation."""

    def __init__(
        self,
        vault: Vault,
        declared: Callable[[str, str], Credential | None],
        holder: Callable[[str], Awaitable[Identity | None]] | None = None,
    ) -> None:
        """Args:
        vault: keeps what is given.
        declared: the credential of a plugin, by both names; None: there is none such.
        holder: whose open page is under a key; None: the vault's own memory says it.
        """
        self._vault, self._declared, self._holder = vault, declared, holder or vault.holder

    async def answer(self, request: PageRequest) -> PageResponse | None:
        """Answer a request. None: there is no such page, or it is used or too old."""
        comes_back = request.path == "oauth"
        token = request.query.get("state", "") if comes_back else request.path
        identity = await self._holder(page_key(token)) if token else None
        if identity is None:
            return None
        page = await self._page(identity, token)
        credential = None if page is None else self._declared(page.plugin, page.name)
        if page is None or credential is None or bool(page.verifier) != comes_back:
            return None
        if comes_back:
            return await self._signed_in(request, identity, token, page, credential)
        return await self._filled_in(request, identity, token, page, credential)

    async def _page(self, identity: Identity, token: str) -> OpenPage | None:
        record = await self._vault.pages_of(identity).get(page_key(token))
        page = None if record is None else msgspec.convert(record, OpenPage)
        return None if page is None or page.until < self._vault.clock() else page

    async def _filled_in(
        self, request: PageRequest, identity: Identity, token: str, page: OpenPage, credential: Credential
    ) -> PageResponse:
        if request.method != "POST":
            return form_page(credential)
        given = {name: values[0].strip() for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if wrong := wrong_fields(credential, given, plain=self._vault.allow_private):
            return form_page(credential, given, wrong)
        stored = StoredCredential(
            secret=given["secret"],
            user=given["user"] if credential.kind == "login" else "",
            address=full_address(given["address"]) if credential.address else "",
            given=self._vault.clock(),
        )
        if not await self._vault.pages_of(identity).delete(page_key(token)):
            return message_page(gettext("Too late"), gettext("This page has been used already."), 409)
        await self._vault.put(page.plugin, page.name, identity, stored)
        return _thanks()

    async def _signed_in(
        self, request: PageRequest, identity: Identity, token: str, page: OpenPage, credential: Credential
    ) -> PageResponse | None:
        code = request.query.get("code", "")
        if credential.server is None or not await self._vault.pages_of(identity).delete(page_key(token)):
            return None
        if not code:
            unfinished = gettext("The sign-in was not finished. Ask me again in the chat.")
            return message_page(str(_NOT_CONNECTED), unfinished, 400)
        try:
            stored = await self._vault.oauth.by_code(
                credential.server,
                code=code,
                redirect=self._vault.redirect,
                verifier=page.verifier,
                now=self._vault.clock(),
            )
        except (OAuthRefusedError, OAuthUnreachableError) as error:
            _log.warning("a sign-in failed", plugin=page.plugin, credential=page.name, error=str(error))
            text = gettext("That did not work: {why}. Ask me again in the chat.", why=error)
            return message_page(str(_NOT_CONNECTED), text, 502)
        await self._vault.put(page.plugin, page.name, identity, stored)
        return _thanks()


def _thanks() -> PageResponse:
    return message_page(gettext("Thank you"), gettext("You can close this page. I can use it in the chat from now on."))
