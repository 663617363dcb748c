"""The form that a person fills in question by question. It is kept in the ledger, so a restart does not lose it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.events import Event
from llmagent_os.identity import Identity, identity_of
from llmagent_os.records import MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.ledger import Ledger

#: Under this name the ledger keeps unfinished forms. No plugin can have it.
RECORDS = "agent.forms"

#: For how long a question of a form waits for its answer. Words that come later are no answer.
OPEN_FOR = timedelta(hours=1)

#: Of how many people, the latest ones, it is remembered that they fill in no form.
REMEMBERED_PEOPLE = 10_000


class UnfinishedForm(msgspec.Struct, frozen=True, kw_only=True):
    """How far a person has got with a form."""

    form_id: str  #: ``plugin:key``
    token: str  #: stands for this filling-in in the values of buttons
    at: datetime  #: of the last question
    last: str  #: ``event_key`` of the last event that it took: run again after a crash, the event changes nothing
    ask: tuple[str, ...]  #: the keys of the fields that are still to be asked; the first is asked now
    asked: tuple[str, ...] = ()  #: the keys of those that were answered, in order
    values: dict[str, str] = {}  #: what was answered
    errors: dict[str, str] = {}  #: what is wrong with answers, by the key of the field
    step: int = 0  #: the number of the question: buttons of earlier ones are old
    is_sent: bool = False  #: the plugin has got it: only an event that is run again still finds it


class UnfinishedForms:
    """Keeps one unfinished form for each person in each conversation."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._none: BoundedDict[tuple[Identity, str], bool] = BoundedDict(REMEMBERED_PEOPLE)
        self._memory: BoundedDict[Identity, MemoryRecords] = BoundedDict(REMEMBERED_PEOPLE)

    async def get(self, ledger: Ledger | None, event: Event) -> UnfinishedForm | None:
        """The form that the person of ``event`` fills in here. None: none."""
        place = identity_of(event), event.conversation.key
        if self._none.get(place):
            return None
        record = await self._records(ledger, event).get(_key(event))
        if record is None:
            self._none[place] = True
            return None
        try:
            return msgspec.convert(record, UnfinishedForm)
        except msgspec.ValidationError:  # of another version of this program
            await self.drop(ledger, event)
            return None

    async def put(self, ledger: Ledger | None, event: Event, form: UnfinishedForm) -> None:
        """Keep how far the person of ``event`` has got."""
        await self._records(ledger, event).put(_key(event), msgspec.to_builtins(form))
        self._none.pop((identity_of(event), event.conversation.key), None)

    async def drop(self, ledger: Ledger | None, event: Event) -> None:
        """Forget the form of the person of ``event``."""
        await self._records(ledger, event).delete(_key(event))
        self._none[identity_of(event), event.conversation.key] = True

    def _records(self, ledger: Ledger | None, event: Event) -> Records:
        identity = identity_of(event)
        if ledger is not None:
            return ledger.records(RECORDS, identity)
        return self._memory.setdefault(identity, MemoryRecords())


def _key(event: Event) -> str:
    return f"open:{event.conversation.key}"
