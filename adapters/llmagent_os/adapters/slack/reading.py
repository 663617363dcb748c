"""From what Slack sends to events. Nothing of it is believed before it has the right shape."""

from __future__ import annotations

import contextlib
import html
import re
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from llmagent_os.errors import BadEventError
from llmagent_os.events import ButtonPress, Command, Conversation, Edit, Event, Message, Reaction, Sender

#: A message of a person, and not about one: what was joined, pinned or renamed is none.
_SAID = (None, "file_share", "thread_broadcast", "me_message")

_MARKED = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")


class File(msgspec.Struct, frozen=True):
    """A file in a message."""

    id: str
    name: str | None = None
    mimetype: str | None = None
    size: int | None = None
    url_private_download: str | None = None
    url_private: str | None = None
    subtype: str | None = None
    mode: str | None = None


class _Said(msgspec.Struct, frozen=True):
    """A message, in an event, a change or the history."""

    ts: str
    user: str | None = None
    bot_id: str | None = None
    text: str | None = None
    thread_ts: str | None = None
    parent_user_id: str | None = None
    subtype: str | None = None
    files: list[File] | None = None
    edited: dict[str, Any] | None = None


class _MessageEvent(_Said, frozen=True, kw_only=True):
    channel: str
    channel_type: str | None = None
    message: _Said | None = None
    previous_message: _Said | None = None


class _Item(msgspec.Struct, frozen=True):
    type: str
    channel: str | None = None
    ts: str | None = None


class _ReactionEvent(msgspec.Struct, frozen=True):
    user: str
    reaction: str
    item: _Item
    event_ts: str
    item_user: str | None = None


class _Slash(msgspec.Struct, frozen=True):
    command: str
    user_id: str
    channel_id: str
    trigger_id: str
    team_id: str = ""
    text: str = ""
    user_name: str = ""
    response_url: str = ""


class _Id(msgspec.Struct, frozen=True):
    id: str
    username: str = ""


class _Action(msgspec.Struct, frozen=True):
    action_id: str
    action_ts: str
    value: str | None = None


class _Pressed(msgspec.Struct, frozen=True):
    user: _Id
    actions: list[_Action]
    channel: _Id
    container: dict[str, Any]
    team: _Id | None = None
    message: dict[str, Any] | None = None
    response_url: str = ""


class Heard(msgspec.Struct, frozen=True):
    """An event, and what else its payload said."""

    event: Event
    files: tuple[File, ...] = ()  #: of the message, still to be fetched
    response_url: str = ""  #: where an answer may be posted to
    pressed: dict[str, Any] | None = None  #: the message whose button was pressed


