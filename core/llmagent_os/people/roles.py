"""Who is an owner or an admin, and of which workspace. Both are named in the settings.

An owner may do what an admin may, everywhere, and reads the audit log. An admin lets people in and teaches the bot:
those of every workspace, or of the one that the entry names behind ``@``.

>>> roles = Roles(owners="slack:T1:U1", admins="slack:T1:U2, telegram::7@slack:T1")
>>> roles.role(Identity("slack:T1:U1")), roles.role(Identity("slack:T1:U2"), Identity("telegram::9"))
('owner', 'admin')
>>> roles.role(Identity("telegram::7"), Identity("slack:T1:U5")), roles.role(Identity("telegram::7"))
('admin', 'member')
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Literal

from llmagent_os.identity import Identity

#: A member is anybody else. Whether a member is answered, :class:`llmagent_os.people.access.Access` decides.
Role = Literal["owner", "admin", "member"]


#: An account or a pattern, and the platform and workspace behind its last ``@``.
_WITH_WORKSPACE = re.compile(r"(?P<who>.*[^:])@(?P<where>[a-z][a-z0-9_-]*:[^:@]*)")


class Roles:
    """The roles of one installation."""

    def __init__(self, *, owners: str = "", admins: str = "") -> None:
        """Args: ``owners`` and ``admins`` are lists of identities and patterns, separated by commas."""
        self.owners = patterns(owners)
        self.admins = patterns(admins)

    def role(self, identity: Identity, of: Identity | None = None) -> Role:
        """The role of exactly this account. An account that is linked to an admin's is a member.

        Args:
            identity: the account.
            of: on whose workspace it acts; None: its own.
        """
        if matches(identity, self.owners):
            return "owner"
        where = workspace_of(identity if of is None else of)
        for who, only in map(_divided, self.admins):
            if matches(identity, (who,)) and only in ("", where):
                return "admin"
        return "member"

    def workspaces(self, identity: Identity) -> frozenset[str] | None:
        """The workspaces of which the account is an owner or admin. None: of every one."""
        mine = {only for who, only in map(_divided, self.admins) if matches(identity, (who,))}
        return None if "" in mine or matches(identity, self.owners) else frozenset(mine)

    def names(self, identity: Identity) -> bool:
        """Whether the account is an owner, or an admin of any workspace."""
        return matches(identity, self.owners) or matches(identity, self.admin_patterns)

    @property
    def admin_patterns(self) -> tuple[str, ...]:
        """Who is an admin, without the workspaces."""
        return tuple(_divided(entry)[0] for entry in self.admins)

    @property
    def any(self) -> bool:
        """Whether somebody has a role."""
        return bool(self.owners or self.admins)


def _divided(entry: str) -> tuple[str, str]:
    """Who is named, and the workspace behind ``@``; empty: every workspace. Accounts of a platform may have an ``@``.

    >>> _divided("telegram::7@slack:T1"), _divided("email::ana@example.org"), _divided("email::ana@x.org@slack:T1")
    (('telegram::7', 'slack:T1'), ('email::ana@example.org', ''), ('email::ana@x.org', 'slack:T1'))
    """
    found = _WITH_WORKSPACE.fullmatch(entry)
    return (entry, "") if found is None else (found["who"], found["where"])


def workspace_of(identity: Identity) -> str:
    """Platform and workspace of an account.

    >>> workspace_of(Identity("slack:T1:U1")), workspace_of(Identity("telegram::7"))
    ('slack:T1', 'telegram:')
    """
    platform, _, rest = identity.partition(":")
    return f"{platform}:{rest.partition(':')[0]}"


def patterns(text: str) -> tuple[str, ...]:
    """The patterns in a setting that lists people, separated by commas.

    >>> patterns("slack:T024:*, , discord::7")
    ('slack:T024:*', 'discord::7')
    """
    return tuple(pattern for part in text.split(",") if (pattern := part.strip()))


def matches(identity: Identity, among: tuple[str, ...]) -> bool:
    """Whether an account is one of those that are listed."""
    return any(identity == pattern or fnmatchcase(identity, pattern) for pattern in among)
