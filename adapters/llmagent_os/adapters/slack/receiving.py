"""Payloads of one connection, handed to the host in the order of their conversation."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import aiohttp
import msgspec
import structlog

from llmagent_os.adapter import Accept, is_open_to_all
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.busy_retry import retry_while_busy
from llmagent_os.adapter_kit.button_values import ButtonValues
from llmagent_os.adapter_kit.forms import FormFor, SentForms
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapter_kit.shared_values import SharedValues
from llmagent_os.adapter_kit.watchdog import Watchdog
from llmagent_os.adapters.slack.api import Api
from llmagent_os.adapters.slack.catch_up import CatchUp
from llmagent_os.adapters.slack.downloads import Downloads
from llmagent_os.adapters.slack.drafts import Drafts
from llmagent_os.adapters.slack.forms import ANSWER_SECONDS, errors_shown, modal
from llmagent_os.adapters.slack.names import Names
from llmagent_os.adapters.slack.parsing import ParsedEvent, SlackParser
from llmagent_os.adapters.slack.rendering import with_choice
from llmagent_os.errors import AdapterError, BadEventError, ConfigError, HostBusyError, LedgerError, NotYoursError
from llmagent_os.events import Attachment, ButtonPress, Command, Edit, Event, Message, Opened, event_key
from llmagent_os.languages import lazy_gettext, speaking
from llmagent_os.languages.catalogues import language_of_account

_log = structlog.stdlib.get_logger(__name__)

#: How long a message waits for those that were missed before it, in seconds: Slack wants an answer after 3.
HOLD_SECONDS = 2.0

#: Between two tries to read what was missed, in seconds.
AGAIN_SECONDS = 1.0

#: What a person reads whose button has a value that is not stored any more.
NO_LONGER_OPEN = lazy_gettext("This button is no longer open.")


class EventReceiver:
    """Takes payloads, and hands their events to the host."""

    def __init__(
        self,
        accept: Accept,
        *,
        api: Api,
        parser: SlackParser,
        names: Names,
        catch_up: CatchUp,
        downloads: Downloads,
        drafts: Drafts,
        values: ButtonValues,
        response_urls: SharedValues,
        silence: Watchdog,
        form_for: FormFor,
        sent_forms: SentForms,
    ) -> None:
        """Args:
        accept: the host.
        api: of Slack.
        parser: turns payloads into events.
        names: the names that the parser knows.
        catch_up: knows how far conversations were read.
        downloads: fetches files.
        drafts: is told who asked.
        values: the long values of buttons.
        response_urls: keeps where the answer to a command may be posted, by the command's key.
        silence: restarted with every payload.
        form_for: says which form is opened for a command or a pressed button.
        sent_forms: says what was wrong with a form that was sent.
        """
        self._accept = accept
        self._api = api
        self._parser = parser
        self._names = names
        self._catch_up = catch_up
        self._downloads = downloads
        self._drafts = drafts
        self._values = values
        self._response_urls = response_urls
        self._silence = silence
        self._form_for = form_for
        self._sent_forms = sent_forms
        self._order = KeyedLocks()
        self._tasks = BackgroundTasks()
        self._closed = False
        self._missed = asyncio.Event()  # something may have been missed
        self._is_read = asyncio.Event()  # what was missed before the present connection was read

    def connected(self) -> None:
        """Note that events arrive from now on: what came before is to be read from the history, and first."""
        self._is_read.clear()
        self._catch_up.fall_behind()
        self._missed.set()

    async def until_missed(self) -> None:
        """Return when something may have been missed."""
        await self._missed.wait()
        self._missed.clear()

    async def take(self, body: dict[str, Any]) -> dict[str, Any] | None:
        """Take a payload. On return its event is stored, or there was none in it.

        Returns:
            What Slack is to be answered; None: nothing but that the payload was taken.

        Raises:
            HostBusyError: the host has no room, or the adapter is stopping.
            LedgerError: the event could not be stored.
        """
        self._silence.restart()
        try:
            parsed = self._parser.parse(body)
        except BadEventError as error:
            _log.warning("slack: a payload is skipped", error=str(error))
            return None
        if parsed is None:
            return None
        if isinstance(parsed.event, Message):
            await self._take_message(parsed, parsed.event)
            return None
        if not isinstance(parsed.event, Command) or not parsed.event.form:
            await self._offer(parsed)
            return None
        key = event_key(parsed.event)
        self._sent_forms.expect(key)
        await self._offer(parsed)
        errors = await self._sent_forms.errors(key, ANSWER_SECONDS)
        return errors_shown(errors) if errors else None

    async def _take_message(self, parsed: ParsedEvent, message: Message) -> None:
        """Take a message, after those that were missed before it. One that is refused is read from the history."""
        try:
            async with asyncio.timeout(HOLD_SECONDS):
                await self._is_read.wait()
        except TimeoutError:
            if self._catch_up.is_behind_in(message.conversation):  # then it is read from the history, in its place
                raise HostBusyError("slack: what was written before this message is read first") from None
        try:
            await self._offer(parsed)
        except (HostBusyError, LedgerError):
            self._catch_up.fall_behind(message.conversation)
            self._missed.set()
            raise

    async def catch_up(self, *, probe: bool = False) -> int:
        """Take what was missed; see :meth:`CatchUp.run`."""

        async def take(parsed: ParsedEvent) -> bool:
            # A message that is not taken must not be passed over: the messages after it move the read position.
            return await retry_while_busy(lambda: self._offer(parsed, missed=True), parsed.event.event_id)

        new = await self._catch_up.run(take, probe=probe)
        while not probe and self._catch_up.is_behind:  # Slack could not be asked
            await asyncio.sleep(AGAIN_SECONDS)
            new += await self._catch_up.run(take)
        if not probe:
            self._is_read.set()
        return new

    async def close(self) -> None:
        """Take nothing more."""
        self._closed = True
        await self._tasks.close()
        await self._names.close()

    async def _offer(self, parsed: ParsedEvent, *, missed: bool = False) -> bool:
        """Hand an event to the host, after the earlier events of its conversation. Returns whether the event is new."""
        if await self._opens_form(parsed):
            return False
        event = parsed.event
        chosen = event.value if isinstance(event, ButtonPress) else ""  # as Slack carries it
        async with self._order.of(event.conversation.key):
            if (parsed.files or parsed.written is not None) and await self._is_wanted(event):
                event = await self._completed(parsed)
            if isinstance(event, Command) and parsed.response_url:
                await self._response_urls.put(event_key(event), {"url": parsed.response_url})
            if self._closed:
                raise HostBusyError("slack: the adapter is stopping")
            event = await self._with_locale(event)
            self._drafts.note_asker(event.conversation, event.sender.user_id)
            try:
                if isinstance(event, ButtonPress):
                    event = await self._with_whole_value(event)
                new = await self._accept(event)
            except NotYoursError as error:  # the buttons stay as they are, for the person who was answered
                self._tasks.spawn(self._refuse(event, str(error)))
                return False
            except BadEventError as error:
                _log.warning("slack: an event is skipped", error=str(error))
                return False
        if isinstance(event, Message) and (new or event.addressed):
            await self._catch_up.read(event.conversation, event.message_id, event.sender.user_id, missed=missed)
        if isinstance(event, Opened) and new and event.conversation.thread:
            await self._catch_up.read(event.conversation, event.conversation.thread, event.sender.user_id)
        if isinstance(event, ButtonPress) and parsed.whispered:
            self._tasks.spawn(self._delete_whisper(parsed.response_url))
        elif isinstance(event, ButtonPress) and parsed.pressed is not None and not is_open_to_all(event.value):
            self._tasks.spawn(self._show_choice(event, parsed.pressed, chosen))
        return new

    async def _opens_form(self, parsed: ParsedEvent) -> bool:
        """Open a form in the place of a command, if there is one. False: the command is to be handed on."""
        form = self._form_for(parsed.event) if parsed.trigger_id else None
        if form is None or not await self._accept.wants(parsed.event):
            return False
        where = parsed.event.conversation
        with speaking(await language_of_account(parsed.event.sender.locale)):
            view = modal(form, where.channel, where.thread, parsed.response_url)
        try:
            await self._api.call("views.open", optional=True, trigger_id=parsed.trigger_id, view=view)
        except (AdapterError, ConfigError) as error:
            _log.info("slack: a form cannot be opened", error=str(error))
            return False
        return True

    async def _with_whole_value(self, press: ButtonPress) -> ButtonPress:
        value = await self._values.value(press.value)
        if value is None:
            with speaking(await language_of_account(press.sender.locale)):
                raise NotYoursError(str(NO_LONGER_OPEN))
        return msgspec.structs.replace(press, value=value)

    async def _with_locale(self, event: Event) -> Event:
        """``event`` with the language that its person has chosen in Slack. Only for a greeting Slack is asked."""
        sender = event.sender
        if isinstance(event, Opened):
            await self._names.learn([sender.user_id], [])
        locale = sender.locale or self._names.locale(sender.user_id)
        return msgspec.structs.replace(event, sender=msgspec.structs.replace(sender, locale=locale))

    async def _is_wanted(self, event: Event) -> bool:
        """Whether the host will take ``event``: only then something is asked of Slack for it."""
        if isinstance(event, Message) and not event.addressed and not event.conversation.thread:
            return False
        return isinstance(event, Message | Edit) and await self._accept.wants(event)

    async def _completed(self, parsed: ParsedEvent) -> Event:
        """The event of ``parsed`` with its files and with the names of people and channels."""
        event = parsed.event
        if parsed.written is not None:
            ids = parsed.written.ids
            users = dict.fromkeys([*ids.unnamed_users, *ids.users, event.sender.user_id])
            users.pop(self._parser.bot_user, None)
            await self._names.learn(users, ids.unnamed_channels)
            event = self._parser.with_names(parsed)
        if isinstance(event, Message) and parsed.files:
            event = msgspec.structs.replace(event, attachments=await self._fetch(event, parsed))
        return event

    async def _fetch(self, event: Message, parsed: ParsedEvent) -> tuple[Attachment, ...]:
        fetching = [
            self._downloads.fetch(event.sender.user_id, event.event_id, file, number)
            for number, file in enumerate(parsed.files)
        ]
        return tuple(await asyncio.gather(*fetching))

    async def _refuse(self, event: Event, reason: str) -> None:
        """Tell the person who did ``event``, and nobody else, why it was not taken. Nobody waits for this."""
        where = event.conversation
        with contextlib.suppress(AdapterError, ConfigError):
            await self._api.call(
                "chat.postEphemeral",
                optional=True,
                channel=where.channel,
                user=event.sender.user_id,
                thread_ts=where.thread,
                text=reason,
            )

    async def _delete_whisper(self, url: str) -> None:
        """Delete a message that one person alone saw, once its button was pressed. Nobody waits for this."""
        if not self._api.is_own_address(url):
            return
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self._api.session.post(url, json={"delete_original": True}):
                pass

    async def _show_choice(self, press: ButtonPress, message: dict[str, Any], chosen: str) -> None:
        """Replace the buttons of ``message`` by the choice. Nobody waits for this."""
        blocks: object = message.get("blocks")
        text: object = message.get("text")
        if not isinstance(blocks, list) or not isinstance(text, str):
            return
        left = with_choice(blocks, chosen)  # pyright: ignore[reportUnknownArgumentType]
        channel = press.conversation.channel
        with contextlib.suppress(AdapterError, ConfigError):
            await self._api.call(
                "chat.update", optional=True, channel=channel, ts=press.message_id, text=text, blocks=left
            )
