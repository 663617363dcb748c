"""Chooses the LoRA of each reply from the registry: the deepest level that has a version for the person.

Personal, then the person's group, then shared, then the base model. What is served is in memory, and takes a look-up
each. What this process promotes or rolls back is taken up at once, and what other processes do by
:meth:`RegistryResolver.follow`. Files are checked before a version is served.

A personal version answers in the style that it was trained and judged in. Where the policy or the person chooses
another one for a reply, the level above answers: nobody knows what the personal version does there. So a person whose
taste has turned gets nothing of what was learned before, from the next reply on, until their next training.

Where a version reads words that plugins' rules misread, the choice says by what these are known. Those of the levels
above count too: a version starts from what they have learned.

A canary answers a share of the sessions of the people who have no deeper version, drawn anew for each session. Every
reply of such a session says so (:class:`~llmagent_os.ledger.canary_values.CanaryTrial`), whatever was drawn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from llmagent_os.errors import LedgerError, ModelError
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.ledger.canary_values import CanaryTrial
from llmagent_os.training.canary_draw import draws_canary
from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.lora_choice import ANY_STYLE, LoraChoice
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.lora_version import Level, LoraVersion, Stage, fits_style
from llmagent_os.training.misread_by_rules import RULES_YIELD

_log = structlog.stdlib.get_logger(__name__)

#: How often changes of other processes are looked for.
POLL_SECONDS = 0.25

#: From the deepest level up.
_LEVELS: Final = (Level.PERSONAL, Level.GROUP, Level.SHARED)

#: A level and a subject.
_Slot = tuple[Level, str]


class _Served(msgspec.Struct, frozen=True):
    """What is served now."""

    active: dict[_Slot, LoraVersion] = {}
    canary: dict[_Slot, LoraVersion] = {}


def no_group(person_id: PersonId) -> str:
    """The persona of a person where no policy finds any: none."""
    return ""


class RegistryResolver:
    """A :class:`~llmagent_os.reply.lora_resolver.LoraResolver` that answers from the registry."""

    def __init__(
        self,
        registry: LoraRegistry,
        bot: str,
        base_hash: str | Callable[[], str],
        *,
        group_of: Callable[[PersonId], str] = no_group,
        canary: CanarySettings | None = None,
        keep: Callable[[Sequence[Path], Sequence[Path]], Awaitable[None]] | None = None,
    ) -> None:
        """Args:
        registry: of the installation.
        bot: the bot's name.
        base_hash: of the model that is served, or what reads it. Reading is done in a thread, once, when there is a
            version. Versions that were trained on another model are left out.
        group_of: the persona that the policy has found a person to be; empty: none.
        canary: how canaries are tested.
        keep: is told after every change which folders answer: those of many people, then those of one person each. It
            is waited for before the files of others are deleted. None: nobody has to know.
        """
        self._keep = keep
        self._registry = registry
        self._bot = bot
        self._base_hash = base_hash
        self._group_of = group_of
        self._canary = canary or CanarySettings()
        self._served = _Served()
        self._alone = asyncio.Lock()  # held while it is read what is served: an older reading never replaces a newer
        self.revision: int = -1  #: of the registry, as it is served; -1: it was not read yet
        registry.watch(self.refresh)

    async def choose(self, person_id: PersonId, session: str = "", style: Mapping[str, str] = ANY_STYLE) -> LoraChoice:
        """What answers a person. Waits for the first reading of the registry.

        Args:
            person_id: the person.
            session: the session that the reply is a turn of; empty: it is part of no test.
            style: how the reply is to be, by dimension; empty: not known.
        """
        if self.revision < 0:
            try:
                await self.refresh()
            except (LedgerError, OSError) as error:
                _log.error("it cannot be read which LoRAs answer; the base model does", error=str(error))
        return self._choice(person_id, session, style)

    def resolve(self, person_id: PersonId, session: str = "", style: Mapping[str, str] = ANY_STYLE) -> str | None:
        """The folder of the LoRA that :meth:`choose` would choose now; None: the base model."""
        return self._choice(person_id, session, style).lora

    def _choice(self, person_id: PersonId, session: str, style: Mapping[str, str]) -> LoraChoice:
        found: list[LoraVersion] = []
        trial: CanaryTrial | None = None
        for slot in self._slots(person_id):
            canary = self._served.canary.get(slot)
            if canary is not None and session and self._canary.share and trial is None and not found:
                trial = self._trial(canary, session)
                found += [canary] if trial.drawn else []
            if (active := self._served.active.get(slot)) is not None and fits_style(active, style):
                found.append(active)
        folders = [str(self._registry.folder_of(version)) for version in found]
        if not folders:
            return LoraChoice(trial=trial)
        cues = tuple(frozenset(cue) for version in found for cue in version.evaluation.get(RULES_YIELD, ()))
        return LoraChoice(lora=folders[0], above=(*folders[1:], None), cues=cues, trial=trial)

    def _trial(self, canary: LoraVersion, session: str) -> CanaryTrial:
        share = self._canary.share
        drawn = draws_canary(canary.name, session, share)
        return CanaryTrial(version=canary.name, against=self.against(canary), share=share, drawn=drawn)

    def _slots(self, person_id: PersonId) -> list[_Slot]:
        """The slots whose versions may answer a person, from the deepest level up."""
        subjects = {Level.SHARED: ""}
        if person_id != NOBODY:
            subjects |= {Level.PERSONAL: person_id, Level.GROUP: self._group_of(person_id)}
        return [(level, subjects[level]) for level in _LEVELS if level == Level.SHARED or subjects.get(level)]

    def against(self, canary: LoraVersion) -> str:
        """The name of the version that answers the conversations that a canary does not; empty: the base model."""
        if canary.level == Level.PERSONAL:
            slots = self._slots(PersonId(canary.subject))
        else:
            slots = [(canary.level, canary.subject), (Level.SHARED, "")]
        return next((self._served.active[slot].name for slot in slots if slot in self._served.active), "")

    @property
    def serving(self) -> dict[str, Stage]:
        """The versions that answer, by name, without those of one person."""
        found = (*self._served.active.values(), *self._served.canary.values())
        return {version.name: version.stage for version in found if version.level != Level.PERSONAL}

    @property
    def canaries(self) -> list[LoraVersion]:
        """The versions that answer a share of the conversations."""
        return list(self._served.canary.values())

    async def refresh(self) -> bool:
        """Take up what has changed; returns whether anything has.

        Raises:
            LedgerError: the ledger cannot be read. What was served is served on.
        """
        async with self._alone:
            revision = await self._registry.revision()
            if revision == self.revision:
                return False
            served = _Served(active={}, canary={})
            checked = {each.name for each in (*self._served.active.values(), *self._served.canary.values())}
            for version in await self._registry.served(self._bot):
                if await self._may_serve(version, checked):
                    place = served.active if version.stage == Stage.ACTIVE else served.canary
                    place[version.level, version.subject] = version
            self._served, self.revision = served, revision
            if self._keep is not None:
                await self._keep(*self._folders())
        await self._registry.delete_unneeded()
        return True

    def _folders(self) -> tuple[list[Path], list[Path]]:
        """The folders of what answers: for many people, the shared level first, and for one person each."""
        found = [*self._served.active.values(), *self._served.canary.values()]
        many = [each for each in found if each.level != Level.PERSONAL]
        many.sort(key=lambda each: each.level != Level.SHARED)
        return (
            [self._registry.folder_of(each) for each in many],
            [self._registry.folder_of(each) for each in found if each.level == Level.PERSONAL],
        )

    async def _may_serve(self, version: LoraVersion, checked: Collection[str]) -> bool:
        if not isinstance(self._base_hash, str):
            self._base_hash = await asyncio.to_thread(self._base_hash)
        if version.base_hash != self._base_hash:
            _log.warning("a LoRA is left out: it was trained on another base model", version=version.name)
            return False
        if version.name in checked:
            return True  # checked before; whoever loads it into memory checks it again
        try:
            await self._registry.verify(version)
        except ModelError as error:
            _log.error("a LoRA is left out, and the level above answers", version=version.name, error=str(error))
            return False
        return True

    @property
    def _serves_any(self) -> bool:
        return bool(self._served.active or self._served.canary)

    async def follow(self) -> None:
        """Take up what other processes change, until cancelled."""
        while True:
            try:
                had = self._serves_any
                if await self.refresh() and (had or self._serves_any):  # a start without trained LoRAs is no news
                    _log.info("the LoRAs that answer have changed", revision=self.revision)
            except (LedgerError, OSError) as error:
                _log.error("it cannot be read which LoRAs answer; those of before do", error=str(error))
            await asyncio.sleep(POLL_SECONDS)
