"""The context of a call on its way into another process: what it says as a value, and what it can do as questions.

The host keeps the real context as long as the call runs. The plugin gets one whose records, timers and files ask the
host. Every such question names its call, so that a plugin reaches nobody's data but of the person whom it answers.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import uuid4
from zoneinfo import ZoneInfo

import msgspec

from llmagent_os.adapter_kit.files import safe_name
from llmagent_os.adapter_kit.outgoing_files import OutgoingFiles
from llmagent_os.adapter_kit.person_secrets import PersonSecrets
from llmagent_os.contacts import Contact, Given
from llmagent_os.credentials.credential import Credentials, GivenCredential
from llmagent_os.errors import PluginError
from llmagent_os.events import Attachment, Command, Event, Message
from llmagent_os.identity import PersonId
from llmagent_os.languages.spoken_language import language_in_force
from llmagent_os.people.profiles import Profile
from llmagent_os.plugin import ToolContext, WebAccess
from llmagent_os.records import Record

#: What is asked of the host in a call: the number of the call, and the arguments of the method.
ContextQuestion = tuple[int, list[Any]]

#: A file that came with a message and is larger is not handed over.
MAX_HANDED_BYTES = 50 * 1024 * 1024


class AsksHost(Protocol):
    """Asks the host something in one call."""

    async def __call__(self, method: str, arguments: list[Any], kind: Any) -> Any:
        """Return the host's answer, of the type ``kind``."""
        ...


class PassedContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a :class:`~llmagent_os.plugin.ToolContext` says."""

    number: int  #: of the call, as the host counts them
    language: str  #: in which texts are given
    user_id: PersonId
    conversation_key: str
    call_id: str
    now: datetime
    time_zone: str
    text: str
    initiative: Literal["act", "ask_first"]
    must_ask: bool
    style: dict[str, str]
    question: str
    dimensions: dict[str, dict[str, str]]
    profile: Profile
    event: Event | None
    web: WebAccess
    interface: str
    theme: str
    credentials: dict[str, GivenCredential]
    kept_root: str  #: the path of a kept file begins with it; its key follows

    @classmethod
    async def of(cls, context: ToolContext, number: int, inbox: Path | None) -> PassedContext:
        """Read a context. Files that came with its event are copied into the folder ``inbox``, which is made.

        Args:
            context: of the call.
            number: of the call.
            inbox: where the plugin may only read. None: no file is handed over.
        """
        return cls(
            number=number,
            language=language_in_force(),
            user_id=context.user_id,
            conversation_key=context.conversation_key,
            call_id=context.call_id,
            now=context.now,
            time_zone=context.time_zone,
            text=context.text,
            initiative=context.initiative,
            must_ask=context.must_ask,
            style=dict(context.style),
            question=context.question,
            dimensions={name: dict(values) for name, values in context.dimensions.items()},
            profile=context.profile,
            event=await asyncio.to_thread(_with_files_in, context.event, inbox),
            web=context.web,
            interface=context.interface,
            theme=context.theme,
            credentials=dict(context.credentials),
            kept_root=context.files.kept_root,
        )

    def as_context(self, ask: AsksHost) -> ToolContext:
        """Make the context that the plugin is given."""
        zone = ZoneInfo(self.time_zone)
        return ToolContext(
            user_id=self.user_id,
            conversation_key=self.conversation_key,
            call_id=self.call_id,
            now=self.now.astimezone(zone),
            time_zone=self.time_zone,
            text=self.text,
            initiative=self.initiative,
            must_ask=self.must_ask,
            style=self.style,
            question=self.question,
            dimensions=self.dimensions,
            records=_AskedRecords(ask),
            files=_AskedFiles(ask, self.kept_root),
            secrets=_AskedSecrets(ask),
            credentials=Credentials(self.credentials, _AskedSafe(ask)),
            profile=self.profile,
            timers=_AskedTimers(ask),
            contacts=_AskedContacts(ask),
            shared=_AskedSharedRecords(ask),
            event=self.event,
            web=self.web,
            interface=self.interface,
            theme=self.theme,
        )


def _with_files_in(event: Event | None, inbox: Path | None) -> Event | None:
    if not isinstance(event, Message | Command) or not event.attachments:
        return event
    if inbox is None:
        kept = [msgspec.structs.replace(each, path="", problem="it is not read here") for each in event.attachments]
        return msgspec.structs.replace(event, attachments=tuple(kept))
    inbox.mkdir()
    return msgspec.structs.replace(event, attachments=tuple(_handed(each, inbox) for each in event.attachments))


def _handed(attachment: Attachment, inbox: Path) -> Attachment:
    if not attachment.path:
        return attachment
    try:
        if Path(attachment.path).stat().st_size > MAX_HANDED_BYTES:
            return msgspec.structs.replace(attachment, path="", problem=f"larger than {MAX_HANDED_BYTES >> 20} MB")
        copied = shutil.copyfile(attachment.path, inbox / f"{uuid4().hex[:8]}-{safe_name(attachment.name)}")
    except OSError as error:
        return msgspec.structs.replace(attachment, path="", problem=f"it cannot be read: {error.strerror}")
    return msgspec.structs.replace(attachment, path=str(copied))


class _AskedRecords:
    def __init__(self, ask: AsksHost) -> None:
        self._ask = ask

    async def get(self, key: str) -> Record | None:
        answer: Record | None = await self._ask("records.get", [key], Record | None)
        return answer

    async def put(self, key: str, record: Record) -> None:
        await self._ask("records.put", [key, record], None)

    async def delete(self, key: str) -> bool:
        answer: bool = await self._ask("records.delete", [key], bool)
        return answer

    async def items(self) -> list[tuple[str, Record]]:
        answer: list[tuple[str, Record]] = await self._ask("records.items", [], list[tuple[str, Record]])
        return answer


class _AskedSharedRecords:
    def __init__(self, ask: AsksHost) -> None:
        self._ask = ask

    async def under(self, key: str) -> list[tuple[PersonId, Record]]:
        answer: list[tuple[PersonId, Record]] = await self._ask("shared.under", [key], list[tuple[PersonId, Record]])
        return answer


class _AskedTimers:
    def __init__(self, ask: AsksHost) -> None:
        self._ask = ask

    async def set(self, key: str, at: datetime, *, deferrable: bool = False) -> None:
        await self._ask("timers.set", [key, at, deferrable], None)

    async def cancel(self, key: str) -> bool:
        answer: bool = await self._ask("timers.cancel", [key], bool)
        return answer


class _AskedContacts:
    def __init__(self, ask: AsksHost) -> None:
        self._ask = ask

    async def find(self, name: str, now: datetime) -> tuple[Contact, ...]:
        answer: tuple[Contact, ...] = await self._ask("contacts.find", [name, now], tuple[Contact, ...])
        return answer

    async def give(self, handle: str, key: str, record: Record, at: datetime, *, mine: tuple[str, Record]) -> Given:
        answer: Given = await self._ask("contacts.give", [handle, key, record, at, mine], Given)
        return answer

    async def give_holder(self, holder: str, key: str, record: Record, at: datetime) -> Given:
        answer: Given = await self._ask("contacts.give_holder", [holder, key, record, at], Given)
        return answer

    async def hide(self, hidden: bool) -> None:
        await self._ask("contacts.hide", [hidden], None)

    async def is_hidden(self) -> bool:
        answer: bool = await self._ask("contacts.is_hidden", [], bool)
        return answer


class _AskedFiles(OutgoingFiles):
    def __init__(self, ask: AsksHost, kept_root: str) -> None:
        super().__init__()
        self._ask, self._root = ask, kept_root

    async def write(self, name: str, content: bytes) -> str:
        answer: str = await self._ask("files.write", [name, content], str)
        return answer

    async def keep(self, name: str, content: bytes) -> str:
        answer: str = await self._ask("files.keep", [name, content], str)
        return answer

    def kept_path(self, key: str) -> str:
        return f"{self._root}{key}"

    async def drop(self, key: str) -> None:
        await self._ask("files.drop", [key], None)


class _AskedSecrets(PersonSecrets):
    def __init__(self, ask: AsksHost) -> None:
        super().__init__()
        self._ask = ask

    async def get(self, name: str) -> str | None:
        answer: str | None = await self._ask("secrets.get", [name], str | None)
        return answer

    async def put(self, name: str, secret: str) -> None:
        await self._ask("secrets.put", [name, secret], None)

    async def delete(self, name: str) -> None:
        await self._ask("secrets.delete", [name], None)


class _AskedSafe:
    def __init__(self, ask: AsksHost) -> None:
        self._ask = ask

    async def form(self, name: str) -> str:
        answer: str = await self._ask("credentials.form", [name], str)
        return answer

    async def remove(self, name: str) -> bool:
        answer: bool = await self._ask("credentials.remove", [name], bool)
        return answer

    async def refused(self, name: str, used: str) -> None:
        await self._ask("credentials.refused", [name], None)


class LiveCall:
    """A call under way, at the host: what its plugin may ask for.

    Args:
        context: the real context.
    """

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.asked = 0  #: questions so far
        self._written: set[str] = set()  # the paths of the files that the call has written
        self._answers = self._table()

    async def answer(self, method: str, arguments: list[Any]) -> object:
        """Answer a question.

        Raises:
            PluginError: there is no such question, or its arguments do not fit.
        """
        if method not in self._answers:
            raise PluginError(f"the host answers no {method!r}")
        answer, kinds = self._answers[method]
        try:
            values = [msgspec.convert(each, kind) for each, kind in zip(arguments, kinds, strict=True)]
        except (msgspec.MsgspecError, ValueError) as error:
            raise PluginError(f"{method}: the arguments do not fit: {error}") from error
        return await answer(*values)

    def _table(self) -> dict[str, tuple[Callable[..., Awaitable[object]], tuple[Any, ...]]]:
        """What answers each question, and the types of its arguments."""
        own = self.context
        return {
            "records.get": (own.records.get, (str,)),
            "records.put": (own.records.put, (str, Record)),
            "records.delete": (own.records.delete, (str,)),
            "records.items": (own.records.items, ()),
            "shared.under": (own.shared.under, (str,)),
            "timers.set": (self._set_timer, (str, datetime, bool)),
            "timers.cancel": (own.timers.cancel, (str,)),
            "contacts.find": (own.contacts.find, (str, datetime)),
            "contacts.give": (self._give, (str, str, Record, datetime, tuple[str, Record])),
            "contacts.give_holder": (own.contacts.give_holder, (str, str, Record, datetime)),
            "contacts.hide": (own.contacts.hide, (bool,)),
            "contacts.is_hidden": (own.contacts.is_hidden, ()),
            "secrets.get": (own.secrets.get, (str,)),
            "secrets.put": (own.secrets.put, (str, str)),
            "secrets.delete": (own.secrets.delete, (str,)),
            "credentials.form": (own.credentials.form, (str,)),
            "credentials.remove": (own.credentials.remove, (str,)),
            "credentials.refused": (own.credentials.refused, (str,)),
            "files.write": (self._write, (str, bytes)),
            "files.keep": (self._keep, (str, bytes)),
            "files.drop": (self._drop, (str,)),
        }

    async def _set_timer(self, key: str, at: datetime, deferrable: bool) -> None:
        await self.context.timers.set(key, at, deferrable=deferrable)

    async def _give(self, handle: str, key: str, record: Record, at: datetime, mine: tuple[str, Record]) -> Given:
        return await self.context.contacts.give(handle, key, record, at, mine=mine)

    async def _write(self, name: str, content: bytes) -> str:
        path = await self.context.files.write(name, content)
        self._written.add(path)
        return path

    async def _keep(self, name: str, content: bytes) -> str:
        key = await self.context.files.keep(name, content)
        self._written.add(self.context.files.kept_path(key))
        return key

    async def _drop(self, key: str) -> None:
        if not self.may_send(self.context.files.kept_path(key)):
            raise PluginError(f"files.drop: {key[-80:]!r} is no file of this person")
        await self.context.files.drop(key)

    def may_send(self, path: str) -> bool:
        """Whether the plugin may send the file at ``path``: the call wrote it, or it is one of this person's."""
        return path in self._written or self.context.files.holds(path)
