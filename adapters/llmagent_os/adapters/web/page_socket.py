"""The WebSocket of a page: frames in, frames out."""

from __future__ import annotations

import asyncio

import msgspec
import structlog
from aiohttp import WSMsgType, web

from llmagent_os.adapters.web.access import Visitor
from llmagent_os.adapters.web.browser_page import BrowserPage
from llmagent_os.adapters.web.frames import (
    Ack,
    Conversations,
    ConversationSummary,
    EarlierItems,
    Error,
    Items,
    ListConversations,
    NewConversation,
    OpenConversation,
    PageFrame,
    Ping,
    Pong,
    Refused,
    id_of,
    read_frame,
)
from llmagent_os.adapters.web.open_pages import OpenPages
from llmagent_os.adapters.web.page_actions import NOT_STORED, PageActions
from llmagent_os.adapters.web.transcript import Transcript
from llmagent_os.errors import BadEventError, LLMAgentOSError
from llmagent_os.languages import gettext

_log = structlog.stdlib.get_logger(__name__)


#: How long a page waits for a transcript that cannot be read, before it is read again.
RETRY_SECONDS = 2.0


class PageSocket:
    """Serves pages over their WebSockets."""

    def __init__(self, transcript: Transcript, pages: OpenPages, actions: PageActions) -> None:
        """Args:
        transcript: what was said.
        pages: the pages that are open.
        actions: takes what visitors do.
        """
        self._transcript = transcript
        self._pages = pages
        self._actions = actions

    async def serve(self, socket: web.WebSocketResponse, visitor: Visitor) -> None:
        """Serve one page until its connection ends."""
        page = BrowserPage(socket, visitor, self._transcript)
        self._pages.add(page)
        sending = asyncio.create_task(_keep_sending(page))
        try:
            async for message in socket:
                if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._receive(page, message.data)
        except ConnectionError:
            _log.debug("web: a page is gone", user_id=visitor.id)
        finally:
            self._pages.remove(page)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _receive(self, page: BrowserPage, raw: str | bytes) -> None:
        visitor = page.visitor
        try:
            frame = read_frame(raw)
        except BadEventError as error:
            _log.info("web: a frame cannot be read", user_id=visitor.id, error=str(error))
            known = id_of(raw)
            reason = gettext("This could not be understood.")
            await page.send(Refused(id=known, reason=reason, again=False) if known else Error(reason=str(error)))
            return
        try:
            await self._answer(page, frame)
        except ConnectionError:
            raise
        except LLMAgentOSError as error:  # the transcript is locked, full or damaged
            _log.error("web: a frame has failed", user_id=visitor.id, error=str(error))
            known = getattr(frame, "id", None)
            reason = str(NOT_STORED)
            await page.send(Refused(id=known, reason=reason, again=True) if known else Error(reason=reason))
        except Exception:  # one frame that fails must not end the connection
            _log.exception("web: a frame has failed", user_id=visitor.id)
            known = getattr(frame, "id", None)
            reason = gettext("Something went wrong here.")
            await page.send(Refused(id=known, reason=reason, again=True) if known else Error(reason=reason))

    async def _answer(self, page: BrowserPage, frame: PageFrame) -> None:
        visitor = page.visitor
        match frame:
            case Ping():
                await page.send(Pong())
            case NewConversation():
                await self._pages.show(page, await self._transcript.begin(visitor.id), 0)
            case OpenConversation():
                page.visitor = visitor = msgspec.structs.replace(visitor, time_zone=frame.time_zone)
                wanted = frame.conversation
                if wanted is not None and await self._transcript.owner(wanted) == visitor.id:
                    await self._pages.show(page, wanted, frame.after)
                else:
                    await self._pages.show(page, await self._transcript.latest(visitor.id), 0)
            case ListConversations():
                found = await self._transcript.conversations(visitor.id)
                listed = tuple(ConversationSummary(id=each, title=title, at=at) for each, title, at in found)
                await page.send(Conversations(conversations=listed))
            case EarlierItems():
                if page.conversation is not None:
                    earlier = await self._transcript.before(page.conversation, frame.before)
                    await page.send(Items(conversation=page.conversation, items=earlier.items, more=earlier.more))
            case _:
                refused = await self._actions.take(visitor, frame)
                if refused is None:
                    await page.catch_up()  # before the Ack, at which the page drops its own copy
                await page.send(refused or Ack(id=frame.id))


async def _keep_sending(page: BrowserPage) -> None:
    try:
        while True:
            try:
                await page.keep_sending()
            except LLMAgentOSError as error:  # the transcript is locked or damaged: the page can still be told so
                _log.error("web: a page waits for what is new", user_id=page.visitor.id, error=str(error))
                await asyncio.sleep(RETRY_SECONDS)
                page.notify()
    except ConnectionError:
        _log.debug("web: a page is gone", user_id=page.visitor.id)
    except Exception:
        _log.exception("web: a page has failed", user_id=page.visitor.id)
        await page.close()  # the page connects again, and goes on where it was
