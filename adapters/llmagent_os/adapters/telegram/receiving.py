"""Updates, handed to the host in the order of their chat. No chat waits for the downloads of another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec
import structlog
from telegram import CallbackQuery, Update
from telegram import Message as TelegramMessage
from telegram.error import TelegramError

from llmagent_os.adapter import Accept, is_open_to_all
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.busy_retry import retry_while_busy
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapters.telegram.albums import Albums, AlbumStore, is_piece
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.downloads import Downloads
from llmagent_os.adapters.telegram.parsing import ParsedEvent, TelegramParser, count_event, counts_of
from llmagent_os.adapters.telegram.reaction_counts import CountStep, ReactionCounts
from llmagent_os.adapters.telegram.thumb_keyboards import ThumbKeyboards
from llmagent_os.adapters.telegram.thumb_keys import HEADING, is_thumb, left_of
from llmagent_os.adapters.telegram.updates import chat_of, decode_update, log_skipped
from llmagent_os.errors import HostBusyError, LedgerError, NotYoursError
from llmagent_os.events import ButtonPress, Message, decode, encode
from llmagent_os.languages import lazy_gettext, speaking
from llmagent_os.languages.catalogues import language_of_account

_log = structlog.stdlib.get_logger(__name__)

#: How many chats are taken side by side.
CHATS_AT_ONCE = 16

#: How long an update is offered to a host that is too busy for it, in seconds. Telegram delivers no update before the
#: earlier ones are taken: whoever floods the bot would keep everybody else from it. The host has told the sender that
#: the message was not taken.
BUSY_SECONDS = 60.0

#: How many updates are remembered that Telegram delivers again, because an earlier one was refused.
MAX_TAKEN = 1000

#: How many chats are remembered whose updates the host refuses.
MAX_REFUSED = 1000


#: What a person reads whose button has a value that is not stored any more.
NO_LONGER_OPEN = lazy_gettext("This button is no longer open.")


class UpdateReceiver:
    """Takes updates, and hands their events to the host."""

    def __init__(
        self,
        accept: Accept,
        *,
        api: Api,
        parser: TelegramParser,
        counts: ReactionCounts,
        values: ButtonValues,
        thumbs: ThumbKeyboards,
        downloads: Downloads,
        kept_albums: AlbumStore | None,
    ) -> None:
        """Args:
        accept: the host.
        api: of Telegram.
        parser: turns updates into events.
        counts: the anonymous reactions that the host knows.
        values: the long values of buttons.
        thumbs: the keyboards with thumbs.
        downloads: fetches files.
        kept_albums: stores the pieces of albums; None: Telegram is polled, and keeps them itself.
        """
        self._accept = accept
        self._api = api
        self._parser = parser
        self._counts = counts
        self._values = values
        self._thumbs = thumbs
        self._downloads = downloads
        self._kept_albums = kept_albums
        self._albums = Albums()
        #: by chat: since when the host refuses its updates, on the loop's clock
        self._refused_since: BoundedDict[int, float] = BoundedDict(MAX_REFUSED)
        self._taken: BoundedDict[int, None] = BoundedDict(MAX_TAKEN)  # by the update's number
        self._limit = asyncio.Semaphore(CHATS_AT_ONCE)
        self._order = KeyedLocks()
        self._tasks = BackgroundTasks()

    async def take(self, raws: Sequence[object]) -> list[bool]:
        """Take updates, given as JSON. Returns for every one whether it is stored, so that Telegram may forget it."""
        stored = [False] * len(raws)
        chats: dict[int, list[tuple[int, Update]]] = {}
        for place, raw in enumerate(raws):
            known = decode_update(raw)
            if known is None:
                stored[place] = True
            else:
                chat, update = known
                chats.setdefault(chat, []).append((place, update))
                if self._kept_albums is None and update.update_id not in self._taken:
                    self._albums.add(update)

        async def take_in_order(chat: int, updates: list[tuple[int, Update]]) -> None:
            async with self._limit, self._order.of(chat):
                for place, update in updates:
                    if update.update_id not in self._taken and not await self._take(update):
                        return  # later updates of this chat must not overtake this one
                    stored[place] = True
                    self._taken[update.update_id] = None

        if len(chats) == 1:
            await take_in_order(*next(iter(chats.items())))
        elif chats:
            await asyncio.gather(*(take_in_order(*each) for each in chats.items()))
        return stored

    async def close(self) -> None:
        """Stop what runs in the background."""
        await self._tasks.close()

    async def _take(self, update: Update) -> bool:
        """Take one update. Returns whether it was taken, or never can be."""
        if self._kept_albums is None:
            self._albums.add(update)
        if self._kept_albums is None and self._albums.waits(update) > 0:
            return False  # Telegram is asked for it again, together with the pieces that have come by then
        query = update.callback_query
        try:
            if self._kept_albums is not None and await self._keep_piece(self._kept_albums, update):
                return True
            if query is not None:
                self._thumbs.note(query)  # the host may change the keyboard as soon as it has the press
            await self._offer_all(update)
            if query is not None:
                self._tasks.spawn(_show_choice(self._api, query))
            await self._note_changes(update)
            self._refused_since.pop(chat_of(update), None)
        except NotYoursError as error:  # the buttons stay as they are, for the person who was answered
            if query is not None:
                self._tasks.spawn(_alert(self._api, query, str(error)))
        except HostBusyError as error:
            if self._refused_seconds(chat_of(update)) > BUSY_SECONDS:
                _log.error("telegram: an update is given up", update_id=update.update_id, error=str(error))
                return True
            _log.info("telegram: an update is offered again later", update_id=update.update_id, error=str(error))
            return False
        except LedgerError as error:
            _log.error("telegram: an update cannot be stored; it is offered again later", error=str(error))
            return False
        except Exception as error:  # a payload that no check has foreseen must not end the bot
            log_skipped(update.to_dict(), error)
        return True

    async def _offer_all(self, update: Update) -> None:
        """Hand the events of an update to the host."""
        if update.message_reaction_count is not None:
            await self._offer_counts(update)
        elif update.message_reaction is not None:
            for reaction in self._parser.reactions(update.update_id, update.message_reaction):
                await self._offer(reaction)
        elif is_piece(update):
            await self._offer_album(update)
        elif (parsed := self._parser.parse(update)) is not None:
            await self._offer(parsed)

    async def resume(self, kept: AlbumStore) -> None:
        """Go on with the albums that the last process has left."""
        for update in await kept.load():
            self._albums.add(update)
            self._tasks.spawn(self._finish_later(kept, update))

    async def _keep_piece(self, kept: AlbumStore, update: Update) -> bool:
        """Store a piece of an album. Returns False if ``update`` is no piece, or if the host does not want the album.

        Another update of the chat shows that its albums are complete: Telegram delivers the updates of a chat in order.
        """
        for other in self._albums.others(update):
            await self._finish(kept, other)
        if not is_piece(update):
            return False
        pieces = self._albums.pieces(update)
        if update not in pieces:  # the album has as many pieces as a message may have
            await self._finish(kept, update)
            pieces = self._albums.pieces(update)
        if len(pieces) == 1 and not await self._is_wanted(update):
            self._albums.close(update)
            return False
        await kept.put(pieces)
        self._tasks.spawn(self._finish_later(kept, update))
        return True

    async def _is_wanted(self, update: Update) -> bool:
        parsed = self._parser.parse(update)
        return parsed is not None and await self._accept.wants(parsed.event)

    async def _finish_later(self, kept: AlbumStore, update: Update) -> None:
        """Hand an album to the host as soon as it is complete. Nobody waits for this."""
        await self._albums.wait(update)

        async def finish() -> bool:
            async with self._order.of(chat_of(update)):
                await self._finish(kept, update)
            return True

        event_id = f"album of update {update.update_id}"
        if not await retry_while_busy(finish, event_id, give_up_seconds=BUSY_SECONDS):
            self._albums.close(update)
            await kept.delete(update)

    async def _finish(self, kept: AlbumStore, update: Update) -> None:
        """Hand an album that is stored to the host, unless that has happened."""
        if not self._albums.holds(update):
            return
        try:
            await self._offer_album(update)
        except (HostBusyError, LedgerError):
            raise
        except Exception as error:  # it can never be taken: what the person wrote must not stay here
            log_skipped(update.to_dict(), error)
            self._albums.close(update)
        await kept.delete(update)

    async def _offer_album(self, update: Update) -> None:
        """Hand the message that an album is to the host. Its other pieces are then taken too."""
        pieces = self._albums.pieces(update)
        parsed = self._parser.album([piece.message for piece in pieces if piece.message is not None])
        if parsed is not None:
            await self._offer(parsed)
        self._albums.close(update)
        for piece in pieces:
            self._taken[piece.update_id] = None

    async def _offer_counts(self, update: Update) -> None:
        counted = update.message_reaction_count
        if counted is None:
            return
        chat, message_id = str(int(counted.chat.id)), str(int(counted.message_id))
        steps: tuple[CountStep, ...] = await self._counts.steps(chat, message_id, counts_of(counted))
        for number, step in enumerate(steps):
            await self._offer(count_event(update.update_id, number, counted, step))
        if steps:
            await self._counts.note(chat, message_id, steps)

    async def _offer(self, parsed: ParsedEvent) -> None:
        event = parsed.event
        if type(event) is ButtonPress:
            value = await self._values.value(event.value)
            if value is None:
                with speaking(await language_of_account(event.sender.locale)):
                    raise NotYoursError(str(NO_LONGER_OPEN))
            event = msgspec.structs.replace(event, value=value)
        if type(event) is Message and parsed.files:
            wanted = (event.addressed or event.conversation.thread is not None) and await self._accept.wants(event)
            attachments = [await self._downloads.fetch(event, file, wanted=wanted) for file in parsed.files]
            event = msgspec.structs.replace(event, attachments=tuple(attachments))
        await self._accept(decode(encode(event)))  # the library checks no types; a wrong one is refused here

    async def _note_changes(self, update: Update) -> None:
        """Note what an update says about the bot and its groups, which is no event."""
        message, member = update.message, update.my_chat_member
        if message is not None and message.migrate_to_chat_id is not None:
            await self._api.note_move(int(message.chat.id), int(message.migrate_to_chat_id))
        if member is not None:
            status = member.new_chat_member.status
            chat = member.chat
            _log.info("telegram: the bot's role in a chat has changed", chat=chat.id, kind=chat.type, status=status)
            if status == "member" and chat.type in ("group", "supergroup"):
                _log.info("telegram: only administrators of a group receive its reactions", chat=chat.id)

    def _refused_seconds(self, chat: int) -> float:
        """For how long the host has refused the updates of ``chat``, in seconds."""
        now = asyncio.get_running_loop().time()
        return now - self._refused_since.setdefault(chat, now)


async def _show_choice(api: Api, query: CallbackQuery) -> None:
    """Acknowledge a pressed button, and remove the buttons that were a choice. Nobody waits for this."""
    message = query.message if isinstance(query.message, TelegramMessage) else None
    stays = is_thumb(query.data) or query.data == HEADING or is_open_to_all(query.data or "")
    label = "" if message is None or stays else _label(message, query.data)
    with contextlib.suppress(TelegramError):  # the press may be too old to be acknowledged
        await api.bot.answer_callback_query(query.id, text=f"✓ {label}"[:200] if label else None)
    if message is None or message.reply_markup is None or stays:
        return
    left = left_of(message.reply_markup.inline_keyboard, query.data)
    with contextlib.suppress(TelegramError):
        await api.bot.edit_message_reply_markup(message.chat.id, message.message_id, reply_markup=left)


async def _alert(api: Api, query: CallbackQuery, text: str) -> None:
    """Tell the person who pressed a button, and nobody else, why nothing was done. Nobody waits for this."""
    with contextlib.suppress(TelegramError):
        await api.bot.answer_callback_query(query.id, text=text[:200], show_alert=True)


def _label(message: TelegramMessage, data: str | None) -> str:
    """The label of the button with the value ``data``."""
    rows = message.reply_markup.inline_keyboard if message.reply_markup is not None else ()
    return next((button.text for row in rows for button in row if button.callback_data == data), "")
