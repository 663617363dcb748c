"""Decides in groups whether the bot says something to a message that is not addressed to it.

A silence is a decision like any other: the ledger has its action and its probability, under the person who spoke. It
has none of the words: what people say to each other is kept nowhere.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from llmagent_os.adapter import Reply
from llmagent_os.adapter_kit.bounded_dict import BoundedDict
from llmagent_os.etiquette.presence_rules import (
    RULE,
    QuietRequest,
    Rule,
    answered_message,
    goes_on_between,
    is_closing,
    is_for_somebody_else,
    is_recent,
    quiet_request,
)
from llmagent_os.events import Event, Message
from llmagent_os.feedback.implicit_signs import reward_of, sign
from llmagent_os.feedback.signals import Kind
from llmagent_os.handler import Outcome
from llmagent_os.identity import identity_of
from llmagent_os.languages import gettext
from llmagent_os.languages.written_phrases import weekday_text
from llmagent_os.ledger import Interaction, Latest, RewardEvent
from llmagent_os.ledger.ledger import Ledger
from llmagent_os.people.time_zones import zone_or
from llmagent_os.policy import FixedPolicy
from llmagent_os.policy.contract import PRESENCE, SILENT, label
from llmagent_os.reply.conversation_memory import EXTRA_TURNS
from llmagent_os.reply.exchange import Exchange, open_exchange
from llmagent_os.reply.open_presence import is_open
from llmagent_os.reply.services import Services

#: Of how many conversations it is remembered who talks there. After a restart the names are learned again.
REMEMBERED_CONVERSATIONS = 1_000
_MOST_NAMES = 50


class NamesHeard:
    """The first names of the people who talk in each conversation. In memory only."""

    def __init__(self) -> None:
        self._names: BoundedDict[str, frozenset[str]] = BoundedDict(REMEMBERED_CONVERSATIONS)

    def hear(self, event: Event) -> frozenset[str]:
        """Note who speaks, and return the names of all who have spoken there, in lower case."""
        key, first = event.conversation.key, event.sender.name.lower().split()[:1]
        names = self._names.get(key, frozenset())
        if first and first[0] not in names and len(names) < _MOST_NAMES:
            names = self._names[key] = names | {first[0]}
        return names


class Heard(msgspec.Struct, frozen=True):
    """A message that the bot may answer."""

    message: Message  #: ``addressed`` if it is plainly meant for the bot
    latest: Latest | None = None  #: what was read of its group; None: nothing


async def presence(services: Services, message: Message, text: str, names: NamesHeard) -> Outcome | Heard:
    """Decide by the clear rules whether the bot answers ``message``.

    Args:
        services: has the ledger.
        message: what was said.
        text: its words, cleaned.
        names: of the people who talk there.

    Returns:
        The outcome, where the bot is silent. Else the message.

    Raises:
        LedgerError: the ledger cannot be read or written.
    """
    ledger, here = services.ledger, message.conversation
    if ledger is None or here.kind != "group":
        return Heard(message)
    known = names.hear(message)
    asked = quiet_request(text, services.settings.title)
    latest = await _latest(services, ledger, message)
    before = latest.decision
    meant = message.addressed or await _answers_bot(ledger, message)
    await _judge(services, message, before, asked, addressed=meant)
    if asked is not None:
        return await _be_quiet(services, message, latest, asked, addressed=meant)
    asked_before = await ledger.silences.find(here, "asked", services.clock())
    if meant:
        if asked_before is not None:
            await ledger.silences.end(here, "asked")
        return Heard(msgspec.structs.replace(message, addressed=True), latest)
    if asked_before is not None:
        return await _silent(services, message, latest, "asked")
    rule = is_for_somebody_else(message, services.settings.title, known)
    if rule is not None:
        return await _silent(services, message, latest, rule)
    exchange = await open_exchange(services, message, text, latest=latest)
    if exchange.episode.question or exchange.episode.button_meant(text) is not None:
        return Heard(
            msgspec.structs.replace(message, addressed=True), latest
        )  # the bot has asked this person something
    if goes_on_between(message, before):
        return await _silent(services, message, latest, "between")
    if is_closing(text):
        silent = await _silent(services, message, latest, "closing", _thanks(services, exchange))
        return msgspec.structs.replace(silent, reaction=services.settings.thanks_emoji)
    return Heard(message, latest)


def turns_read(services: Services) -> int:
    """How many earlier exchanges are read of a conversation: a message may be about the one before it."""
    return max(services.settings.remembered_turns, 1)


async def latest_in_group(services: Services, message: Message) -> Latest | None:
    """What happened last in the group of ``message``, where it is the bot's choice to speak; elsewhere None.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    if services.ledger is None or not is_open(message):
        return None
    return await _latest(services, services.ledger, message)


async def _latest(services: Services, ledger: Ledger, message: Message) -> Latest:
    limit = turns_read(services) + EXTRA_TURNS
    return await ledger.latest(message.conversation.key, identity_of(message), limit)


