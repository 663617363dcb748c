"""Slack as a platform.

A message in a direct conversation is answered there. A mention in a channel begins a thread, and the conversation goes
on in it. Slack drops no second message. Every reply carries its key in the message's metadata, and before a reply is
sent again the latest messages are searched for it; a draft is finished and not written anew. One gap remains: a crash
where the bot may not read the history (scopes ``im:history``, ``channels:history``, ...).

Reactions that people leave during an outage are lost if it lasts longer than Slack delivers events again: the history
does not say when a reaction came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.background_tasks import run_together
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.connection_slot import ConnectionSlot
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapter_kit.forms import FormFor, SentForms, no_form
from llmagent_os.adapter_kit.shared_values import SharedValues
from llmagent_os.adapter_kit.watchdog import Watchdog
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.assistant_threads import AssistantThreads
from llmagent_os.adapters.slack.bolt_app import EventConnection, make_app
from llmagent_os.adapters.slack.catch_up import CatchUp, read_positions
from llmagent_os.adapters.slack.downloads import Downloads
from llmagent_os.adapters.slack.drafts import Drafts
from llmagent_os.adapters.slack.errors import RefusedError
from llmagent_os.adapters.slack.http_events import HttpConnection
from llmagent_os.adapters.slack.identity_check import BotIdentity, check_app_token, check_identity
from llmagent_os.adapters.slack.names import Names
from llmagent_os.adapters.slack.parsing import SlackParser
from llmagent_os.adapters.slack.receiving import EventReceiver
from llmagent_os.adapters.slack.rendering import MESSAGE_SECTIONS, SECTION_CHARACTERS, VALUE_BYTES
from llmagent_os.adapters.slack.sending import ReplySender
from llmagent_os.adapters.slack.socket_mode import SocketModeConnection
from llmagent_os.adapters.slack.workspace_admins import WorkspaceAdmins
from llmagent_os.errors import AdapterError, NotConfiguredError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.records import RESPONSE_URL, MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.read_positions import Position
from llmagent_os.adapter_kit.setup import AdapterSetup

_log = structlog.stdlib.get_logger(__name__)

#: How long a change of the read positions may wait before it is stored, in seconds.
SAVE_SECONDS = 2.0

#: For how many seconds Slack takes an answer to a command at its address.
RESPONSE_SECONDS = 1800.0


@dataclass(frozen=True)
class _Connection:
    """What exists only while the adapter runs."""

    api: Api
    sender: ReplySender
    drafts: Drafts
    downloads: Downloads
    assistant: AssistantThreads
    admins: WorkspaceAdmins
    title: str  #: the names of the bot and its workspace


#: What Slack calls the emojis that a bot puts on messages.
REACTION_NAMES: Mapping[str, str] = MappingProxyType({"👍": "+1", "❤": "heart", "🙏": "pray", "👌": "ok_hand"})


class SlackAdapter:
    """Chat on Slack.

    Args:
        bot_token: ``xoxb-…``.
        app_token: ``xapp-…``, for Socket Mode.
        signing_secret: in place of the app's token: events come as signed HTTP requests to ``/slack/events``.
        api_url: address of the Web API.
        http_host: address to listen on for those requests.
        http_port: 0 takes a free one.
        data: folder for files that people send.
        store: durable documents of the adapter.
        shared: whether other hosts have the same bot and the same ``store``.
        form_for: says which form is opened for a command or a pressed button.
        sent_forms: says what was wrong with a form that was sent.
        max_file_bytes: larger files are not fetched.
        pause: seconds between two messages of one reply: Slack takes about one a second in a channel.
        ping_seconds: between two pings; after four without an answer the connection is made anew.
        watch_seconds: of silence after which the history is read, to find out whether the connection is deaf.

    Raises:
        NotConfiguredError: tokens are missing; the message names them.
    """

    name = "slack"
    keeps: tuple[str, ...] = ()  #: no files: how far direct conversations were read is in the adapter's store
    capabilities = Capabilities(
        reactions=True,
        forms="window",
        threads=True,
        buttons=True,
        whispers=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=0.8,
        max_characters=SECTION_CHARACTERS * MESSAGE_SECTIONS,
    )

    def __init__(
        self,
        *,
        bot_token: str,
        app_token: str = "",
        signing_secret: str = "",
        api_url: str = "https://slack.com/api/",
        http_host: str = "127.0.0.1",
        http_port: int = 3000,
        data: Path,
        store: Records | None = None,
        shared: bool = False,
        form_for: FormFor = no_form,
        sent_forms: SentForms | None = None,
        max_file_bytes: int = 20_000_000,
        pause: float = 1.0,
        ping_seconds: float = 5.0,
        watch_seconds: float = 180.0,
    ) -> None:
        if not bot_token:
            raise NotConfiguredError("slack: SLACK_BOT_TOKEN is not set; `llmagent-os setup slack` says how to get it")
        if not app_token and not signing_secret:
            raise NotConfiguredError(
                "slack: neither SLACK_APP_TOKEN (Socket Mode) nor SLACK_SIGNING_SECRET (HTTP) is set; "
                "`llmagent-os setup slack` says how to get them"
            )
        self._bot_token, self._app_token, self._signing_secret = bot_token, app_token, signing_secret
        self._api_url = api_url
        self._http_host, self._http_port = http_host, http_port
        self._files = Files(Path(data) / FOLDER, max_file_bytes)
        store = MemoryRecords() if store is None else store
        self._deliveries = Deliveries(store, shared=shared)
        self._buttons = ButtonValues(store, VALUE_BYTES)
        self._positions = read_positions(store)
        self._form_for = form_for
        self._sent_forms = sent_forms or SentForms()
        self._pause, self._ping_seconds, self._watch_seconds = pause, ping_seconds, watch_seconds
        self._response_urls = SharedValues(store, RESPONSE_URL, shared=shared, seconds=RESPONSE_SECONDS)
        self._connection: ConnectionSlot[_Connection] = ConnectionSlot(self.name)
        self._caught_up = asyncio.Event()

    async def started(self) -> str:
        """Wait until the bot is connected and has caught up; returns its name there."""
        await self._caught_up.wait()
        connection = self._connection.current
        return "" if connection is None else connection.title

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled.

        Raises:
            ConfigError: a token is wrong, or lacks rights without which nothing works.
            TryLaterError: Slack cannot be reached.
        """
        async with aiohttp.ClientSession() as session:
            api = Api(self._bot_token, self._api_url, session)
            bot = await check_identity(api)
            if self._app_token:
                await check_app_token(Api(self._app_token, self._api_url, session))
            connection = self._sending(api, bot)
            silence = Watchdog(self._watch_seconds)
            names = Names(api)
            parser = SlackParser(bot.user_id, bot.team_id, names, self._bot_token)
            catch_up = CatchUp(api, parser, self._positions)
            receiver = EventReceiver(
                accept,
                api=api,
                parser=parser,
                names=names,
                catch_up=catch_up,
                downloads=connection.downloads,
                drafts=connection.drafts,
                values=self._buttons,
                response_urls=self._response_urls,
                silence=silence,
                form_for=self._form_for,
                sent_forms=self._sent_forms,
            )
            events = self._event_connection(api, bot, receiver)
            self._connection.fill(connection)
            try:
                await catch_up.load()
                await run_together(
                    events.run(receiver.connected),
                    self._keep_caught_up(receiver),
                    _watch(api, events, receiver, silence),
                    self._positions.keep_saving(SAVE_SECONDS),
                )
            finally:
                self._connection.clear()
                self._caught_up.clear()
                await receiver.close()
                await connection.assistant.close()
                await asyncio.shield(self._positions.save())

    @property
    def has_one_connection(self) -> bool:
        """Whether events come over Socket Mode. Signed requests may come to any host."""
        return bool(self._app_token)

    async def stand_by(self) -> None:
        """Be able to send, until cancelled: another host receives.

        Raises:
            ConfigError: the token is wrong.
            TryLaterError: Slack cannot be reached.
        """
        async with aiohttp.ClientSession() as session:
            api = Api(self._bot_token, self._api_url, session)
            connection = self._sending(api, await check_identity(api))
            self._connection.fill(connection)
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                self._connection.clear()
                await connection.assistant.close()

    def _sending(self, api: Api, bot: BotIdentity) -> _Connection:
        drafts = Drafts(api, self._deliveries)
        sender = ReplySender(api, self._deliveries, drafts, self._response_urls, self._buttons, self._pause)
        downloads = Downloads(api, self._bot_token, self._files)
        beside = (AssistantThreads(api), WorkspaceAdmins(api, bot.team_id))
        return _Connection(api, sender, drafts, downloads, *beside, bot.title)

    def _event_connection(self, api: Api, bot: BotIdentity, receiver: EventReceiver) -> EventConnection:
        app = make_app(api.client, self._bot_token, self._signing_secret, bot, receiver.take)
        if self._app_token:
            return SocketModeConnection(app, self._app_token, self._ping_seconds)
        return HttpConnection(app, self._http_host, self._http_port)

    async def _keep_caught_up(self, receiver: EventReceiver) -> None:
        """Catch up whenever a connection has been made, or a message was refused."""
        while True:
            await receiver.until_missed()
            await receiver.catch_up()
            self._caught_up.set()

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Post ``reply``; a part that is there already is not posted again.

        Raises:
            TryLaterError: a rate limit, or Slack cannot be reached.
            ConfigError: Slack refuses the token.
            AdapterError: Slack refuses the reply.
        """
        connection = await self._connection.wait()
        if (known := self._deliveries.receipt(key)) is not None:
            return known
        try:
            receipt = await connection.sender.send(conversation, reply, key=key, reply_to=reply_to, again=again)
        finally:
            connection.assistant.clear_status(conversation, always=again)
        connection.assistant.decorate(conversation, reply)
        return receipt

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` in the place of the coming reply."""
        connection = self._connection.current
        if connection is None or self._deliveries.receipt(key) is not None or not text.strip():
            return
        await connection.drafts.show(conversation, text, key)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message that was sent earlier.

        Raises:
            AdapterError: there is no such message, or Slack refuses the change.
        """
        connection = await self._connection.wait()
        await connection.sender.edit(conversation, message_id, reply)

    async def typing(self, conversation: Conversation) -> None:
        """Do nothing: Slack shows only of people that they are typing."""

    async def show_status(self, conversation: Conversation, words: str) -> None:
        """Show in the assistant pane what the bot is doing."""
        connection = self._connection.current
        if connection is not None:
            await connection.assistant.show_status(conversation, words)

    async def add_reaction(self, conversation: Conversation, message_id: str, emoji: str) -> None:
        """Put ``emoji`` on a message. The app needs the scope ``reactions:write`` for it.

        Raises:
            AdapterError: Slack has no name for the emoji, or refuses it.
        """
        name = REACTION_NAMES.get(emoji)
        if name is None:
            raise AdapterError(f"slack: there is no name for {emoji!r}: one of {' '.join(REACTION_NAMES)} can be used")
        connection = await self._connection.wait()
        try:
            await connection.api.call(
                "reactions.add", channel=conversation.channel, timestamp=message_id, name=name, optional=True
            )
        except RefusedError as error:
            if error.code != "already_reacted":
                raise

    async def administers(self, conversation: Conversation, user_id: str) -> bool:
        """Whether a person is an admin or owner of the workspace.

        Raises:
            AdapterError: Slack does not say.
            TryLaterError: Slack cannot be reached.
        """
        connection = await self._connection.wait()
        return await connection.admins.administers(conversation.workspace, user_id)

    # ── what is kept of people ────────────────────────────────────────────────────────────────────────────────────

    async def export(self, user_id: str) -> list[dict[str, Any]]:
        """The person's direct conversations with the bot, and how far they were read."""
        return [dict(kept) for kept in await self._positions.export_person(user_id)]

    async def forget(self, user_id: str) -> int:
        """Forget the person's direct conversations with the bot; returns how many there were."""
        return await self._positions.forget_person(user_id, or_if=_is_direct)


