"""Joins the accounts of one person by a code, and takes them apart again.

Linked accounts (:mod:`llmagent_os.identity`) share the profile of the account that issued the code. Its gaps are filled
from the other profile, which stays on the disk as it is, for the day on which the two are taken apart. What a person
said and made stays with the account on which they did so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from llmagent_os.events import now
from llmagent_os.identity import Identity, PersonId, first_identity_of, person_kept_under
from llmagent_os.ledger.link_codes import Joined, Refused
from llmagent_os.people.codes import new_code, read
from llmagent_os.privacy.retention import LINK_CODES

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger
    from llmagent_os.people.profiles import Profile, Profiles

__all__ = ["CODE_VALID", "Joined", "Links", "Refused"]

#: How long a code is good.
CODE_VALID = LINK_CODES.time

#: The fields that can be a gap of a profile, beside single preferences. A place comes with its time zone.
_GAPS = (("name",), ("place", "time_zone"))
_PREFERENCE = "preferences."


class Links:
    """Joins accounts and takes them apart: what ``/link`` and ``/unlink`` do."""

    def __init__(self, ledger: Ledger, profiles: Profiles | None, clock: Callable[[], datetime] = now) -> None:
        """Args: without ``profiles`` only the accounts are joined."""
        self._links = ledger.identities
        self._profiles = profiles
        self._clock = clock

    async def issue(self, identity: Identity) -> str:
        """Make a code. The account that gives it is joined to ``identity``.

        The code is good once, for :data:`CODE_VALID`. An earlier code that was not used ends.
        """
        code = new_code()
        await self._links.issue(identity, code, self._clock(), CODE_VALID)
        return code

    async def join(self, identity: Identity, typed: str) -> Joined | Refused:
        """Join ``identity`` to the account that issued a code.

        A second call after a crash answers and does the same.

        Args:
            identity: the account that gives the code.
            typed: the code, as it was typed.
        """
        result = await self._links.join(identity, read(typed), self._clock())
        if isinstance(result, Joined):
            await self._fill(result.person, again=first_identity_of(result.joined))
        return result

    async def leave(self, identity: Identity) -> tuple[Identity, ...] | Refused | None:
        """Take ``identity`` out of its person.

        Returns:
            The accounts that are still linked to each other; empty where only one is left.
            :attr:`Refused.CHANGED_OFTEN`: the person has changed links too often in the last hour. None: ``identity``
            was linked to nothing.
        """
        links = await self._links.links(identity)
        if not links:
            return None
        if not await self._links.may_change(identity, self._clock()):
            return Refused.CHANGED_OFTEN
        # Before the link is gone: after a crash in between this runs again, and finds nothing more to take back.
        # What the leaving account has filled of the person's profile, and what others have filled of its own profile.
        gone = [link for link in links if identity in (link.identity, first_identity_of(link.person))]
        for link in gone:
            await self._take_back(link.person, link.filled or {})
        rest = await self._links.leave(identity, self._clock())
        if rest is None:
            return None
        await self._fill(rest)
        left = await self._links.everyone(first_identity_of(rest))
        return left if len(left) > 1 else ()

    async def everyone(self, identity: Identity) -> tuple[Identity, ...]:
        """All accounts of the person."""
        return await self._links.everyone(identity)

    async def _fill(self, person: PersonId, again: Identity | None = None) -> None:
        """Fill the gaps of a person's profile from the accounts that were linked since.

        Args:
            person: the person.
            again: the account whose profile was just put aside. The gaps are filled from it again, should a crash
                have come in between.
        """
        if self._profiles is None:
            return
        for link in await self._links.links(first_identity_of(person)):
            mine = await self._profiles.get(person)
            filled = link.filled
            if filled is None:
                # The profile that the account had before it was linked. It was put aside, and is still there.
                aside = await self._profiles.get(person_kept_under(link.identity))
                filled = _gaps(mine, aside)
                await self._links.note_fill(link.identity, filled)  # first: a filled gap can always be emptied again
            elif link.identity != again:
                continue
            missing = {
                field: value
                for field, value in filled.items()
                if _known(mine).get(field) is None and self._profiles.takes(field.removeprefix(_PREFERENCE), value)
            }
            if missing:
                await self._profiles.update(person, **_changes(mine, missing))

    async def _take_back(self, person: PersonId, filled: dict[str, str]) -> None:
        """Empty the filled gaps again, unless the person has changed them since."""
        if self._profiles is None:
            return
        profile = await self._profiles.get(person)
        if same := {field: None for field, value in filled.items() if _known(profile).get(field) == value}:
            await self._profiles.update(person, **_changes(profile, same))


def _known(profile: Profile) -> dict[str, str | None]:
    """The fields and preferences that can be a gap, by name."""
    fields: dict[str, str | None] = {name: getattr(profile, name) for names in _GAPS for name in names}
    return fields | {_PREFERENCE + name: value for name, value in profile.preferences.items()}


def _gaps(mine: Profile, other: Profile) -> dict[str, str]:
    """The fields that ``other`` fills and ``mine`` does not."""
    have, theirs = _known(mine), _known(other)
    names = (*_GAPS, *((name,) for name in theirs if name.startswith(_PREFERENCE)))
    gaps = [name for group in names if all(have.get(name) is None for name in group) for name in group]
    return {name: value for name in gaps if (value := theirs[name]) is not None}


def _changes(profile: Profile, values: Mapping[str, str | None]) -> dict[str, Any]:
    """``values`` as changes that ``Profiles.update`` takes."""
    changes: dict[str, Any] = {name: value for name, value in values.items() if not name.startswith(_PREFERENCE)}
    single = {name.removeprefix(_PREFERENCE): value for name, value in values.items() if name not in changes}
    if single:
        kept: dict[str, str | None] = {**profile.preferences, **single}
        changes["preferences"] = {name: value for name, value in kept.items() if value is not None}
    return changes
