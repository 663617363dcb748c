"""Records of what people were asked about before it is done, and of the tools that may act without asking."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, TypeVar

import msgspec

from llmagent_os.identity import Identity
from llmagent_os.ledger import Ledger
from llmagent_os.plugin import Effect, ToolResult
from llmagent_os.records import Record

#: Under this name the ledger keeps the records. No plugin can have it.
RECORDS = "agent.approvals"

#: How long a question stays open.
QUESTION_TIME = timedelta(hours=24)

_QUESTION, _ALWAYS = "question:", "always:"

_Kept = TypeVar("_Kept")


class PendingCall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One call that waits for a yes."""

    tool: str
    arguments: dict[str, Any]  #: as the model gave them
    call_id: str  #: under which the call is made, and made again after a crash
    effect: Effect
    words: str  #: what the person was told that it does; empty once it was made
    tool_hash: str = ""  #: of what the tool said of itself when the person was asked
    result: dict[str, Any] | None = None  #: of the call once it was made, as JSON; None: it was not made


class PendingAction(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question: the calls that one reply asks about."""

    calls: tuple[PendingCall, ...]
    text: str  #: the message of the person that the calls answer; empty once they were made or declined
    at: datetime  #: when the person was asked
    #: the ``event_key`` of the event that answered it; the same event continues what a crash cut short. Empty: open
    answered_by: str = ""

    def is_over(self, now: datetime) -> bool:
        """Whether the question is too old to be answered."""
        return now - self.at > QUESTION_TIME


class StandingApproval(msgspec.Struct, frozen=True, kw_only=True):
    """What a person has said once: this tool may act without asking."""

    effect: Effect  #: of the tool then. Where it does more now, the person is asked again.
    at: datetime
    #: of what the tool said of itself then. Where it says something else now, the person is asked again. Empty: unknown
    tool_hash: str = ""


def question_id(event_key: str) -> str:
    """Name the question of the reply to an event."""
    return sha256(event_key.encode()).hexdigest()[:16]


class PendingActions:
    """The questions and the standing approvals of one person, in all linked accounts."""

    def __init__(self, ledger: Ledger, identity: Identity) -> None:
        """Args: ``identity`` is one account of the person."""
        self._records = ledger.records(RECORDS, identity)

    async def question(self, name: str) -> PendingAction | None:
        """A question. None: there is none, or no longer."""
        return _read(await self._records.get(_QUESTION + name), PendingAction)

    async def keep(self, name: str, action: PendingAction) -> None:
        """Keep a question, and delete those that are over."""
        for key, record in await self._records.items():
            old = _read(record, PendingAction) if key.startswith(_QUESTION) else None
            if old is not None and old.is_over(action.at):
                await self._records.delete(key)
        await self.change(name, action)

    async def change(self, name: str, action: PendingAction) -> None:
        """Keep a question as it is now."""
        await self._records.put(_QUESTION + name, msgspec.to_builtins(action))

    async def standing(self) -> dict[str, StandingApproval]:
        """The tools that may act without asking."""
        found = [(key, _read(record, StandingApproval)) for key, record in await self._records.items()]
        return {key.removeprefix(_ALWAYS): each for key, each in found if key.startswith(_ALWAYS) and each is not None}

    async def allow_always(self, tool: str, approval: StandingApproval) -> None:
        """Let a tool act without asking."""
        await self._records.put(_ALWAYS + tool, msgspec.to_builtins(approval))

    async def ask_again(self, tool: str) -> bool:
        """Let a tool ask again. Returns whether it did not."""
        return await self._records.delete(_ALWAYS + tool)


def emptied(action: PendingAction) -> PendingAction:
    """``action`` without the words of the person and the model. The results stay until the question is over."""
    return msgspec.structs.replace(action, text="", calls=tuple(map(emptied_call, action.calls)))


def emptied_call(call: PendingCall) -> PendingCall:
    """``call`` without its arguments and its description."""
    return msgspec.structs.replace(call, arguments={}, words="")


def result_of(call: PendingCall) -> ToolResult | None:
    """The result of a call that was made. None: it was not."""
    return None if call.result is None else _read(call.result, ToolResult)


def _read(record: Record | None, kind: type[_Kept]) -> _Kept | None:
    try:
        return None if record is None else msgspec.convert(record, kind)
    except msgspec.ValidationError:  # of another version: the person is asked anew
        return None
