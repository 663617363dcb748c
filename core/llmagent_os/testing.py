"""For tests: a platform in memory that honours the adapter contract, a handler that echoes, a model with given words,
a clock that a test moves, and a bench for one plugin.

>>> import asyncio
>>> from llmagent_os.host.host import Host
>>> from llmagent_os.ledger import Ledger
>>> async def main() -> str:
...     platform, ledger = MemoryAdapter(), await Ledger.open("sqlite://")
...     async with running(Host(EchoHandler(), ledger, [platform])):
...         await platform.say("hello")
...         return (await platform.sent(1))[0].reply.text
>>> asyncio.run(main())
'hello'
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import datetime, timedelta
from typing import Literal, Protocol, TypeVar

import msgspec

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.errors import AdapterError
from llmagent_os.events import ButtonPress, Conversation, Event, Message, Reaction, Sender, event_key
from llmagent_os.handler import Draft, Outcome
from llmagent_os.identity import identity_of
from llmagent_os.ledger import Interaction
from llmagent_os.llm import LLM
from llmagent_os.serving.backend import OnText
from llmagent_os.tools.plugin_bench import PluginBench as PluginBench
from llmagent_os.tools.plugin_bench import trying as trying


class Runs(Protocol):
    """What works until it is cancelled."""

    async def run(self) -> None:
        """Work until cancelled."""
        ...


_Running = TypeVar("_Running", bound=Runs)


class Sent(msgspec.Struct, frozen=True):
    """A message that the bot has posted."""

    conversation: Conversation
    reply: Reply
    key: str
    reply_to: str | None
    message_id: str


class MemoryAdapter:
    """A platform in memory. People act through :meth:`say` and its neighbours; replies are in ``posted``."""

    def __init__(self, name: str = "memory", capabilities: Capabilities | None = None) -> None:
        """Args: ``capabilities`` default to everything that a platform can have."""
        self.name = name
        self.capabilities = capabilities or Capabilities(
            reactions=True,
            threads=True,
            buttons=True,
            files=True,
            drafts=True,
            edits_per_second=20,
            idempotent_send=True,
            trusted=True,
        )
        self.posted: list[Sent] = []  #: what people see, oldest first
        self.drafts: list[tuple[str, str]] = []  #: every draft shown: key and text
        self.typed: list[Conversation] = []  #: where the typing indicator was shown
        self.edits: list[tuple[str, Reply]] = []  #: every edit: message id and new content
        self.reactions: list[tuple[str, str]] = []  #: what the bot put on messages: message id and emoji
        self.sends = 0  #: calls of :meth:`send`, with those that failed or were dropped
        self._failures: list[Exception] = []
        self._accept: asyncio.Future[Accept] | None = None
        self._death: asyncio.Future[None] | None = None
        self._changed: asyncio.Future[None] | None = None
        self._count = 0

    # ── what the host calls ───────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        self._starting().set_result(accept)
        self._death = asyncio.get_running_loop().create_future()
        try:
            await self._death
        finally:
            self._accept = None

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        self.sends += 1
        if self._failures:
            raise self._failures.pop(0)
        if self.capabilities.idempotent_send:
            for sent in self.posted:
                if sent.key == key:
                    return Receipt((sent.message_id,))
        sent = Sent(conversation, reply, key, reply_to, f"r{len(self.posted) + 1}")
        self.posted.append(sent)
        self._notify()
        return Receipt((sent.message_id,))

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        self.drafts.append((key, text))
        self._notify()

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        self.edits.append((message_id, reply))
        self._notify()

    async def typing(self, conversation: Conversation) -> None:
        self.typed.append(conversation)
        self._notify()

    async def add_reaction(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        if self._failures:
            raise self._failures.pop(0)
        self.reactions.append((message_id, emoji))
        self._notify()

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────────────

    def room(self, channel: str = "c1", *, thread: str | None = None, group: bool = False) -> Conversation:
        """A conversation on this platform."""
        kind: Literal["direct", "group"] = "group" if group else "direct"
        return Conversation(platform=self.name, channel=channel, thread=thread, kind=kind)

    def message(self, text: str, *, channel: str = "c1", user: str = "u1", event_id: str | None = None) -> Message:
        """A message as the platform would deliver it, not yet delivered."""
        self._count += 1
        event_id = event_id or f"e{self._count}"
        return Message(
            event_id=event_id,
            conversation=self.room(channel),
            sender=Sender(user),
            text=text,
            message_id=f"m-{event_id}",
        )

    async def deliver(self, event: Event) -> bool:
        """Hand ``event`` to the host, once it runs. Returns whether the event was new."""
        accept = await asyncio.shield(self._starting())
        return await accept(event)

    async def say(self, text: str, *, channel: str = "c1", user: str = "u1", event_id: str | None = None) -> bool:
        """Have a person say ``text``. Returns whether the event was new."""
        return await self.deliver(self.message(text, channel=channel, user=user, event_id=event_id))

    async def react(self, sent: Sent, emoji: str, *, user: str = "u1", removed: bool = False) -> bool:
        """Have a person put ``emoji`` on a reply, or take it off. Returns whether the event was new."""
        self._count += 1
        return await self.deliver(
            Reaction(
                event_id=f"e{self._count}",
                conversation=sent.conversation,
                sender=Sender(user),
                message_id=sent.message_id,
                emoji=emoji,
                action="removed" if removed else "added",
            )
        )

    async def press(self, sent: Sent, value: str, *, user: str = "u1") -> bool:
        """Have a person press the button with ``value`` under a reply. Returns whether the event was new."""
        self._count += 1
        return await self.deliver(
            ButtonPress(
                event_id=f"e{self._count}",
                conversation=sent.conversation,
                sender=Sender(user),
                message_id=sent.message_id,
                value=value,
            )
        )

    # ── what tests wait for and break ─────────────────────────────────────────────────────────────────────────────

    async def sent(self, count: int) -> list[Sent]:
        """Everything posted, once there are ``count`` messages."""
        await self.until(lambda: len(self.posted) >= count)
        return self.posted

    async def replied(self, event: Event) -> Sent:
        """The reply to ``event``, once it is posted. The bot may post other messages before it."""
        key = event_key(event)
        await self.until(lambda: any(sent.key == key for sent in self.posted))
        return next(sent for sent in self.posted if sent.key == key)

    async def until(self, true: Callable[[], bool]) -> None:
        """Return when ``true()`` holds. It is asked again whenever the host calls this platform."""
        while not true():
            if self._changed is None or self._changed.done():
                self._changed = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._changed)

    def fail_sends(self, count: int, error: Exception | None = None) -> None:
        """Refuse the next ``count`` sends."""
        self._failures.extend([error or AdapterError("the platform is down")] * count)

    def die(self, error: Exception | None = None) -> None:
        """Let :meth:`run` end: with ``error``, or by itself."""
        if self._death is not None and not self._death.done():
            if error is None:
                self._death.set_result(None)
            else:
                self._death.set_exception(error)

    def _starting(self) -> asyncio.Future[Accept]:
        if self._accept is None:
            self._accept = asyncio.get_running_loop().create_future()
        return self._accept

    def _notify(self) -> None:
        if self._changed is not None and not self._changed.done():
            self._changed.set_result(None)


class EchoHandler:
    """Answers with what was said, and an interaction. Keeps the events that it was given."""

    def __init__(self) -> None:
        self.handled: list[Event] = []

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        self.handled.append(event)
        text = echo(event)
        interaction = Interaction(
            interaction_id=event_key(event),
            event_id=event.event_id,
            user_id=identity_of(event),
            conversation_key=event.conversation.key,
            said=text,
            completion=text,
        )
        return Outcome(Reply(text), interaction)


class _Accepting:
    """An :class:`~llmagent_os.adapter.Accept` made of functions."""

    def __init__(
        self, accept: Callable[[Event], Awaitable[bool]], wants: Callable[[Event], Awaitable[bool]] | None
    ) -> None:
        self._accept, self._wants = accept, wants

    async def __call__(self, event: Event, /) -> bool:
        return await self._accept(event)

    async def wants(self, event: Event, /) -> bool:
        return self._wants is None or await self._wants(event)


def accepting(
    accept: Callable[[Event], Awaitable[bool]], wants: Callable[[Event], Awaitable[bool]] | None = None
) -> Accept:
    """What a host gives an adapter, made of a plain function: for tests of an adapter without a host.

    Args:
        accept: stores an event and says whether it is new.
        wants: whether files of an event are to be fetched; None: those of every event.
    """
    return _Accepting(accept, wants)


def echo(event: Event) -> str:
    """What was said or pressed, as text."""
    match event:
        case Message(text=text):
            return text
        case ButtonPress(value=value):
            return value
        case _:
            return repr(event)


class ManualClock:
    """A :class:`~llmagent_os.host.clock.Clock` that stands still until a test advances it."""

    def __init__(self, moment: datetime) -> None:
        """Args: ``moment`` is aware."""
        self._now = moment
        self._waiting: set[asyncio.Event] = set()

    def now(self) -> datetime:
        return self._now

    async def wait(self, woken: asyncio.Event, until: datetime | None) -> None:
        self._waiting.add(woken)
        if until is None or until > self._now:
            await woken.wait()

    def advance(self, by: timedelta) -> None:
        """Move the clock, and wake whoever waits for it."""
        self._now += by
        for woken in self._waiting:
            woken.set()


@contextlib.asynccontextmanager
async def running(runs: _Running) -> AsyncGenerator[_Running]:
    """Run a host, or a whole :class:`~llmagent_os.runtime.Runtime`, for the length of the block, then stop it as a
    signal would.
    """
    task = asyncio.create_task(runs.run())
    try:
        yield runs
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class _Scripted:
    """A model that says given words, one completion for each call, and keeps the requests."""

    def __init__(self, script: tuple[str | ToolCall | Exception, ...]) -> None:
        self.script = list(script)
        self.requests: list[ChatRequest] = []

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        self.requests.append(request)
        said = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(said, Exception):
            raise said
        if isinstance(said, ToolCall):
            return Completion(text="", tool_calls=(said,), finish_reason="tool_calls", model="scripted")
        words = said.split(" ")
        for end in range(1, len(words) + 1):
            if on_text is not None:
                await on_text(" ".join(words[:end]))
        # One token for each word, with probability 1: enough to follow them through the ledger.
        return Completion(text=said, token_ids=tuple(range(len(words))), logprobs=(0.0,) * len(words), model="scripted")

    async def aclose(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        """Nothing is open."""


class ScriptedLLM(LLM):
    """A real :class:`~llmagent_os.llm.LLM` whose words are given: a text, a tool call or an error for each round.

    The last one is repeated. ``requests`` holds what the model was asked.
    """

    def __init__(self, *script: str | ToolCall | Exception) -> None:
        self._scripted = _Scripted(script)
        super().__init__("scripted", self._scripted)

    @property
    def requests(self) -> list[ChatRequest]:
        """Every request so far."""
        return self._scripted.requests
