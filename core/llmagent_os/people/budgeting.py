"""Keeps people within their budgets before the agent sees a message.

It is composed in plain sight: ``Admission(Budgeting(agent, budgets), access)``. Commands and buttons are never
refused: whoever has used everything can still have it shown, exported and erased. What models do for them is counted.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from llmagent_os.adapter import Reply
from llmagent_os.errors import LedgerError
from llmagent_os.events import Event, Message
from llmagent_os.handler import Draft, Handler, Outcome
from llmagent_os.people.budgets import said
from llmagent_os.serving.token_tally import TokenTally, tallied

if TYPE_CHECKING:
    from llmagent_os.people.budgets import Budgets

_log = structlog.stdlib.get_logger(__name__)


class Budgeting:
    """A handler that passes on what is within the budgets, and counts it."""

    def __init__(self, handler: Handler, budgets: Budgets) -> None:
        """Args: ``handler`` answers what ``budgets`` have room for."""
        self._handler = handler
        self._budgets = budgets

    async def handle(self, event: Event, draft: Draft) -> Outcome:
        if event.sender.is_bot:
            return await self._handler.handle(event, draft)
        reached = await self._budgets.take(event) if isinstance(event, Message) else None
        if reached is not None:
            _log.info("a budget is used up", scope=reached.scope, period=reached.period, what=reached.name)
            if isinstance(event, Message) and not event.addressed:  # people talk to each other: the bot stays silent
                return Outcome(None)
            only_for = None if event.conversation.kind == "direct" else event.sender.user_id
            return Outcome(Reply(said(reached, self._budgets), only_for=only_for))
        with tallied() as tally:
            try:
                outcome = await self._handler.handle(event, draft)
            except BaseException as error:  # also where the answer took too long, or the host stops
                await self._count(event, tally, cancelled=isinstance(error, asyncio.CancelledError))
                raise
        if outcome.reply is None and outcome.interaction is not None and outcome.interaction.silent:
            await self._budgets.give_back(event)
        if not outcome.erases:  # nothing may be written of a person who was erased
            await self._count(event, tally)
        return outcome

    async def _count(self, event: Event, tally: TokenTally, *, cancelled: bool = False) -> None:
        """Count tokens, to the end also where the caller is cancelled meanwhile."""
        counting = asyncio.ensure_future(self._add(event, tally, cancelled=cancelled))
        try:
            await asyncio.shield(counting)
        except asyncio.CancelledError:
            await asyncio.wait([counting])
            raise

    async def _add(self, event: Event, tally: TokenTally, *, cancelled: bool) -> None:
        """Add tokens. A ledger that cannot be written must not cost the person the answer."""
        try:  # an answer is also cancelled where its person is erased: nothing may be written under their name then
            await self._budgets.add(event, tally, unnamed=cancelled)
        except LedgerError as error:
            _log.error("what an answer took is not counted", error=str(error))
