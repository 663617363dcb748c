"""Updates on their way to the host: each chat's in order, and no chat waiting for another's downloads."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, cast
from weakref import WeakValueDictionary

import msgspec
import structlog
from telegram import CallbackQuery, Update

from llmagent_os.adapter import Accept
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.files import Files, missing
from llmagent_os.adapters.telegram.api import Api
from llmagent_os.adapters.telegram.counts import ReactionCounts, Step
from llmagent_os.adapters.telegram.incoming import Found, Reader, Remote, count_event, counts_of
from llmagent_os.errors import BadEventError, HostBusyError, LedgerError
from llmagent_os.events import Attachment, ButtonPress, Message, decode, encode

_log = structlog.stdlib.get_logger(__name__)

#: Telegram gives no larger files to bots, in bytes.
LARGEST = 20_000_000

#: So many chats are taken in at once.
SIDE_BY_SIDE = 16

#: So long an update is offered to a host that is too busy for it, in seconds. Telegram brings none before it is taken:
#: whoever floods the bot would keep everybody else from it. They have been told that it was not taken.
PATIENCE = 60.0

#: How often a file is tried, and the first pause between, in seconds.
_TRIES, _PAUSE = 3, 0.3


class Intake:
    """Hands what updates say to ``accept``."""

    def __init__(
        self,
        api: Api,
        reader: Reader,
        counts: ReactionCounts,
        values: ButtonValues,
        files: Files,
        accept: Accept,
        pressed: Callable[[CallbackQuery], None],
    ) -> None:
        """Args: ``pressed`` is told of every press once it has been taken."""
        self._api = api
        self._reader = reader
        self._counts = counts
        self._values = values
        self._files = files
        self._accept = accept
        self._pressed = pressed
        self._refused: dict[int, float] = {}  # chat -> since when the host has no room, on the loop's clock
        self._taken: OrderedDict[int, None] = OrderedDict()  # updates that Telegram brings again behind a refused one
        self._side_by_side = asyncio.Semaphore(SIDE_BY_SIDE)
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def take(self, raws: Sequence[object]) -> list[bool]:
        """Take in updates. Returns of each whether it is safe with the host, so that Telegram may forget it."""
        safe = [False] * len(raws)
        chats: dict[int, list[tuple[int, Update]]] = {}
        for place, raw in enumerate(raws):
            known = parsed(raw)
            if known is None:
                safe[place] = True
            else:
                chat, update = known
                chats.setdefault(chat, []).append((place, update))

        async def one_after_the_other(chat: int, updates: list[tuple[int, Update]]) -> None:
            async with self._side_by_side, self._turn(chat):
                for place, update in updates:
                    if update.update_id not in self._taken and not await self._take(update):
                        return  # what comes later in this chat must not overtake it
                    safe[place] = True
                    self._taken[update.update_id] = None
                    while len(self._taken) > 1000:
                        self._taken.popitem(last=False)

        if len(chats) == 1:
            await one_after_the_other(*next(iter(chats.items())))
        elif chats:
            await asyncio.gather(*(one_after_the_other(*each) for each in chats.items()))
        return safe

    async def _take(self, update: Update) -> bool:
        """Whether it was taken, or never can be."""
        steps: tuple[Step, ...] = ()
        counted = update.message_reaction_count
        try:
            if counted is not None:
                where = str(int(counted.chat.id)), str(int(counted.message_id))
                steps = await self._counts.steps(*where, counts_of(counted))
                found = [
                    count_event(update.update_id, number, counted, **msgspec.to_builtins(step))
                    for number, step in enumerate(steps)
                ]
            elif update.message_reaction is not None:
                found = self._reader.reactions(update.update_id, update.message_reaction)
            else:
                one = self._reader.read(update)
                found = [] if one is None else [one]
            for each in found:
                await self._give(each)
            if counted is not None and steps:
                await self._counts.note(str(int(counted.chat.id)), str(int(counted.message_id)), steps)
            if update.callback_query is not None:
                self._pressed(update.callback_query)
            await self._look(update)
            self._refused.pop(_chat(update), None)
        except HostBusyError as error:
            if self._waited(_chat(update)) > PATIENCE:  # the others' would wait behind it for ever
                _log.error("an update is given up", update_id=update.update_id, error=str(error))
                return True
            _log.info("an update is left for later", update_id=update.update_id, error=str(error))
            return False
        except LedgerError as error:
            _log.error("an update cannot be stored; it is left for later", error=str(error))
            return False
        except Exception as error:  # a payload that no check has foreseen must not end the bot
            _skipped(update.to_dict(), error)
        return True

    async def _give(self, found: Found) -> None:
        event = found.event
        if type(event) is ButtonPress:
            value = await self._values.value(event.value)
            if value is None:
                return
            event = msgspec.structs.replace(event, value=value)
        if type(event) is Message and found.files:
            heard = (event.addressed or event.conversation.thread is not None) and await self._accept.wants(event)
            attachments = [await self._fetch(event, each, heard) for each in found.files]
            event = msgspec.structs.replace(event, attachments=tuple(attachments))
        await self._accept(decode(encode(event)))  # fields of other types than they should be end here

    async def _fetch(self, event: Message, remote: Remote, heard: bool) -> Attachment:
        if not heard:
            problem = "it was not meant for the bot"
        elif remote.size > LARGEST:
            problem = f"larger than {LARGEST / 1_000_000:g} MB"
        elif not self._files.fits(remote.size):
            problem = self._files.too_large
        else:
            return await self._download(event, remote)
        return missing(remote.name, remote.content_type, problem, size=remote.size, voice=remote.voice)

    async def _download(self, event: Message, remote: Remote) -> Attachment:
        tries = 0
        while True:
            tries += 1
            chunks = self._api.download(remote.file_id)
            kept = await self._files.keep(
                event.sender.user_id, event.event_id, remote.name, remote.content_type, chunks, voice=remote.voice
            )
            if kept.path or tries == _TRIES or kept.problem == self._files.too_large:
                return kept
            await asyncio.sleep(_PAUSE)

    async def _look(self, update: Update) -> None:
        """What concerns the bot itself and is no event."""
        said, member = update.message, update.my_chat_member
        if said is not None and said.migrate_to_chat_id is not None:
            await self._api.moved(int(said.chat.id), int(said.migrate_to_chat_id))
        if member is not None:
            status = member.new_chat_member.status
            _log.info(
                "the bot's place in a chat has changed", chat=member.chat.id, kind=member.chat.type, status=status
            )
            if status == "member" and member.chat.type in ("group", "supergroup"):
                _log.info("Telegram tells of reactions only to administrators of a group", chat=member.chat.id)

    def _waited(self, chat: int) -> float:
        """For how long this chat's updates have been refused, in seconds."""
        now = asyncio.get_running_loop().time()
        since = self._refused.setdefault(chat, now)
        while len(self._refused) > 1000:
            del self._refused[next(iter(self._refused))]
        return now - since

    def _turn(self, chat: int) -> asyncio.Lock:
        lock = self._turns.get(chat)
        if lock is None:
            self._turns[chat] = lock = asyncio.Lock()
        return lock


def parsed(raw: object) -> tuple[int, Update] | None:
    """The update that ``raw``, which was JSON, is, and the chat that it is of, 0 for none. None: it is none."""
    try:
        if not isinstance(raw, dict):
            raise BadEventError(f"an update is a JSON object, not {type(raw).__name__}")
        update = Update.de_json(cast("dict[str, Any]", raw))
        return _chat(update), update
    except Exception as error:  # the library raises whatever it stumbles over
        _skipped(raw, error)  # pyright: ignore[reportUnknownArgumentType]
        return None


def _skipped(raw: object, error: Exception) -> None:
    kinds = sorted(str(key)[:40] for key in cast("dict[str, Any]", raw)) if isinstance(raw, dict) else []
    _log.warning("a malformed update is skipped", fields=kinds[:5], error=type(error).__name__)
    _log.debug("why it is malformed", error=repr(error))


def _chat(update: Update) -> int:
    """Whose turn it is. The library checks no types."""
    chat = update.effective_chat
    if chat is None:
        return 0
    if not isinstance(chat.id, int):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise BadEventError(f"a chat's id is a number, not {type(chat.id).__name__}")
    return chat.id
