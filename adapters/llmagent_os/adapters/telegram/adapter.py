"""Telegram as a platform.

Telegram neither drops a second send nor tells what was sent before. What a crash can repeat is one message: the one
that Telegram had taken when the process died, before the ledger or, of a reply in parts, the store has noted it. Where
Telegram's answer to it is lost on the way the same happens. Parts that were noted, and a message of a group that began
as a draft, are never sent anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog
from telegram import BotCommand, CallbackQuery, InlineKeyboardMarkup, LinkPreviewOptions, ReplyParameters, User
from telegram import Message as Said
from telegram.constants import ChatAction, ParseMode
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, TelegramError

from llmagent_os.adapter import Accept, Capabilities, Receipt, Reply
from llmagent_os.adapter_kit.backoff import Backoff
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.deliveries import Deliveries
from llmagent_os.adapter_kit.files import FOLDER, Files
from llmagent_os.adapters.telegram.api import SLACK, Api
from llmagent_os.adapters.telegram.counts import ReactionCounts
from llmagent_os.adapters.telegram.drafts import Drafts, thread_of
from llmagent_os.adapters.telegram.http import FloodError
from llmagent_os.adapters.telegram.incoming import KINDS, Reader
from llmagent_os.adapters.telegram.intake import Intake
from llmagent_os.adapters.telegram.pace import Pace, Rates
from llmagent_os.adapters.telegram.posts import LIMIT, VALUE, Post, is_picture, keyboard, posts
from llmagent_os.adapters.telegram.refusals import BAD_TOKEN, explained, says
from llmagent_os.adapters.telegram.webhook import Webhook, WebhookServer
from llmagent_os.errors import AdapterError, ConfigError, NotConfiguredError, TryLaterError
from llmagent_os.events import Conversation
from llmagent_os.records import MemoryRecords, Records

if TYPE_CHECKING:
    from llmagent_os.adapter_kit.setup import AdapterSetup

_log = structlog.stdlib.get_logger(__name__)

CONNECT_SECONDS = 10.0  #: that a reply waits for Telegram to be reached at all
_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_QUIET: Final = LinkPreviewOptions(is_disabled=True)


@dataclass(frozen=True)
class _Live:
    """What there is while it runs."""

    api: Api
    me: User
    drafts: Drafts


class TelegramAdapter:
    """Chat on Telegram.

    Args:
        token: from @BotFather.
        api_url: the Bot API's address.
        data: folder for files that people send.
        store: durable documents of its own.
        commands: slash commands and what they do; Telegram is told when they change.
        max_file_bytes: larger files are not fetched.
        webhook: where updates come to; None: they are polled.
        rates: how fast it may be sent messages.
        poll_seconds: that a poll waits where there is nothing.
        slack_seconds: that a poll may be late before its line counts as dead.
        watch_seconds: between two looks at the webhook and at the commands.

    Raises:
        NotConfiguredError: there is no token.
    """

    name = "telegram"
    capabilities = Capabilities(
        reactions=True,
        threads=True,
        buttons=True,
        files=True,
        voice=True,
        drafts=True,
        edits_per_second=1.0,
        max_characters=LIMIT,
    )

    def __init__(
        self,
        *,
        token: str,
        api_url: str = "https://api.telegram.org",
        data: Path,
        store: Records | None = None,
        commands: Callable[[], Mapping[str, str]] = dict[str, str],
        max_file_bytes: int = 20_000_000,
        webhook: Webhook | None = None,
        rates: Rates | None = None,
        poll_seconds: int = 25,
        slack_seconds: float = SLACK,
        watch_seconds: float = 60.0,
    ) -> None:
        if not token:
            raise NotConfiguredError(
                "telegram: TELEGRAM_TOKEN is not set; `llmagent-os setup telegram` says how to get it"
            )
        self._token, self._api_url = token, api_url
        self._files = Files(Path(data) / FOLDER, max_file_bytes)
        self._store = MemoryRecords() if store is None else store
        self._commands = commands
        self._webhook = webhook
        self._rates = rates or Rates()
        self._poll_seconds, self._slack_seconds, self._watch_seconds = poll_seconds, slack_seconds, watch_seconds
        self._deliveries = Deliveries(self._store)
        self._values = ButtonValues(self._store, VALUE)
        self._counts = ReactionCounts(self._store)
        self._pace = Pace(self._rates)
        self._live: _Live | None = None
        self._connected_once = asyncio.Event()
        self._here = asyncio.Event()
        self._background: set[asyncio.Task[None]] = set()

    async def started(self) -> str:
        """Wait until it is there; returns who it is there."""
        await self._here.wait()
        return "" if self._live is None else f"@{self._live.me.username}"

    # ── in ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, accept: Accept) -> None:
        """Receive until cancelled.

        Raises:
            ConfigError: the token or the webhook is no good.
            TryLaterError: Telegram cannot be reached.
        """
        api = Api(self._token, self._api_url, self._store, self._pace)
        try:
            me = await self._identify(api)
            live = self._live = _Live(api, me, Drafts(api, self._deliveries, self._rates.draft_every))
            self._connected_once.set()
            reader = Reader(me, self._commands)

            def pressed(query: CallbackQuery) -> None:
                self._spawn(_acknowledge(live, query))

            intake = Intake(api, reader, self._counts, self._values, self._files, accept, pressed)
            receiving = self._poll(live, intake) if self._webhook is None else self._serve(live, intake, self._webhook)
            tasks = [asyncio.create_task(each) for each in (receiving, self._tell_commands(live), self._prune())]
            try:
                done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
                for task in done:
                    task.result()
            finally:
                for task in (*tasks, *self._background):
                    task.cancel()
                await asyncio.gather(*tasks, *self._background, return_exceptions=True)
        finally:
            self._live = None
            self._here.clear()
            self._connected_once.clear()
            await api.close()

    async def _identify(self, api: Api) -> User:
        try:
            me = await api.bot.get_me()
            if self._webhook is None:
                await api.bot.delete_webhook()  # while there is one nothing can be polled
        except InvalidToken as error:
            raise ConfigError(BAD_TOKEN) from error
        except TelegramError as error:
            raise explained(error) from error
        if not me.can_read_all_group_messages:
            _log.info("in groups Telegram's privacy mode hides what is not a command, a mention or a reply")
        return me

    async def _poll(self, live: _Live, intake: Intake) -> None:
        """Ask for updates, again and again. One is asked for anew until it is safe, and so are those behind it."""
        offset: int | None = None
        tries, backoff = 0, Backoff(first=0.5, factor=2.0, most=30.0)
        seconds = 0  # the first poll shows at once that all is well
        while True:
            try:
                raws = await live.api.updates(offset, seconds, KINDS, self._slack_seconds)
            except InvalidToken as error:
                raise ConfigError(BAD_TOKEN) from error
            except FloodError as error:
                await asyncio.sleep(error.seconds)
                continue
            except TelegramError as error:
                tries += 1
                wait = backoff.seconds(tries)
                what = "another process polls with this token" if isinstance(error, Conflict) else "a poll has failed"
                _log.warning(what, tries=tries, seconds=round(wait, 1), error=error.message)
                if isinstance(error, Conflict) and says(error, "webhook"):
                    with contextlib.suppress(TelegramError):
                        await live.api.bot.delete_webhook()
                await asyncio.sleep(wait)
                continue
            tries, seconds = 0, self._poll_seconds
            self._here.set()
            safe = await intake.take(raws)
            for raw, taken in zip(raws, safe, strict=True):
                number = _number(raw)
                if number is None:
                    continue
                offset = number + 1 if taken else number
                if not taken:
                    await asyncio.sleep(backoff.first)
                    break

    async def _serve(self, live: _Live, intake: Intake, webhook: Webhook) -> None:
        async def take(raw: object) -> bool:
            return (await intake.take([raw]))[0]

        await WebhookServer(webhook, live.api, take).run(self._here.set, self._watch_seconds)

    async def _tell_commands(self, live: _Live) -> None:
        """Keep Telegram's menu up to date: plugins come and go."""
        told: list[BotCommand] | None = None
        while True:
            commands = [
                BotCommand(name, (line or name)[:256])
                for name, line in self._commands().items()
                if _COMMAND.fullmatch(name)
            ][:100]
            if commands != told:
                try:
                    await live.api.bot.set_my_commands(commands)
                    told = commands
                except TelegramError as error:
                    _log.warning("the menu of commands was not set", error=error.message)
            await asyncio.sleep(self._watch_seconds)

    async def _prune(self) -> None:
        while True:
            await self._files.prune()
            await self._values.prune()
            await asyncio.sleep(86_400)

    # ── out ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def send(
        self, conversation: Conversation, reply: Reply, *, key: str, reply_to: str | None = None, again: bool = False
    ) -> Receipt:
        """Send ``reply``; a part that is known to be there already is not sent again.

        Raises:
            TryLaterError: a limit, or no way to Telegram.
            ConfigError: the token is no good any more.
            AdapterError: Telegram refused.
        """
        live = await self._connected()
        if (known := self._deliveries.receipt(key)) is not None:
            return known
        if reply.only_for is not None and conversation.kind == "group":
            return await self._whisper(live, conversation, reply, key, reply_to, again=again)
        return await self._deliver(live, conversation, reply, key, reply_to, again=again)

    async def _deliver(
        self, live: _Live, where: Conversation, reply: Reply, key: str, reply_to: str | None, *, again: bool
    ) -> Receipt:
        answers = _answers(where, reply_to)

        async def post(number: int, part: Post | Path) -> str:
            first = answers if number == 0 else None
            if isinstance(part, Path):
                return await self._upload(live, where, part, first)
            draft = (await self._deliveries.progress(key)).draft if number == 0 else ""
            if draft and await self._finish_draft(live, where, part, draft):
                return draft
            return await self._say(live, where, part.html, await keyboard(part.buttons, self._values), first)

        parts: tuple[Post | Path, ...] = (*posts(reply), *map(Path, reply.files))
        try:
            receipt = await self._deliveries.deliver(key, parts, post, again=again)
        except TelegramError as error:
            raise explained(error) from error
        live.drafts.over(key)
        return receipt

    async def _whisper(
        self, live: _Live, where: Conversation, reply: Reply, key: str, reply_to: str | None, *, again: bool
    ) -> Receipt:
        """Answer where only one person sees it: in their own chat. No part of it is a message of the group's."""
        person = reply.only_for or ""
        directly = Conversation(platform=self.name, channel=person)
        try:
            # Who hides behind a group or a channel has its id, and everybody reads along there.
            if person.isdecimal():
                await self._deliver(live, directly, reply, key, None, again=again)
        except AdapterError as error:
            if not isinstance(error.__cause__, Forbidden | BadRequest):
                raise
            person = ""
        if not person.isdecimal():
            name = live.me.username
            hint = Reply(f"Please write to me directly first (@{name}): then I can answer you where only you see it.")
            return await self._deliver(live, where, hint, f"{key}:hint", reply_to, again=again)
        return Receipt(())

    async def _say(
        self,
        live: _Live,
        where: Conversation,
        text: str,
        markup: InlineKeyboardMarkup | None,
        answers: ReplyParameters | None,
    ) -> str:
        thread = thread_of(where)
        mode: ParseMode | None = ParseMode.HTML

        async def call(chat: int) -> Said:
            return await live.api.bot.send_message(
                chat,
                text,
                parse_mode=mode,
                message_thread_id=thread,
                reply_markup=markup,
                reply_parameters=answers,
                link_preview_options=_QUIET,
            )

        while True:
            try:
                return str((await live.api.say(int(where.channel), call)).message_id)
            except BadRequest as error:
                if mode is not None and says(error, "can't parse entities"):
                    _log.error("Telegram cannot read this HTML; sending text", error=error.message)
                    text, mode = Post(text).plain, None
                elif thread is not None and says(error, "thread not found"):
                    thread = None  # the topic is gone, and whoever asked is not
                else:
                    raise

    async def _finish_draft(self, live: _Live, where: Conversation, post: Post, draft: str) -> bool:
        """Have the message that was being written say it all. False: it is gone."""
        try:
            await self._change(live, where, draft, post)
        except BadRequest as error:
            if not says(error, "not modified"):
                _log.info("a draft cannot be finished; sending it anew", error=error.message)
                return False
        return True

    async def _change(self, live: _Live, where: Conversation, message_id: str, post: Post) -> None:
        """Put ``post`` in the place of a message of ours."""
        markup = await keyboard(post.buttons, self._values)

        async def call(chat: int) -> object:
            return await live.api.bot.edit_message_text(
                post.html,
                chat,
                int(message_id),
                parse_mode=ParseMode.HTML,
                reply_markup=markup,
                link_preview_options=_QUIET,
            )

        await live.api.say(int(where.channel), call)

    async def _upload(self, live: _Live, where: Conversation, path: Path, answers: ReplyParameters | None) -> str:
        """Send a file. Where that cannot be, its name is said: the words are out already."""
        try:
            content = await asyncio.to_thread(path.read_bytes)
        except OSError as error:
            _log.warning("a file was not sent", file=path.name, error=error.strerror or str(error))
            return await self._say(live, where, f"({path.name} could not be attached.)", None, answers)

        async def call(chat: int) -> Said:
            given: dict[str, Any] = {
                "filename": path.name,
                "message_thread_id": thread_of(where),
                "reply_parameters": answers,
            }
            if is_picture(path, len(content)):
                return await live.api.bot.send_photo(chat, content, **given)
            return await live.api.bot.send_document(chat, content, **given)

        try:
            return str((await live.api.say(int(where.channel), call)).message_id)
        except BadRequest as error:
            _log.warning("a file was not sent", file=path.name, error=error.message)
            return await self._say(live, where, f"({path.name} could not be attached.)", None, answers)

    async def draft(self, conversation: Conversation, text: str, *, key: str) -> None:
        """Show ``text`` in the place where the reply will be."""
        live = self._live
        if live is not None and self._deliveries.receipt(key) is None:
            await live.drafts.show(conversation, text, key)

    async def edit(self, conversation: Conversation, message_id: str, reply: Reply) -> None:
        """Replace a message sent earlier.

        Raises:
            AdapterError: there is no such message, or Telegram did not take it.
        """
        live = await self._connected()
        if not message_id.isdecimal():
            raise AdapterError(f"telegram: there is no message {message_id!r}")
        post = posts(reply)[0]
        try:
            await self._change(live, conversation, message_id, post)
        except TelegramError as error:
            if not says(error, "not modified"):
                raise explained(error) from error

    async def typing(self, conversation: Conversation) -> None:
        """Show that an answer is coming, for five seconds."""
        if (live := self._live) is not None:
            with contextlib.suppress(TelegramError):
                await live.api.bot.send_chat_action(
                    await live.api.present(int(conversation.channel)),
                    ChatAction.TYPING,
                    message_thread_id=thread_of(conversation),
                )

    async def _connected(self) -> _Live:
        if self._live is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._connected_once.wait()
        if self._live is None:
            raise TryLaterError("telegram: there is no connection yet")
        return self._live

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def from_setup(setup: AdapterSetup) -> TelegramAdapter:
    """Telegram, as an installation's settings have it.

    Raises:
        NotConfiguredError: there is no token.
        ConfigError: the webhook's secret is none.
    """
    settings = setup.settings
    webhook = None
    if settings.telegram_webhook_url:
        webhook = Webhook(
            url=settings.telegram_webhook_url,
            secret=settings.telegram_webhook_secret.get_secret_value(),
            host=settings.telegram_http_host,
            port=settings.telegram_http_port,
        )
    return TelegramAdapter(
        token=settings.telegram_token.get_secret_value(),
        api_url=settings.telegram_api_url,
        data=setup.data,
        store=setup.store,
        commands=setup.commands,
        max_file_bytes=int(settings.max_file_megabytes * 1_000_000),
        webhook=webhook,
    )


