"""Discord on loopback: the HTTP API and the gateway."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast

from aiohttp import web

from tests.platforms.discord_gateway import (
    DM_MESSAGES,
    DM_REACTIONS,
    GUILD_MESSAGES,
    GUILD_REACTIONS,
    GUILDS,
    Gateway,
    Session,
)
from tests.platforms.server import Shown
from tests.platforms.shapes import Shapes

PATIENCE = 20.0
TOKEN = "MTAwMDAwMDAwMDAwMDAwMDAwMQ.loopback.loopback-loopback-loopback"
EPOCH = 1_420_070_400_000
APP, BOT_ID, GUILD, ROLE = "1000000000000000001", "1000000000000000001", "1000000000000000100", "1000000000000000101"
EPHEMERAL, LOADING, VOICE = 1 << 6, 1 << 7, 1 << 13
TEXT, DM, THREAD, FORUM = 0, 1, 11, 15
FORUM_ID = "1000000000000000300"
GATEWAY_FIELDS = ("guild_id", "member", "nonce", "channel_type", "referenced_message")

Message = dict[str, Any]


class Refused(Exception):
    """A refusal with an HTTP status and one of Discord's codes."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"code": code, "message": message}


class DiscordServer:
    """One bot, Ana, Ben, and a server with a channel, threads and a forum."""

    name = "discord"
    ana, ben, group = "1000000000000000011", "1000000000000000012", "1000000000000000200"

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, Any]] = []  #: every request: method, path, JSON body
        self.closed_doors: set[str] = set()  #: people who take no direct messages
        self.late = False  #: whether interactions expire before they are acknowledged
        self.embeds_allowed = True
        self.lose_answers = 0  #: how many messages are posted without the confirmation reaching the bot
        self.commands: list[dict[str, Any]] = []
        self.bot_reactions: list[tuple[str, str]] = []  #: what the bot put on messages: message and emoji
        self.permissions = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 38  #: of the bot in its server
        self.forms = True  #: whether forms can be opened
        self.opened: list[tuple[list[str], dict[str, Any]]] = []  #: forms: what people read on them, and the modal
        self.admins: set[str] = set()  #: who may manage the server
        self.gateway = Gateway(TOKEN, self._notify, self._first)
        self._people = {self.ana: "Ana", self.ben: "Ben"}
        self._messages: dict[str, list[Message]] = {self.group: [], FORUM_ID: []}
        self._direct: dict[str, str] = {}  # person -> channel
        self._threads: dict[tuple[str, str], str] = {}  # channel and the caller's name -> thread
        self._parents: dict[str, str] = {}
        self._nonces: dict[tuple[str, str], str] = {}
        self._interactions: dict[str, dict[str, Any]] = {}  # token -> what is known
        self._files: dict[str, bytes] = {}
        self._limits: list[float] = []
        self._count = itertools.count(1)
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._shapes = Shapes.load("discord")

    # ── start and stop ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> Mapping[str, str]:
        gateway = f"ws://127.0.0.1:{self._port}/gateway"  # for plain clients, which do not ask for the address
        return {"DISCORD_TOKEN": TOKEN, "DISCORD_API_URL": f"{self.url}/api/v10", "DISCORD_GATEWAY_URL": gateway}

    async def start(self) -> None:
        application = web.Application(client_max_size=30_000_000)
        application.router.add_get("/gateway", self.gateway.serve)
        application.router.add_get("/gateway/", self.gateway.serve)
        application.router.add_get("/cdn/{id}/{name}", self._download)
        for method, path, handler in (
            ("GET", "/users/@me", self._me),
            ("GET", "/users/@me/guilds", self._guilds),
            ("GET", "/oauth2/applications/@me", self._application),
            ("GET", "/gateway/bot", self._where),
            ("POST", "/users/@me/channels", self._open_direct),
            ("POST", "/channels/{channel}/messages", self._create),
            ("GET", "/channels/{channel}/messages", self._history),
            ("PATCH", "/channels/{channel}/messages/{message}", self._patch),
            ("DELETE", "/channels/{channel}/messages/{message}", self._delete),
            ("POST", "/channels/{channel}/typing", self._typing),
            ("PUT", "/channels/{channel}/messages/{message}/reactions/{emoji}/@me", self._bot_reacts),
            ("GET", "/applications/{app}/commands", self._listed),
            ("PUT", "/applications/{app}/commands", self._register),
            ("POST", "/interactions/{id}/{token}/callback", self._callback),
            ("POST", "/webhooks/{app}/{token}", self._follow_up),
            ("PATCH", "/webhooks/{app}/{token}/messages/@original", self._original),
        ):
            application.router.add_route(method, f"/api/v10{path}", self._served(handler))
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        await self.gateway.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def connected(self) -> None:
        await self.wait(lambda: bool(self.gateway.live), 60.0)

    async def drop(self) -> None:
        await self.gateway.drop()

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────────────

    def newcomer(self, number: int) -> str:
        user = str(2000000000000000000 + number * 10_000)
        self._people[user] = f"Person {number}"
        return user

    def direct(self, user: str) -> str:
        """The channel of a person's direct messages with the bot."""
        channel = self._direct.get(user)
        if channel is None:
            channel = self._direct[user] = str(int(user) + 1000)
            self._messages[channel] = []
        return channel

    def thread(self, channel: str, name: str) -> str:
        """A thread of a channel, or a post of a forum."""
        known = self._threads.get((channel, name))
        if known is not None:
            return known
        thread = self._threads[channel, name] = self._id()
        self._messages[thread] = []
        self._parents[thread] = channel
        created = self._thread(thread)
        self._shapes.check("ThreadResponse", created, extra=("newly_created",))
        self.gateway.dispatch("THREAD_CREATE", created | {"newly_created": True}, intent=GUILDS, guild=GUILD)
        return thread

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
        mentions: Sequence[str] = (),
        forwarded: Sequence[dict[str, Any]] = (),
    ) -> str:
        """Args: ``mentions`` are ids of people in ``text``; ``forwarded`` are messages, see ``forwarded_message``."""
        user = user or self.ana
        channel = channel or self.direct(user)
        if thread is not None:
            channel = self.thread(channel, thread)
        message = self._new(channel, user, f"<@{BOT_ID}> {text}" if mention else text)
        if mention:
            message["mentions"] = [self._user(BOT_ID)]
        message["mentions"] = [*message.get("mentions", ()), *map(self._user, mentions)]
        if forwarded:
            message["message_reference"] = {"type": 1, "channel_id": channel, "message_id": "1000000000000000999"}
            message["message_snapshots"] = [{"message": each} for each in forwarded]
        if reply_to is not None:
            _, answered = self._find(reply_to)
            message["type"] = 19
            message["message_reference"] = {"type": 0, "channel_id": channel, "message_id": reply_to}
            message["referenced_message"] = {
                key: each for key, each in _shown(answered).items() if key != "referenced_message"
            }
        if files:
            message["attachments"] = [self._file(name, data, voice) for name, data in files.items()]
            message["flags"] = VOICE if voice else 0
        self._messages[channel].append(message)
        self._dispatch_message("MESSAGE_CREATE", channel, message)
        await self._notify()
        return str(message["id"])

    def forwarded_message(self, text: str, **more: Any) -> dict[str, Any]:
        """A message of Ben, as it is inside another message."""
        files: Mapping[str, bytes] = more.pop("files", {})
        return {
            "type": 0,
            "content": text,
            "embeds": [],
            "attachments": [self._file(name, data, False) for name, data in files.items()],
            "timestamp": _now(),
            "edited_timestamp": None,
            "flags": 0,
            "mentions": [],
            "mention_roles": [],
            "components": [],
            **more,
        }

    async def redeliver(self) -> None:
        await self.connected()
        self.gateway.again()

    async def change(self, message_id: str, text: str) -> None:
        channel, message = self._find(message_id)
        message |= {"content": text, "edited_timestamp": _now()}
        self._dispatch_message("MESSAGE_UPDATE", channel, message)

    async def react(self, message_id: str, emoji: str, *, on: bool, user: str = "") -> None:
        channel, message = self._find(message_id)
        name, _, number = emoji.partition(":")
        data: dict[str, Any] = {
            "user_id": user or self.ana,
            "channel_id": channel,
            "message_id": message_id,
            "emoji": {"id": number or None, "name": name, "animated": False},
            "burst": False,
            "type": 0,
        }
        if on:
            data["message_author_id"] = message["author"]["id"]
        guild = self._guild_of(channel)
        if guild:
            data["guild_id"] = guild
            if on:
                data["member"] = self._member() | {"user": self._user(user or self.ana)}
        kind = "MESSAGE_REACTION_ADD" if on else "MESSAGE_REACTION_REMOVE"
        self.gateway.dispatch(kind, data, intent=GUILD_REACTIONS if guild else DM_REACTIONS, guild=guild)

    async def press(self, message_id: str, label: str, *, user: str = "") -> None:
        channel, message = self._find(message_id)
        every = [each for row in message["components"] for each in row["components"]]
        options = [(menu, option) for menu in every for option in menu.get("options", ()) if option["label"] == label]
        data: dict[str, Any]
        if options:
            menu, option = options[0]
            data = {"custom_id": menu["custom_id"], "component_type": 3, "values": [option["value"]], "id": 1}
        else:
            button = next(each for each in every if each.get("label") == label)
            data = {"custom_id": button["custom_id"], "component_type": 2, "id": 1}
        await self._interact(3, user or self.ana, channel, data, message)

    async def fill(self, *typed: str, user: str = "") -> None:
        """A person fills in the form that was opened last, and sends it."""
        _, form = self.opened[-1]
        components = [
            {"type": 18, "id": at, "component": _filled(each["component"], text) | {"id": at + 9}}
            for at, (each, text) in enumerate(zip(form["components"], typed, strict=True))
        ]
        data = {"custom_id": form["custom_id"], "components": components}
        await self._interact(5, user or self.ana, form["channel"], data, form["carrier"])

    async def command(
        self,
        name: str,
        arguments: str = "",
        *,
        user: str = "",
        channel: str = "",
        file: tuple[str, bytes] | None = None,
    ) -> None:
        user = user or self.ana
        await self.wait(lambda: any(each["name"] == name for each in self.commands), 60.0)
        known = next(each for each in self.commands if each["name"] == name)
        data: dict[str, Any] = {"id": known["id"], "name": name, "type": 1}
        if arguments:
            data["options"] = [{"name": known["options"][0]["name"], "type": 3, "value": arguments}]
        if file is not None:
            option = next(each for each in known["options"] if each["type"] == 11)
            sent = self._file(*file, False)
            given = {"name": option["name"], "type": 11, "value": sent["id"]}
            data["options"] = [*data.get("options", ()), given]
            data["resolved"] = {"attachments": {sent["id"]: sent}}
        await self._interact(2, user, channel or self.direct(user), data, None)

    def shown(self, channel: str = "", *, user: str = "") -> list[Shown]:
        user = user or self.ana
        channel = channel or self.direct(user)
        here = [channel, *(thread for thread, parent in self._parents.items() if parent == channel)]
        found = [(where, each) for where in here for each in self._messages.get(where, ())]
        found.sort(key=lambda one: int(one[1]["id"]))
        return [
            Shown(
                message_id=str(each["id"]),
                text=str(each["content"]) + "".join(_embed_text(one) for one in each["embeds"]),
                buttons=tuple(
                    shown["label"]
                    for row in each["components"]
                    for button in row["components"]
                    if not button.get("disabled")
                    for shown in button.get("options", (button,))
                ),
                menus=sum("options" in button for row in each["components"] for button in row["components"]),
                draft=False,
                thread=where if where in self._parents else None,
                channel=channel,
                files=tuple(file["filename"] for file in each["attachments"]),
                alternatives=tuple(file["description"] for file in each["attachments"] if "description" in file),
                only_for=each["_only_for"],
            )
            for where, each in found
            if each["author"]["id"] == BOT_ID and not each["flags"] & LOADING and each["_only_for"] in (None, user)
        ]

    async def until(self, ready: Callable[[list[Shown]], bool], channel: str = "") -> list[Shown]:
        await self.wait(lambda: ready(self.shown(channel)))
        return self.shown(channel)

    def limit(self, seconds: float, times: int = 1) -> None:
        self._limits = [seconds] * times

    async def garbage(self) -> None:
        await self.connected()
        for text in ("", "{", "[]", "null", '"x"', "7", '{"op": 0}', '{"op": "x", "d": []}', '{"op": 99, "d": null}'):
            await self.gateway.raw(text)
        every: tuple[object, ...] = (
            None,
            [],
            {},
            "x",
            {"id": "x", "channel_id": None, "author": {}},
            {"id": "1" * 30, "channel_id": "1", "author": {"id": "2"}},
            {"id": "99999999999999999999", "channel_id": "1", "author": {"id": "2"}, "content": "far in the future"},
            {"id": "1", "channel_id": "1", "author": {"id": "2"}, "content": ["x"]},
            {"user_id": "2", "channel_id": "1", "message_id": "3", "emoji": None},
            {"id": "1", "application_id": "1", "token": "t", "type": 3, "data": {"custom_id": 7}},
            {"x": "y" * 100_000},
        )
        kinds = (
            "MESSAGE_CREATE",
            "MESSAGE_UPDATE",
            "MESSAGE_REACTION_ADD",
            "MESSAGE_REACTION_REMOVE",
            "INTERACTION_CREATE",
            "GUILD_CREATE",
            "THREAD_CREATE",
            "NEVER_HEARD_OF",
        )
        for kind in kinds:
            for data in every:
                await self.gateway.unchecked(kind, data)

    # ── the gateway ───────────────────────────────────────────────────────────────────────────────────────────────

    def _first(self, session: Session) -> Iterable[dict[str, Any]]:
        ready = {
            "v": 10,
            "user": self._user(BOT_ID),
            "guilds": [{"id": GUILD, "unavailable": True}],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": f"ws://127.0.0.1:{self._port}/gateway",
            "shard": list(session.shard),
            "application": {"id": APP, "flags": 0},
        }
        yield {"t": "READY", "d": ready}
        number, count = session.shard
        if session.intents & GUILDS and number == (int(GUILD) >> 22) % count:
            yield {"t": "GUILD_CREATE", "d": self._guild()}

    def _dispatch_message(self, kind: str, channel: str, message: Message) -> None:
        guild = self._guild_of(channel)
        data = _shown(message) | {"channel_type": self._type(channel)}
        if channel in self._parents:
            data["position"] = len(self._messages[channel])
        if guild:
            data |= {"guild_id": guild, "member": self._member()}
        self._shapes.check("MessageResponse", data, extra=GATEWAY_FIELDS)
        self.gateway.dispatch(kind, data, intent=GUILD_MESSAGES if guild else DM_MESSAGES, guild=guild)

    async def _interact(
        self, kind: int, user: str, channel: str, data: dict[str, Any], carrier: Message | None
    ) -> None:
        guild, interaction, token = self._guild_of(channel), self._id(), f"token{next(self._count)}"
        known = {"id": interaction, "user": user, "channel": channel, "acknowledged": False, "original": None}
        self._interactions[token] = known | {"carrier": carrier, "kind": kind}
        seen: dict[str, Any] = {
            "id": interaction,
            "application_id": APP,
            "type": kind,
            "data": data,
            "token": token,
            "version": 1,
            "channel_id": channel,
            "channel": {"id": channel, "type": self._type(channel)},
            "entitlements": [],
            "context": 0 if guild else 1,
        }
        if guild:
            rights = str(1 << 10 | 1 << 11 | (1 << 5 if user in self.admins else 0))
            member = self._member() | {"user": self._user(user), "permissions": rights}
            seen |= {"guild_id": guild, "member": member}
        else:
            seen["user"] = self._user(user)
        if carrier is not None:
            seen["message"] = _shown(carrier)
        for session in self.gateway.live:
            self.gateway._tell(session, "INTERACTION_CREATE", seen)  # pyright: ignore[reportPrivateUsage]
        await self._notify()

    # ── the HTTP API ──────────────────────────────────────────────────────────────────────────────────────────────

    def _served(self, handler: Callable[..., Any]) -> Callable[[web.Request], Any]:
        async def serve(request: web.Request) -> web.StreamResponse:
            path, token = request.path.removeprefix("/api/v10"), request.match_info.get("token")
            try:
                if token is None and (request.headers.get("Authorization") != f"Bot {TOKEN}" or self.gateway.revoked):
                    raise Refused(401, 0, "401: Unauthorized")
                body, uploads = await _body(request)
                self.calls.append((request.method, path, body))
                posts = request.method == "POST" and (path.endswith("/messages") or path.startswith("/webhooks/"))
                if posts and self._limits and (seconds := self._limits.pop(0)):
                    limited = {"message": "You are being rate limited.", "retry_after": seconds, "global": False}
                    return _json(limited, 429, _limit(request, seconds, 0))
                answer = handler(request, body, uploads)
            except Refused as refusal:
                return _json(refusal.answer, refusal.status, {"Via": "1.1 loopback"})
            await self._notify()
            if request.method == "POST" and path.endswith("/messages") and self.lose_answers:
                self.lose_answers -= 1
                if request.transport is not None:
                    request.transport.abort()
            if answer is None:
                return web.Response(status=204, headers=_limit(request, 1.0, 999))
            return _json(answer, 200, _limit(request, 1.0, 999))

        return serve

    def _me(self, request: web.Request, body: Any, uploads: Any) -> Any:
        return self._user(BOT_ID)

    def _guilds(self, request: web.Request, body: Any, uploads: Any) -> Any:
        return [{"id": GUILD, "name": "Acme", "permissions": str(self.permissions)}]

    def _application(self, request: web.Request, body: Any, uploads: Any) -> Any:
        application: dict[str, Any] = {
            "id": APP,
            "name": "Calendar",
            "icon": None,
            "description": "",
            "type": None,
            "verify_key": "0" * 64,
            "flags": 1 << 19,
            "flags_new": "524288",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": self._user(self.ana),
            "approximate_guild_count": 1,
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
            "bot_public": True,
            "bot_require_code_grant": False,
        }
        self._shapes.check("PrivateApplicationResponse", application)
        return application

    def _where(self, request: web.Request, body: Any, uploads: Any) -> Any:
        answer = {
            "url": f"ws://127.0.0.1:{self._port}/gateway",
            "shards": self.gateway.shards,
            "session_start_limit": {"total": 1000, "remaining": 999, "reset_after": 1000, "max_concurrency": 16},
        }
        self._shapes.check("GatewayBotResponse", answer)
        return answer

    def _open_direct(self, request: web.Request, body: Any, uploads: Any) -> Any:
        self._shapes.check("CreatePrivateChannelRequest", body)
        user = str(body["recipient_id"])
        channel = {"id": self.direct(user), "type": DM, "flags": 0, "recipients": [self._user(user)]}
        self._shapes.check("PrivateChannelResponse", channel)
        return channel

    def _create(self, request: web.Request, body: Any, uploads: list[tuple[str, bytes]]) -> Any:
        self._shapes.check("MessageCreateRequest", body)
        channel = request.match_info["channel"]
        if channel not in self._messages:
            raise Refused(404, 10003, "Unknown Channel")
        user = next((each for each, direct in self._direct.items() if direct == channel), None)
        if user in self.closed_doors:
            raise Refused(403, 50007, "Cannot send messages to this user")
        nonce = body.get("nonce")
        known = self._nonces.get((channel, str(nonce))) if nonce and body.get("enforce_nonce") else None
        if known is not None:
            return self._out(self._find(known)[1])
        message = self._new(channel, BOT_ID, "")
        self._fill(message, body, uploads, whole=True)
        if nonce is not None:
            if len(str(nonce)) > 25:
                raise Refused(400, 50035, "Invalid Form Body: nonce")
            self._nonces[channel, str(nonce)] = str(message["id"])
        reference = body.get("message_reference")
        if reference is not None:
            there = any(each["id"] == reference["message_id"] for each in self._messages[channel])
            if not there and reference.get("fail_if_not_exists", True):
                raise Refused(400, 50035, "Invalid Form Body: message_reference")
            message["message_reference"] = {"type": 0, "channel_id": channel, "message_id": reference["message_id"]}
        self._messages[channel].append(message)
        self._dispatch_message("MESSAGE_CREATE", channel, message)  # a bot gets its own messages too
        return self._out(message)

    def _history(self, request: web.Request, body: Any, uploads: Any) -> Any:
        messages = self._messages.get(request.match_info["channel"])
        if messages is None:
            raise Refused(404, 10003, "Unknown Channel")
        after = int(request.query.get("after", "0"))
        found = [each for each in messages if int(each["id"]) > after and each["_only_for"] is None]
        return [self._out(each) for each in found[: int(request.query.get("limit", "50"))]][::-1]

    def _patch(self, request: web.Request, body: Any, uploads: list[tuple[str, bytes]]) -> Any:
        self._shapes.check("MessageEditRequestPartial", body)
        message = self._own(request)
        self._fill(message, body, uploads, whole=False)
        message["edited_timestamp"] = _now()
        self._dispatch_message("MESSAGE_UPDATE", request.match_info["channel"], message)
        return self._out(message)

    def _delete(self, request: web.Request, body: Any, uploads: Any) -> Any:
        self._messages[request.match_info["channel"]].remove(self._own(request))

    def _typing(self, request: web.Request, body: Any, uploads: Any) -> Any:
        if request.match_info["channel"] not in self._messages:
            raise Refused(404, 10003, "Unknown Channel")

    def _bot_reacts(self, request: web.Request, body: Any, uploads: Any) -> Any:
        where = request.match_info
        if not any(each["id"] == where["message"] for each in self._messages.get(where["channel"], [])):
            raise Refused(404, 10008, "Unknown Message")
        self.bot_reactions.append((where["message"], where["emoji"]))

    def _listed(self, request: web.Request, body: Any, uploads: Any) -> Any:
        if request.query.get("with_localizations") == "true":
            return self.commands
        return [{**each, "description_localizations": None} for each in self.commands]

    def _register(self, request: web.Request, body: Any, uploads: Any) -> Any:
        made: list[dict[str, Any]] = []
        for each in body:
            self._shapes.check("ApplicationCommandUpdateRequest", each)
            command = {"id": self._id(), "application_id": APP, "version": self._id(), **each}
            command["default_member_permissions"] = None
            self._shapes.check("ApplicationCommandResponse", command)
            made.append(command)
        self.commands = made
        return made

    def _callback(self, request: web.Request, body: Any, uploads: Any) -> Any:
        known = self._interaction(request)
        if self.late:
            raise Refused(404, 10062, "Unknown interaction")
        if known["acknowledged"]:
            raise Refused(400, 40060, "Interaction has already been acknowledged.")
        known["acknowledged"] = True
        kind: int = body["type"]
        if kind == 9:
            if not self.forms or not 0 < len(body["data"]["custom_id"]) <= 100 or len(body["data"]["title"]) > 45:
                known["acknowledged"] = False
                raise Refused(400, 50035, "Invalid Form Body")
            _check_modal(body["data"]["components"])
            labels = [each["label"] for each in body["data"]["components"]]
            place = {"channel": known["channel"], "carrier": known["carrier"]}
            self.opened.append(([body["data"]["title"], *labels], body["data"] | place))
            return
        data: dict[str, Any] = body.get("data") or {}
        if kind in (4, 5):
            self._shapes.check("CreateMessageInteractionCallbackRequest", body)
            message = known["original"] = self._new(known["channel"], BOT_ID, "")
            message["flags"] = data.get("flags", 0) | (LOADING if kind == 5 else 0)
            message["_only_for"] = known["user"] if message["flags"] & EPHEMERAL else None
            if kind == 4:
                self._fill(message, data, [], whole=True)
            self._messages[known["channel"]].append(message)
        elif kind == 7:
            self._shapes.check("UpdateMessageInteractionCallbackRequest", body)
            self._fill(known["carrier"], data, [], whole=False)

    def _follow_up(self, request: web.Request, body: Any, uploads: list[tuple[str, bytes]]) -> Any:
        self._shapes.check("IncomingWebhookRequestPartial", body)
        known = self._acknowledged(request)
        message = self._new(known["channel"], BOT_ID, "")
        self._fill(message, body, uploads, whole=True)
        message["flags"] = body.get("flags", 0)
        message["_only_for"] = known["user"] if message["flags"] & EPHEMERAL else None
        self._messages[known["channel"]].append(message)
        return self._out(message) if request.query.get("wait") == "true" else None

    def _original(self, request: web.Request, body: Any, uploads: list[tuple[str, bytes]]) -> Any:
        self._shapes.check("IncomingWebhookUpdateRequestPartial", body)
        known = self._acknowledged(request)
        message = known["original"] or known["carrier"]
        self._fill(message, body, uploads, whole=False)
        message["flags"] &= ~LOADING
        return self._out(message)

    async def _download(self, request: web.Request) -> web.Response:
        if "Authorization" in request.headers:
            return web.Response(status=400, text="who shows a token to a file store")
        data = self._files.get(request.match_info["id"])
        return web.Response(status=404) if data is None else web.Response(body=data)

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _fill(self, message: Message, body: dict[str, Any], uploads: list[tuple[str, bytes]], *, whole: bool) -> None:
        """Put the fields of a request into ``message``, and check Discord's limits."""
        content, embeds = body.get("content"), body.get("embeds")
        components = body.get("components")
        if len(content or "") > 2000:
            raise Refused(400, 50035, "Invalid Form Body: content must be 2000 or fewer in length.")
        if embeds and not self.embeds_allowed:
            raise Refused(403, 50013, "Missing Permissions")
        for embed in embeds or ():
            fields = embed.get("fields", ())
            size = len(embed.get("title", "")) + sum(len(each["name"]) + len(each["value"]) for each in fields)
            bad = any(not 0 < len(each["name"]) <= 256 or not 0 < len(each["value"]) <= 1024 for each in fields)
            if len(fields) > 25 or size > 6000 or bad:
                raise Refused(400, 50035, "Invalid Form Body: embeds")
        ids = [button["custom_id"] for row in components or () for button in row["components"]]
        menus = [row["components"] for row in components or () if any("options" in each for each in row["components"])]
        for (menu,) in menus:  # alone in its row
            self._shapes.check("StringSelectComponentForMessageRequest", menu)
        labels = [each["label"] for row in components or () for each in row["components"] if "options" not in each]
        if (
            len(components or ()) > 5
            or any(len(row["components"]) > 5 for row in components or ())
            or len(set(ids)) < len(ids)
            or any(not 0 < len(each) <= 100 for each in ids)
            or any(not 0 < len(each) <= 80 for each in labels)
        ):
            raise Refused(400, 50035, "Invalid Form Body: components")
        if any(len(data) > 10 * 1024 * 1024 for _, data in uploads):
            raise Refused(413, 40005, "Request entity too large")
        if whole and not (content and content.strip("\n ")) and not embeds and not uploads:
            raise Refused(400, 50006, "Cannot send an empty message")
        if content is not None:
            message["content"] = content.strip()
        if embeds is not None:
            message["embeds"] = [{"type": "rich", **each} for each in embeds]
        if components is not None:
            message["components"] = [
                {"type": 1, "id": n, "components": [{**each, "id": n} for each in row["components"]]}
                for n, row in enumerate(components, 1)
            ]
        if uploads:
            told = {
                int(each["id"]): each["description"] for each in body.get("attachments", ()) if "description" in each
            }
            if any(not 0 < len(words) <= 1024 for words in told.values()):
                raise Refused(400, 50035, "Invalid Form Body: attachments")
            message["attachments"] = [
                self._file(name, data, False) | ({"description": told[number]} if number in told else {})
                for number, (name, data) in enumerate(uploads)
            ]

    def _out(self, message: Message) -> Message:
        shown = _shown(message)
        self._shapes.check("MessageResponse", shown, extra=("nonce", "referenced_message"))
        return shown

    def _own(self, request: web.Request) -> Message:
        for each in self._messages.get(request.match_info["channel"], ()):
            if each["id"] == request.match_info["message"]:
                if each["author"]["id"] != BOT_ID:
                    raise Refused(403, 50005, "Cannot edit a message authored by another user")
                return each
        raise Refused(404, 10008, "Unknown Message")

    def _interaction(self, request: web.Request) -> dict[str, Any]:
        known = self._interactions.get(request.match_info["token"])
        if known is None:
            raise Refused(404, 10062, "Unknown interaction")
        return known

    def _acknowledged(self, request: web.Request) -> dict[str, Any]:
        known = self._interactions.get(request.match_info["token"])
        if known is None or not known["acknowledged"]:
            raise Refused(404, 10015, "Unknown Webhook")
        return known

    def forget_interactions(self) -> None:
        """Let all interactions expire, as after 15 minutes."""
        self._interactions.clear()

    def _find(self, message_id: str) -> tuple[str, Message]:
        return next(
            (channel, each)
            for channel, messages in self._messages.items()
            for each in messages
            if each["id"] == message_id
        )

    def _id(self) -> str:
        return str((int(time.time() * 1000) - EPOCH << 22) + next(self._count))

    def _new(self, channel: str, user: str, content: str) -> Message:
        return {
            "id": self._id(),
            "channel_id": channel,
            "author": self._user(user),
            "content": content,
            "timestamp": _now(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [],
            "embeds": [],
            "components": [],
            "pinned": False,
            "type": 0,
            "flags": 0,
            "_only_for": None,
        }

    def _file(self, name: str, data: bytes, voice: bool) -> dict[str, Any]:
        number = self._id()
        self._files[number] = data
        url = f"{self.url}/cdn/{number}/file"
        file: dict[str, Any] = {"id": number, "filename": name, "size": len(data), "url": url, "proxy_url": url}
        if voice:
            return file | {"content_type": "audio/ogg", "duration_secs": 2.0, "waveform": "AAAA"}
        return file | {"content_type": "text/plain; charset=utf-8"}

    def _user(self, user: str) -> dict[str, Any]:
        name = "Calendar" if user == BOT_ID else self._people[user]
        found = {
            "id": user,
            "username": name.lower(),
            "discriminator": "0",
            "global_name": None if user == BOT_ID else name,
            "avatar": None,
            "public_flags": 0,
            "flags": 0,
            "primary_guild": None,
        }
        if user == BOT_ID:
            found["bot"] = True
        self._shapes.check("UserResponse", found)
        return found

    def _member(self) -> dict[str, Any]:
        return {
            "nick": None,
            "roles": [],
            "joined_at": "2026-01-01T00:00:00.000000+00:00",
            "deaf": False,
            "mute": False,
            "flags": 0,
        }

    def _guild_of(self, channel: str) -> str | None:
        return GUILD if channel in (self.group, FORUM_ID) or channel in self._parents else None

    def _type(self, channel: str) -> int:
        if channel in self._parents:
            return THREAD
        return {self.group: TEXT, FORUM_ID: FORUM}.get(channel, DM)

    def _guild(self) -> dict[str, Any]:
        channels: list[dict[str, Any]] = []
        for number, (channel, name, kind) in enumerate(((self.group, "team", TEXT), (FORUM_ID, "ideas", FORUM))):
            made = {"id": channel, "type": kind, "name": name, "position": number, "flags": 0, "guild_id": GUILD}
            self._shapes.check("GuildChannelResponse", made)
            channels.append(made | {"permission_overwrites": [], "parent_id": None, "nsfw": False})
        tags = {"bot_id": BOT_ID}
        role = {"position": 0, "color": 0, "hoist": False, "managed": False, "mentionable": False, "flags": 0}
        return {
            "id": GUILD,
            "name": "Acme",
            "owner_id": self.ana,
            "roles": [
                {"id": GUILD, "name": "@everyone", "permissions": "0", **role},
                {"id": ROLE, "name": "Calendar", "permissions": "0", **role, "managed": True, "tags": tags},
            ],
            "channels": channels,
            "threads": [self._thread(each) for each in self._parents],
            "members": [self._member() | {"user": self._user(BOT_ID), "roles": [ROLE]}],
            "member_count": 3,
            "emojis": [],
            "stickers": [],
            "features": [],
            "presences": [],
            "voice_states": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            "large": False,
            "unavailable": False,
            "joined_at": "2026-01-01T00:00:00.000000+00:00",
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "premium_progress_bar_enabled": False,
            "preferred_locale": "en-US",
            "system_channel_flags": 0,
            "afk_timeout": 300,
        }

    def _thread(self, thread: str) -> dict[str, Any]:
        name = next(name for (_, name), each in self._threads.items() if each == thread)
        return {
            "id": thread,
            "type": THREAD,
            "name": name,
            "guild_id": GUILD,
            "parent_id": self._parents[thread],
            "owner_id": self.ana,
            "flags": 0,
            "message_count": 0,
            "member_count": 1,
            "total_message_sent": 0,
            "rate_limit_per_user": 0,
            "thread_metadata": {
                "archived": False,
                "auto_archive_duration": 1440,
                "archive_timestamp": "2026-01-01T00:00:00.000000+00:00",
                "locked": False,
            },
        }

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, true: Callable[[], bool], seconds: float | None = PATIENCE) -> None:
        """Return when ``true`` returns true. It is called whenever something has changed on the server."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(true)


async def _body(request: web.Request) -> tuple[Any, list[tuple[str, bytes]]]:
    """The JSON and the files of a request."""
    if request.content_type == "multipart/form-data":
        uploads: list[tuple[str, bytes]] = []
        body: Any = {}
        for key, value in (await request.post()).items():
            if isinstance(value, web.FileField):
                uploads.append((value.filename, value.file.read()))
            elif key == "payload_json":
                body = json.loads(str(value))
        return body, uploads
    text = await request.text()
    return (json.loads(text) if text else None), []


def _json(answer: object, status: int, headers: dict[str, str]) -> web.Response:
    """JSON as Discord sends it: discord.py parses no JSON whose content type names a character set."""
    return web.Response(
        body=json.dumps(answer).encode(), status=status, headers=headers, content_type="application/json"
    )


def _limit(request: web.Request, seconds: float, remaining: int) -> dict[str, str]:
    """The headers with Discord's rate limits. ``Via`` shows that Discord itself has sent them."""
    return {
        "Via": "1.1 loopback",
        "X-RateLimit-Limit": "1000",
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": f"{time.time() + seconds:.3f}",
        "X-RateLimit-Reset-After": f"{seconds:.3f}",
        "X-RateLimit-Bucket": f"{request.method}-{len(request.path.split('/'))}",
        "X-RateLimit-Scope": "user",
    }


