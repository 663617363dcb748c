"""Says in which language a person is spoken to.

In this order: what the person chose (``/language``), what they write in, what their platform says of them, and the
first language of the bot. What they write in is kept in their profile, with the evidence for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
import structlog

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.errors import ProfileError
from llmagent_os.events import Event, Message
from llmagent_os.identity import Identity, PersonId, identity_of
from llmagent_os.languages import LANGUAGES, language_of_tag
from llmagent_os.languages.catalogues import catalogue
from llmagent_os.languages.identification import WrittenIn, language_written, may_be_foreign
from llmagent_os.people.directory import Directory
from llmagent_os.people.language_evidence import Evidence, noticed, weighed
from llmagent_os.people.profiles import Profile, Profiles
from llmagent_os.people.time_zones import is_known

_log = structlog.stdlib.get_logger(__name__)

#: For how many people, the latest ones, it is remembered in memory how they are spoken to.
REMEMBERED_PEOPLE = 10_000

#: From this many characters on, a message is not read to its end: its language is plain before.
READ_CHARACTERS = 1000


class HeardLanguage(msgspec.Struct, frozen=True):
    """The language of the person who did an event, and what the event adds to what is known of it."""

    language: str  #: in which the person is spoken to
    person_id: PersonId
    evidence: Evidence | None = None  #: with the event; None: it says nothing new
    noticed: str | None = None  #: what the person is noticed to write, by ``evidence``
    may_keep: bool = False  #: whether the evidence belongs into the profile
    new_zone: str = ""  #: the time zone that the platform says, where the profile is to keep it


class PersonLanguages:
    """The languages of the people of one bot."""

    def __init__(
        self,
        directory: Directory,
        profiles: Profiles | None,
        languages: Sequence[str] = tuple(LANGUAGES),
        understood: Sequence[str] = (),
    ) -> None:
        """Args:
        directory: finds people and their profiles.
        profiles: keep what people write in; None: it is known in memory only.
        languages: that the bot speaks, at least one; the first is for people of whom nothing is known.
        understood: the languages that the model understands; empty: whatever people write.
        """
        self.languages = tuple(languages)
        self._understood = frozenset(understood)
        self._directory = directory
        self._profiles = profiles
        # A person who writes the language that they are spoken to anyway gets no entry in the profile by that.
        self._evidence: BoundedDict[PersonId, Evidence] = BoundedDict(REMEMBERED_PEOPLE)
        self._ready: set[str] = set()  # languages whose texts were read
        self._last: BoundedDict[Identity, str] = BoundedDict(REMEMBERED_PEOPLE)

    async def hear(self, event: Event) -> HeardLanguage:
        """Find out in which language the person who did ``event`` is spoken to. Nothing is written."""
        identity = identity_of(event)
        person_id = await self._directory.person_of(identity)
        try:
            profile = await self._directory.profile(person_id)
        except ProfileError as error:  # the answer to the event says what is wrong with it
            _log.warning("a profile cannot be read, so its language is not known", error=str(error))
            return HeardLanguage(self.last_known(event), person_id)
        usual = self._usual(event)
        before = profile.language_evidence or self._evidence.get(person_id, {})
        after = before
        if isinstance(event, Message) and event.text.strip():
            known = noticed(before, self.languages, profile.noticed_language) or self._of_platform(event)
            written = await _language_written(event.text[:READ_CHARACTERS])
            if written is not None and not self._is_forced(written, known):
                after = weighed(before, written)
        writes = noticed(after, self.languages, profile.noticed_language)
        language = self._chosen(profile) or writes or usual
        self._last[identity] = language
        await self.prepare(language)
        if after == before:
            return HeardLanguage(language, person_id, new_zone=await self._new_zone(event, profile))
        is_new = bool(profile.language_evidence) or set(after) != {usual}
        may_keep = is_new and (await self._directory.consent(person_id)).remember
        return HeardLanguage(language, person_id, after, writes, may_keep, await self._new_zone(event, profile))

    async def _new_zone(self, event: Event, profile: Profile) -> str:
        said = event.sender.time_zone
        if said in ("", profile.noticed_zone) or not is_known(said):
            return ""
        return said if (await self._directory.consent(profile.user_id)).remember else ""

    async def prepare(self, language: str) -> None:
        """Read the texts of a language, before the first of them is given."""
        if language not in self._ready:
            await asyncio.to_thread(catalogue, language)
            self._ready.add(language)

    async def keep(self, heard: HeardLanguage) -> None:
        """Keep what an event said about the language and the time zone of its person."""
        if heard.new_zone and self._profiles is not None:
            try:
                await self._profiles.note_zone(heard.person_id, heard.new_zone)
            except ProfileError as error:
                _log.error("the time zone of a person cannot be noted", error=str(error))
        if heard.evidence is None:
            return
        if not heard.may_keep or self._profiles is None:
            self._evidence[heard.person_id] = heard.evidence
            return
        self._evidence.pop(heard.person_id, None)
        try:
            await self._profiles.note_language(heard.person_id, heard.evidence, heard.noticed)
        except ProfileError as error:
            _log.error("it cannot be noted which language a person writes", error=str(error))

    def last_known(self, event: Event) -> str:
        """The language of the person who did ``event``, as far as it is known without reading a file."""
        return self._last.get(identity_of(event)) or self._usual(event)

    def forget(self, person_id: PersonId, identities: Sequence[Identity]) -> None:
        """Forget what is in memory about a person."""
        self._evidence.pop(person_id, None)
        for identity in identities:
            self._last.pop(identity, None)

    def _is_forced(self, written: WrittenIn, known: str | None) -> bool:
        """Whether a person writes a language only because the model does not understand the one that is ``known``."""
        return known is not None and written.language in self._understood and known not in self._understood

    def _chosen(self, profile: Profile) -> str | None:
        return profile.chosen_language if profile.chosen_language in self.languages else None

    def _usual(self, event: Event) -> str:
        """The language of people who have said nothing yet."""
        return self._of_platform(event) or self.languages[0]

    def _of_platform(self, event: Event) -> str | None:
        said = language_of_tag(event.sender.locale)
        return said if said in self.languages else None


async def _language_written(text: str) -> WrittenIn | None:
    """The language of a message. What is plainly English takes microseconds, and waits for no thread."""
    return await asyncio.to_thread(language_written, text) if may_be_foreign(text) else language_written(text)
