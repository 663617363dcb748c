"""Keeps what is known about people: one small document for each person.

With SQLite it is a TinyDB file a person (``profile_files``). Several hosts that share a PostgreSQL database keep it in
a row there (``profile_rows``).
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.people.damaged_profiles import readable_fields
from llmagent_os.people.person_profile import PREFERENCES as PREFERENCES
from llmagent_os.people.person_profile import UNDO_STEPS as UNDO_STEPS
from llmagent_os.people.person_profile import Profile as Profile
from llmagent_os.people.person_profile import changed
from llmagent_os.people.profile_document import Held, ProfileDocuments
from llmagent_os.people.profile_files import FileStorage as FileStorage
from llmagent_os.people.profile_files import ProfileFiles
from llmagent_os.people.profile_files import file_name as file_name
from llmagent_os.privacy.consent import SWITCHES, Consent, ConsentChange, changes_between


class Profiles:
    """The profiles of all people."""

    def __init__(
        self, kept: Path | str | ProfileDocuments, preferences: Mapping[str, Collection[str]] = PREFERENCES
    ) -> None:
        """Nothing is read or written yet.

        Args:
            kept: the folder of the profiles, which is made when the first is written; or what keeps them.
            preferences: the preferences that can be changed one by one, and their values.
        """
        self._documents: ProfileDocuments = ProfileFiles(Path(kept)) if isinstance(kept, str | Path) else kept
        self._preferences = preferences

    async def get(self, person_id: PersonId) -> Profile:
        """The profile of a person. A new person has an empty one, and gets no file by this.

        A damaged file is put aside, and the profile goes on with what can be read of it. A file that this user of the
        machine may not read stays as it is. Until it can be read, the profile is empty, and nothing is learned from
        the person.
        """
        held = self._documents.cached(person_id)
        if held is None:
            held = await asyncio.to_thread(self._documents.usable, person_id)
        return held.profile

    async def update(self, person_id: PersonId, /, **changes: Any) -> Profile:
        """Change some fields, and keep what they were for :meth:`undo`.

        Args:
            person_id: the person.
            changes: fields of :class:`Profile` and their new values, or single preferences (``verbosity="brief"``;
                None removes one). ``preferences`` itself replaces all of them.

        Raises:
            ProfileError: a profile cannot have that field or value, or the file cannot be read or written.
        """
        return await asyncio.to_thread(self._update, person_id, changes)

    async def note_told(self, person_id: PersonId, defaults: Consent) -> None:
        """Record that the person was told what the bot does with what it hears.

        Args:
            person_id: the person.
            defaults: what the owner had decided by then.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        await asyncio.to_thread(self._note_told, person_id, defaults)

    async def note_language(self, person_id: PersonId, evidence: Mapping[str, int], noticed: str | None) -> None:
        """Record in which language the person writes. It is no change that :meth:`undo` takes back.

        Args:
            person_id: the person.
            evidence: for the languages, in points.
            noticed: the language that follows from it; None: none yet. A choice of the person stays.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        await asyncio.to_thread(self._note_language, person_id, dict(evidence), noticed)

    async def note_zone(self, person_id: PersonId, zone: str) -> None:
        """Record the time zone that a platform says. It is no change that :meth:`undo` takes back.

        Args:
            person_id: the person.
            zone: its IANA name.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        await asyncio.to_thread(self._note_zone, person_id, zone)

    def takes(self, preference: str, value: str) -> bool:
        """Whether a profile can be given that value of a preference."""
        return value in self._preferences.get(preference, (value,))

    async def undo(self, person_id: PersonId) -> Profile | None:
        """Take the last change back. Returns the profile after that. None: there was no change.

        Raises:
            ProfileError: the file cannot be read or written.
        """
        return await asyncio.to_thread(self._undo, person_id)

    async def forget(self, person_id: PersonId) -> bool:
        """Delete the person's file, damaged or not, and what was put aside of it. Returns whether there was one.

        Raises:
            ProfileError: a file cannot be deleted.
        """
        return await asyncio.to_thread(self._documents.forget, person_id)

    async def export(self, person_id: PersonId) -> dict[str, Any]:
        """Everything in the person's file, as JSON: ``profile``, and under ``undo`` the profiles before it.

        Under ``damaged`` are files that were put aside, with their text. The key is there only if there are any.
        """
        return await asyncio.to_thread(self._export, person_id)

    async def problems(self) -> list[tuple[str, str]]:
        """The files or rows with which something is wrong, and what it is. Nothing is changed."""
        return await asyncio.to_thread(self._documents.problems)

    async def exists(self, person_id: PersonId) -> bool:
        """Whether the person has changed anything yet.

        Raises:
            ProfileError: that cannot be told.
        """
        return await asyncio.to_thread(self._documents.exists, person_id)

    async def count(self) -> int:
        """How many people have a profile."""
        return await asyncio.to_thread(self._documents.count)

    def forget_cached(self, person_id: PersonId | None = None) -> None:
        """Read the person's profile again at its next use: another host has changed it. None: everybody's."""
        self._documents.forget_cached(person_id)

    # ── in a thread ───────────────────────────────────────────────────────────────────────────────────────────────

    def _update(self, person_id: PersonId, changes: dict[str, Any]) -> Profile:
        def change(held: Held) -> Held:
            after = changed(held.profile, changes, self._preferences)
            undo = [*held.undo, msgspec.to_builtins(held.profile)][-UNDO_STEPS:]
            record = changes_between(held.profile.preferences, after.preferences, now())
            return Held(after, undo, held.unknown, [*held.consent, *record])

        return self._documents.change(person_id, change).profile

    def _note_told(self, person_id: PersonId, defaults: Consent) -> None:
        def change(held: Held) -> Held | None:
            if held.profile.told_at is not None:
                return None
            at = now()
            words = ",".join(name for name in SWITCHES if getattr(defaults, name))
            told = msgspec.structs.replace(held.profile, told_at=at)
            record = ConsentChange(switch="asked", value=words, at=at)
            return Held(told, held.undo, held.unknown, [*held.consent, record])

        self._documents.change(person_id, change)

    def _note_language(self, person_id: PersonId, evidence: dict[str, int], noticed: str | None) -> None:
        def change(held: Held) -> Held:
            after = msgspec.structs.replace(held.profile, language_evidence=evidence)
            if noticed is not None and after.chosen_language is None:
                after = msgspec.structs.replace(after, language=noticed, language_from="messages")
            return Held(after, held.undo, held.unknown, held.consent)

        self._documents.change(person_id, change)

    def _note_zone(self, person_id: PersonId, zone: str) -> None:
        def change(held: Held) -> Held:
            after = msgspec.structs.replace(held.profile, noticed_zone=zone)
            return Held(after, held.undo, held.unknown, held.consent)

        self._documents.change(person_id, change)

    def _undo(self, person_id: PersonId) -> Profile | None:
        found: list[Profile] = []

        def change(held: Held) -> Held | None:
            found.clear()
            if not held.undo:
                return None
            *undo, last = held.undo
            kept = {
                "updated_at": now(),
                "told_at": held.profile.told_at,
                "language_evidence": held.profile.language_evidence,
                "noticed_zone": held.profile.noticed_zone,
            }
            before = readable_fields(Profile(user_id=person_id), last | kept)
            record = changes_between(held.profile.preferences, before.preferences, now())
            found.append(before)
            return Held(before, undo, held.unknown, [*held.consent, *record])

        if self._documents.exists(person_id):
            self._documents.change(person_id, change)
        return found[0] if found else None

    def _export(self, person_id: PersonId) -> dict[str, Any]:
        held = self._documents.usable(person_id)
        damaged = self._documents.damaged(person_id)
        found = {"profile": msgspec.to_builtins(held.profile) | held.unknown, "undo": held.undo}
        if held.consent:
            found["consent"] = msgspec.to_builtins(held.consent)
        return found | ({"damaged": damaged} if damaged else {})
