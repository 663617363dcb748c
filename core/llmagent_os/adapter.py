"""The adapter contract: what the host needs from a platform."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from llmagent_os.events import Conversation, Event
from llmagent_os.forms.form import ShownForm

#: What Markdown reads as a mark inside of a cell, and what stands in its place.
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~])")
_BACKSLASH = r"\\\1"


#: Begins the value of a button that anybody in the conversation may press.
OPEN_TO_ALL = "*"


def is_open_to_all(value: str) -> bool:
    """Whether anybody in the conversation may press the button with this value: its choice stays open to others."""
    return value.startswith(OPEN_TO_ALL)


class Button(msgspec.Struct, frozen=True, omit_defaults=True):
    """A choice under a reply."""

    label: str  #: what people read
    value: str  #: what a ButtonPress brings back
    #: default, primary, or danger: what it does cannot be taken back. Words mean a dangerous button only if they are
    #: its label, and the very next thing that the person says.
    style: str = "default"
    #: a plugin's button that anybody in the conversation may press, as in a poll, and which stays after a press. Others
    #: are for the person whom the reply answers. The value then begins with :data:`OPEN_TO_ALL`.
    open_to_all: bool = False


class Card(msgspec.Struct, frozen=True, omit_defaults=True):
    r"""A table below a reply, which every platform shows in its own look.

    >>> print(Card(rows=(("Friday", "10 AM gym\nnoon lunch"), ("Sunday", "run"))).as_text())
    Friday
      10 AM gym
      noon lunch
    Sunday: run
    """

    title: str = ""
    rows: tuple[tuple[str, str], ...] = ()  #: pairs of label and text; a text may have several lines

    def as_text(self) -> str:
        """The card in plain lines, for where no card can be shown."""
        lines = [self.title] if self.title else []
        for label, text in self.rows:
            several = text.split("\n")
            lines += [f"{label}: {text}"] if len(several) == 1 else [label, *(f"  {line}" for line in several)]
        return "\n".join(lines)


class Table(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of several columns under a reply. A platform without tables shows them as columns of text.

    >>> print(Table(("day", "hours"), (("Monday", "3"), ("Tuesday", "4"))).as_markdown())
    | day | hours |
    |---|---|
    | Monday | 3 |
    | Tuesday | 4 |
    """

    head: tuple[str, ...]  #: the names of the columns
    rows: tuple[tuple[str, ...], ...] = ()  #: each as long as the head

    def as_markdown(self) -> str:
        """The table in Markdown. Marks inside of cells stay what they are."""
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return "\n".join("|" + "|".join(_cell(cell, ruled=line is lines[1]) for cell in line) + "|" for line in lines)


def _cell(text: str, *, ruled: bool) -> str:
    if ruled:
        return text
    return f" {re.sub(_MARKS, _BACKSLASH, ' '.join(text.split()))} "