class Reader:
    """Reads payloads for one bot in one workspace."""

    def __init__(self, bot_user: str, team: str) -> None:
        self.bot_user = bot_user
        self.team = team

    def read(self, body: dict[str, Any]) -> Heard | None:
        """What ``body``, of an event, a command or an interaction, says. None: nothing of interest.

        Raises:
            BadEventError: it does not have the shape that Slack documents.
        """
        kind = body.get("type")
        try:
            if kind == "event_callback":
                event = msgspec.convert(body.get("event"), dict[str, Any])
                return self._event(event, str(body.get("event_id") or ""), self._team_of(event))
            if kind == "block_actions":
                return self._pressed(msgspec.convert(body, _Pressed))
            if "command" in body:
                return self._command(msgspec.convert(body, _Slash))
        except (msgspec.ValidationError, ValueError, OverflowError, RecursionError) as error:
            raise BadEventError(f"slack: a payload of type {str(kind)[:40]!r} is malformed: {error}") from error
        return None

    def _team_of(self, event: dict[str, Any]) -> str:
        """Whose workspace somebody is of: in a shared channel the envelope names the one that the channel is of."""
        return str(event.get("user_team") or event.get("source_team") or event.get("team") or self.team)

    def _event(self, event: dict[str, Any], event_id: str, team: str) -> Heard | None:
        match event.get("type"):
            case "message" | "app_mention":
                return self.message(msgspec.convert(event, _MessageEvent), team)
            case "reaction_added" | "reaction_removed" as kind:
                return self._reaction(kind, msgspec.convert(event, _ReactionEvent), event_id, team)
            case _:
                return None

    def from_history(self, raw: object, channel: str) -> Heard | None:
        """A message as the history has it: the same event as when it was delivered.

        Raises:
            BadEventError: it is none.
        """
        try:
            found = msgspec.convert(raw, dict[str, Any])
            return self.message(msgspec.convert({**found, "channel": channel}, _MessageEvent), self._team_of(found))
        except (msgspec.ValidationError, ValueError) as error:
            raise BadEventError(f"slack: a message of the history is malformed: {error}") from error

    def message(self, said: _MessageEvent, team: str) -> Heard | None:
        """What somebody said, or changed."""
        if said.subtype == "message_changed" and said.message is not None:
            return self._edit(said, said.message, team)
        if said.subtype not in _SAID or not self._by_person(said):
            return None
        direct = said.channel.startswith("D") or said.channel_type == "im"
        text = said.text or ""
        mentioned = f"<@{self.bot_user}>" in text or f"<@{self.bot_user}|" in text
        thread = said.thread_ts if said.thread_ts != said.ts else None
        addressed = direct or mentioned or (thread is not None and said.parent_user_id == self.bot_user)
        here = self._conversation(said.channel, team, direct, thread or (said.ts if mentioned and not direct else None))
        event = Message(
            event_id=f"{said.channel}:{said.ts}",
            conversation=here,
            sender=Sender(said.user or ""),
            at=_moment(said.ts),
            text=self.plain(text),
            message_id=said.ts,
            reply_to=thread,
            addressed=addressed,
        )
        return Heard(event, tuple(said.files or ()))

    def _edit(self, about: _MessageEvent, said: _Said, team: str) -> Heard | None:
        before = about.previous_message
        # Link previews and reactions change a message too, and nobody has said anything new.
        if not said.edited or not self._by_person(said) or (before is not None and before.text == said.text):
            return None
        direct = about.channel.startswith("D") or about.channel_type == "im"
        thread = said.thread_ts if said.thread_ts != said.ts else None
        event = Edit(
            event_id=f"{about.channel}:{said.ts}:e{said.edited.get('ts', about.ts)}",
            conversation=self._conversation(about.channel, team, direct, thread),
            sender=Sender(said.user or ""),
            at=_moment(about.ts),
            message_id=said.ts,
            text=self.plain(said.text or ""),
            edits=f"{about.channel}:{said.ts}",
        )
        return Heard(event)

    def _reaction(self, kind: str, event: _ReactionEvent, event_id: str, team: str) -> Heard | None:
        item = event.item
        if item.type != "message" or not item.channel or not item.ts or event.user == self.bot_user:
            return None
        if event.item_user and event.item_user != self.bot_user:
            return None  # on somebody else's message
        added = kind == "reaction_added"
        reaction = Reaction(
            event_id=event_id or f"{item.channel}:{item.ts}:{event.user}:{event.reaction}:{event.event_ts}",
            conversation=self._conversation(item.channel, team, item.channel.startswith("D"), None),
            sender=Sender(event.user),
            at=_moment(event.event_ts),
            message_id=item.ts,
            emoji=event.reaction,
            action="added" if added else "removed",
        )
        return Heard(reaction)

    def _command(self, slash: _Slash) -> Heard:
        direct = slash.channel_id.startswith("D")
        command = Command(
            event_id=slash.trigger_id,
            conversation=self._conversation(slash.channel_id, slash.team_id or self.team, direct, None),
            sender=Sender(slash.user_id, slash.user_name),
            name=slash.command.removeprefix("/").lower(),
            arguments=html.unescape(slash.text),
        )
        return Heard(command, response_url=slash.response_url)

    def _pressed(self, pressed: _Pressed) -> Heard | None:
        action = pressed.actions[0] if pressed.actions else None
        ts = pressed.container.get("message_ts")
        if action is None or action.value is None or not isinstance(ts, str):
            return None
        direct = pressed.channel.id.startswith("D")
        thread = pressed.container.get("thread_ts") or (pressed.message or {}).get("thread_ts")
        thread = thread if isinstance(thread, str) and thread != ts else None
        press = ButtonPress(
            event_id=f"{ts}:{pressed.user.id}:{action.action_ts}",
            conversation=self._conversation(
                pressed.channel.id, pressed.team.id if pressed.team else self.team, direct, thread
            ),
            sender=Sender(pressed.user.id, pressed.user.username),
            message_id=ts,
            value=action.value,
        )
        return Heard(press, response_url=pressed.response_url, pressed=pressed.message)

    def _by_person(self, said: _Said) -> bool:
        return bool(said.user) and said.user != self.bot_user and said.bot_id is None

    def _conversation(self, channel: str, team: str, direct: bool, thread: str | None) -> Conversation:
        kind: Literal["direct", "group"] = "direct" if direct else "group"
        return Conversation(platform="slack", workspace=team, channel=channel, thread=thread, kind=kind)

    def plain(self, text: str) -> str:
        """What Slack's markup says, without the bot's own name.

        >>> Reader("UBOT", "T1").plain("<@UBOT> see <https://e.org|this> in <#C1|general> &amp; ask <@U7|ana>")
        'see this (https://e.org) in #general & ask @ana'
        """

        def said(match: re.Match[str]) -> str:
            mark, target, label = match[1], match[2], match[3]
            if mark == "@":
                return "" if target == self.bot_user else f"@{label or target}"
            if mark == "#":
                return f"#{label or target}"
            if mark == "!":
                return f"@{(label or target).removeprefix('@')}"
            address = target.removeprefix("mailto:").removeprefix("tel:")
            return f"{label} ({address})" if label and label != address and label not in address else address

        return html.unescape(_MARKED.sub(said, text)).strip()


def _moment(ts: str) -> datetime:
    with contextlib.suppress(OSError):
        return datetime.fromtimestamp(float(ts), UTC)
    raise ValueError(f"{ts[:40]!r} is no timestamp")
