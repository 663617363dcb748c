"""Answers the pages on which credentials are given: the form, and the way back from a sign-in by OAuth 2.0."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import msgspec
import structlog

from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.credentials.browser_cookie import browser_cookie, comes_from_browser
from llmagent_os.credentials.credential import Credential, OAuthServer
from llmagent_os.credentials.form_page import form_page, full_address, message_page, sign_in_page, wrong_fields
from llmagent_os.credentials.oauth_flow import OAuthRefusedError, OAuthUnreachableError, sign_in_address
from llmagent_os.credentials.open_page import OpenPage, page_key
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.credentials.vault import Vault
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
        tell: Callable[[OpenPage], Awaitable[None]] | None = None,
    ) -> None:
        """Args:
        vault: keeps what is given.
        declared: the credential of a plugin, by both names; None: there is none such.
        holder: whose open page is under a key; None: the vault's own memory says it.
        tell: confirms a sign-in in the chat in which it was begun; None: nothing does.
        """
        self._tell = tell
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
        if page is None or credential is None or page.is_used or (comes_back and not page.verifier):
            return None
        if page.verifier and not comes_back:
            return self._begun(identity, token, page, credential)
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

    def _begun(self, identity: Identity, token: str, page: OpenPage, credential: Credential) -> PageResponse | None:
        if credential.server is None:
            return None
        vault, name = self._vault, "" if page.sender is None else page.sender.name
        address = sign_in_address(credential.server, redirect=vault.redirect, state=token, verifier=page.verifier)
        cookie = browser_cookie(vault.public_url, token, page)
        account = f"{name} ({identity})" if name else identity
        return sign_in_page(credential, address, account=account, bot=vault.bot, cookie=cookie)

    async def _signed_in(
        self, request: PageRequest, identity: Identity, token: str, page: OpenPage, credential: Credential
    ) -> PageResponse | None:
        code = request.query.get("code", "")
        if not comes_from_browser(request, token, page):  # somebody else's sign-in, or another browser's
            text = gettext(
                "This sign-in was begun in another browser. Open the page that I gave you in the chat in this one."
            )
            return message_page(str(_NOT_CONNECTED), text, 403)
        if credential.server is not None and not _is_from(credential.server, request.query.get("iss", "")):
            text = gettext("The answer came from another server than the one where you signed in.")
            return message_page(str(_NOT_CONNECTED), text, 403)
        records, key = self._vault.pages_of(identity), page_key(token)
        if credential.server is None or not await records.delete(key):
            return None
        # While the server is asked, the record says that the person has not been forgotten.
        await records.put(key, msgspec.to_builtins(msgspec.structs.replace(page, is_used=True)))
        try:
            return await self._exchanged(credential.server, identity, code, page, key)
        finally:
            await records.delete(key)

    async def _exchanged(
        self, server: OAuthServer, identity: Identity, code: str, page: OpenPage, key: str
    ) -> PageResponse:
        if not code:
            unfinished = gettext("The sign-in was not finished. Ask me again in the chat.")
            return message_page(str(_NOT_CONNECTED), unfinished, 400)
        try:
            stored = await self._vault.oauth.by_code(
                server,
                code=code,
                redirect=self._vault.redirect,
                verifier=page.verifier,
                now=self._vault.clock(),
            )
        except (OAuthRefusedError, OAuthUnreachableError) as error:
            _log.warning("a sign-in failed", plugin=page.plugin, credential=page.name, error=str(error))
            text = gettext("That did not work: {why}. Ask me again in the chat.", why=error)
            return message_page(str(_NOT_CONNECTED), text, 502)
        if not await self._vault.pages_of(identity).delete(key):
            return message_page(str(_NOT_CONNECTED), gettext("This sign-in is no longer open."), 409)
        await self._vault.put(page.plugin, page.name, identity, stored)
        if self._tell is not None:
            await self._tell(page)
        return _thanks()


def _is_from(server: OAuthServer, issuer: str) -> bool:
    """Whether an answer can be of ``server``: another one that mixes itself in names itself (RFC 9207)."""
    return not (issuer and server.issuer) or issuer == server.issuer


def _thanks() -> PageResponse:
    return message_page(gettext("Thank you"), gettext("You can close this page. I can use it in the chat from now on."))
