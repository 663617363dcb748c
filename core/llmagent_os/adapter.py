"""The adapter contract: all that the host asks of a platform."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import msgspec

from llmagent_os.events import Conversation, Event


class Button(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice offered under a reply. ``value`` comes back in a ButtonPress."""

    label: str
    value: str
    style: str = "default"  #: default, primary or danger


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    """Structured content that a platform shows in its own look: a title and rows of (label, text)."""

    title: str = ""
    rows: tuple[tuple[str, str], ...] = ()


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the bot says, for any platform. ``text`` is Markdown and complete by itself without the card."""

    text: str
    card: Card | None = None
    buttons: tuple[Button, ...] = ()
    files: tuple[str, ...] = ()  #: paths of local files to send along
    #: the platform's own id of the one person who may see it, where others read along; None: everybody there
    only_for: str | None = None


class Receipt(msgspec.Struct, frozen=True):
    """What the platform calls the messages a reply became (one, or several where it was split)."""

    message_ids: tuple[str, ...]


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform can do, so that replies fit it."""

    reactions: bool = False
    threads: bool = False
    buttons: bool = False
    files: bool = False
    voice: bool = False
    markdown: bool = True
    drafts: bool = False  #: text may be shown while it is being written
    edits_per_second: float = 1.0  #: how often a draft may change
    max_characters: int = 4000  #: of one message
    idempotent_send: bool = False  #: the platform drops a second send with the same key
    trusted: bool = False  #: whoever gets as far as this platform was let in by it: nobody is asked who they are


class Accept(Protocol):
    """What the host gives an adapter to hand events on. Tests make one with :func:`llmagent_os.testing.accepting`."""

    async def __call__(self, event: Event, /) -> bool:
        """Store ``event``. When this returns, the event is safe and the platform may be told so.

        Returns:
            Whether the event is new. False: it was delivered before, or is not meant for the bot.

        Raises:
            HostBusyError: the event was not stored: deliver it again later.
        """
        ...

    async def wants(self, event: Event, /) -> bool:
        """Whether ``event`` is meant for the bot and comes from a person whom the bot answers.

        An adapter asks before it fetches the files that come with an event.
        """
        ...


class Adapter(Protocol):
    """A platform behind five calls.

    What happens in a group is handed on whether or not the bot is meant: the adapter says which in ``addressed``, and
    the host drops what is none of the bot's business before it is stored anywhere.
    """

    @property
    def name(self) -> str:
        """The platform's name, the same as in its conversations."""
        ...

    @property
    def capabilities(self) -> Capabilities: ...

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled, handing every event to ``accept`` before acknowledging it to the platform."""
        ...

    async def send(
        self,
        conversation: Conversation,
        reply: Reply,
        *,
        key: str,
        reply_to: str | None = None,
        again: bool = False,
    ) -> Receipt:
        """Deliver ``reply``. ``key`` is the same for every try at the same reply, also after a crash; a draft shown
        under it becomes this message. It may be called before ``run`` has connected: wait for that, or raise.

        Args:
            conversation: where.
            reply: what.
            key: of this reply.
            reply_to: the message it answers.
            again: it was tried before, perhaps by a process that died, and may be there already: look, where the
                platform can be asked.

        Raises:
            TryLaterError: the platform cannot take it now; the host waits as long as it says, and loses nothing.
            AdapterError: the platform did not take it; the host tries again a few times.
        """
        ...

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text``, all that is written so far, as a message in the making. Called only where
        ``capabilities.drafts``; may be dropped.
        """
        ...

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message sent earlier."""
        ...

    async def typing(self, conversation: Conversation) -> None:
        """Show that an answer is coming. May do nothing."""
        ...


@runtime_checkable
class Remembers(Protocol):
    """An adapter that keeps what was said in files of its own, as the web chat does with its transcript.

    Files that people send are no reason to be one: the framework exports, erases and prunes the folder ``files``.
    """

    @property
    def name(self) -> str:
        """The platform's name."""
        ...

    @property
    def keeps(self) -> tuple[str, ...]:
        """Its files and folders inside the adapter's data folder, as patterns such as ``web.db*``."""
        ...

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """Everything kept about a person, as JSON objects, one a conversation, oldest first.

        Args:
            user_id: the platform's own id of the person.
        """
        ...

    async def forget(self, user_id: str) -> int:
        """Erase everything kept about a person; returns how many conversations.

        Args:
            user_id: the platform's own id of the person.
        """
        ...
