"""Keeps people within their budgets before the agent sees a message.

It is composed in plain sight: ``Admission(Budgeting(agent, budgets), access)``. Commands and buttons ask no model, and
are not counted: whoever has used everything can still have it shown, exported and erased.
"""

from __future__ import annotations

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
        if event.sender.is_bot or not isinstance(event, Message):
            return await self._handler.handle(event, draft)
        reached = await self._budgets.take(event)
        if reached is not None:
            _log.info("a budget is used up", scope=reached.scope, period=reached.period, what=reached.name)
            if not event.addressed:  # people talk to each other: the bot does not say why it is silent
                return Outcome(None)
            only_for = None if event.conversation.kind == "direct" else event.sender.user_id
            return Outcome(Reply(said(reached, self._budgets), only_for=only_for))
        with tallied() as tally:
            try:
                outcome = await self._handler.handle(event, draft)
            except Exception:
                await self._count(event, tally)
                raise
        if not outcome.erases:  # nothing may be written of a person who was erased
            await self._count(event, tally)
        return outcome

    async def _count(self, event: Event, tally: TokenTally) -> None:
        """Count tokens. A ledger that cannot be written must not cost the person the answer."""
        try:
            await self._budgets.add(event, tally.prompt_tokens, tally.completion_tokens)
        except LedgerError as error:
            _log.error("the tokens of an answer are not counted", error=str(error))
