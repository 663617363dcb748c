"""The store of profiles: one file or row a person."""

from __future__ import annotations

from typing import Any, Protocol

from llmagent_os.identity import PersonId, person_kept_under
from llmagent_os.privacy.stores import DataSubject, EraseOrder, Holds

#: The folder of profiles, inside the data folder.
PROFILES_FOLDER = "profiles"


class ProfileFiles(Protocol):
    """What the store needs of :class:`llmagent_os.people.profiles.Profiles`."""

    async def export(self, person_id: PersonId) -> dict[str, Any]:
        """Everything in the person's file, as a JSON object."""
        ...

    async def forget(self, person_id: PersonId) -> bool:
        """Delete the person's file. Returns whether there was one."""
        ...


class ProfileStore:
    """Profiles, with their last changes."""

    name = "profiles"
    unit = "file"
    order = EraseOrder.DISK
    holds = Holds(paths=(PROFILES_FOLDER,), tables=frozenset({"profiles", "damaged_profiles"}))

    def __init__(self, profiles: ProfileFiles) -> None:
        self._profiles = profiles

    async def export(self, subject: DataSubject) -> dict[str, Any]:
        """``profile``: the person's. ``profiles``: those that their other accounts had before they were linked."""
        others = subject.identities[1:]
        found: dict[str, Any] = {"profile": await self._profiles.export(subject.person_id)}
        if others:
            found["profiles"] = [await self._profiles.export(person_kept_under(identity)) for identity in others]
        return found

    async def erase(self, subject: DataSubject) -> int:
        """Delete the profiles of all identities, also those put aside by a link; returns how many there were."""
        kept_under = map(person_kept_under, subject.identities)
        return sum([await self._profiles.forget(person_id) for person_id in kept_under])

    async def prune(self) -> int:
        """Delete nothing: see ``retention.PROFILE``."""
        return 0
