"""Slack as a platform.

What is said in a direct conversation is answered there; a mention in a channel begins a thread, in which the answer
goes on. Slack drops no second send. Every reply carries its key in the message's metadata, and before a reply is sent
again the latest messages are searched for it; a reply that was being written is finished, not written anew. What
remains is a crash where that history may not be read (scopes ``im:history``, ``channels:history``, ...).

Reactions that people leave while no connection is there for longer than Slack delivers again are lost: its history
does not say when they came.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

import aiohttp
import msgspec
import structlog
from slack_bolt.authorization import AuthorizeResult

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapters.slack.api import SlackApi
from llmagent_os.adapters.slack.attachments import Attachments
from llmagent_os.adapters.slack.blocks import SECTION, SECTIONS, Post, chosen, posts
from llmagent_os.adapters.slack.history import History
from llmagent_os.adapters.slack.line import HttpLine, Line, SocketLine, make_app
from llmagent_os.adapters.slack.reading import Heard, Reader
from llmagent_os.adapters.slack.streams import Streams
from llmagent_os.errors import (
    AdapterError,
    BadEventError,
    ConfigError,
    HostBusyError,
    LedgerError,
    NotConfiguredError,
    TryLaterError,
)
from llmagent_os.events import ButtonPress, Command, Conversation, Message, event_key
from llmagent_os.records import MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

_log = structlog.stdlib.get_logger(__name__)

CONNECT_SECONDS = 10.0  #: that a reply waits for a connection
#: Scopes without which something does not work, and what.
SCOPES = {
    "chat:write": "answers",
    "reactions:read": "reactions",
    "im:history": "direct messages",
    "app_mentions:read": "mentions in channels",
    "files:read": "files that people send",
    "files:write": "files that the bot sends",
    "commands": "slash commands",
}
_METADATA = "llmagent_os_reply"
_BLOCKS = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"})
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "streaming_state_conflict"})
_NOT_THERE = frozenset({"channel_not_found", "not_in_channel", "is_archived"})


@dataclass(frozen=True)
class _Live:
    """What there is while it runs."""

    api: SlackApi
    reader: Reader
    streams: Streams
    attachments: Attachments
    title: str  #: the bot and its workspace


class SlackAdapter:
    """Chat on Slack.

    Args:
        bot_token: ``xoxb-…``.
        app_token: ``xapp-…``, for Socket Mode.
        signing_secret: instead of the app's token: events come as signed HTTP requests to ``/slack/events``.
        api_url: the Web API's address.
        http_host: where those requests are taken.
        http_port: 0 takes a free one.
        data: folder for files that people send.
        store: durable documents of its own.
        max_file_bytes: larger files are not fetched.
        pause: seconds between two messages of one reply: Slack takes about one a second in a channel.
        ping_seconds: between two pings; after four without an answer the connection is made anew.
        watch_seconds: of silence after which Slack is asked whether there was really nothing.

    Raises:
        NotConfiguredError: tokens are missing; says which.
    """

    name = "slack"
    capabilities = Capabilities(
        reactions=True,
        threads=True,
        buttons=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=0.8,
        max_characters=SECTION * SECTIONS,
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
        self._deliveries = Deliveries(store)
        self._history = History(store)
        self._pause, self._ping_seconds, self._watch_seconds = pause, ping_seconds, watch_seconds
        self._live: _Live | None = None
        self._here = asyncio.Event()
        self._accept: Accept | None = None
        self._events = 0  # payloads so far
        self._answers: OrderedDict[str, str] = OrderedDict()  # key of a command -> where an answer may be posted
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._background: set[asyncio.Task[None]] = set()

    async def started(self) -> str:
        """Wait until it is there; returns who it is there."""
        await self._here.wait()
        return "" if self._live is None else self._live.title

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled.

        Raises:
            ConfigError: a token is no good, or lacks what nothing works without.
            TryLaterError: Slack cannot be reached.
        """
        async with aiohttp.ClientSession() as session:
            api = SlackApi(self._bot_token, self._api_url, session)
            who = await self._identify(api)
            bot, team = str(who.get("user_id", "")), str(who.get("team_id", ""))
            authorized = AuthorizeResult(
                enterprise_id=None,
                team_id=team,
                bot_user_id=bot,
                bot_id=who.get("bot_id"),
                bot_token=self._bot_token,
            )
            app = make_app(api.client, self._signing_secret, self._take, authorized)
            line: Line = (
                SocketLine(app, self._app_token, self._ping_seconds)
                if self._app_token
                else HttpLine(app, self._http_host, self._http_port)
            )
            self._accept = accept
            attachments = Attachments(api, self._api_url, self._bot_token, self._files)
            title = f"@{who.get('user', 'bot')} in {who.get('team', team)}"
            self._live = _Live(api, Reader(bot, team), Streams(api, self._deliveries), attachments, title)
            await self._history.load()
            connected = asyncio.Event()
            tasks = [
                asyncio.create_task(line.run(connected.set)),
                asyncio.create_task(self._follow(connected)),
                asyncio.create_task(self._watch(line)),
                asyncio.create_task(self._history.keep()),
                asyncio.create_task(self._prune()),
            ]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
            finally:
                self._live = self._accept = None
                self._here.clear()
                for task in (*tasks, *self._background):
                    task.cancel()
                await asyncio.gather(*tasks, *self._background, return_exceptions=True)
                await asyncio.shield(self._history.save())

    async def _identify(self, api: SlackApi) -> Mapping[str, Any]:
        """Who the tokens are of; says what they may not do."""
        try:
            answer = cast("Any", await api.client.api_call("auth.test"))  # pyright: ignore[reportUnknownMemberType]
        except Exception:
            await api.call("auth.test")  # the same again, in the host's terms
            raise
        scopes = {each.strip() for each in _header(answer.headers, "x-oauth-scopes").split(",")} - {""}
        lacking = {scope: what for scope, what in SCOPES.items() if scope not in scopes} if scopes else {}
        if "chat:write" in lacking:
            raise ConfigError(
                "slack: the bot's token lacks the scope chat:write, and cannot answer: "
                "add it to the app (`llmagent-os setup slack`) and install it again"
            )
        if lacking:
            _log.warning("slack: scopes are missing", missing=[f"{each}: {what}" for each, what in lacking.items()])
        if self._app_token:
            opener = SlackApi(self._app_token, self._api_url, api.session)
            try:
                await opener.call("apps.connections.open")
            except TryLaterError:
                raise
            except (AdapterError, ConfigError) as error:
                raise ConfigError(
                    f"slack: SLACK_APP_TOKEN was refused ({error}): make one with the scope connections:write, "
                    "under Basic Information, App-Level Tokens"
                ) from error
        data: object = answer.data
        return cast("dict[str, Any]", data) if isinstance(data, dict) else {}

    async def _take(self, body: dict[str, Any]) -> None:
        """A payload: when this returns, it is safe."""
        live = self._live
        if live is None:
            raise HostBusyError("slack: the adapter is stopping")
        self._events += 1
        try:
            heard = live.reader.read(body)
        except BadEventError as error:
            _log.warning("a payload is skipped", error=str(error))
            return
        if heard is not None:
            await self._give(live, heard)

    async def _give(self, live: _Live, heard: Heard) -> bool:
        """Hand an event to the host, in the order in which they came in its conversation. Returns whether it is new."""
        event = heard.event
        async with self._turn(event.conversation.key):
            meant = isinstance(event, Message) and bool(event.addressed or event.conversation.thread)
            accept = self._accept if meant and heard.files else None
            if isinstance(event, Message) and accept is not None and await accept.wants(event):
                fetch = [
                    live.attachments.fetch(event.sender.user_id, event.event_id, each, number)
                    for number, each in enumerate(heard.files)
                ]
                event = msgspec.structs.replace(event, attachments=tuple(await asyncio.gather(*fetch)))
            if isinstance(event, Command) and heard.response_url:
                self._answer_at(event_key(event), heard.response_url)
            if self._accept is None:
                raise HostBusyError("slack: the adapter is stopping")
            live.streams.asked(event.conversation, event.sender.user_id)
            try:
                new = await self._accept(event)
            except BadEventError as error:
                _log.warning("an event is skipped", error=str(error))
                return False
        if isinstance(event, Message) and (new or event.addressed):
            await self._history.heard(event.conversation, event.message_id)
        if isinstance(event, ButtonPress) and heard.pressed is not None:
            self._spawn(self._mark(live, event, heard.pressed))
        return new

    def _answer_at(self, key: str, url: str) -> None:
        self._answers[key] = url
        while len(self._answers) > 1000:
            self._answers.popitem(last=False)

    async def _mark(self, live: _Live, press: ButtonPress, message: dict[str, Any]) -> None:
        """Take the buttons away, and show which was pressed. Nobody waits for it."""
        blocks: object = message.get("blocks")
        text: object = message.get("text")
        if not isinstance(blocks, list) or not isinstance(text, str):
            return
        left = chosen(blocks, press.value)  # pyright: ignore[reportUnknownArgumentType]
        where = press.conversation.channel
        with contextlib.suppress(AdapterError, ConfigError):
            await live.api.call(
                "chat.update", optional=True, channel=where, ts=press.message_id, text=text, blocks=left
            )

    async def _follow(self, connected: asyncio.Event) -> None:
        """At every connection: what was said before it."""
        while True:
            await connected.wait()
            connected.clear()
            await self._catch_up()
            self._here.set()

    async def _watch(self, line: Line) -> None:
        """Where nothing comes for long, ask whether there was nothing; else the connection is deaf."""
        while True:
            events = self._events
            await asyncio.sleep(self._watch_seconds)
            if self._events != events or self._live is None:
                continue
            try:
                await self._live.api.call("auth.test")  # a token may have been revoked meanwhile
            except TryLaterError:
                continue
            if await self._catch_up(probe=True):
                _log.warning("slack: the connection is deaf; making it anew")
                await line.again()

    async def _catch_up(self, *, probe: bool = False) -> int:
        live = self._live
        if live is None:
            return 0

        async def take(heard: Heard) -> bool:
            backoff, tries = Backoff(first=0.2, factor=2.0, most=5.0), 0
            while True:
                try:
                    return await self._give(live, heard)
                except (HostBusyError, LedgerError) as error:  # what comes after it must not move the mark past it
                    tries += 1
                    _log.info("what was said meanwhile is offered again", tries=tries, error=str(error))
                    await asyncio.sleep(backoff.seconds(tries))

        return await self._history.catch_up(live.api, live.reader, take, probe=probe)

    async def _prune(self) -> None:
        while True:
            await self._files.prune()
            await asyncio.sleep(86_400)

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Post ``reply``; a part that is there already is not posted again.

        Raises:
            TryLaterError: a limit, or no way to Slack.
            ConfigError: the token is no good any more.
            AdapterError: Slack refused.
        """
        live = await self._connected()
        if (known := self._deliveries.receipt(key)) is not None:
            return known
        url = self._answers.get(key, "")
        group = conversation.kind == "group"
        if group and (reply.only_for or url):
            return await self._whisper(live, conversation, reply, key, url, again)
        if again:
            await self._find(live, conversation, key, reply_to)

        parts: tuple[Post | str, ...] = (*posts(reply), *reply.files)

        async def post(number: int, part: Post | str) -> str:
            if number and isinstance(part, Post):
                await asyncio.sleep(self._pause)
            if isinstance(part, str):
                return await self._upload(live, conversation, part)
            return await self._post(live, conversation, part, key, number)

        try:
            receipt = await self._deliveries.deliver(key, parts, post, again=again)
        except AdapterError as error:
            if url and _word(error) in _NOT_THERE:  # a command in a conversation that the bot is no part of
                return await self._whisper(live, conversation, reply, key, url, again)
            raise
        self._answers.pop(key, None)
        return receipt

    async def _find(self, live: _Live, conversation: Conversation, key: str, reply_to: str | None) -> None:
        """Note which parts another try, or a process that died, has posted."""
        progress = await self._deliveries.progress(key)
        found = await self._history.posted(live.api, conversation, key, reply_to)
        sent = list(progress.sent)
        while len(sent) in found:
            sent.append(found[len(sent)])
        if len(sent) > len(progress.sent):
            await self._deliveries.note(key, msgspec.structs.replace(progress, sent=tuple(sent)))

    async def _post(self, live: _Live, where: Conversation, post: Post, key: str, number: int) -> str:
        marked = {"event_type": _METADATA, "event_payload": {"key": key, "part": number}}
        draft = (await self._deliveries.progress(key)).draft if number == 0 else ""
        if draft:
            if where.thread:
                await live.streams.stop(where, draft, key)
            try:
                # Blocks always: without them those of the draft would stay.
                await live.api.call(
                    *("chat.update",),
                    channel=where.channel,
                    ts=draft,
                    text=post.text,
                    blocks=list(post.blocks),
                    metadata=marked,
                )
                return draft
            except AdapterError as error:
                if _word(error) not in _GONE:
                    raise
        given: dict[str, Any] = {
            "channel": where.channel,
            "thread_ts": where.thread,
            "metadata": marked,
            "unfurl_links": False,
            "unfurl_media": False,
        }
        try:
            answer = await live.api.call("chat.postMessage", **given, **post.arguments())
        except AdapterError as error:
            if not post.blocks or _word(error) not in _BLOCKS:
                raise
            _log.warning("slack does not take these blocks; sending text", error=str(error))
            answer = await live.api.call("chat.postMessage", **given, text=post.text)
        return str(answer.get("ts", ""))

    async def _upload(self, live: _Live, where: Conversation, path: str) -> str:
        try:
            return await live.attachments.upload(where, path)
        except TryLaterError:
            raise
        except AdapterError as error:  # the words are out already; they need not be lost for the file
            _log.warning("a file was not sent", error=str(error))
            text = f"({Path(path).name} could not be attached.)"
            answer = await live.api.call(
                "chat.postMessage", channel=where.channel, thread_ts=where.thread, text=text, mrkdwn=False
            )
            return str(answer.get("ts", ""))

    async def _whisper(
        self, live: _Live, where: Conversation, reply: Reply, key: str, url: str, again: bool
    ) -> Receipt:
        """Answer so that only one person sees it."""
        person = reply.only_for or ""

        async def post(number: int, part: Post | str) -> str:
            if isinstance(part, str):  # files cannot be whispered: they go to the person directly
                if not person:
                    return ""
                opened = await live.api.call("conversations.open", users=person)
                channel = str(cast("dict[str, Any]", opened.get("channel") or {}).get("id", ""))
                return await self._upload(live, Conversation(platform="slack", channel=channel), part)
            if url and live.attachments.is_slacks(url):
                await self._respond(live, url, part)
                return ""
            if not person:
                raise AdapterError("slack: there is no way left to answer this command")
            answer = await live.api.call(
                "chat.postEphemeral", channel=where.channel, thread_ts=where.thread, user=person, **part.arguments()
            )
            return str(answer.get("message_ts", ""))

        parts: tuple[Post | str, ...] = (*posts(reply), *reply.files)
        receipt = await self._deliveries.deliver(key, parts, post, again=again)
        self._answers.pop(key, None)
        return receipt

    async def _respond(self, live: _Live, url: str, post: Post) -> None:
        body: dict[str, Any] = {"response_type": "ephemeral", "replace_original": False, "text": post.text}
        if post.blocks:
            body["blocks"] = list(post.blocks)
        try:
            async with live.api.session.post(url, json=body) as answer:
                if answer.status == 429 or answer.status >= 500:
                    raise TryLaterError(f"slack: an answer to a command was answered with {answer.status}")
                if answer.status != 200:
                    raise AdapterError(f"slack: an answer to a command was answered with {answer.status}")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise TryLaterError(f"slack: an answer to a command did not get through: {error!r}") from error

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` in the place where the reply will be."""
        live = self._live
        if live is None or self._deliveries.receipt(key) is not None or not text.strip():
            return
        await live.streams.show(conversation, text, key)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message sent earlier.

        Raises:
            AdapterError: there is no such message, or Slack did not take it.
        """
        live = await self._connected()
        (post, *_) = posts(reply)
        await live.api.call(
            "chat.update",
            channel=conversation.channel,
            ts=message_id,
            text=post.text,
            blocks=list(post.blocks),
        )

    async def typing(self, conversation: Conversation) -> None:
        """Nothing: Slack shows that of people only."""

    async def _connected(self) -> _Live:
        if self._live is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._here.wait()
        if self._live is None:
            raise TryLaterError("slack: there is no connection yet")
        return self._live

    def _turn(self, key: str) -> asyncio.Lock:
        lock = self._turns.get(key)
        if lock is None:
            self._turns[key] = lock = asyncio.Lock()
        return lock

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def from_setup(setup: AdapterSetup) -> SlackAdapter:
    """Slack, as an installation's settings have it."""
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
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
    )


def _word(error: AdapterError) -> str:
    """Slack's own word for a refusal."""
    return str(error).partition(":")[0]


def _header(headers: Any, name: str) -> str:
    found: Callable[[], Any] = headers.items
    return next((str(value) for key, value in found() if str(key).lower() == name), "")