class Picture(msgspec.Struct, frozen=True):
    """A picture under a reply, and what it shows in words."""

    path: str  #: of a local PNG or JPEG file
    alt: str  #: for whoever cannot see it: every platform gives it to them; never empty


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the bot says, for any platform."""

    text: str  #: Markdown; it does not repeat what the card shows
    card: Card | None = None  #: where a platform cannot show it, its adapter sends ``card.as_text()`` with the text
    buttons: tuple[Button, ...] = ()
    files: tuple[str, ...] = ()  #: paths of local files that are sent along
    #: path of a local Ogg/Opus file in which the text is read aloud: sent last, as a voice message where there are such
    speech: str = ""
    #: the platform's id of the one person who may see the reply in a group; None: everybody in the conversation
    only_for: str | None = None
    #: with ``only_for``: the person may be away, so the reply goes to their direct conversation, where it stays. Else a
    #: platform may show it to them in the group for as long as they look.
    is_lasting: bool = False
    #: the answer to a command that everybody in a group reads, as a poll. Platforms show other answers to one person.
    for_everyone: bool = False
    pictures: tuple[Picture, ...] = ()  #: sent along with their words
    table: Table | None = None  #: shown behind the text
    #: people are asked what they think of the reply: the platform shows a thumb up and a thumb down under it, whose
    #: press comes back as a Reaction (:data:`~llmagent_os.events.PRESSED_UP`). Where it has no such buttons, nothing.
    asks_feedback: bool = False
    #: the platform's id of the bot's earlier message that this is a short question about: where the platform can, the
    #: question stands under that message, and goes once it is answered
    under: str | None = None
    #: the platform's id of the bot's earlier message that this one takes the place of
    replaces: str | None = None
    #: what the person could say next, word for word; platforms that offer such prompts show the first few
    suggestions: tuple[str, ...] = ()
    #: what the conversation is about, in a few words without personal data, where the reply is the first one in it.
    #: Platforms that name conversations show it.
    topic: str = ""
    form: ShownForm | None = None  #: to be filled in under the reply, where ``capabilities.forms`` is ``page``

    @property
    def body(self) -> str:
        r"""The text, with the table in Markdown behind it.

        >>> Reply("Hours:", table=Table(("day",), (("Monday",),))).body
        'Hours:\n\n| day |\n|---|\n| Monday |'
        """
        return self.text if self.table is None else f"{self.text}\n\n{self.table.as_markdown()}"

    @property
    def all_files(self) -> tuple[str, ...]:
        """Everything that is sent along: pictures first, the speech last.

        >>> Reply("Hi", files=("a.ics",), speech="hi.ogg", pictures=(Picture("week.png", "Your week"),)).all_files
        ('week.png', 'a.ics', 'hi.ogg')
        """
        speech = (self.speech,) if self.speech else ()
        return (*(picture.path for picture in self.pictures), *self.files, *speech)

    @property
    def alternatives(self) -> dict[str, str]:
        """What each picture shows in words, by its path.

        >>> Reply("Hi", pictures=(Picture("week.png", "Your week"),)).alternatives
        {'week.png': 'Your week'}
        """
        return {picture.path: picture.alt for picture in self.pictures}


#: How people fill in a form: question by question in the conversation; so, where a typed number presses a button
#: (``numbered``); in a window that a press or a command opens at once (see
#: :class:`~llmagent_os.adapter_kit.setup.AdapterSetup`); or under a reply.
FormWay = Literal["questions", "numbered", "window", "page"]


class Receipt(msgspec.Struct, frozen=True):
    """What became of a reply on the platform."""

    message_ids: tuple[str, ...]  #: of the messages that the reply became: one, or several if it was split


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a platform can do, so that replies fit it."""

    reactions: bool = False  #: people can react to messages
    threads: bool = False  #: there are threads, or topics
    whispers: bool = False  #: in a group, a reply that is ``only_for`` one person stands there and nobody else sees it
    buttons: bool = False  #: a reply may have buttons
    files: bool = False  #: a reply may have files
    voice: bool = False  #: people can send voice messages
    markdown: bool = True  #: Markdown is shown with its styles
    drafts: bool = False  #: a reply may be shown while it is being written
    edits_per_second: float = 1.0  #: how often a draft may change
    max_characters: int = 4000  #: of one message
    idempotent_send: bool = False  #: the platform drops a second send with the same key
    #: a person sees at once that the host did not take a message; elsewhere the host says so
    shows_refusals: bool = False
    forms: FormWay = "questions"  #: how people fill in forms
    trusted: bool = False  #: the platform itself decides who may talk to the bot; the host does not ask


class Accept(Protocol):
    """What the host gives an adapter to hand events on. Tests make one with :func:`llmagent_os.testing.accepting`."""

    async def __call__(self, event: Event, /) -> bool:
        """Store ``event``. On return the event is stored, and the adapter may acknowledge it to the platform.

        Returns:
            Whether the event is new. False: it was delivered before, or is not meant for the bot.

        Raises:
            HostBusyError: the host has no room for the event: deliver it again later.
            NotYoursError: the button is another person's. Show the message to the person who pressed it, and leave the
                button as it is.
            LedgerError: the event cannot be stored.
        """
        ...

    async def wants(self, event: Event, /) -> bool:
        """Whether ``event`` is meant for the bot and comes from a person whom the bot answers.

        An adapter asks before it fetches the files that come with an event.
        """
        ...


