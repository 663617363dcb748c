"""Has plugins answer requests from the web, each for the person whose secret is in the address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from llmagent_os.adapter_kit.pages import PageRequest, PageResponse
from llmagent_os.adapter_kit.person_secrets import PersonSecrets, SecretPlace
from llmagent_os.credentials.credential_pages import CredentialPages
from llmagent_os.credentials.open_page import OpenPage
from llmagent_os.credentials.vault import PAGES, RECORDS, Vault
from llmagent_os.events import Timer, now
from llmagent_os.identity import NOBODY, Identity, person_kept_under
from llmagent_os.ledger import Ledger
from llmagent_os.people.directory import Directory
from llmagent_os.people.profiles import Profile, Profiles
from llmagent_os.people.time_zones import zone_or
from llmagent_os.plugin import ToolContext, WebAccess
from llmagent_os.records import MemoryRecords
from llmagent_os.tools.registry import Plugins


class PluginPages(msgspec.Struct, frozen=True, kw_only=True):
    """The pages of all plugins."""

    plugins: Plugins
    ledger: Ledger
    profiles: Profiles
    time_zone: str  #: IANA name: the zone of people who never said where they are
    web: WebAccess = WebAccess()
    secrets: Path | SecretPlace | None = None  #: where secrets are, or their folder
    vault: Vault | None = None  #: keeps what people give on pages; None: they can give nothing
    clock: Callable[[], datetime] = now

    async def answer(self, plugin: str, request: PageRequest) -> PageResponse | None:
        """Answer a request for a page of a plugin, or for one on which a credential is given. None: there is none.

        Raises:
            PluginError: the plugin failed.
            LedgerError: the ledger cannot be read.
        """
        if plugin == PAGES:
            return await self._credential_page(request)

        async def context_of(key: str) -> ToolContext | None:
            holder = await self.ledger.record_holder(plugin, key)
            return None if holder is None else await self.context_of(holder)

        return await self.plugins.page(plugin, request, context_of, self._made(Profile(user_id=NOBODY)))

    async def _credential_page(self, request: PageRequest) -> PageResponse | None:
        if self.vault is None:
            return None
        pages = CredentialPages(
            self.vault, self.plugins.credential, lambda key: self.ledger.record_holder(RECORDS, key), self._tell_given
        )
        return await pages.answer(request)

    async def _tell_given(self, page: OpenPage) -> None:
        """Confirm a sign-in in the chat in which it was begun: a timer is due at once, which the agent answers."""
        if page.conversation is not None and page.sender is not None:
            key = f"{page.plugin}.{page.name}"
            begun = Timer(
                event_id=uuid4().hex, conversation=page.conversation, sender=page.sender, plugin=RECORDS, key=key
            )
            await self.ledger.timers(RECORDS, begun).set(key, self.clock())

    async def context_of(self, identity: Identity) -> ToolContext:
        """The context of the person behind ``identity``, of no event and no conversation."""
        directory = Directory(self.ledger, self.profiles)
        profile = await directory.profile(await directory.person_of(identity))
        secrets = PersonSecrets(self.secrets, person_kept_under(identity))
        return self._made(profile, secrets)

    def _made(self, profile: Profile, secrets: PersonSecrets | None = None) -> ToolContext:
        zone = zone_or(profile.known_zone, self.time_zone)
        return ToolContext(
            user_id=profile.user_id,
            conversation_key="",
            call_id=uuid4().hex,
            now=self.clock().astimezone(zone),
            time_zone=zone.key,
            text="",
            records=MemoryRecords(),  # the registry puts the plugin's own in its place
            profile=profile,
            secrets=secrets or PersonSecrets(),
            web=self.web,
        )
