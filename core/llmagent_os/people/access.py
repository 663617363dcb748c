"""Who is answered: everyone, those named in the settings, and those whom somebody has let in by a code.

Somebody who was let in on one platform is let in on all that they have linked (:mod:`llmagent_os.people.linking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import structlog

from llmagent_os.events import Event, event_key, now
from llmagent_os.identity import identity_of
from llmagent_os.ledger.members import Member, Request
from llmagent_os.people.codes import new_code, read
from llmagent_os.privacy.retention import ACCESS_REQUESTS

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger

_log = structlog.stdlib.get_logger(__name__)

#: How long somebody's code is good, and how soon they are not told it again.
REQUEST_VALID = ACCESS_REQUESTS.time
TOLD_AGAIN = timedelta(minutes=10)

COMMAND_LINE = "command line"  #: in the place of an admin who let somebody in there
MAX_NAME = 60  #: characters


class Access:
    """The door: who may come in, and who opens it."""

    def __init__(
        self,
        ledger: Ledger,
        *,
        access: Literal["pairing", "closed", "everyone"],
        allow: str = "",
        admins: str = "",
        trusted: Collection[str] = (),
        clock: Callable[[], datetime] = now,
    ) -> None:
        """Nothing is looked up before somebody comes.

        Args:
            ledger: keeps who was let in.
            access: what becomes of everybody else.
            allow: those always answered: identities and patterns such as ``slack:T024:*``, separated by commas.
            admins: those who may let others in, written alike; they are answered too.
            trusted: platforms on which everybody is answered.
            clock: tells the time.
        """
        self.mode = access
        self.allow = _patterns(allow)
        self.admins = _patterns(admins)
        self._members = ledger.members
        self._trusted = frozenset(trusted)
        self._clock = clock
        self._full = False

    async def admits(self, event: Event) -> bool:
        """Whether whoever did ``event`` is answered, and may rate replies."""
        return await self.admits_identity(identity_of(event))

    async def admits_identity(self, identity: str) -> bool:
        """Whether this identity is answered."""
        if self.mode == "everyone" or self._named(identity):
            return True
        standing = await self._members.standing(identity)
        let_in = standing.approved and self.mode != "closed"
        return let_in or any(self._named(each) for each in standing.identities)

    def is_admin(self, identity: str) -> bool:
        """Whether this very identity, and not only one linked to it, may let others in."""
        return _matches(identity, self.admins)

    async def ask(self, event: Event) -> Request | None:
        """Note that whoever did ``event`` asks to be let in. None: too many do; they are not told anything."""
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
            _log.info("somebody asks to be let in", identity=request.identity, name=request.name, let_in=command)
        if request is None and not self._full:
            _log.warning("more people ask to be let in than can wait; see llmagent-os people list")
        self._full = request is None
        return request

    async def approve(self, typed: str, by: str) -> Member | None:
        """Let in whoever was told the code. None: nobody was, or it is no longer valid."""
        code = read(typed)
        member = None if code is None else await self._members.approve(code, by, self._clock())
        if member is not None:
            _log.info("somebody was let in", identity=member.identity, by=by)
        return member

    async def allow_identity(self, identity: str, by: str) -> Member:
        """Let in an identity that has not asked."""
        return await self._members.allow(identity, by, self._clock())

    async def revoke(self, identity: str, by: str) -> tuple[str, ...]:
        """Take back that a person was let in; returns the identities of theirs that had been."""
        gone = await self._members.revoke(identity)
        if gone:
            _log.info("somebody is not let in any more", identities=gone, by=by)
        return gone

    async def members(self) -> list[Member]:
        """All who were let in."""
        return await self._members.listed()

    async def requests(self) -> list[Request]:
        """All who ask."""
        return await self._members.requests(self._clock())

    def _named(self, identity: str) -> bool:
        platform, _, _ = identity.partition(":")
        return platform in self._trusted or _matches(identity, self.allow) or _matches(identity, self.admins)


def plain_name(name: str) -> str:
    r"""What somebody calls themselves, as it can be shown to others: one short line, and no markup.

    >>> plain_name("Ana *the*\n`great`"), plain_name("<@everyone>")
    ('Ana the great', 'everyone')
    """
    kept = "".join(each if each.isalnum() or each in " .-'" else " " for each in name)
    return " ".join(kept.split())[:MAX_NAME].strip()


def _patterns(text: str) -> tuple[str, ...]:
    return tuple(pattern for each in text.split(",") if (pattern := each.strip()))


def _matches(identity: str, patterns: tuple[str, ...]) -> bool:
    return any(identity == pattern or fnmatchcase(identity, pattern) for pattern in patterns)
