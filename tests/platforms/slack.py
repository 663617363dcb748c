"""Slack on loopback: the Web API, Socket Mode, and signed HTTP events.

``python -m tests.platforms`` serves it with the others. Where Slack is kinder than this server the server is wrong on
purpose: what happens while no connection is there is not delivered later, so that only the history has it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import html
import inspect
import itertools
import json
import re
import time
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import aiohttp
from aiohttp import WSMsgType, web

from tests.free_port import free_port
from tests.platforms.server import Shown, abort
from tests.platforms.shapes import Shapes

ACK_SECONDS = 3.0
PATIENCE = 20.0
TEAM, APP, BOT, BOT_ID = "T0TEAM0001", "A0APP00001", "U0BOT00001", "B0BOT00001"
BOT_TOKEN, APP_TOKEN, SECRET = "xoxb-1-loopback-0123456789", "xapp-1-loopback-0123456789", "loopback-signing-secret"
SCOPES = (
    "app_mentions:read,channels:history,groups:history,im:history,mpim:history,chat:write,commands,files:read,"
    "files:write,reactions:read,im:read,im:write,users:read,channels:read,groups:read,assistant:write"
)
NAMES = {
    "👍": "thumbsup",
    "👎": "thumbsdown",
    "❤": "heart",
    "❤️": "heart",
    "🎉": "tada",
    "👍🏽": "thumbsup::skin-tone-4",
}

Message = dict[str, Any]


class Refused(Exception):
    """A refusal: an answer with ``ok: false``."""

    def __init__(self, word: str, **more: Any) -> None:
        super().__init__(word)
        self.answer = {"ok": False, "error": word, **more}


class SlackServer:
    """One workspace with Ana, Ben and a bot."""

    name = "slack"
    ana, ben, group = "U0ANA00001", "U0BEN00001", "C0GROUP001"

    def __init__(self, *, http: bool = False) -> None:
        """Args: ``http`` delivers events as signed requests, not over Socket Mode."""
        self.http = http
        self.bot_port = free_port() if http else 0  #: the port on which the bot listens, over HTTP
        self.scopes = SCOPES
        self.revoked = ""  #: the error with which every call is refused; empty: none
        self.streaming = True  #: whether the workspace has the streaming methods
        self.feedback_buttons = True  #: whether the workspace takes the block with feedback buttons
        self.assistant = True  #: whether the workspace has the methods of the assistant pane
        self.statuses: dict[tuple[str, str], str] = {}  #: what the bot is doing, by channel and thread
        self.past_statuses: list[str] = []  #: all that it was doing, in order
        self.prompts: dict[tuple[str, str], list[str]] = {}  #: what is suggested in a thread of the assistant pane
        self.titles: dict[tuple[str, str], str] = {}  #: of threads of the assistant pane
        self.deaf = False  #: whether connections stay open, answer pings, and deliver nothing
        self.silent = False  #: whether connections do not even answer pings
        self.lose_acks = 0  #: how many acknowledgements get lost
        self.lose_answers = 0  #: how many messages are posted without the confirmation reaching the bot
        self.calls: list[tuple[str, dict[str, Any]]] = []  #: every method called, with its arguments
        self.bot_reactions: list[tuple[str, str]] = []  #: what the bot put on messages: ts and name
        self.connections = 0  #: how many there have been
        self.forms = True  #: whether forms can be opened
        self.opened: list[tuple[list[str], dict[str, Any]]] = []  #: forms: what people read on them, and the view
        self.form_errors: list[
            dict[str, str]
        ] = []  #: what the form that was sent showed then, by field; empty: it closed
        self.admins: set[str] = set()  #: who administers the workspace
        self.people = {self.ana: "Ana Pérez", self.ben: "Ben & Co"}  #: the names that Slack says
        self.locale = "en-US"  #: the language that every person has chosen in Slack
        self.may_name = asyncio.Event()  #: whether questions for names are answered
        self.may_name.set()
        self.deliveries = 0  #: of events, including repeated ones
        self._channels: dict[str, list[Message]] = {self.group: []}
        self._whispered: list[tuple[str, str, Message]] = []  # channel, user, message
        self._threads: dict[tuple[str, str], str] = {}
        self._panes: set[tuple[str, str]] = set()  # channel and thread
        self._files: dict[str, tuple[str, bytes]] = {}
        self._uploads: dict[str, str] = {}
        self._alternatives: dict[str, str] = {}  # by file
        self._urls: dict[str, tuple[str, str, str]] = {}  # response url -> channel, user, ts of the pressed message
        self._sockets: list[web.WebSocketResponse] = []
        self._acks: dict[str, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._unacked: list[tuple[str, dict[str, Any]]] = []
        self._last: list[tuple[str, dict[str, Any]]] = []
        self._limits: list[float] = []
        self._count = itertools.count(1)
        self._clock = 0  # microseconds of the last ts
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._web = Shapes.load("slack")
        self._events = Shapes.load("slack_events")

    # ── start and stop ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> Mapping[str, str]:
        tokens = {"SLACK_BOT_TOKEN": BOT_TOKEN, "SLACK_API_URL": f"{self.url}/api/"}
        if self.http:
            return tokens | {"SLACK_SIGNING_SECRET": SECRET, "SLACK_HTTP_PORT": str(self.bot_port)}
        return tokens | {"SLACK_APP_TOKEN": APP_TOKEN}

    async def start(self) -> None:
        application = web.Application(client_max_size=50_000_000)
        application.router.add_post("/api/{method}", self._serve)
        application.router.add_get("/link", self._connect)
        application.router.add_post("/upload/{id}", self._upload)
        application.router.add_get("/files/{id}/{name}", self._download)
        application.router.add_post("/answer/{id}", self._answered)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def connected(self) -> None:
        if not self.http:
            await self.wait(lambda: bool(self._sockets))
            return
        async with asyncio.timeout(60):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.bot_port)
                except OSError:
                    await asyncio.sleep(0.05)
                    continue
                writer.close()
                return

    async def drop(self) -> None:
        for each in self._sockets[:]:
            self._sockets.remove(each)
            abort(each)

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────────────

    def newcomer(self, number: int) -> str:
        return f"U1P{number:07}"

    def direct(self, user: str) -> str:
        """The id of a person's direct conversation with the bot."""
        channel = f"D{user[1:]}"
        self._channels.setdefault(channel, [])
        return channel

    async def say(
        self,
        text: str,
        *,
        user: str = "",
        channel: str = "",
        thread: str | None = None,
        mention: bool = False,
        reply_to: str | None = None,
        files: Mapping[str, bytes] | None = None,
        voice: bool = False,
        markup: str | None = None,
        shared: Sequence[dict[str, Any]] = (),
        blocks: Sequence[dict[str, Any]] = (),
    ) -> str:
        """Args: ``markup`` takes the place of ``text``; ``shared`` are attachments; see ``shared_message``."""
        user = user or self.ana
        channel = channel or self.direct(user)
        root = self._root(channel, reply_to) if reply_to else None
        if thread is not None:
            root = self._threads.get((channel, thread)) or self._begin(channel, thread)
        text = html.escape(text, quote=False) if markup is None else markup
        message = self._new(user, f"<@{BOT}> {text}" if mention else text, root, channel)
        if shared:
            message["attachments"] = list(shared)
        if blocks:
            message["blocks"] = list(blocks)
        message["client_msg_id"] = f"c-{next(self._count)}"
        if files:
            message["subtype"] = "file_share"
            message["files"] = [self._file(name, data, voice) for name, data in files.items()]
        self._channels[channel].append(message)
        event = {**message, "channel": channel, "channel_type": _kind(channel), "event_ts": message["ts"]}
        self._last = []
        if mention and channel == self.group:
            self._deliver_event("app_mention", {**event, "type": "app_mention"})
        self._deliver_event("message", event)
        await self._notify()
        return str(message["ts"])

    def shared_message(
        self,
        text: str,
        *,
        author: str = "",
        blocks: Sequence[dict[str, Any]] = (),
        files: Mapping[str, bytes] | None = None,
    ) -> dict[str, Any]:
        """The attachment that a shared message of Ben is."""
        ts = self._ts()
        return {
            "ts": ts,
            "author_id": self.ben,
            "author_name": author,
            "author_subname": author,
            "channel_id": self.group,
            "channel_team": TEAM,
            "is_msg_unfurl": True,
            "is_share": True,
            "message_blocks": [{"team": TEAM, "channel": self.group, "ts": ts, "message": {"blocks": list(blocks)}}],
            "id": 1,
            "fallback": f"[March 5th, 2026 10:00 AM] {author}: {text}" if text else "[no preview available]",
            "text": text,
            "from_url": f"https://acme.slack.com/archives/{self.group}/p{ts.replace('.', '')}",
            "footer": "Posted in #general",
            "mrkdwn_in": ["text"],
            **({"files": [self._file(name, data, False) for name, data in files.items()]} if files else {}),
        }

    async def open_pane(self, *, user: str = "", changed: str = "") -> str:
        """A person opens the assistant pane; returns the thread. Or looks at another channel while it is open."""
        user = user or self.ana
        channel = self.direct(user)
        thread = changed
        if not changed:
            root: Message = self._new(BOT, "New Assistant Thread", None, channel)
            thread = str(root["ts"])
            self._channels[channel].append(
                {**root, "subtype": "assistant_app_thread", "bot_id": BOT_ID, "thread_ts": thread}
            )
        self._panes.add((channel, thread))
        event = {
            "type": "assistant_thread_context_changed" if changed else "assistant_thread_started",
            "assistant_thread": {
                "user_id": user,
                "context": {"channel_id": self.group, "team_id": TEAM, "enterprise_id": None},
                "channel_id": channel,
                "thread_ts": thread,
            },
            "event_ts": self._ts(),
        }
        self._last = []
        self._deliver_event("assistant_thread", event)
        await self._notify()
        return thread

    async def redeliver(self) -> None:
        for kind, payload in self._last:
            self._deliver(kind, payload, retry=1)

    async def change(self, message_id: str, text: str, *, markup: str | None = None) -> None:
        channel, message = self._find(message_id)
        before = dict(message)
        message["text"] = html.escape(text, quote=False) if markup is None else markup
        message["edited"] = {"user": message["user"], "ts": self._ts()}
        event = {
            "type": "message",
            "subtype": "message_changed",
            "hidden": True,
            "channel": channel,
            "channel_type": _kind(channel),
            "ts": self._ts(),
            "event_ts": self._ts(),
            "message": message,
            "previous_message": before,
        }
        self._deliver_event("message", event)

    async def react(self, message_id: str, emoji: str, *, on: bool, user: str = "") -> None:
        channel, message = self._find(message_id)
        event = {
            "type": "reaction_added" if on else "reaction_removed",
            "user": user or self.ana,
            "reaction": NAMES.get(emoji, emoji),
            "item": {"type": "message", "channel": channel, "ts": message_id},
            "item_user": message["user"],
            "event_ts": self._ts(),
        }
        self._deliver_event("reaction", event)

    async def press(self, message_id: str, label: str, *, user: str = "") -> None:
        _, message = self._find(message_id)
        elements = [
            each for block in message.get("blocks", ()) if block["type"] == "actions" for each in block["elements"]
        ]
        for element in elements:
            if element["type"] == "button" and element["text"]["text"] == label:
                self._act(message_id, element, user)
                return
            for option in element.get("options", ()):
                if option["text"]["text"] == label:
                    menu = {name: value for name, value in element.items() if name != "options"}
                    self._act(message_id, menu | {"selected_option": option}, user)
                    return
        raise AssertionError(f"{label!r} cannot be pressed")

    async def rate(self, message_id: str, emoji: str, *, user: str = "") -> None:
        """Press the feedback button with this emoji."""
        _, message = self._find(message_id)
        (buttons,) = [
            element
            for block in message.get("blocks", ())
            if block["type"] == "context_actions"
            for element in block["elements"]
            if element["type"] == "feedback_buttons"
        ]
        pressed = next(
            buttons[name] for name in ("positive_button", "negative_button") if buttons[name]["text"]["text"] == emoji
        )
        action = {name: buttons[name] for name in ("type", "action_id")}
        self._act(message_id, action | {"text": pressed["text"], "value": pressed["value"]}, user)

    def _act(self, message_id: str, action: dict[str, Any], user: str) -> None:
        """Deliver what a person did with an element of a message."""
        user = user or self.ana
        channel, message = self._find(message_id)
        payload = {
            "type": "block_actions",
            "user": {"id": user, "username": "somebody", "team_id": TEAM},
            "api_app_id": APP,
            "token": "verification",
            "container": {
                "type": "message",
                "message_ts": message_id,
                "channel_id": channel,
                "is_ephemeral": any(each is message for *_, each in self._whispered),
                **({"thread_ts": message["thread_ts"]} if "thread_ts" in message else {}),
            },
            "trigger_id": f"{next(self._count)}.2.abc",
            "team": {"id": TEAM, "domain": "acme"},
            "channel": {"id": channel, "name": "somewhere"},
            "message": message,
            "response_url": self._response_url(channel, user, message_id),
            "actions": [{**action, "block_id": "b", "action_ts": self._ts()}],
        }
        self._events.check("block_actions", payload)
        self._last = []
        self._deliver("interactive", payload)

    async def command(self, name: str, arguments: str = "", *, user: str = "", channel: str = "") -> None:
        user = user or self.ana
        channel = channel or self.direct(user)
        payload = {
            "token": "verification",
            "team_id": TEAM,
            "team_domain": "acme",
            "channel_id": channel,
            "channel_name": "directmessage" if channel.startswith("D") else "general",
            "user_id": user,
            "user_name": "somebody",
            "command": f"/{name}",
            "text": arguments,
            "api_app_id": APP,
            "is_enterprise_install": "false",
            "response_url": self._response_url(channel, user),
            "trigger_id": f"{next(self._count)}.2.abc",
        }
        self._events.check("slash_command", payload)
        self._last = []
        self._deliver("slash_commands", payload)

    def shown(self, channel: str = "", *, user: str = "") -> list[Shown]:
        user = user or self.ana
        channel = channel or self.direct(user)
        messages = [each for each in self._channels.get(channel, ()) if each["user"] == BOT]
        seen: list[tuple[Message, str | None]] = [(each, None) for each in messages]
        seen += [(each, to) for where, to, each in self._whispered if where == channel and to == user]
        return [_shown(each, channel, to) for each, to in sorted(seen, key=lambda item: str(item[0]["ts"]))]

    async def until(self, ready: Callable[[list[Shown]], bool], channel: str = "") -> list[Shown]:
        await self.wait(lambda: ready(self.shown(channel)))
        return self.shown(channel)

    def limit(self, seconds: float, times: int = 1) -> None:
        self._limits = [seconds] * times

    async def garbage(self) -> None:
        bodies: list[Any] = [
            {},
            {"type": "event_callback"},
            {"type": "event_callback", "event": None},
            {"type": "event_callback", "event": {"type": "message"}, "event_id": 7},
            {"type": "event_callback", "event": {"type": "message", "channel": 1, "ts": "x", "user": []}},
            {"type": "event_callback", "event": {"type": "message", "channel": "D1", "ts": "nan", "user": "U1"}},
            {"type": "event_callback", "event": {"type": "message", "channel": "D1", "ts": "9" * 400, "user": "U1"}},
            {"type": "event_callback", "event": {"type": "reaction_added", "user": "U1", "item": {"type": "file"}}},
            {"type": "event_callback", "event": {"type": "never_heard_of", "x": "y" * 100_000}},
            {"type": "event_callback", "event": {"type": "assistant_thread_started", "assistant_thread": {}}},
            {"type": "event_callback", "event": {"type": "assistant_thread_started", "assistant_thread": "D1"}},
            {"type": "block_actions", "user": {"id": "U1"}, "actions": []},
            {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"type": "feedback_buttons", "value": "?"}]},
            {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"selected_option": {"value": 1}}]},
            {"type": "block_actions", "user": None, "actions": [{"value": 1}]},
            {"type": "view_submission", "view": {}},
            {"command": 1},
            {"command": "/profile", "user_id": "U1"},
        ]
        if self.http:
            async with aiohttp.ClientSession() as client:
                for body in bodies:
                    await self._post(client, json.dumps(body), {})
                for raw in ("", "{", "[]", "null", "\x00", "[" * 20_000, "payload=%ZZ", "payload={"):
                    await self._post(client, raw, {})
            return
        await self.connected()
        for raw in ("", "{", "[]", "null", '"x"', "{}", '{"type": "hello"}', '{"type": 7, "envelope_id": []}'):
            await self._sockets[-1].send_str(raw)
        for body in bodies:
            for kind in ("events_api", "interactive", "slash_commands", "other"):
                envelope = {"type": kind, "envelope_id": f"g{next(self._count)}", "payload": body}
                await self._sockets[-1].send_str(json.dumps(envelope))

    # ── delivering ────────────────────────────────────────────────────────────────────────────────────────────────

    def _deliver_event(self, shape: str, event: dict[str, Any]) -> None:
        self._events.check(shape, event)
        payload = {
            "token": "verification",
            "team_id": TEAM,
            "api_app_id": APP,
            "type": "event_callback",
            "event": event,
            "event_id": f"Ev{next(self._count):08}",
            "event_time": int(time.time()),
            "authorizations": [{"enterprise_id": None, "team_id": TEAM, "user_id": BOT, "is_bot": True}],
            "is_ext_shared_channel": False,
        }
        self._events.check("event_callback", payload)
        self._deliver("events_api", payload)

    def _deliver(self, kind: str, payload: dict[str, Any], retry: int = 0) -> None:
        if not retry:
            self._last.append((kind, payload))
        task = asyncio.create_task(
            self._deliver_http(kind, payload, retry) if self.http else self._deliver_socket(kind, payload, retry)
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver_socket(self, kind: str, payload: dict[str, Any], retry: int) -> None:
        for attempt in range(retry, 4):
            if not self._sockets or self.deaf:
                return  # Slack tries for some minutes; after a longer outage the bot must read the history
            envelope: dict[str, Any] = {
                "type": kind,
                "envelope_id": f"e{next(self._count)}",
                "payload": payload,
                "accepts_response_payload": kind != "events_api",
            }
            if kind == "events_api":
                envelope |= {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
            self._events.check("envelope", envelope)
            acked = self._acks[envelope["envelope_id"]] = asyncio.get_running_loop().create_future()
            self.deliveries += 1
            await self._notify()
            to = self._sockets[-1]
            with contextlib.suppress(ConnectionError):
                await to.send_str(json.dumps(envelope))
            gone = asyncio.create_task(self._gone(to))
            await asyncio.wait({acked, gone}, timeout=ACK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            gone.cancel()
            if acked.done():
                self._show_errors(kind, payload, acked.result())
                await self._notify()
                return
            if to not in self._sockets:
                self._unacked.append((kind, payload))
                return

    async def _gone(self, link: web.WebSocketResponse) -> None:
        await self.wait(lambda: link not in self._sockets, None)

    async def _deliver_http(self, kind: str, payload: dict[str, Any], retry: int) -> None:
        if kind == "events_api":
            body = json.dumps(payload)
        elif kind == "interactive":
            body = urllib.parse.urlencode({"payload": json.dumps(payload)})
        else:
            body = urllib.parse.urlencode(payload)
        form = {} if kind == "events_api" else {"Content-Type": "application/x-www-form-urlencoded"}
        async with aiohttp.ClientSession() as client:
            for attempt in range(retry, 4):
                again = {"X-Slack-Retry-Num": str(attempt), "X-Slack-Retry-Reason": "http_error"} if attempt else {}
                self.deliveries += 1
                status, answer = await self._post(client, body, form | again)
                if status == 200:
                    self._show_errors(kind, payload, json.loads(answer) if answer else None)
                    await self._notify()
                if status == 200 or kind != "events_api":
                    return
                await asyncio.sleep(0.1)  # Slack's own pauses are longer: at once, a minute, five

    async def _post(self, client: aiohttp.ClientSession, body: str, headers: dict[str, str]) -> tuple[int, str]:
        try:
            async with client.post(
                f"http://127.0.0.1:{self.bot_port}/slack/events",
                data=body.encode(),
                headers=sign(body) | {"Content-Type": "application/json"} | headers,
                timeout=aiohttp.ClientTimeout(total=ACK_SECONDS),
            ) as answer:
                return answer.status, await answer.text()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return 0, ""

    async def _connect(self, request: web.Request) -> web.WebSocketResponse:
        link = web.WebSocketResponse(autoping=False, max_msg_size=1_000_000)
        await link.prepare(request)
        self.connections += 1
        hello = {
            "type": "hello",
            "num_connections": len(self._sockets) + 1,
            "connection_info": {"app_id": APP},
            "debug_info": {"host": "loopback", "approximate_connection_time": 18060},
        }
        await link.send_str(json.dumps(hello))
        self._sockets.append(link)
        left, self._unacked = self._unacked, []
        for kind, payload in left:
            self._deliver(kind, payload, retry=1)
        await self._notify()
        try:
            async for message in link:
                if message.type is WSMsgType.PING and not self.silent:
                    await link.pong(message.data)
                elif message.type is WSMsgType.TEXT:
                    answer = json.loads(message.data)
                    acked = self._acks.pop(answer["envelope_id"], None)
                    if self.lose_acks:
                        self.lose_acks -= 1
                    elif acked is not None and not acked.done():
                        acked.set_result(answer.get("payload"))
        finally:
            if link in self._sockets:
                self._sockets.remove(link)
            await self._notify()
        return link

    async def warn(self) -> None:
        """Announce that the bot's connection will be closed, as Slack does every few hours."""
        await self._sockets[-1].send_str(json.dumps({"type": "disconnect", "reason": "refresh_requested"}))

    # ── the Web API ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, request: web.Request) -> web.Response:
        method = request.match_info["method"]
        if request.content_type == "application/json":
            given = cast("dict[str, Any]", await request.json())
        else:
            given = {key: _unform(str(value)) for key, value in (await request.post()).items()}
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = APP_TOKEN if method == "apps.connections.open" else BOT_TOKEN
        headers = {"x-oauth-scopes": self.scopes}
        if self.revoked or token != wanted:
            return web.json_response({"ok": False, "error": self.revoked or "invalid_auth"}, headers=headers)
        self.calls.append((method, given))
        limited = method in ("chat.postMessage", "chat.postEphemeral") and self._limits
        pause = self._limits.pop(0) if limited else -1.0
        if pause >= 0:
            headers |= {"Retry-After": str(pause)}
            return web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers=headers)
        handler = getattr(self, "_" + re.sub(r"\W|(?=[A-Z])", "_", method).lower(), None)
        try:
            if handler is None:
                raise Refused("unknown_method")
            if method in ("chat.postMessage", "chat.update", "chat.postEphemeral", "conversations.history"):
                self._web.check(method, given)
            result = handler(given)
            answer = {"ok": True, **(await result if inspect.isawaitable(result) else result)}
        except Refused as refusal:
            answer = refusal.answer
        await self._notify()
        if method == "chat.postMessage" and self.lose_answers:
            self.lose_answers -= 1
            if request.transport is not None:
                request.transport.close()
        return web.json_response(answer, headers=headers)

    def _auth_test(self, given: dict[str, Any]) -> dict[str, Any]:
        return {
            "url": "https://acme.slack.com/",
            "team": "Acme",
            "user": "calendar",
            "team_id": TEAM,
            "user_id": BOT,
            "bot_id": BOT_ID,
        }

    def _apps_connections_open(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"url": f"ws://127.0.0.1:{self._port}/link?ticket={next(self._count)}"}

    def _chat_post_message(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("chat:write")
        channel = self._channel(given)
        message = self._new(BOT, str(given.get("text", "")), given.get("thread_ts"), channel)
        self._put(message, given)
        message["bot_id"], message["app_id"] = BOT_ID, APP
        self._channels[channel].append(message)
        self.statuses[channel, str(given.get("thread_ts"))] = ""  # a message takes the status away
        self._echo(channel, message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, message = self._own(given)
        if "text" in given or "blocks" in given:
            message["text"] = given.get("text", message["text"])
            self._put(message, given)
        return {"channel": channel, "ts": message["ts"], "text": message["text"], "message": message}

    def _reactions_add(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("reactions:write")
        if given["timestamp"] not in [each["ts"] for each in self._channels[self._channel(given)]]:
            raise Refused("message_not_found")
        done = (given["timestamp"], given["name"])
        if done in self.bot_reactions:
            raise Refused("already_reacted")
        self.bot_reactions.append(done)
        return {}

    def _chat_post_ephemeral(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given)
        message = self._new(BOT, str(given.get("text", "")), given.get("thread_ts"), channel)
        self._put(message, given)
        self._whispered.append((channel, given["user"], message))
        return {"message_ts": message["ts"]}

    def _chat_start_stream(self, given: dict[str, Any]) -> dict[str, Any]:
        if not self.streaming:
            raise Refused("unknown_method")
        channel = self._channel(given)
        if not given.get("thread_ts"):
            raise Refused("invalid_arguments")
        if channel.startswith("C") and not (given.get("recipient_user_id") and given.get("recipient_team_id")):
            raise Refused("missing_recipient_user_id")
        message = self._new(BOT, self._markdown(given), given["thread_ts"], channel)
        message |= {"streaming": True, "bot_id": BOT_ID}
        self._channels[channel].append(message)
        return {"channel": channel, "ts": message["ts"]}

    def _chat_append_stream(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, message = self._own(given)
        if not message.get("streaming"):
            raise Refused("message_not_in_streaming_state")
        message["text"] += self._markdown(given)
        return {"channel": channel, "ts": message["ts"]}

    def _chat_stop_stream(self, given: dict[str, Any]) -> dict[str, Any]:
        channel, message = self._own(given)
        if not message.pop("streaming", False):
            raise Refused("message_not_in_streaming_state")
        message["text"] += self._markdown(given)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _pane(self, method: str, given: dict[str, Any], *scopes: str) -> tuple[str, str]:
        """The thread of a call about the assistant pane."""
        if not self.assistant:
            raise Refused("unknown_method")
        self._events.check(method, given)
        if not any(scope in self.scopes.split(",") for scope in scopes):
            raise Refused("missing_scope", needed=scopes[0], provided=self.scopes)
        channel = self._channel({"channel": given["channel_id"]})
        if (channel, given["thread_ts"]) not in self._panes:
            raise Refused("invalid_thread_ts")
        return channel, str(given["thread_ts"])

    def _assistant_threads_set_status(self, given: dict[str, Any]) -> dict[str, Any]:
        pane = self._pane("assistant.threads.setStatus", given, "assistant:write", "chat:write")
        self.statuses[pane] = given["status"]
        self.past_statuses.append(given["status"])
        return {}

    def _assistant_threads_set_suggested_prompts(self, given: dict[str, Any]) -> dict[str, Any]:
        pane = self._pane("assistant.threads.setSuggestedPrompts", given, "assistant:write")
        self.prompts[pane] = [prompt["message"] for prompt in given["prompts"]]
        return {}

    def _assistant_threads_set_title(self, given: dict[str, Any]) -> dict[str, Any]:
        pane = self._pane("assistant.threads.setTitle", given, "assistant:write")
        self.titles[pane] = given["title"]
        return {}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given)
        self._need("im:history" if channel.startswith("D") else "channels:history")
        found = [each for each in self._channels[channel] if each.get("thread_ts", each["ts"]) == each["ts"]]
        return self._page(found, given, newest_first=True)

    def _conversations_replies(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel(given)
        found = [each for each in self._channels[channel] if given["ts"] in (each["ts"], each.get("thread_ts"))]
        return self._page(found, given, newest_first=False)

    def _conversations_list(self, given: dict[str, Any]) -> dict[str, Any]:
        people = {channel: f"U{channel[1:]}" for channel in self._channels if channel.startswith("D")}
        begun = {channel: int(float(self._channels[channel][0]["ts"])) for channel in people if self._channels[channel]}
        channels = [
            {"id": each, "created": begun.get(each, 0), "is_im": True, "user": user} for each, user in people.items()
        ]
        return {"channels": channels, "response_metadata": {"next_cursor": ""}}

    def _conversations_open(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"channel": {"id": self.direct(str(given["users"]))}}

    def _views_open(self, given: dict[str, Any]) -> dict[str, Any]:
        if not self.forms:
            raise Refused("expired_trigger_id")
        view = json.loads(given["view"]) if isinstance(given["view"], str) else given["view"]
        asked = [view["title"]["text"], *(each["label"]["text"] for each in view["blocks"])]
        if len(asked[0]) > 24 or len(view["private_metadata"]) > 3000 or not view["submit"]:
            raise Refused("invalid_arguments")
        if len({each["block_id"] for each in view["blocks"]}) < len(view["blocks"]):
            raise Refused("invalid_arguments")
        for each in view["blocks"]:
            _check_input(each)
        view |= {"id": f"V{next(self._count):09}", "state": {"values": {}}}
        self.opened.append((asked, view))
        return {"view": view}

    async def fill(self, *typed: str, user: str = "") -> None:
        """A person fills in the form that was opened last, and sends it."""
        _, view = self.opened[-1]
        values = {
            block["block_id"]: {block["element"]["action_id"]: _filled(block, text)}
            for block, text in zip(view["blocks"], typed, strict=True)
        }
        payload: dict[str, Any] = {
            "type": "view_submission",
            "team": {"id": TEAM, "domain": "acme"},
            "user": {"id": user or self.ana, "username": "somebody", "team_id": TEAM},
            "api_app_id": APP,
            "token": "verification",
            "trigger_id": f"{next(self._count)}.2.abc",
            "view": view | {"state": {"values": values}},
            "response_urls": [],
        }
        self._last = []
        self._deliver("interactive", payload)

    def _show_errors(self, kind: str, payload: dict[str, Any], answer: Any) -> None:
        """Show in a form what the app says is wrong with it."""
        if kind != "interactive" or payload["type"] != "view_submission":
            return
        known = {block["block_id"] for block in payload["view"]["blocks"]}
        errors: dict[str, str] = answer["errors"] if answer else {}
        if answer and (answer["response_action"] != "errors" or not errors or not {*errors} <= known):
            raise AssertionError(f"Slack shows nothing of {answer}")
        self.form_errors.append(errors)

    async def _users_info(self, given: dict[str, Any]) -> dict[str, Any]:
        await self.may_name.wait()
        self._need("users:read")
        name = self.people.get(str(given["user"]))
        if name is None:
            raise Refused("user_not_found")
        profile = {"real_name": name, "display_name": name}
        user = {"id": given["user"], "team_id": TEAM, "name": name.lower(), "real_name": name, "profile": profile}
        user |= {"deleted": False, "is_bot": False, "is_admin": given["user"] in self.admins}
        return {"user": user | ({"locale": self.locale} if given.get("include_locale") is True else {})}

    async def _conversations_info(self, given: dict[str, Any]) -> dict[str, Any]:
        await self.may_name.wait()
        self._need("channels:read")
        channel = self._channel(given)
        return {"channel": {"id": channel, "name": "general", "is_channel": True}}

    def _files_get_upload_u_r_l_external(self, given: dict[str, Any]) -> dict[str, Any]:
        self._need("files:write")
        file_id = f"F{next(self._count):09}"
        self._uploads[file_id] = str(given["filename"])
        if len(words := str(given.get("alt_txt", ""))) > 1000:
            raise Refused("alt_txt_too_large")
        self._alternatives[file_id] = words
        return {"upload_url": f"{self.url}/upload/{file_id}", "file_id": file_id}

    def _files_complete_upload_external(self, given: dict[str, Any]) -> dict[str, Any]:
        channel = self._channel({"channel": given["channel_id"]})
        message = self._new(BOT, "", given.get("thread_ts"), channel)
        message |= {"subtype": "file_share", "bot_id": BOT_ID, "files": []}
        for each in given["files"]:
            if each["id"] not in self._files:
                raise Refused("file_not_found")
            file = {"id": each["id"], "name": self._files[each["id"]][0]}
            message["files"].append(file | {"alt_txt": self._alternatives[each["id"]]})
        self._channels[channel].append(message)
        return {"files": message["files"]}

    async def _upload(self, request: web.Request) -> web.Response:
        file_id = request.match_info["id"]
        form = await request.post()
        (field,) = [each for each in form.values() if isinstance(each, web.FileField)]
        self._files[file_id] = (self._uploads[file_id], field.file.read())
        return web.Response(text="OK")

    async def _download(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {BOT_TOKEN}" or "files:read" not in self.scopes:
            return web.Response(text="<html>log in</html>", content_type="text/html")
        return web.Response(body=self._files[request.match_info["id"]][1], content_type="application/octet-stream")

    async def _answered(self, request: web.Request) -> web.Response:
        channel, user, ts = self._urls[request.match_info["id"]]
        given = cast("dict[str, Any]", await request.json())
        if given.get("delete_original"):
            self._whispered = [each for each in self._whispered if each[2]["ts"] != ts]
            await self._notify()
            return web.Response(text="ok")
        message = self._new(BOT, str(given.get("text", "")), None, channel)
        self._put(message, given)
        if given.get("response_type") == "in_channel":
            self._channels[channel].append(message)
        else:
            self._whispered.append((channel, user, message))
        await self._notify()
        return web.Response(text="ok")

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _put(self, message: Message, given: dict[str, Any]) -> None:
        blocks = given.get("blocks")
        if len(message["text"]) > 40_000:
            raise Refused("msg_too_long")
        if blocks is not None:
            _check_blocks(blocks)
            for block in blocks:
                if block["type"] == "context_actions":
                    self._events.check("context_actions", block)
                for element in block.get("elements", ()):
                    if element["type"] == "static_select":
                        self._events.check("static_select", element)
            if not self.feedback_buttons and any(block["type"] == "context_actions" for block in blocks):
                raise Refused("invalid_blocks")
            message["blocks"] = blocks
            if not blocks:
                del message["blocks"]
        if not message["text"] and not blocks:
            raise Refused("no_text")
        if "metadata" in given:
            message["metadata"] = given["metadata"]

    def _echo(self, channel: str, message: Message) -> None:
        """Deliver the bot's own message to the bot too."""
        event = {**message, "channel": channel, "channel_type": _kind(channel), "event_ts": message["ts"]}
        event.pop("metadata", None)
        last = self._last
        self._deliver_event("message", event)
        self._last = last

    def _markdown(self, given: dict[str, Any]) -> str:
        text = str(given.get("markdown_text", ""))
        if len(text) > 12_000:
            raise Refused("msg_too_long")
        return text

    def _page(self, found: list[Message], given: dict[str, Any], *, newest_first: bool) -> dict[str, Any]:
        oldest = str(given.get("oldest", "0"))
        kept = [dict(each) for each in found if str(each["ts"]) > oldest]
        if not given.get("include_all_metadata"):
            for each in kept:
                each.pop("metadata", None)
        kept = kept[-int(given.get("limit", 100)) :]
        return {"messages": kept[::-1] if newest_first else kept, "has_more": False}

    def _need(self, scope: str) -> None:
        if scope not in self.scopes.split(","):
            raise Refused("missing_scope", needed=scope, provided=self.scopes)

    def _channel(self, given: dict[str, Any]) -> str:
        channel = str(given.get("channel", ""))
        if channel not in self._channels:
            raise Refused("channel_not_found")
        return channel

    def _own(self, given: dict[str, Any]) -> tuple[str, Message]:
        channel = self._channel(given)
        for each in self._channels[channel]:
            if each["ts"] == given.get("ts"):
                if each["user"] != BOT:
                    raise Refused("cant_update_message")
                return channel, each
        raise Refused("message_not_found")

    def _find(self, ts: str) -> tuple[str, Message]:
        kept = ((channel, each) for channel, messages in self._channels.items() for each in messages)
        whispered = ((channel, each) for channel, _, each in self._whispered)
        return next((channel, each) for channel, each in (*kept, *whispered) if each["ts"] == ts)

    def _root(self, channel: str, ts: str) -> str:
        message = next(each for each in self._channels[channel] if each["ts"] == ts)
        return str(message.get("thread_ts", ts))

    def _begin(self, channel: str, thread: str) -> str:
        """Make the old message of a person that began a thread."""
        message = self._new(self.ben, f"about {thread}", None, channel)
        self._channels[channel].append(message)
        self._threads[channel, thread] = message["ts"]
        return str(message["ts"])

    def _new(self, user: str, text: str, root: str | None, channel: str) -> Message:
        message: Message = {"type": "message", "user": user, "text": text, "ts": self._ts(), "team": TEAM}
        if root:
            message["thread_ts"] = root
            message["parent_user_id"] = next(
                (each["user"] for each in self._channels[channel] if each["ts"] == root), self.ben
            )
        return message

    def _file(self, name: str, data: bytes, voice: bool) -> dict[str, Any]:
        file_id = f"F{next(self._count):09}"
        self._files[file_id] = (name, data)
        url = f"{self.url}/files/{file_id}/{urllib.parse.quote(name, safe='')}"
        return {
            "id": file_id,
            "name": name,
            "mimetype": "audio/mp4" if voice else "text/plain",
            "size": len(data),
            "url_private": url,
            "url_private_download": url,
            "mode": "hosted",
            **({"subtype": "slack_audio"} if voice else {}),
        }

    def _response_url(self, channel: str, user: str, ts: str = "") -> str:
        number = str(next(self._count))
        self._urls[number] = (channel, user, ts)
        return f"{self.url}/answer/{number}"

    def _ts(self) -> str:
        self._clock = max(self._clock + 1, time.time_ns() // 1000)
        return f"{self._clock // 1_000_000}.{self._clock % 1_000_000:06}"

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, true: Callable[[], bool], seconds: float | None = PATIENCE) -> None:
        """Return when ``true`` returns true. It is called whenever something has changed on the server."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(true)


def sign(body: str, *, secret: str = SECRET, at: float | None = None) -> dict[str, str]:
    """The headers of a signed request."""
    stamp = str(int(time.time() if at is None else at))
    digest = hmac.new(secret.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def _check_blocks(blocks: list[dict[str, Any]]) -> None:
    """Check Slack's limits: https://docs.slack.dev/reference/block-kit/blocks."""
    if len(blocks) > 50:
        raise Refused("invalid_blocks")
    for block in blocks:
        texts = [block["text"]] if "text" in block else []
        if len(block.get("fields", ())) > 10 or len(block.get("elements", ())) > 25:
            raise Refused("invalid_blocks")
        if any(not 0 < len(each["text"]) <= 3000 for each in texts):
            raise Refused("invalid_blocks")
        if any(not 0 < len(each["text"]) <= 2000 for each in block.get("fields", ())):
            raise Refused("invalid_blocks")
        rows = block["rows"] if block["type"] == "table" else ()
        if len(rows) > 100 or any(not 0 < len(row) <= 20 for row in rows):
            raise Refused("invalid_blocks")
        if any(cell["type"] != "raw_text" or not cell["text"] for row in rows for cell in row):
            raise Refused("invalid_blocks")
        elements = block.get("elements", ()) if block["type"] == "actions" else ()
        buttons = [each for each in elements if each["type"] == "button"]
        if any(len(each["text"]["text"]) > 75 or len(each["value"]) > 2000 for each in buttons):
            raise Refused("invalid_blocks")
        if len({each["action_id"] for each in elements}) != len(elements):
            raise Refused("invalid_blocks")


def _shown(message: Message, channel: str, only_for: str | None) -> Shown:
    blocks = message.get("blocks", ())
    texts = [block["text"]["text"] for block in blocks if "text" in block]
    texts += [each["text"] for block in blocks for each in block.get("fields", ())]
    texts += [each["text"] for block in blocks if block["type"] == "context" for each in block["elements"]]
    tables = [block["rows"] for block in blocks if block["type"] == "table"]
    texts += [" | ".join(cell["text"] for cell in row) for rows in tables for row in rows]
    elements = [each for block in blocks if block["type"] == "actions" for each in block["elements"]]
    text = "\n".join(texts) if blocks else message["text"]
    text = re.sub(r"<([^<>|]*)(?:\|([^<>]*))?>", lambda match: match[2] or match[1], text)
    return Shown(
        message_id=str(message["ts"]),
        text=html.unescape(text),
        buttons=tuple(shown["text"]["text"] for each in elements for shown in each.get("options", (each,))),
        menus=sum("options" in each for each in elements),
        feedback=any(block["type"] == "context_actions" for block in blocks),
        thread=message.get("thread_ts"),
        draft=bool(message.get("streaming")),
        channel=channel,
        files=tuple(each["name"] for each in message.get("files", ())),
        alternatives=tuple(filter(None, (each.get("alt_txt", "") for each in message.get("files", ())))),
        only_for=only_for,
    )


def _kind(channel: str) -> str:
    return "im" if channel.startswith("D") else "channel"


def _check_input(block: dict[str, Any]) -> None:
    """Refuse an input block that Slack refuses (https://docs.slack.dev/reference/block-kit/blocks/input-block)."""
    element = block["element"]
    options = element.get("options", ())
    label, hint = block["label"]["text"], block.get("hint", {"text": "-"})["text"]
    is_wrong = (
        not 0 < len(label) <= 2000
        or not 0 < len(hint) <= 2000
        or element["type"] not in ("plain_text_input", "static_select", "datepicker", "timepicker")
        or (element["type"] == "static_select") != (0 < len(options) <= 100)
        or any(not 0 < len(each["text"]["text"]) <= 75 or not 0 < len(each["value"]) <= 150 for each in options)
        or not 0 < element.get("max_length", 1) <= 3000
        or len(element.get("initial_value", "")) > element.get("max_length", 3000)
        or ("initial_option" in element and element["initial_option"] not in options)
        or not re.fullmatch(r"\d{4}-\d\d-\d\d", element.get("initial_date", "2027-01-31"))
        or not re.fullmatch(r"\d\d:\d\d", element.get("initial_time", "18:30"))
    )
    if is_wrong:
        raise Refused("invalid_arguments")


def _filled(block: dict[str, Any], text: str) -> dict[str, Any]:
    """What Slack says of an input with ``text`` in it. A person cannot send less than the input asks for."""
    element = block["element"]
    kind: str = element["type"]
    if not text and not block.get("optional"):
        raise AssertionError(f"{block['label']['text']!r} must be filled in")
    if kind == "static_select":
        found = next((each for each in element["options"] if text == each["text"]["text"]), None)
        if text and found is None:
            raise AssertionError(f"{text!r} cannot be chosen")
        return {"type": kind, "selected_option": found}
    name = {"plain_text_input": "value", "datepicker": "selected_date", "timepicker": "selected_time"}[kind]
    return {"type": kind, name: text or None}


def _unform(value: str) -> Any:
    try:
        return json.loads(value) if value[:1] in "[{" or value in ("true", "false") else value
    except ValueError:
        return value
