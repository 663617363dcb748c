"""Events of one gateway connection, handed to the host in the order of their channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal

import msgspec
import structlog

from llmagent_os.adapter import Accept
from llmagent_os.adapter_kit.busy_retry import retry_while_busy
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.forms import FormFor
from llmagent_os.adapter_kit.keyed_order import KeyedQueue
from llmagent_os.adapters.discord.catch_up import CatchUp
from llmagent_os.adapters.discord.downloads import Downloads, not_fetched
from llmagent_os.adapters.discord.gateway import EventHandler
from llmagent_os.adapters.discord.interactions import NO_LONGER_OPEN, REFUSED, PendingInteraction, PendingInteractions
from llmagent_os.adapters.discord.parsing import DiscordParser
from llmagent_os.adapters.discord.payloads import (
    FilePayload,
    InteractionPayload,
    MessagePayload,
    ReactionPayload,
    decode,
)
from llmagent_os.adapters.discord.server_admins import ServerAdmins
from llmagent_os.errors import BadEventError, HostBusyError, NotYoursError
from llmagent_os.events import ButtonPress, Command, Event, Reaction
from llmagent_os.forms.form import ShownForm
from llmagent_os.languages import speaking
from llmagent_os.languages.catalogues import language_of_account

_log = structlog.stdlib.get_logger(__name__)

#: How long an event is offered to a host that is too busy for it, in seconds. Discord would not deliver it again.
BUSY_SECONDS = 120.0


class EventReceiver:
    """Takes the gateway's events.

    The methods ``on_…`` are called between two frames, in the order of the frames. They put the work that takes time
    into a queue per channel.
    """

    def __init__(
        self,
        accept: Accept,
        *,
        buttons: ButtonValues,
        interactions: PendingInteractions,
        catch_up: CatchUp,
        downloads: Downloads,
        admins: ServerAdmins,
        form_for: FormFor,
        on_ready: Callable[[], None],
    ) -> None:
        """Args:
        accept: the host.
        buttons: the long values of buttons.
        interactions: acknowledges commands and pressed buttons.
        catch_up: knows how far channels were read.
        downloads: fetches files.
        admins: remembers who administers servers.
        form_for: says which form is opened for a command or a pressed button.
        on_ready: called when a session begins.
        """
        self._accept = accept
        self._buttons = buttons
        self._interactions = interactions
        self._catch_up = catch_up
        self._downloads = downloads
        self._admins = admins
        self._form_for = form_for
        self._on_ready = on_ready
        self._parser: DiscordParser | None = None
        self._queue = KeyedQueue()

    @property
    def handlers(self) -> dict[str, EventHandler]:
        """The handlers of the gateway's events, by name."""
        return {
            "READY": self.on_ready,
            "MESSAGE_CREATE": self.on_message,
            "MESSAGE_UPDATE": self.on_edit,
            "MESSAGE_REACTION_ADD": lambda payload, sequence: self.on_reaction(payload, sequence, "added"),
            "MESSAGE_REACTION_REMOVE": lambda payload, sequence: self.on_reaction(payload, sequence, "removed"),
            "INTERACTION_CREATE": self.on_interaction,
        }

    def open(self, parser: DiscordParser) -> None:
        """Take events with ``parser``, which is known after the login."""
        self._parser = parser

    async def close(self) -> None:
        """Drop what waits."""
        await self._queue.close()

    # ── between two frames ────────────────────────────────────────────────────────────────────────────────────────

    def on_ready(self, payload: dict[str, Any], sequence: str) -> None:
        """Catch up: a new session has begun, and Discord replays nothing of what came before."""
        for channel in list(self._catch_up.positions):
            self._queue.put(channel, partial(self._read_missed, channel))
        self._on_ready()

    def on_message(self, payload: dict[str, Any], sequence: str) -> None:
        """Take a message."""
        message = decode(payload, MessagePayload)
        if message.by_person and message.author.id != self._the_parser.bot_id:
            self._queue.put(message.channel_id, lambda: self._take_message(message))

    def on_edit(self, payload: dict[str, Any], sequence: str) -> None:
        """Take an edit of a message."""
        self._enqueue(self._the_parser.edit(decode(payload, MessagePayload)))

    def on_reaction(self, payload: dict[str, Any], sequence: str, action: Literal["added", "removed"]) -> None:
        """Take a reaction."""
        self._enqueue(self._the_parser.reaction(decode(payload, ReactionPayload), action, sequence))

    def on_interaction(self, payload: dict[str, Any], sequence: str) -> None:
        """Take a slash command or a pressed button."""
        interaction = decode(payload, InteractionPayload)
        if not interaction.is_press and not interaction.is_command:
            return
        event = self._the_parser.interaction(interaction)
        self._admins.note(interaction)
        form = None if interaction.is_form else self._form_for(event)
        if form is not None:  # opening it is the acknowledgement
            self._queue.put(event.conversation.channel, partial(self._open_form, event, interaction, form))
            return
        self._acknowledge(event, interaction)

    def _acknowledge(self, event: Command | ButtonPress | Reaction, interaction: InteractionPayload) -> None:
        pending = self._interactions.add(interaction)  # at once: Discord wants an acknowledgement within seconds
        self._queue.put(event.conversation.channel, lambda: self._take_interaction(event, pending, interaction.files))

    def _enqueue(self, event: Event | None) -> None:
        if event is not None:
            self._queue.put(event.conversation.channel, lambda: self._offer(event))

    @property
    def _the_parser(self) -> DiscordParser:
        if self._parser is None:
            raise BadEventError("an event before the login")
        return self._parser

    # ── one after the other in a channel ──────────────────────────────────────────────────────────────────────────

    async def _read_missed(self, channel: str) -> None:
        async for payload in self._catch_up.missed(channel):
            try:
                await self._take_message(decode(payload, MessagePayload))
            except BadEventError as error:
                _log.warning("discord: a message is skipped", error=str(error))

    async def _take_message(self, message: MessagePayload) -> None:
        event = self._the_parser.message(message)
        if event is not None:
            if event.addressed:
                await self._catch_up.follow(message)
            if message.files:
                wanted = (event.addressed or event.conversation.thread is not None) and await self._accept.wants(event)
                files = await self._downloads.fetch(message) if wanted else not_fetched(message)
                event = msgspec.structs.replace(event, attachments=files)
            await self._offer(event)
        self._catch_up.read(message)

    async def _open_form(
        self, event: Command | ButtonPress | Reaction, interaction: InteractionPayload, form: ShownForm
    ) -> None:
        """Open a form in the place of a command. Where that cannot be done, the command is taken."""
        with speaking(await language_of_account(event.sender.locale)):
            is_open = await self._accept.wants(event) and await self._interactions.open_form(interaction, form)
        if not is_open:
            self._acknowledge(event, interaction)

    async def _take_interaction(
        self,
        event: Command | ButtonPress | Reaction,
        pending: PendingInteraction,
        files: Sequence[FilePayload] = (),
    ) -> None:
        with speaking(await language_of_account(event.sender.locale)):
            await self._take_in_their_language(event, pending, files)

    async def _take_in_their_language(
        self, event: Command | ButtonPress | Reaction, pending: PendingInteraction, files: Sequence[FilePayload]
    ) -> None:
        taken, refusal = False, str(REFUSED)
        try:
            if isinstance(event, ButtonPress):
                value = await self._buttons.value(event.value)
                if value is None:
                    _log.warning("discord: a button was pressed whose value is not stored any more")
                    refusal = str(NO_LONGER_OPEN)
                    return
                event = msgspec.structs.replace(event, value=value)
            elif files and await self._accept.wants(event):
                fetched = await self._downloads.fetch_files(
                    files, user_id=event.sender.user_id, event_id=event.event_id
                )
                event = msgspec.structs.replace(event, attachments=fetched)
            await self._interactions.share(pending)
            await self._accept(event)
            taken = True
        except NotYoursError as error:  # the buttons stay as they are, for the person who was answered
            refusal = str(error)
        except HostBusyError as error:  # the person sees that it was refused, and can try again
            _log.info("discord: an interaction was refused", error=str(error))
        finally:
            pending.settle(taken, refusal)

    async def _offer(self, event: Event) -> None:
        await retry_while_busy(lambda: self._accept(event), event.event_id, give_up_seconds=BUSY_SECONDS)
