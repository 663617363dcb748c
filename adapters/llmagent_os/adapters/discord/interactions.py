"""Slash commands and pressed buttons that wait for an answer. Discord calls both of them interactions.

Discord wants an acknowledgement within 3 seconds, and takes answers for 15 minutes.
"""

from __future__ import annotations

import asyncio
import copy
import time
from typing import Any

import msgspec
import structlog

from llmagent_os.adapter import Thumbs, is_open_to_all
from llmagent_os.adapter_kit.background_tasks import BackgroundTasks
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.adapter_kit.keyed_order import KeyedLocks
from llmagent_os.adapter_kit.shared_values import SharedValues
from llmagent_os.adapters.discord.api import CALLBACK, FOLLOW_UPS, MESSAGE, ORIGINAL_ANSWER, Api
from llmagent_os.adapters.discord.errors import ExpiredError, RefusedError
from llmagent_os.adapters.discord.forms import modal
from llmagent_os.adapters.discord.parsing import PLATFORM
from llmagent_os.adapters.discord.payloads import BUTTON, EPHEMERAL, MENU, InteractionPayload
from llmagent_os.adapters.discord.thumbs import THUMBS, with_thumbs
from llmagent_os.errors import AdapterError, LLMAgentOSError
from llmagent_os.forms.form import ShownForm
from llmagent_os.languages import lazy_gettext
from llmagent_os.records import INTERACTION, Records

_log = structlog.stdlib.get_logger(__name__)

#: How long the host has to store an interaction before it is acknowledged in any case, in seconds.
ACKNOWLEDGE_SECONDS = 2.5

#: For how long an interaction is answered, in seconds: a little less than Discord allows.
ANSWER_SECONDS = 14.5 * 60

#: Between two looks whether another host has acknowledged an interaction, in seconds.
LOOK_AGAIN_SECONDS = 0.1

#: How many interactions are remembered: the latest ones.
MAX_INTERACTIONS = 1000

#: What a person is told whose command or button the host did not take.
REFUSED = lazy_gettext("I could not take this just now. Please try again in a moment.")

#: What a person reads whose button has a value that is not stored any more.
NO_LONGER_OPEN = lazy_gettext("This button is no longer open.")

# Types of an acknowledgement.
_MESSAGE, _THINKING, _ANSWER_LATER, _UPDATE_MESSAGE = 4, 5, 6, 7

_ALREADY_ACKNOWLEDGED = 40060  # Discord's code

_LABEL_CHARACTERS = 80


class Answerable(msgspec.Struct, frozen=True):
    """What whoever answers a command or a pressed button has to know of it. Other hosts find it in the store."""

    id: str
    token: str  #: with which Discord takes answers
    application_id: str
    is_command: bool
    user_id: str
    private: bool  #: whether only that person sees the answer
    message_id: str  #: of the message with the button
    until: float  #: how long Discord takes answers, in seconds of Unix time
    acknowledged: bool = False  #: whether Discord takes them already

    @property
    def answerable(self) -> bool:
        """Whether Discord still takes an answer."""
        return time.time() < self.until

    @property
    def webhook(self) -> dict[str, str]:
        """Where answers go, as parts of a request's path."""
        return {"webhook_id": self.application_id, "webhook_token": self.token}


class PendingInteraction:
    """One command or pressed button."""

    def __init__(self, payload: InteractionPayload) -> None:
        """Args: ``payload`` has just arrived."""
        author, message = payload.author, payload.message
        self.id = payload.id
        self.token = payload.token
        self.application_id = payload.application_id
        self.is_command = payload.is_command
        self.user_id = author.id if author else ""
        #: whether only that person sees the answer: commands show private data, and in a server others read along
        self.private = payload.guild_id is not None if message is None else bool(message.flags & EPHEMERAL)
        self.message_id = message.id if message else ""  #: of the message with the button
        self.components = message.components if message else []
        self.chosen = payload.data.chosen  #: the value of the pressed button, or of the chosen option
        self.is_thumb = self.chosen in THUMBS
        self.stays = self.is_thumb or is_open_to_all(self.chosen)  #: a press takes no button away
        self.answerable_until = time.monotonic() + ANSWER_SECONDS
        loop = asyncio.get_running_loop()
        self.refusal = str(REFUSED)  #: what the person reads if the host does not store it
        self.taken: asyncio.Future[bool] = loop.create_future()  #: whether the host has stored it
        self.acknowledged: asyncio.Future[bool] = loop.create_future()  #: whether Discord takes an answer

    @property
    def answerable(self) -> bool:
        """Whether Discord still takes an answer."""
        return time.monotonic() < self.answerable_until

    def settle(self, taken: bool, refusal: str) -> None:
        """Note whether the host has stored the interaction.

        Args:
            taken: whether it has.
            refusal: what the person reads if it has not.
        """
        self.refusal = refusal
        if not self.taken.done():
            self.taken.set_result(taken)

    @property
    def webhook(self) -> dict[str, str]:
        """Where answers go, as parts of a request's path."""
        return {"webhook_id": self.application_id, "webhook_token": self.token}

    def known_to_others(self, *, acknowledged: bool) -> dict[str, Any]:
        """What other hosts need to answer it, as JSON."""
        until = time.time() + self.answerable_until - time.monotonic()
        facts = (self.id, self.token, self.application_id, self.is_command, self.user_id, self.private, self.message_id)
        found: dict[str, Any] = msgspec.to_builtins(Answerable(*facts, until, acknowledged))
        return found