def from_setup(setup: AdapterSetup) -> SlackAdapter:
    """Slack, as an installation's settings describe it."""
    settings = setup.settings
    return SlackAdapter(
        bot_token=settings.slack_bot_token.get_secret_value(),
        app_token=settings.slack_app_token.get_secret_value(),
        signing_secret=settings.slack_signing_secret.get_secret_value(),
        api_url=settings.slack_api_url,
        http_host=settings.slack_http_host,
        http_port=settings.slack_http_port,
        data=setup.data,
        store=setup.store,
        shared=setup.several_hosts,
        form_for=setup.form_for,
        sent_forms=setup.sent_forms,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
    )


def _is_direct(place: str, position: Position) -> bool:
    """Whether a position of an earlier version, which kept no person, is one of a direct conversation."""
    return place.startswith("D") and position.user is None


async def _watch(api: Api, events: EventConnection, receiver: EventReceiver, silence: Watchdog) -> None:
    """After a long silence, read the history. If something was missed, the connection is deaf and is made anew."""
    silence.restart()
    while True:
        await silence.wait_until_expired()
        silence.restart()
        try:
            await api.call("auth.test")  # the token may have been revoked meanwhile
        except TryLaterError:
            continue
        if await receiver.catch_up(probe=True):
            _log.warning("slack: the connection is deaf; connecting anew")
            await events.reconnect()
