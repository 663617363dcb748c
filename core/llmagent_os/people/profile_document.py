"""A person's profile as it is kept: a TinyDB document, in a file or in a row of the database."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Protocol, cast

import msgspec

from llmagent_os.identity import PersonId
from llmagent_os.people.damaged_profiles import DamagedProfileError
from llmagent_os.people.person_profile import Profile
from llmagent_os.privacy.consent import ConsentChange

#: The number of the document, and the name of TinyDB's table that it is in.
DOCUMENT, TABLE = 1, "_default"


class _Document(msgspec.Struct, frozen=True):
    """The document."""

    profile: dict[str, Any]
    undo: list[dict[str, Any]]
    consent: list[ConsentChange] = []  #: what the person allowed and took back, oldest first


class Held(msgspec.Struct, frozen=True):
    """What is kept about a person."""

    profile: Profile
    undo: list[dict[str, Any]] = []  #: the profiles before it, as JSON, the latest last
    unknown: dict[str, Any] = {}  #: fields of a later version: they are kept as they are
    consent: list[ConsentChange] = []  #: see :class:`_Document`

    @property
    def is_worth_keeping(self) -> bool:
        """Whether what could be read of a damaged profile says anything."""
        profile = self.profile
        return bool(profile.name or profile.place or profile.time_zone or profile.preferences)


#: Gives what is kept from what was kept; None: nothing changes. It may be called more than once.
Change = Callable[[Held], Held | None]


class ProfileDocuments(Protocol):
    """Where the documents of all people are. The methods block."""

    def cached(self, person_id: PersonId) -> Held | None:
        """What :meth:`usable` would give, if that is in memory; returns at once. None: it has to be read."""
        ...

    def usable(self, person_id: PersonId) -> Held:
        """What can be read of the person's document, whatever state it is in. A damaged one is put aside."""
        ...

    def exists(self, person_id: PersonId) -> bool:
        """Whether there is a document of the person, damaged or not.

        Raises:
            ProfileError: that cannot be told.
        """
        ...

    def change(self, person_id: PersonId, change: Change) -> Held:
        """Change the person's document. No other change comes in between. Returns what is kept then.

        Raises:
            ProfileError: the document cannot be read or written.
        """
        ...

    def forget(self, person_id: PersonId) -> bool:
        """Delete the person's document, and what was put aside of it. Returns whether there was anything.

        Raises:
            ProfileError: something cannot be deleted.
        """
        ...

    def damaged(self, person_id: PersonId) -> list[dict[str, Any]]:
        """What was put aside of the person, as JSON: ``file``, and its text as ``body``."""
        ...

    def problems(self) -> list[tuple[str, str]]:
        """Where something is wrong with a document, and what."""
        ...

    def count(self) -> int:
        """How many people have a document."""
        ...

    def forget_cached(self, person_id: PersonId | None = None) -> None:
        """Read the person's document again at its next use; None: everybody's."""
        ...


def tables_in(raw: bytes, where: str) -> dict[str, dict[str, Any]]:
    """The tables of a TinyDB document.

    Args:
        raw: its JSON.
        where: it is, for errors.

    Raises:
        DamagedProfileError: it is none.
    """
    try:
        found: object = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise DamagedProfileError(f"{where} is damaged ({error})") from error
    tables = cast("dict[str, object]", found).values() if isinstance(found, dict) else ()
    if not isinstance(found, dict) or not all(isinstance(table, dict) for table in tables):
        raise DamagedProfileError(f"{where} holds no TinyDB document")
    return found  # pyright: ignore[reportUnknownVariableType]


def held_in(document: object, person_id: PersonId | None, where: str) -> Held:
    """What a document holds.

    Args:
        document: as JSON.
        person_id: whose it must be; None: anyone's.
        where: it is, for errors.

    Raises:
        DamagedProfileError: the document holds no profile, or that of another person.
    """
    try:
        held = msgspec.convert(document, _Document)
        profile = msgspec.convert(held.profile, Profile)
    except msgspec.ValidationError as error:
        raise DamagedProfileError(f"{where} holds no profile ({error})") from error
    if person_id is not None and profile.user_id != person_id:
        # A file that was copied by hand. The bot would show it to this person, and act for the other one.
        raise DamagedProfileError(f"{where} holds the profile of {profile.user_id!r}, not of {person_id!r}")
    unknown = {name: value for name, value in held.profile.items() if name not in Profile.__struct_fields__}
    return Held(profile, held.undo, unknown, held.consent)


def fields_of(held: Held) -> dict[str, Any]:
    """The fields of the document that keeps ``held``."""
    return {
        "profile": msgspec.to_builtins(held.profile) | held.unknown,
        "undo": held.undo,
        "consent": msgspec.to_builtins(held.consent),
    }


def no_zone(zone: str) -> str:
    """What is said of a profile whose time zone is not on this machine."""
    return f"this machine has no time zone {zone!r}: times are those of the bot's own zone"
