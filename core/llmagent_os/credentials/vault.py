"""Keeps people's credentials: each sealed with the key of its person's account, and given to one plugin only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from pathlib import Path
from secrets import token_urlsafe

import msgspec

from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapter_kit.person_secrets import PersonSecrets, SecretPlace
from llmagent_os.credentials.credential import Credential, CredentialError, Credentials, GivenCredential
from llmagent_os.credentials.oauth_flow import OAuthFlow, OAuthRefusedError, OAuthUnreachableError, new_verifier
from llmagent_os.credentials.open_page import PAGE_TIME, OpenPage, page_key
from llmagent_os.credentials.stored import StoredCredential
from llmagent_os.events import Event, now
from llmagent_os.identity import Identity, identity_of, person_kept_under
from llmagent_os.records import MemoryRecords, Records

#: Under this name the ledger keeps the pages that are open. No plugin can have it.
RECORDS = "agent.credentials"

#: Begins the path of the pages on which credentials are given.
PAGES = "credentials"


class Vault:
    """Reads, keeps, renews and erases credentials.

    A person's credential is found from all linked accounts; it is kept under the account that gave it. A renewed token
    is kept only while the credential is still the same one.
    """

    def __init__(
        self,
        folder: Path | SecretPlace | None = None,
        *,
        records: Callable[[str, Identity], Records] | None = None,
        accounts: Callable[[Identity], Awaitable[Sequence[Identity]]] | None = None,
        public_url: str = "",
        allow_private: bool = False,
        clock: Callable[[], datetime] = now,
        bot: str = "",
    ) -> None:
        """Args:
        folder: of all people's secrets, or what else keeps them. None: they live as long as this object.
        records: keeps the pages that are open: ``ledger.records``. None: they live as long as this object.
        accounts: the linked accounts of a person. None: nobody has linked any.
        public_url: where pages are reached; empty: nowhere.
        allow_private: servers of this machine's own network may be asked for tokens, and named without https.
        clock: the present moment, aware.
        bot: the title of the bot, which pages name.
        """
        self._folder, self._records, self._accounts = folder, records, accounts
        self._memory: dict[Identity, PersonSecrets] = {}
        self._open: dict[Identity, MemoryRecords] = {}
        self._renewals = KeyedLocks()  # by person, plugin and credential; held while the other side is asked
        self._writes = KeyedLocks()  # by person, plugin and credential; held while what is kept is compared and changed
        self.public_url, self.allow_private, self.clock, self.bot = public_url, allow_private, clock, bot
        self.oauth = OAuthFlow(allow_private=allow_private)

    # -- what is kept -------------------------------------------------------------------------------------------------

    async def read(self, plugin: str, name: str, identity: Identity) -> StoredCredential | None:
        """A person's credential as it is kept. None: they have given none."""
        return (await self._found(plugin, name, identity))[1]

    async def put(self, plugin: str, name: str, identity: Identity, stored: StoredCredential) -> None:
        """Keep a credential under the account that gave it, and no other. Raises PluginError: it is too long."""
        everyone = await self._everyone(identity)
        async with self._writes.of((min(everyone), plugin, name)):
            await self._write(plugin, name, identity, stored)
            for other in everyone[1:]:
                await self.secrets(other).delete(_file(plugin, name))

    async def remove(self, plugin: str, name: str, identity: Identity) -> bool:
        """Erase a credential under all accounts. Returns whether there was one."""
        everyone = await self._everyone(identity)
        async with self._writes.of((min(everyone), plugin, name)):
            there = await self.read(plugin, name, identity) is not None
            for each in everyone:
                await self.secrets(each).delete(_file(plugin, name))
            return there

    async def refused(self, plugin: str, name: str, identity: Identity, used: str) -> None:
        """Note that the other side does not take a credential any more.

        Args:
            plugin: the plugin that used it.
            name: of the credential.
            identity: an account of the person.
            used: the secret that was refused. Another one that was given meanwhile is not noted.
        """
        stored = await self.read(plugin, name, identity)
        if stored is not None and stored.secret == used:
            await self._changed(plugin, name, identity, stored, msgspec.structs.replace(stored, refused=True))

    async def _changed(
        self, plugin: str, name: str, identity: Identity, old: StoredCredential, new: StoredCredential
    ) -> StoredCredential | None:
        """Keep ``new`` where ``old`` is still kept. Returns what is kept then; None: the person has removed it."""
        async with self._writes.of((min(await self._everyone(identity)), plugin, name)):
            owner, kept = await self._found(plugin, name, identity)
            if kept != old:
                return kept
            await self._write(plugin, name, owner, new)
            return new

    async def _write(self, plugin: str, name: str, owner: Identity, stored: StoredCredential) -> None:
        await self.secrets(owner).put(_file(plugin, name), msgspec.json.encode(stored).decode())

    async def usable(self, plugin: str, credential: Credential, identity: Identity) -> GivenCredential:
        """A credential for a call. A token that ends soon is renewed first, by one call at a time.

        Raises:
            CredentialError: the person has given none, it is refused, or it cannot be renewed now.
        """
        name = credential.name
        stored = await self.read(plugin, name, identity)
        if stored is not None and credential.server is not None and stored.is_old(self.clock()) and not stored.refused:
            async with self._renewals.of((min(await self._everyone(identity)), plugin, name)):
                stored = await self.read(plugin, name, identity)  # another call may have renewed it meanwhile
                if stored is not None and stored.is_old(self.clock()) and not stored.refused:
                    stored = await self._renewed(plugin, credential, identity, stored)
        if stored is None:
            raise CredentialError(name, "missing")
        if stored.refused:
            raise CredentialError(name, "refused")
        return stored.for_call

    async def usable_of(
        self, plugin: str, declared: Sequence[Credential], identity: Identity, *, needed: Collection[str] = ()
    ) -> Credentials:
        """What a call of ``plugin`` may use. Those in ``needed`` must be there. Raises as :meth:`usable` does."""
        found: dict[str, GivenCredential] = {}
        for each in declared:
            try:
                found[each.name] = await self.usable(plugin, each, identity)
            except CredentialError:
                if each.name in needed:
                    raise
        return Credentials(found, _PluginSafe(self, plugin, identity))

    async def _renewed(
        self, plugin: str, credential: Credential, identity: Identity, stored: StoredCredential
    ) -> StoredCredential | None:
        if credential.server is None:
            return stored
        try:
            new = await self.oauth.renewed(credential.server, stored, self.clock())
        except OAuthRefusedError as error:
            kept = await self._changed(
                plugin, credential.name, identity, stored, msgspec.structs.replace(stored, refused=True)
            )
            if kept is None or not kept.refused:  # another one was given meanwhile, or it was removed
                return kept
            raise CredentialError(credential.name, "refused", str(error)) from None
        except OAuthUnreachableError as error:
            raise CredentialError(credential.name, "unreachable", str(error)) from None
        return await self._changed(plugin, credential.name, identity, stored, new)

    # -- pages --------------------------------------------------------------------------------------------------------

    async def open_page(self, plugin: str, name: str, identity: Identity, *, sign_in: Event | None = None) -> str:
        """Make a page on which a credential is given, in place of an earlier one. Returns the secret in its path."""
        records = self.pages_of(identity)
        for key, record in await records.items():
            before = msgspec.convert(record, OpenPage)
            if before.until < self.clock() or (before.plugin, before.name) == (plugin, name):
                await records.delete(key)
        token = token_urlsafe(32)
        page = OpenPage(plugin=plugin, name=name, until=self.clock() + PAGE_TIME)
        if sign_in is not None:
            secrets = {"verifier": new_verifier(), "browser": token_urlsafe(32)}
            place = {"conversation": sign_in.conversation, "sender": sign_in.sender}
            page = msgspec.structs.replace(page, **secrets, **place)
        await records.put(page_key(token), msgspec.to_builtins(page))
        return token

    async def form(self, plugin: str, name: str, identity: Identity) -> str:
        """The address of a new page with a form; empty: there are no pages."""
        if not self.public_url:
            return ""
        return f"{self.public_url}/pages/{PAGES}/{await self.open_page(plugin, name, identity)}"

    async def sign_in(self, plugin: str, name: str, event: Event) -> str:
        """The address of a new page that says for whom the sign-in is, leads to it, and has it come back."""
        token = await self.open_page(plugin, name, identity_of(event), sign_in=event)
        return f"{self.public_url}/pages/{PAGES}/{token}"

    @property
    def redirect(self) -> str:
        """Where a sign-in comes back to. It is registered at the OAuth servers."""
        return f"{self.public_url}/pages/{PAGES}/oauth"

    def pages_of(self, identity: Identity) -> Records:
        """The open pages of a person."""
        if self._records is not None:
            return self._records(RECORDS, identity)
        return self._open.setdefault(identity, MemoryRecords())

    async def holder(self, key: str) -> Identity | None:
        """Whose page is kept under ``key``, of those that live as long as this object. None: nobody's."""
        for identity, records in self._open.items():
            if await records.get(key) is not None:
                return identity
        return None

    def secrets(self, identity: Identity) -> PersonSecrets:
        """The secrets of one account."""
        if self._folder is not None:
            return PersonSecrets(self._folder, person_kept_under(identity))
        return self._memory.setdefault(identity, PersonSecrets())

    async def _found(self, plugin: str, name: str, identity: Identity) -> tuple[Identity, StoredCredential | None]:
        """The account that has the credential, the acting one first, and the credential; or the acting one and None."""
        for each in await self._everyone(identity):
            raw = await self.secrets(each).get(_file(plugin, name))
            if raw is not None:
                try:
                    return each, msgspec.json.decode(raw, type=StoredCredential)
                except msgspec.MsgspecError:  # damaged: the person gives it anew
                    continue
        return identity, None

    async def _everyone(self, identity: Identity) -> list[Identity]:
        others = () if self._accounts is None else await self._accounts(identity)
        return list(dict.fromkeys([identity, *others]))


class _PluginSafe:
    """One person's credentials of one plugin."""

    def __init__(self, vault: Vault, plugin: str, identity: Identity) -> None:
        self._vault, self._plugin, self._identity = vault, plugin, identity

    async def form(self, name: str) -> str:
        return await self._vault.form(self._plugin, name, self._identity)

    async def remove(self, name: str) -> bool:
        return await self._vault.remove(self._plugin, name, self._identity)

    async def refused(self, name: str, used: str) -> None:
        await self._vault.refused(self._plugin, name, self._identity, used)


def _file(plugin: str, name: str) -> str:
    return f"{plugin}.{name}"
