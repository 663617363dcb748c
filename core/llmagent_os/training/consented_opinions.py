"""What people think of a reply, as far as they agreed to be learned from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from msgspec.structs import replace

from llmagent_os.feedback.implicit_signs import corrects, event_key_of
from llmagent_os.feedback.signals import SIGNALS
from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Interaction, Ledger, RewardEvent
from llmagent_os.tools.result_statuses import ASKING, CONFIRM
from llmagent_os.training.credit_assignment import Opinion
from llmagent_os.training.reply_opinions import ReplyOpinions


class ConsentedOpinions:
    """Asks everybody once whether they may be learned from, and leaves out the opinions of those who may not."""

    def __init__(self, ledger: Ledger, consents: Callable[[PersonId], Awaitable[bool]]) -> None:
        """Args:
        ledger: the bot's ledger.
        consents: whether a person may be learned from.
        """
        self._ledger = ledger
        self._consents = consents
        self._agreed: dict[PersonId, bool] = {}
        self._people: dict[Identity, PersonId] = {}

    async def agrees(self, person: PersonId) -> bool:
        """Whether a person may be learned from."""
        if person not in self._agreed:
            self._agreed[person] = await self._consents(person)
        return self._agreed[person]

    async def person(self, identity: Identity) -> PersonId:
        """The person that an account belongs to."""
        if identity not in self._people:
            self._people[identity] = await self._ledger.identities.person(identity)
        return self._people[identity]

    async def signs(self, opinions: ReplyOpinions) -> list[RewardEvent]:
        """What people did next and what failed, as far as it says something of the reply.

        A bot that asks is answered, and the ledger takes no answer for an opinion: asking was right. But an answer that
        corrects a bot that asks before it acts says that the tool call was wrong. It is a correction here.
        """
        interaction, found = opinions.reply.interaction, list[RewardEvent]()
        for row in opinions.signs():
            if not await self.agrees(await self.person(row.rater_id)):
                continue
            if row.reward:
                found.append(row)
            elif interaction is not None and _asked(interaction) and corrects(await self._said(row)):
                found.append(replace(row, kind="correction", reward=SIGNALS["correction"].reward))
        return found

    async def doubts(self, opinions: ReplyOpinions) -> list[RewardEvent]:
        """Answers to a tool that asked something, such as the day, which may correct the call.

        "No, add gym on friday" after "Which day is that?" is a correction, and "actually, friday" is an answer. What
        the person says next decides.
        """
        interaction = opinions.reply.interaction
        if interaction is None or not any(_status(call) in ASKING for call in interaction.tool_calls[-1:]):
            return []
        return [
            replace(row, kind="correction", reward=SIGNALS["correction"].reward)
            for row in opinions.signs()
            if not row.reward and await self.agrees(await self.person(row.rater_id)) and corrects(await self._said(row))
        ]

    async def opinions(self, opinions: ReplyOpinions, signs: Sequence[RewardEvent]) -> list[Opinion]:
        """All opinions on a reply: its :meth:`signs`, and the reactions as one opinion."""
        found = [
            Opinion(
                kind=sign.kind,
                reward=max(-1.0, min(1.0, sign.reward)),
                weight=opinions.trust.get(sign.rater_id, 1.0),
                raters=(sign.rater_id,),
            )
            for sign in signs
        ]
        silent = frozenset([rater for rater in opinions.trust if not await self.agrees(await self.person(rater))])
        reaction = opinions.reaction(besides=silent)
        if reaction.reward is not None:
            raters = opinions.reacted(besides=silent)
            found.append(Opinion(kind="reaction", reward=reaction.reward, weight=reaction.weight, raters=raters))
        return found

    async def _said(self, sign: RewardEvent) -> str:
        """The message that a sign was read from; empty: no model was asked about it."""
        written = await self._ledger.completions_of(event_key_of(sign))
        chat = written[0].messages if written else None
        return next((str(turn.get("content") or "") for turn in reversed(chat or ()) if turn["role"] == "user"), "")


def _asked(interaction: Interaction) -> bool:
    """Whether the last tool of a reply asked before it acted."""
    return any(_status(call) == CONFIRM for call in interaction.tool_calls[-1:])


def _status(call: dict[str, Any]) -> object:
    return call.get("result", {}).get("status")
