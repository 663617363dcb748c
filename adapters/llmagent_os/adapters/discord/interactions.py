"""Slash commands and pressed buttons that wait to be answered.

Discord wants to hear within 3 seconds that one arrived, and takes answers to it for 15 minutes.
"""

from __future__ import annotations

import asyncio
import copy
import time
from collections import OrderedDict
from typing import Any

import structlog

from llmagent_os.adapters.discord import wire
from llmagent_os.adapters.discord.api import Api, ExpiredError
from llmagent_os.adapters.discord.failures import RefusedError
from llmagent_os.adapters.discord.reading import PLATFORM
from llmagent_os.errors import LLMAgentOSError

_log = structlog.stdlib.get_logger(__name__)

ACKNOWLEDGE = 2.5  #: seconds to store it before Discord is told in any case
ANSWERABLE = 14.5 * 60  #: seconds
REMEMBERED = 1000

REFUSED = "I could not take this just now. Please try again in a moment."

# What a callback may be.
_MESSAGE, _THINKING, _LATER, _UPDATE = 4, 5, 6, 7

_ALREADY_ACKNOWLEDGED = 40060


class Interaction:
    """One of them."""

    def __init__(self, seen: wire.Interacted) -> None:
        """It has just come."""
        person = seen.user or (seen.member.user if seen.member else None)
        carrier = seen.message
        self.id = seen.id
        self.token = seen.token
        self.application_id = seen.application_id
        self.is_command = seen.type == wire.COMMAND
        self.person = person.id if person else ""
        #: only that person sees the answer: what commands show is theirs, and in a server others read along
        self.private = seen.guild_id is not None if carrier is None else bool(carrier.flags & wire.EPHEMERAL)
        self.message_id = carrier.id if carrier else ""  #: that carries the button
        self.components = carrier.components if carrier else []
        self.custom_id = seen.data.custom_id
        self.until = time.monotonic() + ANSWERABLE
        loop = asyncio.get_running_loop()
        self.taken: asyncio.Future[bool] = loop.create_future()  #: whether the host has it
        self.acknowledged: asyncio.Future[bool] = loop.create_future()  #: whether Discord can be sent an answer

    @property
    def answerable(self) -> bool:
        """Whether its time is not over."""
        return time.monotonic() < self.until

    def settle(self, taken: bool) -> None:
        """The host has taken it, or has not."""
        if not self.taken.done():
            self.taken.set_result(taken)

    @property
    def webhook(self) -> dict[str, str]:
        """Where answers go, as parts of a request's path."""
        return {"webhook_id": self.application_id, "webhook_token": self.token}


class Interactions:
    """Those of late. Tokens are in memory alone: after a restart an answer goes to the channel."""

    def __init__(self, api: Api) -> None:
        """Args: ``api`` takes the answers."""
        self._api = api
        self._known: OrderedDict[str, Interaction] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def add(self, seen: wire.Interacted) -> Interaction:
        """Begin to see to it; one that is known comes back as it is."""
        known = self._known.get(seen.id)
        if known is not None:
            return known
        interaction = self._known[seen.id] = Interaction(seen)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        task = asyncio.create_task(self._see_to(interaction))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return interaction

    async def of(self, key: str) -> Interaction | None:
        """The interaction that the reply of this key answers, as soon as Discord takes answers to it."""
        platform, _, rest = key.partition(":")
        known = self._known.get(rest.partition(":")[0]) if platform == PLATFORM else None
        if known is None or not known.answerable:
            return None
        await asyncio.wait({known.acknowledged}, timeout=ACKNOWLEDGE * 2)
        return known if known.acknowledged.done() and known.acknowledged.result() else None

    def drop(self, interaction: Interaction) -> None:
        """It can be answered no more."""
        self._known.pop(interaction.id, None)

    async def close(self) -> None:
        """Stop seeing to them."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _see_to(self, it: Interaction) -> None:
        try:
            await asyncio.wait({it.taken}, timeout=ACKNOWLEDGE)
            in_time = it.taken.done()
            acknowledged = await self._acknowledge(it, it.taken.result() if in_time else None)
            if not it.acknowledged.done():
                it.acknowledged.set_result(acknowledged)
            if acknowledged and not in_time:
                await self._afterwards(it, await it.taken)
        except LLMAgentOSError as error:
            _log.warning("discord: an interaction is not shown as it is", error=str(error))
        except Exception as error:  # it has been handed on; what is missing is how it looks
            _log.error("discord: an interaction is not shown as it is", exc_info=error)
        finally:
            if not it.acknowledged.done():
                it.acknowledged.set_result(False)

    async def _acknowledge(self, it: Interaction, taken: bool | None) -> bool:
        """Tell Discord that it arrived; ``taken`` is None where nobody knows yet. Returns whether it heard in time."""
        secret = {"flags": wire.EPHEMERAL}
        if taken is False:
            answer = {"type": _MESSAGE, "data": {"content": REFUSED, **secret}}
        elif it.is_command:
            answer = {"type": _THINKING, "data": secret if it.private else {}}
        elif taken:
            answer = {"type": _UPDATE, "data": {"components": chosen(it.components, it.custom_id)}}
        else:
            answer = {"type": _LATER}
        path = "/interactions/{interaction_id}/{webhook_token}/callback"
        try:
            await self._api.call(
                "acknowledging", "POST", path, body=answer, interaction_id=it.id, webhook_token=it.token
            )
        except ExpiredError:
            _log.warning("discord: an interaction was acknowledged too late; its answer goes to the channel")
            return False
        except RefusedError as error:
            if error.code != _ALREADY_ACKNOWLEDGED:
                raise
        return True

    async def _afterwards(self, it: Interaction, taken: bool) -> None:
        """What the acknowledgement could not say yet."""
        original = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        if it.is_command:
            if not taken:
                await self._api.call("refusing", "PATCH", original, body={"content": REFUSED}, at=it.webhook)
        elif taken:
            body = {"components": chosen(it.components, it.custom_id)}
            await self._api.call("showing a choice", "PATCH", original, body=body, at=it.webhook)
        else:
            refusal = {"content": REFUSED, "flags": wire.EPHEMERAL}
            await self._api.call(
                "refusing", "POST", "/webhooks/{webhook_id}/{webhook_token}", body=refusal, at=it.webhook
            )


def chosen(components: list[dict[str, Any]], custom_id: str) -> list[dict[str, Any]]:
    """A message's components with no button that can be pressed, and the one that was marked."""
    shown = copy.deepcopy(components)
    waiting = list(shown)
    while waiting:
        each = waiting.pop()
        waiting += [inner for inner in each.get("components") or () if isinstance(inner, dict)]
        if each.get("type") != wire.BUTTON or "custom_id" not in each:
            continue
        each["disabled"] = True
        if each["custom_id"] == custom_id:
            each["label"] = f"✓ {each.get('label') or ''}"[:80]
    return shown