class PendingInteractions:
    """The latest interactions. Where one host is alone they are kept in memory only: after a restart, an answer goes to
    the channel.
    """

    def __init__(self, api: Api, store: Records, *, shared: bool) -> None:
        """Args:
        api: takes acknowledgements and answers.
        store: the adapter's own documents.
        shared: whether other hosts answer, too.
        """
        self._api = api
        self._kept = SharedValues(store, INTERACTION, shared=shared, seconds=ANSWER_SECONDS)
        self._shared = shared
        self._known: BoundedDict[str, PendingInteraction] = BoundedDict(MAX_INTERACTIONS)
        self._thumbed: BoundedDict[str, list[dict[str, Any]]] = BoundedDict(MAX_INTERACTIONS)  # by message
        self._order = KeyedLocks()
        self._tasks = BackgroundTasks()

    def add(self, payload: InteractionPayload) -> PendingInteraction:
        """The interaction of ``payload``. A new one is acknowledged in the background."""
        known = self._known.get(payload.id)
        if known is not None:
            return known
        if payload.message is not None and payload.data.custom_id in THUMBS:
            self._thumbed[payload.message.id] = payload.message.components
        interaction = self._known[payload.id] = PendingInteraction(payload)
        self._tasks.spawn(self._process(interaction))
        return interaction

    async def open_form(self, payload: InteractionPayload, form: ShownForm) -> bool:
        """Open a form as the answer to an interaction. Returns whether Discord took it."""
        where = {"interaction_id": payload.id, "webhook_token": payload.token}
        try:
            await self._api.call("opening a form", "POST", CALLBACK, body=modal(form), at=where)
        except AdapterError as error:
            _log.info("discord: a form cannot be opened", error=str(error))
            return False
        return True

    async def share(self, interaction: PendingInteraction, *, acknowledged: bool = False) -> None:
        """Let other hosts answer an interaction, before one of them can be given its event."""
        if self._shared:
            await self._kept.put(interaction.id, interaction.known_to_others(acknowledged=acknowledged))

    async def answered_by(self, key: str) -> PendingInteraction | Answerable | None:
        """The interaction that the reply ``key`` answers, once Discord takes answers; None if there is none."""
        platform, _, rest = key.partition(":")
        if platform != PLATFORM:
            return None
        name = rest.partition(":")[0]
        known = self._known.get(name)
        if known is None and self._shared:
            return await self._of_another_host(name)
        if known is None or not known.answerable:
            return None
        await asyncio.wait({known.acknowledged}, timeout=ACKNOWLEDGE_SECONDS * 2)
        return known if known.acknowledged.done() and known.acknowledged.result() else None

    async def _of_another_host(self, name: str) -> Answerable | None:
        """An interaction that another host has received, once that host has acknowledged it."""
        for _ in range(int(ACKNOWLEDGE_SECONDS * 2 / LOOK_AGAIN_SECONDS)):
            kept = await self._kept.get(name, again=True)
            if kept is None:
                return None
            found = msgspec.convert(kept, Answerable)
            if found.acknowledged:
                return found if found.answerable else None
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
        return None

    async def show_thumbs(self, channel: str, message_id: str, thumbs: Thumbs) -> None:
        """Show under a message how its thumbs are pressed, if one of them was pressed lately.

        Raises:
            AdapterError: Discord refuses the change.
        """
        async with self._order.of(message_id):
            before = self._thumbed.get(message_id)
            if before is None or (shown := with_thumbs(before, thumbs)) == before:
                return
            self._thumbed[message_id] = shown
            await self._api.call(
                "showing thumbs",
                "PATCH",
                MESSAGE,
                body={"components": shown},
                channel_id=channel,
                message_id=message_id,
            )

    async def drop(self, interaction: PendingInteraction | Answerable) -> None:
        """Forget an interaction that cannot be answered any more."""
        self._known.pop(interaction.id, None)
        await self._kept.drop(interaction.id)

    async def close(self) -> None:
        """Stop acknowledging."""
        await self._tasks.close()

    async def _process(self, interaction: PendingInteraction) -> None:
        try:
            await asyncio.wait({interaction.taken}, timeout=ACKNOWLEDGE_SECONDS)
            in_time = interaction.taken.done()
            acknowledged = await self._acknowledge(interaction, interaction.taken.result() if in_time else None)
            if not interaction.acknowledged.done():
                interaction.acknowledged.set_result(acknowledged)
            if acknowledged:
                await self.share(interaction, acknowledged=True)
            if acknowledged and not in_time:
                await self._show_result(interaction, await interaction.taken)
        except LLMAgentOSError as error:
            _log.warning("discord: the state of an interaction is not shown", error=str(error))
        except Exception as error:  # the host has the interaction; only its looks are wrong
            _log.error("discord: the state of an interaction is not shown", exc_info=error)
        finally:
            if not interaction.acknowledged.done():
                interaction.acknowledged.set_result(False)

    async def _acknowledge(self, interaction: PendingInteraction, taken: bool | None) -> bool:
        """Acknowledge an interaction. Returns whether Discord got the acknowledgement in time.

        Args:
            interaction: which.
            taken: whether the host has stored it; None: the host has not decided yet.
        """
        only_one_person = {"flags": EPHEMERAL}
        if taken is False:
            body = {"type": _MESSAGE, "data": {"content": interaction.refusal, **only_one_person}}
        elif interaction.is_command:
            body = {"type": _THINKING, "data": only_one_person if interaction.private else {}}
        elif taken and not interaction.stays:
            components = with_choice(interaction.components, interaction.chosen)
            body = {"type": _UPDATE_MESSAGE, "data": {"components": components}}
        else:
            body = {"type": _ANSWER_LATER}
        try:
            await self._api.call(
                "acknowledging",
                "POST",
                CALLBACK,
                body=body,
                interaction_id=interaction.id,
                webhook_token=interaction.token,
            )
        except ExpiredError:
            _log.warning("discord: an interaction was acknowledged too late; the answer goes to the channel")
            return False
        except RefusedError as error:
            if error.code != _ALREADY_ACKNOWLEDGED:
                raise
        return True

    async def _show_result(self, interaction: PendingInteraction, taken: bool) -> None:
        """Show what the host decided, where the acknowledgement came too early to say so."""
        webhook = interaction.webhook
        if interaction.is_command:
            if not taken:
                await self._api.call(
                    "refusing", "PATCH", ORIGINAL_ANSWER, body={"content": interaction.refusal}, at=webhook
                )
        elif taken and interaction.stays:
            return  # the host says how the thumbs are pressed now, and a plugin what a poll says
        elif taken:
            body = {"components": with_choice(interaction.components, interaction.chosen)}
            await self._api.call("showing a choice", "PATCH", ORIGINAL_ANSWER, body=body, at=webhook)
        else:
            refusal = {"content": interaction.refusal, "flags": EPHEMERAL}
            await self._api.call("refusing", "POST", FOLLOW_UPS, body=refusal, at=webhook)


def with_choice(components: list[dict[str, Any]], chosen: str) -> list[dict[str, Any]]:
    """A message's components after a choice: all disabled but the thumbs, what was chosen marked."""
    shown = copy.deepcopy(components)
    waiting = list(shown)
    while waiting:
        component = waiting.pop()
        waiting += [inner for inner in component.get("components") or () if isinstance(inner, dict)]
        if component.get("type") not in (BUTTON, MENU) or component.get("custom_id") in (None, *THUMBS):
            continue
        component["disabled"] = True
        if component["custom_id"] == chosen:
            component["label"] = f"✓ {component.get('label') or ''}"[:_LABEL_CHARACTERS]
        for option in component.get("options") or ():
            if option.get("value") == chosen:
                option |= {"label": f"✓ {option.get('label') or ''}"[:_LABEL_CHARACTERS], "default": True}
    return shown