class Adapter(Protocol):
    """A platform behind five calls.

    An adapter hands on all messages of a group, and says in ``addressed`` whether a message is for the bot. The host
    drops messages that do not concern the bot before it stores anything.
    """

    @property
    def name(self) -> str:
        """The platform's name, as in ``Conversation.platform``."""
        ...

    @property
    def capabilities(self) -> Capabilities:
        """What the platform can do."""
        ...

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled. Every event is handed to ``accept`` before it is acknowledged to the platform.

        Raises:
            ConfigError: a setting is wrong, and trying again would not help.
            TryLaterError: the platform cannot be reached; the host runs the adapter again later.
        """
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
        """Deliver ``reply``. A draft with the same key becomes this message.

        This may be called before ``run`` has connected: the adapter waits for the connection, or raises.

        Args:
            conversation: where to.
            reply: what to deliver.
            key: of this reply; the same at every try, also after a crash.
            reply_to: id of the message that the reply answers.
            again: whether the reply was tried before, perhaps by a process that died. It may be there already; the
                adapter looks for it if the platform can be asked.

        Raises:
            TryLaterError: the platform cannot take the reply now. The host waits as long as the error says.
            AdapterError: the platform refuses the reply. The host tries again a few times.
        """
        ...

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text``, all that is written so far of the reply ``key``. The adapter may leave a draft out.

        Called only if ``capabilities.drafts``.
        """
        ...

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier."""
        ...

    async def typing(self, conversation: Conversation) -> None:
        """Show that an answer is coming. The adapter may do nothing."""
        ...


@runtime_checkable
class SharesConnection(Protocol):
    """An adapter whose replies can be sent by any of several hosts, whichever host has received the event.

    Of other adapters, only the host that has received an event answers it.
    """

    @property
    def has_one_connection(self) -> bool:
        """Whether only one host may receive at a time. The others :meth:`stand_by`."""
        ...

    async def stand_by(self) -> None:
        """Be able to send, and receive nothing, until cancelled.

        Raises:
            ConfigError: a setting is wrong, and trying again would not help.
            TryLaterError: the platform cannot be reached.
        """
        ...


class Thumbs(msgspec.Struct, frozen=True):
    """How many people have pressed each of the two feedback buttons under a reply."""

    up: int = 0
    down: int = 0


@runtime_checkable
class ShowsThumbs(Protocol):
    """An adapter whose feedback buttons show what was pressed."""

    async def show_thumbs(self, conversation: Conversation, message_id: str, thumbs: Thumbs) -> None:
        """Show under a reply how its feedback buttons are pressed now. Other buttons under it stay as they are.

        Args:
            conversation: where the reply is.
            message_id: the reply, or the part of it with the buttons.
            thumbs: the presses that stand.
        """
        ...


@runtime_checkable
class Reacts(Protocol):
    """An adapter that can put an emoji on a message, where the bot says nothing to it."""

    async def add_reaction(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """Put ``emoji``, a character, on a message of a person. Once more changes nothing.

        Raises:
            AdapterError: the platform refuses it, or cannot be reached.
        """
        ...


@runtime_checkable
class KnowsAdmins(Protocol):
    """An adapter that can say who administers a workspace or a group on its platform."""

    async def administers(self, conversation: Conversation, user_id: str) -> bool:
        """Whether an account administers the conversation's workspace; where the platform has none, its group.

        Asked again with every event, so the adapter remembers answers for a short while. See ``expiring_dict``.

        Raises:
            AdapterError: the platform does not say.
        """
        ...


@runtime_checkable
class Remembers(Protocol):
    """An adapter that keeps what was said in files of its own, as the web chat does with its transcript.

    Files that people send are no reason to be one: ``Runtime`` exports, erases and prunes the folder ``files``.
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


@runtime_checkable
class KeepsRows(Protocol):
    """An adapter that keeps what was said in tables of the database, where several hosts share it."""

    @property
    def keeps_tables(self) -> tuple[str, ...]:
        """The names of its tables."""
        ...


@runtime_checkable
class ShowsStatus(Protocol):
    """An adapter that shows in words what the bot is doing. The host calls this in place of ``typing``."""

    async def show_status(self, conversation: Conversation, words: str) -> None:
        """Show what the bot is doing while it decides what to say.

        Called again every few seconds, with the same words or with others. The adapter itself takes the words away when
        a reply is sent, or could not be sent.

        Args:
            conversation: where to show it.
            words: the rest of a sentence that begins with the bot's name: "is thinking…". Empty: no reply will come.
        """
        ...


@runtime_checkable
class DeletesOld(Protocol):
    """An adapter that can delete what was said long ago, where the owner gives transcripts a time."""

    async def delete_old(self, before: datetime) -> int:
        """Delete all messages before a moment; returns how many."""
        ...


@runtime_checkable
class DeletesMessages(Protocol):
    """An adapter that can take a person's message out of the chat: one in which they gave a password."""

    @property
    def name(self) -> str:
        """The platform's name."""
        ...

    async def delete_message(self, conversation: Conversation, message_id: str) -> None:
        """Delete a message of a person.

        Raises:
            AdapterError: the platform does not do it.
        """
        ...