def is_to_bot(services: Services, exchange: Exchange) -> bool:
    """Whether the person speaks to the bot: they addressed it, or go on after its reply to them."""
    if services.ledger is None or not is_open(exchange.event):
        return True
    last = exchange.before
    return last is not None and not last.silent and last.user_id == exchange.identity


def silent_outcome(exchange: Exchange) -> Outcome | None:
    """The outcome of a message to which the behaviour policy has chosen to say nothing. None: it chose to answer."""
    decision = exchange.decision
    if not is_open(exchange.event) or decision.action.get(PRESENCE) != SILENT:
        return None
    context: dict[str, object] = {"intent": SILENT, RULE: "policy", "features": exchange.features, "shown": [PRESENCE]}
    row = msgspec.structs.replace(
        _row(exchange, context),
        action=decision.action,
        action_dist=decision.action_dist,
        pscore=decision.pscore,
        policy_version=decision.policy_version,
    )
    return Outcome(None, row)


async def _silent(
    services: Services, message: Message, latest: Latest, rule: Rule, rewards: tuple[RewardEvent, ...] = ()
) -> Outcome:
    """Say nothing, by a rule: no policy chose, so the probability is one, and no policy learns from it."""
    exchange = await open_exchange(services, message, read_profile=False, latest=latest)
    action = {PRESENCE: SILENT}
    row = msgspec.structs.replace(
        _row(exchange, {"intent": SILENT, RULE: rule}),
        action=action,
        action_dist={label(action): 1.0},
        policy_version=FixedPolicy.version,
    )
    return Outcome(None, row, rewards)


def _row(exchange: Exchange, context: dict[str, object]) -> Interaction:
    event = exchange.event
    return Interaction(
        interaction_id=exchange.key,
        event_id=event.event_id,
        episode_id=exchange.session,
        turn_index=exchange.episode.turn_index,
        user_id=exchange.identity,
        conversation_key=event.conversation.key,
        context=context,
        silent=True,
    )


async def _answers_bot(ledger: Ledger, message: Message) -> bool:
    here, answered = message.conversation, answered_message(message)
    return answered is not None and await ledger.is_reply(here.platform, here.channel, answered)


async def _be_quiet(
    services: Services, message: Message, latest: Latest, asked: QuietRequest, *, addressed: bool
) -> Outcome:
    """Be silent here from now on. Only who addressed the bot is told so."""
    until = await silent_until(services, message, asked.time)
    outcome = await _silent(services, message, latest, "quiet")
    if not addressed:
        return outcome
    clock = await clock_of(services, message, until)
    told = gettext("I stay silent here until {time}, or until you mention me.", time=clock)
    return Outcome(Reply(told, only_for=message.sender.user_id), outcome.interaction)


async def silent_until(services: Services, event: Event, time: timedelta) -> datetime:
    """Be silent in the conversation of ``event`` for a time.

    Returns:
        Until when: another member may have asked for longer.

    Raises:
        LedgerError: the ledger cannot be written.
    """
    until = services.clock() + time
    if services.ledger is None:
        return until
    silences = services.ledger.silences
    await silences.begin(event, "asked", until)
    longest = await silences.find(event.conversation, "asked", services.clock())
    return until if longest is None else longest.until


async def clock_of(services: Services, event: Event, moment: datetime) -> str:
    """A moment as the person of ``event`` reads it on the clock; with the day, if it is another one than today."""
    profile = await services.directory.profile_of(event)
    zone = zone_or(profile.known_zone, services.settings.time_zone)
    local, today = moment.astimezone(zone), services.clock().astimezone(zone).date()
    return (
        f"{local:%H:%M}"
        if local.date() == today
        else gettext("{day}, {time}", day=weekday_text(local), time=f"{local:%H:%M}")
    )


def _thanks(services: Services, exchange: Exchange) -> tuple[RewardEvent, ...]:
    """Thanks count as a reward also where the bot says nothing to them."""
    before = exchange.episode.turns[-1] if exchange.episode.turns else None
    if not exchange.may_learn or before is None or not (before.said and before.action_dist):
        return ()
    kind = sign(before, services.privacy.keep(exchange.text)[0])
    return (reward_of(kind, before, exchange.event, exchange.identity, exchange.event.at),)


async def _judge(
    services: Services, message: Message, before: Interaction | None, asked: QuietRequest | None, *, addressed: bool
) -> None:
    """Keep what a message says of the last decision to speak or to be silent.

    A person who addresses the bot right after it was silent had wanted an answer. "Not you" says that it should have
    been silent.
    """
    ledger = services.ledger
    if ledger is None or before is None or not is_recent(before, message.at):
        return
    kind: Kind
    if before.context.get(RULE) == "policy" and addressed and asked is None:
        kind = "reask"
    elif asked is not None and not before.silent and PRESENCE in before.context.get("shown", ()):
        kind = "correction"
    else:
        return
    rater = identity_of(message)
    if not await services.directory.consents(await services.directory.person_of(rater)):
        return
    reward = reward_of(kind, before, message, rater, message.at)
    await ledger.add_reward(msgspec.structs.replace(reward, reward_id=f"{reward.reward_id}-{PRESENCE}"))
