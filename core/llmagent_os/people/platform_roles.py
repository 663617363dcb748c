"""Who is an admin because the platform says so: admins of a Slack workspace, a Discord server or a Telegram group.

The role holds in that workspace or group only, and only for as long as the platform confirms it. The platform is asked
when the account does something. What it says is in the ledger, for ``llmagent-os people`` and ``security audit``, and a
change of it is in the audit log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
import structlog

from llmagent_os.adapter import KnowsAdmins
from llmagent_os.adapter_kit.containment import contained
from llmagent_os.adapter_kit.expiring_dict import ADMIN_SECONDS, MAX_ADMIN_ANSWERS, ExpiringDict
from llmagent_os.events import LOCAL_WORKSPACE, Conversation, Event, now
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.audit_log import AuditEntry

_log = structlog.stdlib.get_logger(__name__)

#: On this topic hosts tell each other that a platform has given somebody a role, or taken it.
ROLES = "roles"

#: How long a person waits for the platform's answer, in seconds. Without one the person has no role.
ANSWER_SECONDS = 2.0


class PlatformRoles:
    """Asks platforms, and knows what they said last."""

    def __init__(
        self, ledger: Ledger, adapters: Mapping[str, KnowsAdmins], *, clock: Callable[[], datetime] = now
    ) -> None:
        """Args:
        ledger: keeps who is an admin of what, and the audit log.
        adapters: those that know admins, by the platform's name.
        clock: the present moment, aware.
        """
        self._kept, self._log = ledger.platform_admins, ledger.audit
        self._adapters = adapters
        self._clock = clock
        self._said: ExpiringDict[tuple[Identity, str], bool] = ExpiringDict(MAX_ADMIN_ANSWERS, seconds=ADMIN_SECONDS)
        # What another host has heard from a platform lately. An adapter here may still answer from memory.
        self._told: ExpiringDict[tuple[Identity, str], bool] = ExpiringDict(MAX_ADMIN_ANSWERS, seconds=ADMIN_SECONDS)
        self._membership = ledger.membership
        self._membership.watch(ROLES, self._hear)

    def administers(self, identity: Identity, place: str) -> bool:
        """Whether the platform said a short while ago that the account administers a place."""
        return bool(place) and self._said.get((identity, place)) is True

    async def ask(self, event: Event) -> None:
        """Ask the platform about whoever did ``event``.

        Raises:
            LedgerError: the ledger cannot be written.
        """
        adapter, place = self._adapters.get(event.conversation.platform), place_of(event.conversation)
        if adapter is None or not place or event.sender.is_bot:
            return
        identity = identity_of(event)
        try:
            is_admin = self._told.get((identity, place))
            if is_admin is None:
                async with asyncio.timeout(ANSWER_SECONDS):
                    is_admin = await contained(adapter.administers(event.conversation, event.sender.user_id))
        except Exception as error:  # what it said before holds until its time is over
            where = event.conversation.platform
            _log.info("the platform does not say who is an admin", platform=where, error=str(error))
            return
        if self._said.get((identity, place)) is not is_admin:
            await self._note(identity, place, is_admin)
        self._said.put((identity, place), is_admin)

    def _hear(self, text: str) -> None:
        """Take up what another host has heard from a platform."""
        if text:
            identity, place, is_admin = msgspec.json.decode(text, type=tuple[Identity, str, bool])
            for known in (self._said, self._told):
                known.put((identity, place), is_admin)

    async def _note(self, identity: Identity, place: str, is_admin: bool) -> None:
        """Put what the platform said into the ledger, and a change of it into the audit log."""
        now = self._clock()
        if is_admin:
            changed, action = await self._kept.confirm(identity, place, now), "became an admin by the platform"
        else:
            changed, action = await self._kept.take_back(identity, place), "is no admin by the platform any more"
        if changed:
            self._membership.tell(ROLES, msgspec.json.encode([identity, place, is_admin]).decode())
            _log.info(action, identity=identity, place=place)
            role = "admin" if is_admin else "member"
            await self._log.add(AuditEntry(at=now, actor=identity, role=role, action=action, detail=place))


def place_of(conversation: Conversation) -> str:
    """What an account can administer on its platform: a workspace, or a group where there are none. Empty: nothing.

    >>> place_of(Conversation(platform="slack", workspace="T1", channel="D1"))
    'slack:T1'
    >>> place_of(Conversation(platform="telegram", channel="-1007", kind="group"))
    'telegram::-1007'
    >>> place_of(Conversation(platform="telegram", channel="7"))
    ''
    """
    if conversation.workspace:
        return "" if conversation.workspace == LOCAL_WORKSPACE else f"{conversation.platform}:{conversation.workspace}"
    return f"{conversation.platform}::{conversation.channel}" if conversation.kind == "group" else ""
