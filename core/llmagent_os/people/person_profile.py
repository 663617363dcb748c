"""What is known about one person, and what a change of it may be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec

from llmagent_os.errors import ProfileError
from llmagent_os.events import now
from llmagent_os.identity import PersonId
from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import choice_text
from llmagent_os.people.time_zones import is_known

#: How many changes of a profile can be taken back.
UNDO_STEPS = 20

#: The preferences that the framework itself knows, and their values. A bot may declare others.
PREFERENCES: Mapping[str, Collection[str]] = {
    "mode": ("task_oriented", "conversational"),
    "verbosity": ("brief", "normal", "detailed"),
    "initiative": ("act", "ask_first"),
    "remember": ("on", "off"),
    "learning": ("on", "off"),
    "interface": ("text", "voice", "graphics"),
    "theme": ("light", "dark"),
    "training": ("on", "off"),
    "ask_why": ("on", "off"),
}

#: Fields that :meth:`Profiles.update` does not change.
_NOT_CHANGED = ("user_id", "created_at", "updated_at", "told_at", "language_evidence", "noticed_zone")


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one person."""

    user_id: PersonId  #: the person
    name: str | None = None  #: what the person wants to be called
    place: str | None = None  #: where the person is, in their words
    time_zone: str | None = None  #: IANA name, such as ``Europe/Berlin``
    noticed_zone: str | None = None  #: IANA name that a platform says; it counts until the person tells their own
    #: the language that the person chose, or is noticed to write; it counts where ``language_from`` says which
    language: str = "en"
    #: ``choice``: the person chose the language; ``messages``: it was noticed; empty: nobody knows it
    language_from: Literal["", "choice", "messages"] = ""
    #: how plainly the person's messages were in a language, in points; see :mod:`~llmagent_os.people.language_evidence`
    language_evidence: dict[str, int] = msgspec.field(default_factory=dict[str, int])
    #: when the bot begins nothing by itself: spans such as ``22:00-07:00``, separated by commas; ``off``: it may at any
    #: time; None: as the bot is configured
    quiet_hours: str | None = None
    preferences: dict[str, str] = msgspec.field(default_factory=dict[str, str])  #: see :data:`PREFERENCES`
    created_at: datetime = msgspec.field(default_factory=now)  #: UTC
    updated_at: datetime = msgspec.field(default_factory=now)  #: UTC
    told_at: datetime | None = None  #: when the person was told what the bot does with what it hears; None: not yet

    @property
    def known_zone(self) -> str | None:
        """The IANA time zone that the person told; else the one that a platform says. None: nobody knows it."""
        return self.time_zone or self.noticed_zone

    @property
    def chosen_language(self) -> str | None:
        """The language that the person chose. None: the person left that to the bot."""
        return self.language if self.language_from == "choice" else None

    @property
    def noticed_language(self) -> str | None:
        """The language that the person is noticed to write. None: nobody knows, or the person chose one."""
        return self.language if self.language_from == "messages" else None


def changed(profile: Profile, changes: dict[str, Any], known: Mapping[str, Collection[str]]) -> Profile:
    """``profile`` with ``changes``, as :meth:`Profiles.update` takes them.

    Args:
        profile: before the change.
        changes: by field or preference.
        known: the preferences and their values.

    Raises:
        ProfileError: a profile cannot have that field or value.
    """
    fields: dict[str, Any] = msgspec.structs.asdict(profile)
    if "language" in changes:
        changes = {"language_from": "choice"} | changes
    single = {name: value for name, value in changes.items() if name in known}
    for name, value in changes.items():
        if name in _NOT_CHANGED or (name not in fields and name not in known):
            can = ", ".join(("name", "place", "time_zone", "language", "quiet_hours", "preferences", *known))
            raise ProfileError(gettext("a profile has no '{name}' to change: {known}", name=name, known=can))
        if name in fields:
            fields[name] = value
    try:
        preferences = msgspec.convert(fields["preferences"], dict[str, str]) | single
        fields["preferences"] = {name: value for name, value in preferences.items() if value is not None}
        after = msgspec.convert(fields | {"updated_at": now()}, Profile)
    except msgspec.ValidationError as error:
        raise ProfileError(gettext("no profile can have that: {error}", error=error)) from error
    for name, value in after.preferences.items():
        # A value that was there before may come from an older configuration: it stays.
        if value != profile.preferences.get(name) and value not in known.get(name, (value,)):
            values = choice_text(list(known[name]))
            raise ProfileError(gettext("{name} is {values}, not '{value}'", name=name, values=values, value=value))
    # A zone that was there before may come from another machine: it stays, too.
    if after.time_zone not in (None, profile.time_zone) and not is_known(after.time_zone):
        raise ProfileError(gettext("'{zone}' is no time zone; write one like Europe/Berlin", zone=after.time_zone))
    return after
