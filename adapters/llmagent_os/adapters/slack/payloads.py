"""The payloads of Slack that the adapter reads. Fields that are not listed are ignored; wrong types are refused.

Names follow https://docs.slack.dev/reference/events and https://docs.slack.dev/interactivity.
"""

from __future__ import annotations

from typing import Any

import msgspec

from llmagent_os.adapters.slack.forms import FilledView


class FilePayload(msgspec.Struct, frozen=True):
    """A file of a message."""

    id: str
    name: str | None = None
    mimetype: str | None = None
    size: int | None = None
    url_private_download: str | None = None
    url_private: str | None = None
    subtype: str | None = None
    mode: str | None = None


class MessagePayload(msgspec.Struct, frozen=True):
    """A message: inside an event, inside a change, or of the history."""

    ts: str
    user: str | None = None
    bot_id: str | None = None
    text: str | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    subtype: str | None = None
    files: list[FilePayload] | None = None
    edited: dict[str, Any] | None = None
    attachments: Any = None  #: shared messages among other things, read with care
    blocks: Any = None  #: read with care

    @property
    def thread(self) -> str | None:
        """The ``ts`` of the message that began the thread; None outside threads and for that first message itself."""
        return self.thread_ts if self.thread_ts != self.ts else None


class MessageEventPayload(MessagePayload, frozen=True, kw_only=True):
    """An event about a message: a new message, a mention, or a change."""

    channel: str
    channel_type: str | None = None
    message: MessagePayload | None = None
    previous_message: MessagePayload | None = None

    @property
    def is_direct(self) -> bool:
        """Whether the conversation is a direct one."""
        return self.channel.startswith("D") or self.channel_type == "im"


class ReactedItem(msgspec.Struct, frozen=True):
    """The message that a reaction is on."""

    type: str
    channel: str | None = None
    ts: str | None = None


class ReactionPayload(msgspec.Struct, frozen=True):
    """An event about a reaction."""

    user: str
    reaction: str
    item: ReactedItem
    event_ts: str
    item_user: str | None = None


class AssistantThread(msgspec.Struct, frozen=True):
    """A thread of the assistant pane. What else the person looks at is not read: the bot has no use for it."""

    user_id: str
    channel_id: str
    thread_ts: str


class AssistantThreadPayload(msgspec.Struct, frozen=True):
    """An event about a thread of the assistant pane."""

    assistant_thread: AssistantThread
    event_ts: str


class CommandPayload(msgspec.Struct, frozen=True):
    """A slash command."""

    command: str
    user_id: str
    channel_id: str
    trigger_id: str
    team_id: str = ""
    text: str = ""
    user_name: str = ""
    response_url: str = ""


class NamedId(msgspec.Struct, frozen=True):
    """A user, channel or team of an interaction."""

    id: str
    username: str = ""


class ChosenOption(msgspec.Struct, frozen=True):
    """The option that was chosen in a menu."""

    value: str | None = None


class ButtonAction(msgspec.Struct, frozen=True):
    """The button that was pressed, or the menu in which an option was chosen."""

    action_id: str
    action_ts: str
    type: str = "button"
    value: str | None = None
    selected_option: ChosenOption | None = None

    @property
    def chosen(self) -> str | None:
        """The value of the button, or of the option; None: there is none."""
        return self.value if self.selected_option is None else self.selected_option.value


class ButtonPressPayload(msgspec.Struct, frozen=True):
    """An interaction with the blocks of a message."""

    user: NamedId
    actions: list[ButtonAction]
    channel: NamedId
    container: dict[str, Any]
    team: NamedId | None = None
    message: dict[str, Any] | None = None
    response_url: str = ""
    trigger_id: str = ""


class FormPayload(msgspec.Struct, frozen=True):
    """A modal that was sent."""

    user: NamedId
    view: FilledView
    team: NamedId | None = None