async def _acknowledge(live: _Live, query: CallbackQuery) -> None:
    """End the waiting at the button, and take the buttons away. Nobody waits for it."""
    message = query.message if isinstance(query.message, Said) else None
    label = "" if message is None else _label(message, query.data)
    with contextlib.suppress(TelegramError):  # it may be too old to be answered
        await live.api.bot.answer_callback_query(query.id, text=f"✓ {label}"[:200] if label else None)
    if message is None or message.reply_markup is None:
        return
    asked = message.reply_to_message
    if message.chat.id < 0 and asked is not None and asked.from_user is not None and asked.from_user != query.from_user:
        return  # in a group it is the question of whoever was answered
    with contextlib.suppress(TelegramError):
        await live.api.bot.edit_message_reply_markup(message.chat.id, message.message_id, reply_markup=None)


def _label(message: Said, data: str | None) -> str:
    rows = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    return next((key.text for row in rows for key in row if key.callback_data == data), "")


def _answers(where: Conversation, reply_to: str | None) -> ReplyParameters | None:
    """In a group, which message is answered."""
    if where.kind == "direct" or reply_to is None or not reply_to.isdecimal():
        return None
    return ReplyParameters(int(reply_to), allow_sending_without_reply=True)


def _number(raw: object) -> int | None:
    """An update's number, by which Telegram is told that it is done with."""
    number: object = raw.get("update_id") if isinstance(raw, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return number if isinstance(number, int) else None
