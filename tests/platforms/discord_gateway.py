"""Discord's gateway on loopback: sessions that can be resumed, heartbeats, close codes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import WSMsgType, web

from tests.platforms.server import abort

GUILDS, GUILD_MESSAGES, GUILD_REACTIONS = 1 << 0, 1 << 9, 1 << 10
DM_MESSAGES, DM_REACTIONS, CONTENT = 1 << 12, 1 << 13, 1 << 15

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11

Payload = dict[str, Any]


class Session:
    """One shard of a bot: the events that it was sent, and its connection, if it has one."""

    def __init__(self, session_id: str, shard: tuple[int, int], intents: int) -> None:
        self.id = session_id
        self.shard = shard
        self.intents = intents
        self.log: list[Payload] = []
        self.socket: web.WebSocketResponse | None = None


class Gateway:
    """The gateway. Events that happen while a session has no connection are replayed when it is resumed."""

    def __init__(self, token: str, changed: Callable[[], Any], first: Callable[[Session], Iterable[Payload]]) -> None:
        """Args:
        token: the only one that is let in.
        changed: called when somebody has connected.
        first: what a new session is told, READY first.
        """
        self.heartbeat = 41.25  #: seconds between two heartbeats
        self.deaf = False  #: whether connections stay open and deliver nothing
        self.revoked = False  #: whether the token is refused
        self.no_content = False  #: whether the message content intent is refused
        self.shards = 1
        self.connections = 0
        self.resumed = 0
        self.sessions: dict[str, Session] = {}
        self._token = token
        self._changed = changed
        self._first = first
        self._count = itertools.count(1)
        self._sockets: set[web.WebSocketResponse] = set()

    @property
    def live(self) -> list[Session]:
        """The sessions with a connection."""
        return [each for each in self.sessions.values() if each.socket is not None]

    def dispatch(self, kind: str, data: Payload, *, intent: int, guild: str | None) -> None:
        """Send an event to every session that asked for it."""
        for session in self.sessions.values():
            number, count = session.shard
            mine = number == ((int(guild) >> 22) % count if guild else 0)
            if not mine or not session.intents & intent:
                continue
            shown: Payload = data
            if kind.startswith("MESSAGE_") and guild and "content" in data and not session.intents & CONTENT:
                mentions: list[Payload] = data.get("mentions", [])
                if not any(each.get("bot") for each in mentions):
                    shown = {**data, "content": "", "attachments": [], "embeds": [], "components": []}
            self._tell(session, kind, shown)

    def again(self) -> None:
        """Send the last event again, as a replay does."""
        for session in self.live:
            if session.log:
                self._send(session, session.log[-1])

    async def raw(self, text: str) -> None:
        """Send any text over every connection."""
        for session in self.live:
            if session.socket is not None:
                await session.socket.send_str(text)

    async def unchecked(self, kind: str, data: object) -> None:
        """Send an event with any data."""
        for session in self.live:
            self._tell(session, kind, data)

    async def close(self, code: int) -> None:
        """Close every connection with a code. The sessions go on."""
        for session in self.sessions.values():
            session.socket = None
        for each in list(self._sockets):
            await each.close(code=code)

    async def drop(self) -> None:
        """Cut every connection."""
        for session in self.sessions.values():
            session.socket = None
        for each in list(self._sockets):
            abort(each)
        self._sockets.clear()

    async def ask_to_reconnect(self) -> None:
        """Send op 7: the server will be restarted."""
        for session in self.live:
            self._op(session, {"op": RECONNECT, "d": None})

    async def invalidate(self) -> None:
        """Send op 9: the session does not exist any more."""
        live = self.live
        self.sessions.clear()
        for session in live:
            self._op(session, {"op": INVALID, "d": False})

    def forget(self) -> None:
        """Forget all sessions, so that none can be resumed."""
        self.sessions = {key: each for key, each in self.sessions.items() if each.socket is not None}

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        self.connections += 1
        self._sockets.add(socket)
        session: Session | None = None
        await socket.send_json({"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat * 1000), "_trace": []}})
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            said = json.loads(frame.data)
            match said["op"]:
                case 1 if not self.deaf:
                    await socket.send_json({"op": ACK})
                case 2:
                    session = await self._identify(socket, said["d"])
                case 6:
                    session = await self._resume(socket, said["d"])
                case _:
                    pass
        self._sockets.discard(socket)
        if session is not None and session.socket is socket:
            session.socket = None
            if socket.close_code in (1000, 1001):  # the client has ended the session
                self.sessions.pop(session.id, None)
        return socket

    async def _identify(self, socket: web.WebSocketResponse, said: Payload) -> Session | None:
        if said["token"] != self._token or self.revoked:
            await socket.close(code=4004, message=b"Authentication failed.")
            return None
        if self.no_content and said["intents"] & CONTENT:
            await socket.close(code=4014, message=b"Disallowed intent(s).")
            return None
        number, count = said.get("shard") or (0, 1)
        if count != self.shards:
            await socket.close(code=4011, message=b"Sharding required.")
            return None
        session = Session(f"session{next(self._count)}", (int(number), int(count)), int(said["intents"]))
        session.socket = socket
        self.sessions[session.id] = session
        for payload in self._first(session):
            self._tell(session, payload["t"], payload["d"])
        await self._changed()
        return session

    async def _resume(self, socket: web.WebSocketResponse, said: Payload) -> Session | None:
        session = self.sessions.get(said["session_id"])
        if session is None or self.revoked:
            await socket.send_json({"op": INVALID, "d": False})
            return None
        session.socket = socket
        for payload in session.log[int(said["seq"]) :]:
            await socket.send_json(payload)
        self._tell(session, "RESUMED", {"_trace": []})
        self.resumed += 1
        await self._changed()
        return session

    def _tell(self, session: Session, kind: str, data: object) -> None:
        payload = {"op": DISPATCH, "t": kind, "s": len(session.log) + 1, "d": data}
        session.log.append(payload)
        self._send(session, payload)

    def _send(self, session: Session, payload: Payload) -> None:
        if not self.deaf:
            self._op(session, payload)

    def _op(self, session: Session, payload: Payload) -> None:
        socket = session.socket
        if socket is not None and not socket.closed:
            task = asyncio.get_running_loop().create_task(_quietly(socket, json.dumps(payload)))
            _sending.add(task)
            task.add_done_callback(_sending.discard)


_sending: set[asyncio.Task[None]] = set()


async def _quietly(socket: web.WebSocketResponse, text: str) -> None:
    with contextlib.suppress(
        ConnectionError, RuntimeError
    ):  # the connection was cut; the event is in the session's log
        await socket.send_str(text)
