"""Decides who is answered: everyone, people named in the settings, and people whom an admin let in by a code.

A person who was let in on one platform is let in on every platform that they have linked
(:mod:`llmagent_os.people.linking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

import structlog

from llmagent_os.events import Event, event_key, now
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger.audit_log import AuditEntry
from llmagent_os.ledger.members import Member, Request
from llmagent_os.ledger.platform_admins import PlatformAdmin
from llmagent_os.people.codes import new_code, read
from llmagent_os.people.platform_roles import PlatformRoles, place_of
from llmagent_os.people.roles import Role, Roles, matches, patterns, workspace_of
from llmagent_os.privacy.retention import ACCESS_REQUESTS

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger

_log = structlog.stdlib.get_logger(__name__)

#: How long a stranger's code is good.
REQUEST_VALID = ACCESS_REQUESTS.time

#: How long a stranger who has a code is not told the code again.
TOLD_AGAIN = timedelta(minutes=10)

#: Stands for the admin where a person was let in from the command line.
COMMAND_LINE = "command line"

#: How long a shown name may be.
MAX_NAME_CHARACTERS = 60


class Access:
    """Knows who is answered, and who may let others in."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        access: Literal["pairing", "closed", "everyone"],
        allow: str = "",
        admins: str = "",
        owners: str = "",
        trusted: Collection[str] = (),
        platform_roles: PlatformRoles | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Nothing is looked up yet.

        Args:
            ledger: keeps who was let in.
            access: how everybody else is treated.
            allow: who is always answered: identities and patterns such as ``slack:T024:*``, separated by commas.
            admins: who may let others in, written the same way. Admins are answered too.
            owners: who may do that too, and read the audit log; written the same way.
            trusted: platforms on which everybody is answered.
            platform_roles: who is an admin because the platform says so; None: nobody.
            clock: the present moment, aware.
        """
        self.mode = access
        self.allow = patterns(allow)
        self.roles = Roles(owners=owners, admins=admins)
        self.log = ledger.audit  #: what admins and approvals did
        self._members = ledger.members
        self._platform_roles = platform_roles
        self._platform_admins = ledger.platform_admins
        self._trusted = frozenset(trusted)
        self._clock = clock
        self._full = False

    async def admits(self, event: Event) -> bool:
        """Whether the person who did ``event`` is answered, and may rate replies."""
        if self._platform_roles is not None:
            await self._platform_roles.ask(event)
        return await self.admits_identity(identity_of(event))

    async def admits_identity(self, identity: Identity) -> bool:
        """Whether this account is answered."""
        if self.mode == "everyone" or self._named(identity):
            return True
        standing = await self._members.membership(identity)
        let_in = standing.approved and self.mode != "closed"
        return let_in or any(self._named(linked) for linked in standing.identities)

    def is_admin(self, identity: Identity, of: Identity | None = None) -> bool:
        """Whether this very account may decide about others. An account that is linked to an admin's may not.

        Args:
            identity: the account.
            of: about whom; None: about people of its own workspace.
        """
        return self.role(identity, of) != "member"

    def role(self, identity: Identity, of: Identity | None = None) -> Role:
        """The role of exactly this account, by the settings or by its platform; see :meth:`Roles.role`."""
        role = self.roles.role(identity, of)
        if role == "member" and self._administers(identity, workspace_of(identity if of is None else of)):
            return "admin"
        return role

    def has_role(self, identity: Identity) -> bool:
        """Whether the account is an owner, or an admin of any workspace."""
        return self.roles.names(identity) or self._administers(identity, workspace_of(identity))

    def administers_group(self, event: Event) -> bool:
        """Whether whoever did ``event`` administers the group that it is in, on a platform without workspaces."""
        conversation = event.conversation
        return not conversation.workspace and self._administers(identity_of(event), place_of(conversation))

    def workspaces(self, identity: Identity) -> frozenset[str] | None:
        """The workspaces of which the account is an owner or admin. None: of every one."""
        named, own = self.roles.workspaces(identity), workspace_of(identity)
        return named | {own} if named is not None and self._administers(identity, own) else named

    @property
    def has_admins(self) -> bool:
        """Whether somebody has a role, or may have one by a platform."""
        return self.roles.any or self._platform_roles is not None

    def _administers(self, identity: Identity, place: str) -> bool:
        return self._platform_roles is not None and self._platform_roles.administers(identity, place)

    async def note(
        self, actor: str, action: str, *, subject: str = "", detail: str = "", where: Event | None = None
    ) -> None:
        """Add to the audit log what an account, or the command line, did.

        Args:
            actor: the account.
            action: what it did.
            subject: the account that it was done to, whose workspace decides about the actor's role; empty: none.
            detail: more about it.
            where: the event with which it was done, where a role in its group counts.

        Raises:
            LedgerError: it cannot be written.
        """
        of = Identity(subject) if subject else None
        role = actor if actor == COMMAND_LINE else self.role(Identity(actor), of)
        if role == "member" and where is not None and self.administers_group(where):
            role = "admin"
        entry = AuditEntry(at=self._clock(), actor=actor, role=role, action=action, subject=subject, detail=detail)
        await self.log.add(entry)

    async def asks_with(self, typed: str) -> Request | None:
        """The request that has a code, as an admin typed the code. None: nobody has it."""
        code = read(typed)
        return next((each for each in await self.requests() if each.code == code), None)

    async def ask(self, event: Event) -> Request | None:
        """Note that the person who did ``event`` asks to be let in.

        Returns:
            The request with its code. None: too many people ask, and this one is told nothing.
        """
        request = await self._members.ask(
            identity_of(event),
            plain_name(event.sender.name),
            new_code(),
            event_key(event),
            self._clock(),
            valid=REQUEST_VALID,
            again=TOLD_AGAIN,
        )
        if request is not None and request.new:
            command = f"llmagent-os people approve {request.code}"
            _log.info("a person asks to be let in", identity=request.identity, name=request.name, let_in=command)
        if request is None and not self._full:
            _log.warning("more people ask to be let in than can wait; see llmagent-os people list")
        self._full = request is None
        return request

    async def approve(self, typed: str, by: str) -> Member | None:
        """Let in the person who was told the code.

        Args:
            typed: the code, as the admin typed it.
            by: the admin.

        Returns:
            None: nobody has that code, or it is no longer valid.
        """
        code = read(typed)
        member = None if code is None else await self._members.approve(code, by, self._clock())
        if member is not None:
            _log.info("a person was let in", identity=member.identity, by=by)
            await self.note(by, "let in", subject=member.identity, detail="by code")
        return member

    async def allow_identity(self, identity: Identity, by: str) -> Member:
        """Let in an account that has not asked."""
        member = await self._members.allow(identity, by, self._clock())
        await self.note(by, "let in", subject=identity, detail="by name")
        return member

    async def revoke(self, identity: Identity, by: str) -> tuple[Identity, ...]:
        """Let a person in no longer. Returns their accounts that had been let in."""
        gone = await self._members.revoke(identity)
        if gone:
            _log.info("a person is not let in any more", identities=gone, by=by)
        for each in gone:
            await self.note(by, "revoked", subject=each)
        return gone

    async def members(self) -> list[Member]:
        """Everyone who was let in."""
        return await self._members.listed()

    async def platform_admins(self) -> list[PlatformAdmin]:
        """Who is an admin because the platform said so, by place."""
        return await self._platform_admins.listed()

    async def requests(self) -> list[Request]:
        """Everyone who asks to be let in."""
        return await self._members.requests(self._clock())

    def _named(self, identity: Identity) -> bool:
        platform, _, _ = identity.partition(":")
        return platform in self._trusted or matches(identity, self.allow) or self.has_role(identity)


def plain_name(name: str) -> str:
    r"""A name that a person chose, so that others can be shown it: one short line without markup.

    >>> plain_name("Ana *the*\n`great`"), plain_name("<@everyone>")
    ('Ana the great', 'everyone')
    """
    kept = "".join(char if char.isalnum() or char in " .-'" else " " for char in name)
    return " ".join(kept.split())[:MAX_NAME_CHARACTERS].strip()