def _shown(message: Message) -> Message:
    return {key: value for key, value in message.items() if not key.startswith("_")}


def _embed_text(embed: dict[str, Any]) -> str:
    rows = cast("list[dict[str, str]]", embed.get("fields", []))
    return "\n" + "\n".join([embed.get("title", ""), *(f"{each['name']}: {each['value']}" for each in rows)])


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _check_modal(components: list[dict[str, Any]]) -> None:
    """Refuse what Discord refuses in a modal (https://docs.discord.com/developers/components/reference)."""
    inputs = [each["component"] for each in components]
    is_wrong = not 0 < len(components) <= 5 or len({each["custom_id"] for each in inputs}) < len(inputs)
    for label, each in zip(components, inputs, strict=True):
        options = each.get("options", ())
        is_wrong |= label["type"] != 18 or not 0 < len(label["label"]) <= 45
        is_wrong |= not 0 < len(label.get("description", "-")) <= 100 or each["type"] not in (3, 4)
        is_wrong |= (each["type"] == 3) != (0 < len(options) <= 25)
        is_wrong |= any(not 0 < len(one[name]) <= 100 for one in options for name in ("label", "value"))
        is_wrong |= sum(one.get("default", False) for one in options) > 1
        is_wrong |= not 0 < each.get("max_length", 1) <= 4000 or len(each.get("value", "")) > each.get(
            "max_length", 4000
        )
    if is_wrong:
        raise Refused(400, 50035, "Invalid Form Body")


def _filled(component: dict[str, Any], text: str) -> dict[str, Any]:
    """What Discord says of an input with ``text`` in it. A person cannot send less than the input asks for."""
    filled = {name: component[name] for name in ("type", "custom_id")}
    if not text and component.get("required", True):
        raise AssertionError(f"{component['custom_id']!r} must be filled in")
    if component["type"] == 4:
        return filled | {"value": text}
    chosen = [each["value"] for each in component["options"] if each["label"] == text]
    if text and not chosen:
        raise AssertionError(f"{text!r} cannot be chosen")
    return filled | {"values": chosen}
