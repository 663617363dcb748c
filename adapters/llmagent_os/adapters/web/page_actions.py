"""The actions of visitors: messages, reactions and pressed buttons, handed to the host and kept in the transcript."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import structlog

from llmagent_os.adapter import Accept, Button, is_open_to_all
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapters.web.access import Visitor
from llmagent_os.adapters.web.frames import Action, Fill, Press, React, Refused, Say, Speak
from llmagent_os.adapters.web.open_pages import MESSAGE_CHARACTERS, OpenPages
from llmagent_os.adapters.web.recordings import Recordings
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.adapters.web.transcript_items import Item
from llmagent_os.adapters.web.uploads import Uploads
from llmagent_os.credentials.typed_secret import hidden_in
from llmagent_os.errors import HostBusyError, LLMAgentOSError, NotYoursError
from llmagent_os.events import (
    LOCAL_WORKSPACE,
    Attachment,
    ButtonPress,
    Command,
    Conversation,
    Event,
    Message,
    Reaction,
    Sender,
    now,
)
from llmagent_os.languages import gettext, lazy_gettext, number_text
from llmagent_os.privacy.event_masking import mask_text

_log = structlog.stdlib.get_logger(__name__)

PLATFORM = "web"

#: How many emojis a visitor may have on one reply.
MAX_REACTIONS = 20


#: What a visitor reads whose action could not be stored.
NOT_STORED = lazy_gettext("This was not taken: the bot cannot store anything at the moment. Please try again later.")


class PageActions:
    """Takes the actions of visitors."""

    def __init__(
        self,
        transcript: Transcript,
        pages: OpenPages,
        order: KeyedLocks,
        uploads: Uploads,
        recordings: Recordings | None = None,
    ) -> None:
        """Args:
        transcript: keeps what the actions change.
        pages: show what has changed.
        order: of the changes of one conversation.
        uploads: the files that messages come with.
        recordings: that visitors have uploaded; None: the bot does not listen.
        """
        self._transcript = transcript
        self._pages = pages
        self._order = order
        self._uploads = uploads
        self._recordings = recordings
        self._accept: Accept | None = None

    def open(self, accept: Accept) -> None:
        """Hand events to ``accept``, the host."""
        self._accept = accept

    def close(self) -> None:
        """Refuse actions until the next :meth:`open`."""
        self._accept = None

    @property
    def is_open(self) -> bool:
        """Whether there is a host."""
        return self._accept is not None

    async def take(self, visitor: Visitor, action: Action) -> Refused | None:
        """Hand an action to the host, and keep what it changes. Returns why it was refused; None if it was taken.

        A page may send an action again, after a crash at any point between the steps: what is done is not done twice.
        """
        conversation = action.conversation
        try:
            if await self._transcript.owner(conversation) != visitor.id:
                return _refused(action, gettext("This conversation is not yours, or was erased."))
        except LLMAgentOSError as error:
            return _not_stored(action, error)
        async with self._order.of(conversation):
            try:
                if await self._transcript.done(conversation, action.id):
                    return None
                match action:
                    case Say():
                        refused = await self._say(visitor, action)
                    case Speak():
                        refused = await self._speak(visitor, action)
                    case React():
                        refused = await self._react(visitor, action)
                    case Press():
                        refused = await self._press(visitor, action)
                    case Fill():
                        refused = await self._fill(visitor, action)
            except NotYoursError as error:
                return _refused(action, str(error))
            except HostBusyError as error:
                _log.info("web: the host is busy", conversation=conversation, event_id=action.id, error=str(error))
                return _refused(action, gettext("Too many messages are waiting for an answer already."), again=True)
            except LLMAgentOSError as error:
                if await self._is_erased(conversation):
                    return None  # the action asked for the conversation to be erased, and that is done
                return _not_stored(action, error)
        if refused is None:
            self._pages.notify(conversation)
        return refused

    async def _is_erased(self, conversation: str) -> bool:
        try:
            return await self._transcript.owner(conversation) is None
        except LLMAgentOSError:  # the transcript cannot be read
            return False

    async def _say(self, visitor: Visitor, action: Say) -> Refused | None:
        text = action.text.strip()
        if not text and not action.files:
            return _refused(action, gettext("This message is empty."))
        if len(text) > MESSAGE_CHARACTERS:
            return _refused(action, _too_long(len(text)))
        attachments = await self._uploads.attachments(visitor.id, action.files)
        if attachments is None:
            if await self._is_held(action):
                return None  # a recording was among the files, and is erased
            return _refused(action, gettext("An attached file is not here any more. Please attach it again."))
        without = hidden_in(text)
        shown = await mask_text(without)  # the transcript is a store like any other
        held = await self._hold(action, shown, attachments)
        given = held.text if without == text else text  # the host takes a credential out before it stores anything
        event = Message(text=given, message_id=held.message_id, attachments=attachments, **_common(visitor, action))
        self._pages.note_said(action.conversation, held.text)
        await self._tell(action, held, event)
        self._uploads.named(action.files)
        return None

    async def _speak(self, visitor: Visitor, action: Speak) -> Refused | None:
        if self._recordings is None:
            return _refused(action, gettext("I do not understand recordings here: please write to me."))
        recording = await self._recordings.find(visitor.id, action.id)
        if recording is None:
            if await self._is_held(action):
                return None
            return _refused(action, gettext("The recording did not arrive. Please record it again."))
        held = await self._hold(action, spoken_label(action.seconds))
        common = _common(visitor, action)
        event = Message(text="", message_id=held.message_id, attachments=(recording,), **common)
        await self._tell(action, held, event)
        return None

    async def _is_held(self, action: Action) -> bool:
        """Whether the host has taken the message before, listened to it and erased the file. It is shown then."""
        there = await self._transcript.get(action.conversation, f"p-{action.id}")
        if there is not None:
            await self._transcript.show(action.conversation, there.message_id)
        return there is not None

    async def _hold(self, action: Action, text: str, files: Sequence[Attachment] = ()) -> Item:
        """Hold a place in the transcript for what a visitor says, and the files that it comes with."""
        item = Item(message_id=f"p-{action.id}", author="person", text=text, at=now())
        return await self._transcript.hold(action.conversation, item, [file.path for file in files])

    async def _tell(self, action: Action, held: Item, event: Message) -> None:
        """Hand a message to the host, and then show it."""
        try:
            await self._give(event)
        except HostBusyError:  # sent again later, it belongs at the end of what is there by then
            await self._transcript.remove(action.conversation, held.message_id)
            raise
        await self._transcript.show(action.conversation, held.message_id)

    async def _react(self, visitor: Visitor, action: React) -> Refused | None:
        conversation, message_id = action.conversation, action.message_id
        item = await self._transcript.get(conversation, message_id)
        if item is None or item.author != "bot":
            return _refused(action, gettext("There is no such reply to react to."))
        if (action.emoji in item.reactions) == action.on:  # two pages did the same
            await self._transcript.change(conversation, message_id, action.id)
            return None
        if action.on and len(item.reactions) >= MAX_REACTIONS:
            return _refused(action, gettext("That is enough reactions for one reply."))
        what: Literal["added", "removed"] = "added" if action.on else "removed"
        common = _common(visitor, action)
        await self._give(Reaction(message_id=message_id, emoji=action.emoji, action=what, **common))
        others = tuple(emoji for emoji in item.reactions if emoji != action.emoji)
        reactions = (*others, action.emoji) if action.on else others
        await self._transcript.change(conversation, message_id, action.id, reactions=reactions, question=None)
        return None

    async def _press(self, visitor: Visitor, action: Press) -> Refused | None:
        conversation, message_id = action.conversation, action.message_id
        item = await self._transcript.get(conversation, message_id)
        if item is not None and item.question is not None and _offers(item.question.buttons, action.value):
            await self._give(ButtonPress(message_id=message_id, value=action.value, **_common(visitor, action)))
            await self._transcript.change(conversation, message_id, action.id, question=None)
            return None
        if item is None or not _offers(item.buttons, action.value):
            return _refused(action, gettext("There is no such button any more."))
        if item.pressed is not None:
            return (
                None if item.pressed == action.value else _refused(action, gettext("Another choice was made already."))
            )
        await self._give(ButtonPress(message_id=message_id, value=action.value, **_common(visitor, action)))
        pressed = None if is_open_to_all(action.value) else action.value
        await self._transcript.change(conversation, message_id, action.id, pressed=pressed)
        return None

    async def _fill(self, visitor: Visitor, action: Fill) -> Refused | None:
        """Hand on what was filled in. The form goes: it is sent once."""
        conversation, message_id = action.conversation, action.message_id
        item = await self._transcript.get(conversation, message_id)
        form = None if item is None else item.form
        if form is None:
            return _refused(action, gettext("This form was sent already."))
        values = tuple((field.key, action.values.get(field.key, "")) for field in form.fields)
        common = _common(visitor, action)
        await self._give(Command(name=form.command, form=form.form_id, values=values, message_id=message_id, **common))
        sent = gettext("Sent: {title}", title=form.title)
        await self._transcript.change(conversation, message_id, action.id, form=None, text=sent)
        return None

    async def _give(self, event: Event) -> None:
        if self._accept is None:
            raise HostBusyError("web: the host is stopping")
        await self._accept(event)


def _offers(buttons: Sequence[Button], value: str) -> bool:
    return any(button.value == value for button in buttons)


def spoken_label(seconds: float) -> str:
    """What stands in the conversation for a recording. The answer shows its words.

    >>> spoken_label(5.2), spoken_label(83)
    ('Voice message (0:05)', 'Voice message (1:23)')
    """
    return gettext("Voice message ({length})", length=f"{int(seconds) // 60}:{int(seconds) % 60:02d}")


def _too_long(count: int) -> str:
    most = number_text(MESSAGE_CHARACTERS)
    return gettext("This message has {count} characters; {most} is the most.", count=number_text(count), most=most)


def _common(visitor: Visitor, action: Action) -> dict[str, Any]:
    """The fields that all events of an action have."""
    # The page has made the id. It cannot be trusted to be unique beyond the page's own conversation.
    return {
        "event_id": f"{action.conversation}:{action.id}",
        "conversation": Conversation(platform=PLATFORM, workspace=LOCAL_WORKSPACE, channel=action.conversation),
        "sender": Sender(visitor.id, visitor.name, locale=visitor.language, time_zone=visitor.time_zone),
    }


def _not_stored(action: Action, error: LLMAgentOSError) -> Refused:
    """The refusal of an action because of a full disk, or a file that is locked or damaged."""
    _log.error("web: an action was not taken", conversation=action.conversation, event_id=action.id, error=str(error))
    return _refused(action, str(NOT_STORED), again=True)


def _refused(action: Action, reason: str, *, again: bool = False) -> Refused:
    return Refused(id=action.id, reason=reason, again=again)
