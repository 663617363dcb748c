"""Telegram on loopback: the Bot API, with polling or a webhook."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any, cast

import aiohttp
from aiohttp import web

from tests.platforms.server import Shown
from tests.platforms.shapes import Shapes

PATIENCE = 20.0
TOKEN = "7000000001:loopback-loopback-loopback-loopback"
BOT: dict[str, Any] = {
    "id": 7000000001,
    "is_bot": True,
    "first_name": "Calendar",
    "username": "calendar_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": True,
    "supports_inline_queries": False,
}
TAGS = frozenset("b strong i em u ins s strike del code pre a blockquote span tg-spoiler".split())
COMMON = (
    "message",
    "edited_message",
    "callback_query",
    "my_chat_member",
)  # the kinds that a bot gets without asking for them

LIMITED = ("sendMessage", "sendDocument", "sendPhoto", "sendVoice")  # the methods that count towards the limits

Message = dict[str, Any]


class Refused(Exception):
    """A refusal: an answer with ``ok: false``."""

    def __init__(self, code: int, description: str, **parameters: Any) -> None:
        super().__init__(description)
        self.code = code
        self.answer: dict[str, Any] = {"ok": False, "error_code": code, "description": description}
        if parameters:
            self.answer["parameters"] = parameters


class TelegramServer:
    """One bot, Ana, Ben, and a supergroup with topics."""

    name = "telegram"
    ana, ben, group = "1001", "1002", "-1001000000001"

    def __init__(self) -> None:
        self.revoked = False  #: whether every call is refused with 401
        self.hanging = False  #: whether polls are never answered
        self.drafts_known = True  #: whether the server has sendMessageDraft
        self.html_known = True  #: whether HTML can be parsed
        self.closed_topics: set[int] = set()  #: topics that were deleted
        self.admins: set[str] = set()  #: who administers the group
        self.strangers: set[str] = set()  #: people who have not written to the bot directly
        self.migrated: dict[str, str] = {}  #: groups that became supergroups: old id to new id
        self.lose_answers = 0  #: how many messages are posted without the confirmation reaching the bot
        self.calls: list[tuple[str, dict[str, Any]]] = []  #: every method called, with its parameters
        self.webhook: dict[str, Any] = {"url": ""}
        self.commands: list[dict[str, Any]] = []
        self.localized_commands: dict[str, list[dict[str, Any]]] = {}  #: by language
        self._people = {self.ana: "Ana", self.ben: "Ben"}
        self._messages: dict[str, list[Message]] = {self.ana: [], self.ben: [], self.group: []}
        self._drafts: dict[tuple[str, int], str] = {}
        self._threads: dict[str, int] = {}
        self._reactions: dict[tuple[str, int, str], list[str]] = {}
        self._files: dict[str, tuple[str, bytes]] = {}
        self._updates: list[dict[str, Any]] = []
        self._allowed: list[str] = list(COMMON)
        self._last: dict[str, Any] | None = None
        self._limits: list[float] = []
        self._ids = itertools.count(1)
        self._update_ids = itertools.count(500)
        self.polls = 0  #: how often the bot has asked for updates
        self.delivered: list[dict[str, Any]] = []  #: all updates there have been
        self._poll: asyncio.Task[Any] | None = None
        self._pusher: asyncio.Task[None] | None = None
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._shapes = Shapes.load("telegram")

    # ── start and stop ────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def environment(self) -> Mapping[str, str]:
        return {"TELEGRAM_TOKEN": TOKEN, "TELEGRAM_API_URL": self.url}

    async def start(self) -> None:
        application = web.Application(client_max_size=60_000_000)
        application.router.add_route("*", "/bot{token}/{method}", self._serve)
        application.router.add_get("/file/bot{token}/{path:.*}", self._download)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        if self._pusher is not None:
            self._pusher.cancel()
            await asyncio.gather(self._pusher, return_exceptions=True)
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def connected(self) -> None:
        await self.wait(lambda: self._poll is not None or bool(self.webhook["url"]), 60.0)

    async def drop(self) -> None:
        if self._poll is not None:
            self._poll.cancel()

    # ── what people do ────────────────────────────────────────────────────────────────────────────────────────────

    def newcomer(self, number: int) -> str:
        user = str(10_000 + number)
        self._people[user] = f"Person{number}"
        self._messages[user] = []
        return user

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
        album: str = "",
        entities: Sequence[dict[str, Any]] = (),
        more: Mapping[str, Any] | None = None,
    ) -> str:
        """Args: ``album`` names the album of ``files``; ``entities`` are of ``text``; ``more`` are other fields."""
        user = user or self.ana
        chat = channel or user
        self.strangers.discard(chat)
        said = f"@{BOT['username']} {text}" if mention else text
        start = len(said) - len(text)
        entities = [{**each, "offset": each["offset"] + start} for each in entities]
        if mention:
            entities.append({"type": "mention", "offset": 0, "length": len(BOT["username"]) + 1})
        if text.startswith("/"):
            entities.append({"type": "bot_command", "offset": start, "length": len(text.split()[0])})
        uploads: list[tuple[str, bytes] | None] = [*(files or {}).items()] or [None]
        message: Message = {}
        for upload in uploads:
            message = self._new(user, chat)
            if thread is not None:
                number = self._threads.setdefault(thread, 40 + len(self._threads))
                message |= {"message_thread_id": number, "is_topic_message": True}
            if reply_to is not None:
                message["reply_to_message"] = dict(self._find(reply_to)[1])
                message["reply_to_message"].pop("reply_to_message", None)
            if upload is not None:
                message |= self._file(*upload, voice)
            message |= more or {}
            if album:
                message["media_group_id"] = album
            if said and not (album and upload is not None and upload is not uploads[0]):
                message["text" if upload is None else "caption"] = said
                if entities:
                    message["entities" if upload is None else "caption_entities"] = entities
            self._messages[chat].append(message)
            self._update("message", message)
        await self._notify()
        return self._id(chat, message)

    async def until_polled(self) -> None:
        """Return when the bot has asked for updates once more, or has been given all of them over its webhook."""
        if self.webhook["url"]:
            await self.wait(lambda: not self._updates)
            return
        polls = self.polls
        await self.wait(lambda: self.polls > polls)

    async def redeliver(self) -> None:
        last = self._last
        if last is not None:
            await self.connected()  # the offset of a later poll would confirm the update
            self._updates.append(last)
            await self._notify()

    async def change(self, message_id: str, text: str) -> None:
        _, message = self._find(message_id)
        message["text"] = text
        message["edit_date"] = int(time.time())
        self._update("edited_message", dict(message))
        await self._notify()

    async def react(self, message_id: str, emoji: str, *, on: bool, user: str = "") -> None:
        user = user or self.ana
        chat, message = self._find(message_id)
        old = self._reactions.get((chat, message["message_id"], user), [])
        new = [each for each in old if each != emoji] + ([emoji] if on else [])
        self._reactions[chat, message["message_id"], user] = new
        reaction = {
            "chat": self._chat(chat),
            "message_id": message["message_id"],
            "user": self._user(user),
            "date": int(time.time()),
            "old_reaction": [{"type": "emoji", "emoji": each} for each in old],
            "new_reaction": [{"type": "emoji", "emoji": each} for each in new],
        }
        self._update("message_reaction", reaction)
        await self._notify()

    async def count(self, message_id: str, counts: Mapping[str, int]) -> None:
        """Set the counts of anonymous reactions to a message."""
        chat, message = self._find(message_id)
        reactions = [
            {"type": {"type": "emoji", "emoji": emoji}, "total_count": number} for emoji, number in counts.items()
        ]
        counted = {
            "chat": self._chat(chat),
            "message_id": message["message_id"],
            "date": int(time.time()),
            "reactions": reactions,
        }
        self._update("message_reaction_count", counted)
        await self._notify()

    async def raw(self, payload: Mapping[str, Any]) -> None:
        """Send an update with these fields, unchecked."""
        self._updates.append({"update_id": next(self._update_ids), **payload})
        await self._notify()

    async def migrate(self, chat: str, to: str) -> None:
        """Turn a group into a supergroup with another id."""
        message = self._new(self.ana, chat) | {"migrate_to_chat_id": int(to)}
        self.migrated[chat] = to
        self._messages[to] = []
        self._update("message", message)
        await self._notify()

    async def press(self, message_id: str, label: str, *, user: str = "") -> None:
        _, message = self._find(message_id)
        rows = message["reply_markup"]["inline_keyboard"]
        data = next(button["callback_data"] for row in rows for button in row if button["text"] == label)
        query = {
            "id": str(next(self._ids) + 10**12),
            "from": self._user(user or self.ana),
            "message": {key: value for key, value in message.items() if not key.startswith("_")},
            "chat_instance": "1",
            "data": data,
        }
        self._update("callback_query", query)
        await self._notify()

    async def command(self, name: str, arguments: str = "", *, user: str = "", channel: str = "") -> None:
        given = f"/{name}@{BOT['username']}" if channel else f"/{name}"
        await self.say(f"{given} {arguments}".strip(), user=user, channel=channel)

    def shown(self, channel: str = "", *, user: str = "") -> list[Shown]:
        chat = channel or user or self.ana
        found = [
            Shown(
                message_id=self._id(chat, each),
                text=str(each.get("text", each.get("caption", ""))),
                buttons=tuple(
                    button["text"] for row in each.get("reply_markup", {}).get("inline_keyboard", ()) for button in row
                ),
                thread=str(each["message_thread_id"]) if "message_thread_id" in each else None,
                channel=chat,
                files=tuple(each[kind]["file_name"] for kind in ("document",) if kind in each)
                + (("photo.jpg",) if "photo" in each else ()),
                alternatives=(str(each["caption"]),) if "photo" in each and "caption" in each else (),
                voice="voice" in each,
            )
            for each in self._messages[chat]
            if each["from"]["id"] == BOT["id"]
        ]
        found += [
            Shown(message_id=f"draft-{number}", text=text, draft=True, channel=chat)
            for (of, number), text in self._drafts.items()
            if of == chat
        ]
        return found

    async def until(self, ready: Callable[[list[Shown]], bool], channel: str = "") -> list[Shown]:
        await self.wait(lambda: ready(self.shown(channel)))
        return self.shown(channel)

    def limit(self, seconds: float, times: int = 1) -> None:
        self._limits = [seconds] * times

    def limit_after(self, messages: int, seconds: float) -> None:
        """Take so many messages, and refuse the next one."""
        self._limits = [0.0] * messages + [seconds]

    async def garbage(self) -> None:
        chat, user = self._chat(self.ana), self._user(self.ana)
        every: tuple[dict[str, Any], ...] = (
            {},
            {"message": None},
            {"message": {}},
            {"message": {"message_id": "x", "date": "y", "chat": 7}},
            {"message": {"message_id": 1, "date": 10**30, "chat": chat, "from": user, "text": "x"}},
            {"message": {"message_id": 1, "date": 1, "chat": {"id": 1, "type": "elsewhere"}, "text": "x"}},
            {"message": {"message_id": 1, "date": 1, "chat": chat, "from": user, "text": ["x"]}},
            {"message": {"message_id": 1, "date": 1, "chat": chat, "from": user, "entities": [{"offset": -5}]}},
            {"edited_message": {"message_id": 1}},
            {"message_reaction": {"chat": chat}},
            {"message_reaction": {"chat": chat, "message_id": 1, "date": 1, "old_reaction": 3, "new_reaction": [{}]}},
            {"message_reaction_count": {"chat": chat, "message_id": 1, "date": 1, "reactions": [{"total_count": "x"}]}},
            {"callback_query": {"id": 7, "from": {}}},
            {"never_heard_of": {"x": "y" * 100_000}},
        )
        for broken in every:
            await self.raw(broken)

    # ── updates ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _update(self, kind: str, payload: dict[str, Any]) -> None:
        update = {"update_id": next(self._update_ids), kind: json.loads(json.dumps(payload))}
        self._shapes.check("Update", update)
        if kind not in self._allowed:
            return
        self._last = update
        self.delivered.append(update)
        self._updates.append(update)

    async def _polled(self, given: dict[str, Any]) -> list[dict[str, Any]]:
        if self.webhook["url"]:
            raise Refused(
                409,
                "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete it first",
            )
        if self._poll is not None:
            self._poll.cancel("409")
        if "allowed_updates" in given:
            self._allowed = given["allowed_updates"] or list(COMMON)
        self.polls += 1
        offset = int(given.get("offset", 0))
        self._updates = [each for each in self._updates if each["update_id"] >= offset]
        me = self._poll = asyncio.current_task()
        await self._notify()
        try:
            async with asyncio.timeout(float(given.get("timeout", 0))), self._changed:
                await self._changed.wait_for(lambda: bool(self._updates) and not self.hanging)
        except TimeoutError:
            pass
        except asyncio.CancelledError as error:
            if error.args == ("409",):
                raise Refused(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                ) from None
            raise
        finally:
            if self._poll is me:
                self._poll = None
        return self._updates[: int(given.get("limit", 100))]

    async def _push(self) -> None:
        """Deliver updates to the webhook in order. An update is repeated until it is taken."""
        async with aiohttp.ClientSession() as client:
            while True:
                async with self._changed:
                    await self._changed.wait_for(lambda: bool(self._updates))
                update = self._updates[0]
                headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret_token"]}
                headers = headers if self.webhook["secret_token"] else {}
                try:
                    async with client.post(self.webhook["url"], json=update, headers=headers) as answer:
                        good, problem = answer.status == 200, f"Wrong response from the webhook: {answer.status}"
                except (aiohttp.ClientError, OSError) as error:
                    good, problem = False, f"Connection failed: {error!r}"
                if good:
                    self._updates.remove(update)
                    await self._notify()
                else:
                    self.webhook |= {"last_error_date": int(time.time()), "last_error_message": problem}
                    await self._notify()
                    await asyncio.sleep(0.05)  # Telegram's own pauses grow

    # ── methods ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        try:
            if request.match_info["token"] != TOKEN or self.revoked:
                raise Refused(401, "Unauthorized")
            given, uploads = await _parameters(request)
            handler = getattr(self, f"do_{method}", None)
            if handler is None or (method == "sendMessageDraft" and not self.drafts_known):
                raise Refused(404, "Not Found")
            if f"{method}" in self._shapes._defs:  # pyright: ignore[reportPrivateUsage]
                self._shapes.check(method, {**given, **dict.fromkeys(uploads, "attach")})
            self.calls.append((method, given))
            limit = self._limits.pop(0) if self._limits and method in LIMITED else 0.0
            if limit:
                seconds = math.ceil(limit)
                raise Refused(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
            result = await handler(given, uploads)
        except Refused as refusal:
            return web.json_response(refusal.answer, status=refusal.code)
        except asyncio.CancelledError:
            if request.transport is not None:
                request.transport.abort()
            raise
        await self._notify()
        if method == "sendMessage" and self.lose_answers:
            self.lose_answers -= 1
            if request.transport is not None:
                request.transport.abort()
        return web.json_response({"ok": True, "result": result})

    async def do_getChatAdministrators(self, given: dict[str, Any], uploads: Any) -> Any:
        if not str(given["chat_id"]).startswith("-"):
            raise Refused(400, "Bad Request: there are no administrators in the private chat")
        return [{"status": "creator", "user": self._user(each), "is_anonymous": False} for each in sorted(self.admins)]

    async def do_getMe(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        return BOT

    async def do_getUpdates(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        return await self._polled(given)

    async def do_setWebhook(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        self.webhook = {"url": given.get("url", ""), "secret_token": given.get("secret_token", "")}
        self._allowed = given.get("allowed_updates") or list(COMMON)
        if self._pusher is not None:
            self._pusher.cancel()
        self._pusher = asyncio.create_task(self._push()) if self.webhook["url"] else None
        return True

    async def do_deleteWebhook(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        if self._pusher is not None:
            self._pusher.cancel()
            self._pusher = None
        self.webhook = {"url": ""}
        return True

    async def do_getWebhookInfo(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        info = {key: value for key, value in self.webhook.items() if key != "secret_token"}
        info |= {"has_custom_certificate": False, "pending_update_count": len(self._updates)}
        self._shapes.check("WebhookInfo", info)
        return info

    async def do_setMyCommands(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        if code := given.get("language_code"):
            self.localized_commands[code] = given["commands"]
        else:
            self.commands = given["commands"]
        return True

    async def do_getMyCommands(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        return self.commands

    async def do_setMessageReaction(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        chat = self._to(given)
        if not any(str(each["message_id"]) == str(given["message_id"]) for each in self._messages[chat]):
            raise Refused(400, "Bad Request: message to react not found")
        return True

    async def do_deleteMessage(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        self._to(given)
        return True

    async def do_sendChatAction(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        self._to(given)
        return True

    async def do_sendMessageDraft(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        chat = self._to(given)
        if chat.startswith("-"):
            raise Refused(400, "Bad Request: TEXTDRAFT_PEER_INVALID")
        if not int(given["draft_id"]):
            raise Refused(400, "Bad Request: draft_id must be non-zero")
        self._drafts[chat, int(given["draft_id"])] = self._text(given)
        return True

    async def do_sendMessage(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        chat = self._to(given)
        text = self._text(given)
        message = self._post(chat, given)
        message["text"] = text
        self._drafts = {of: draft for of, draft in self._drafts.items() if of[0] != chat}
        return message

    async def do_sendDocument(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        return self._sent_file(given, uploads, "document")

    async def do_sendPhoto(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        return self._sent_file(given, uploads, "photo")

    async def do_sendVoice(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        name, data = next(iter(uploads.values()), ("", b""))
        if not name.endswith(".ogg") or b"OpusHead" not in data[:200]:
            raise Refused(400, "Bad Request: a voice message is an Ogg file with Opus")
        return self._sent_file(given, uploads, "voice")

    async def do_editMessageText(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        message = self._own(given)
        text = self._text(given)
        if text == message.get("text") and given.get("reply_markup") == message.get("reply_markup"):
            raise Refused(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the "
                "same as a current content and reply markup of the message",
            )
        message["text"] = text
        self._keyboard(message, given)
        return message

    async def do_editMessageReplyMarkup(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        message = self._own(given)
        self._keyboard(message, given)
        return message

    async def do_answerCallbackQuery(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        return True

    async def do_getFile(self, given: dict[str, Any], uploads: dict[str, Any]) -> Any:
        file_id = given["file_id"]
        if file_id not in self._files:
            raise Refused(400, "Bad Request: invalid file_id")
        size = len(self._files[file_id][1])
        if size > 20_000_000:
            raise Refused(400, "Bad Request: file is too big")
        return {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": size, "file_path": f"docs/{file_id}"}

    async def _download(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != TOKEN:
            return web.Response(status=401)
        return web.Response(body=self._files[request.match_info["path"].rpartition("/")[2]][1])

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _to(self, given: dict[str, Any]) -> str:
        chat = str(given["chat_id"])
        if chat in self.migrated:
            to = int(self.migrated[chat])
            raise Refused(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=to)
        if chat not in self._messages:
            raise Refused(400, "Bad Request: chat not found")
        if chat in self.strangers:
            raise Refused(403, "Forbidden: bot can't initiate conversation with a user")
        return chat

    def _text(self, given: dict[str, Any]) -> str:
        text = str(given.get("text", ""))
        if given.get("parse_mode") == "HTML":
            if not self.html_known:
                raise Refused(400, "Bad Request: can't parse entities: unsupported start tag")
            text = _Entities.text(text)
        units = len(text.encode("utf-16-le")) // 2
        if not text.strip():
            raise Refused(400, "Bad Request: message text is empty")
        if units > 4096:
            raise Refused(400, "Bad Request: message is too long")
        return text

    def _post(self, chat: str, given: dict[str, Any]) -> Message:
        answers = given.get("reply_parameters")
        message = self._new(str(BOT["id"]), chat)
        if given.get("message_thread_id") in self.closed_topics:
            raise Refused(400, "Bad Request: message thread not found")
        if "message_thread_id" in given:
            message |= {"message_thread_id": int(given["message_thread_id"]), "is_topic_message": True}
        if answers:
            found = [each for each in self._messages[chat] if each["message_id"] == answers["message_id"]]
            if not found and not answers.get("allow_sending_without_reply"):
                raise Refused(400, "Bad Request: message to be replied not found")
            if found:
                message["reply_to_message"] = {
                    key: value for key, value in found[0].items() if key != "reply_to_message"
                }
        self._keyboard(message, given)
        self._messages[chat].append(message)
        return message

    def _keyboard(self, message: Message, given: dict[str, Any]) -> None:
        markup = given.get("reply_markup")
        message.pop("reply_markup", None)
        if not markup:
            return
        self._shapes.check("InlineKeyboardMarkup", markup)
        for row in markup["inline_keyboard"]:
            for button in row:
                if not 1 <= len(button["callback_data"].encode()) <= 64:
                    raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        if markup["inline_keyboard"]:
            message["reply_markup"] = markup

    def _sent_file(self, given: dict[str, Any], uploads: dict[str, Any], kind: str) -> Message:
        chat = self._to(given)
        if not uploads:
            raise Refused(400, "Bad Request: there is no file in the request")
        name, data = next(iter(uploads.values()))
        if len(data) > 50_000_000:
            raise Refused(413, "Request Entity Too Large")
        if len(said := str(given.get("caption", ""))) > 1024:
            raise Refused(400, "Bad Request: message caption is too long")
        message = self._post(chat, given)
        message |= {"caption": said} if said else {}
        message |= {"photo": [self._photo(data)]} if kind == "photo" else self._file(name, data, kind == "voice")
        return message

    def _photo(self, data: bytes) -> dict[str, Any]:
        file_id = f"f{next(self._ids)}"
        self._files[file_id] = ("photo.jpg", data)
        return {"file_id": file_id, "file_unique_id": f"u{file_id}", "width": 1, "height": 1, "file_size": len(data)}

    def _file(self, name: str, data: bytes, voice: bool) -> dict[str, Any]:
        file_id = f"f{next(self._ids)}"
        self._files[file_id] = (name, data)
        common = {"file_id": file_id, "file_unique_id": f"u{file_id}", "file_size": len(data)}
        if voice:
            return {"voice": {**common, "duration": 2, "mime_type": "audio/ogg"}}
        return {"document": {**common, "file_name": name, "mime_type": "text/plain"}}

    def _own(self, given: dict[str, Any]) -> Message:
        chat = self._to(given)
        for each in self._messages[chat]:
            if str(each["message_id"]) == str(given["message_id"]):
                if each["from"]["id"] != BOT["id"]:
                    raise Refused(400, "Bad Request: message can't be edited")
                return each
        raise Refused(400, "Bad Request: message to edit not found")

    def _id(self, chat: str, message: Message) -> str:
        return str(message["message_id"])

    def _find(self, message_id: str) -> tuple[str, Message]:
        return next(
            (chat, each)
            for chat, messages in self._messages.items()
            for each in messages
            if str(each["message_id"]) == message_id
        )

    def _new(self, user: str, chat: str) -> Message:
        # Ids are unique in the whole server, which no bot may rely on, so that tests can name a message by its id.
        sender = {key: BOT[key] for key in ("id", "is_bot", "first_name", "username")}
        return {
            "message_id": next(self._ids),
            "from": sender if user == str(BOT["id"]) else self._user(user),
            "chat": self._chat(chat),
            "date": int(time.time()),
        }

    def _user(self, user: str) -> dict[str, Any]:
        name = self._people[user]
        return {"id": int(user), "is_bot": False, "first_name": name, "username": name.lower(), "language_code": "en"}

    def _chat(self, chat: str) -> dict[str, Any]:
        if chat.startswith("-"):
            return {"id": int(chat), "type": "supergroup", "title": "Team", "is_forum": True}
        return {"id": int(chat), "type": "private", "first_name": self._people[chat]}

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def wait(self, true: Callable[[], bool], seconds: float | None = PATIENCE) -> None:
        """Return when ``true`` returns true. It is called whenever something has changed on the server."""
        async with asyncio.timeout(seconds), self._changed:
            await self._changed.wait_for(true)


class _Entities(HTMLParser):
    """Parse Telegram's HTML: https://core.telegram.org/bots/api#html-style."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said = ""
        self.open: list[str] = []

    @classmethod
    def text(cls, source: str) -> str:
        parser = cls()
        parser.feed(source)
        parser.close()
        if parser.open:
            raise Refused(
                400, f"Bad Request: can't parse entities: Can't find end tag corresponding to {parser.open[-1]}"
            )
        return parser.said

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            raise Refused(400, f'Bad Request: can\'t parse entities: Unsupported start tag "{tag}"')
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise Refused(400, f'Bad Request: can\'t parse entities: Unexpected end tag "{tag}"')

    def handle_data(self, data: str) -> None:
        self.said += data


async def _parameters(request: web.Request) -> tuple[dict[str, Any], dict[str, tuple[str, bytes]]]:
    """The parameters and the files of a request."""
    given: dict[str, Any] = {}
    uploads: dict[str, tuple[str, bytes]] = {}
    if request.content_type == "application/json":
        return cast("dict[str, Any]", await request.json()), uploads
    fields = {**request.query, **await request.post()}
    for key, value in fields.items():
        if isinstance(value, web.FileField):
            uploads[key] = (value.filename, value.file.read())
        else:
            given[key] = _typed(key, str(value))
    return given, uploads


def _typed(key: str, value: str) -> Any:
    """Convert the strings of a form into the types that Telegram's documentation names."""
    if key in ("text", "caption", "callback_query_id", "url", "secret_token", "file_id", "action", "parse_mode"):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
