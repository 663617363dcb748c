"""Takes the reason for a 👎 that a person writes: as the answer to a question, or of their own accord."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.events import Event
from llmagent_os.feedback.kept_reasons import (
    MAX_WORDS_CHARACTERS,
    OTHER,
    WORDS,
    dislikes,
    reason_row,
    written_reason,
)
from llmagent_os.feedback.stated_reasons import stated_reason
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import lazy_gettext
from llmagent_os.ledger import RewardEvent
from llmagent_os.markup.shortening import shorten
from llmagent_os.reply.exchange import Exchange
from llmagent_os.reply.interaction_record import fixed_outcome
from llmagent_os.reply.plugin_calls import private_reply
from llmagent_os.reply.services import Services

#: The key in the context of a reply that asks for words: the id of the reply that was not liked.
AWAITS_REASON = "awaits_reason"

#: For how long the next message is taken as the reason. Later it is about something else.
REASON_TIME = timedelta(minutes=10)

IN_WORDS = lazy_gettext(
    "What was it, in a few words? I take your next message as the answer, and do nothing else with it. A question is "
    "still a question."
)
NOTED = lazy_gettext("Thank you, I have noted why. If you meant it as a request, please say it again.")


async def ask_for_words(services: Services, event: Event, disliked: RewardEvent) -> Outcome:
    """Ask what else was wrong with a reply. The next message of the person is the answer.

    Args:
        services: those of the agent.
        event: the press of "Something else".
        disliked: the person's 👎.
    """
    outcome = await fixed_outcome(services, event, private_reply(event, Reply(str(IN_WORDS))), intent="button")
    interaction = outcome.interaction
    if interaction is not None:
        context = {**interaction.context, AWAITS_REASON: disliked.interaction_id}
        interaction = msgspec.structs.replace(interaction, context=context)
    reason = reason_row(disliked, event, "add", event.at, OTHER)
    return msgspec.structs.replace(outcome, interaction=interaction, rewards=(reason,))


async def answer_reason(services: Services, exchange: Exchange) -> Outcome | None:
    """Take a message as the reason that was asked for. None: none was, or the message is a question of its own."""
    last = next((turn for turn in reversed(exchange.episode.turns) if turn.context.get("intent") != "timer"), None)
    interaction_id = "" if last is None else str(last.context.get(AWAITS_REASON) or "")
    if last is None or not interaction_id or exchange.text.endswith("?"):
        return None
    if exchange.event.at - last.created_at > REASON_TIME:
        return None
    disliked = await disliked_by(services, exchange.event, interaction_id)
    if disliked is None:
        return None
    known = stated_reason(exchange.text, _values(services))
    words = WORDS + shorten(services.privacy.keep(exchange.text)[0], MAX_WORDS_CHARACTERS)
    raw = words if known is None else written_reason(known)
    event = exchange.event
    outcome = await fixed_outcome(services, event, private_reply(event, Reply(str(NOTED))), intent="talk")
    return msgspec.structs.replace(outcome, rewards=(reason_row(disliked, event, "add", event.at, raw),))


async def reasons_of_message(services: Services, exchange: Exchange) -> tuple[RewardEvent, ...]:
    """The reason that a message gives for the person's 👎 on the reply before it; mostly none."""
    before = exchange.episode.turns[-1] if exchange.episode.turns else None
    if before is None or not before.action_dist:
        return ()
    reason = stated_reason(exchange.text, _values(services))
    if reason is None:
        return ()
    disliked = await disliked_by(services, exchange.event, before.interaction_id)
    if disliked is None:
        return ()
    event = exchange.event
    return (reason_row(disliked, event, "add", event.at, written_reason(reason)),)


async def disliked_by(services: Services, event: Event, interaction_id: str) -> RewardEvent | None:
    """The 👎 of the person who did ``event`` on a reply to them. None: there is none now, or nothing may be learned.

    Args:
        services: those of the agent.
        event: what the person did.
        interaction_id: the reply. It may come from outside, as the value of a button.
    """
    if services.ledger is None:
        return None
    directory, identity = services.directory, identity_of(event)
    if not await directory.consents(await directory.person_of(identity)):
        return None
    who = await directory.identities_of(identity)
    rows = await services.ledger.rewards_of(interaction_id)
    own = [row for row in rows if row.kind == "reaction" and row.rater_id in who and row.user_id in who]
    return own[-1] if dislikes(own, who) else None


def _values(services: Services) -> Collection[str]:
    return [value for values in services.behavior.dimensions.values() for value in values]
