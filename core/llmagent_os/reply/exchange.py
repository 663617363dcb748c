"""One exchange: who did what, and how to answer."""

from __future__ import annotations

from typing import Literal

import msgspec

from llmagent_os.events import Event, event_key
from llmagent_os.identity import Identity, identity_of
from llmagent_os.ledger import Interaction, Latest
from llmagent_os.people.profiles import Profile
from llmagent_os.people.time_zones import is_known
from llmagent_os.policy import Context, Decision
from llmagent_os.privacy.consent import Consent, consent_of
from llmagent_os.reply.conversation_memory import Episode, recall
from llmagent_os.reply.open_presence import wanted_presence
from llmagent_os.reply.services import Services
from llmagent_os.training.lora_choice import LoraChoice

#: What was answered where no model is asked. Empty: a message, which a model answers.
Intent = Literal["", "attachment", "button", "command", "talk", "timer"]

#: Stands where no policy decides how to answer.
NOT_DECIDED = Decision(action={}, pscore=1.0, policy_version="")


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is known about an event when it is answered. Each step of the reply reads it."""

    event: Event
    identity: Identity  #: the account that did it
    #: the person that the account belongs to; only the person's id where no policy decides how to answer
    profile: Profile
    text: str  #: what was said, cleaned; the value of a button that was pressed; empty where nothing was said
    intent: Intent
    episode: Episode  #: the stretch of talk that it continues
    before: Interaction | None = None  #: in a group, the last reply or silence towards whomever
    features: Context = {}  #: what the policy saw
    decision: Decision = NOT_DECIDED  #: how to answer
    lora: LoraChoice = LoraChoice()  #: which LoRA answers
    defaults: Consent = Consent()  #: what the owner decides for people who have not said what they allow
    #: the plugins whose rules could not read the message, as they failed; it grows while they are asked
    failed_rules: list[str] = msgspec.field(default_factory=list[str])

    @property
    def key(self) -> str:
        """The ``event_key`` of the event: the same when the exchange is run again after a crash."""
        return event_key(self.event)

    @property
    def session(self) -> str:
        """The id of the session that the reply is a turn of: all replies of one episode have the same."""
        return self.episode.episode_id or self.key

    @property
    def consent(self) -> Consent:
        """What the person allows.

        An exchange whose :attr:`profile` was not read is never learned from: no policy decides it.
        """
        return consent_of(self.profile.preferences, self.defaults)

    @property
    def may_learn(self) -> bool:
        """Whether the bot may learn from the person."""
        return self.consent.learning


async def open_exchange(
    services: Services,
    event: Event,
    text: str = "",
    *,
    intent: Intent = "",
    turns: int = 1,
    read_profile: bool = True,
    latest: Latest | None = None,
) -> Exchange:
    """Find out who did ``event`` and what was said before.

    Args:
        services: has the profiles and the ledger.
        event: what happened.
        text: what was said, cleaned.
        intent: what is answered.
        turns: how many earlier exchanges of the episode to read; 0: the episode is not needed.
        read_profile: False for a reply that no policy decides. ``/forget`` must work where the profile is damaged.
        latest: what was read of the conversation already, with as many exchanges of the episode; None: nothing was.

    Raises:
        ProfileError: the profile's file is damaged.
        LedgerError: the ledger cannot be read.
    """
    identity = identity_of(event)
    person_id = await services.directory.person_of(identity)
    profile = await services.directory.profile(person_id) if read_profile else Profile(user_id=person_id)
    if is_known(event.sender.time_zone):  # from the first message on, and where nothing is kept
        profile = msgspec.structs.replace(profile, noticed_zone=event.sender.time_zone)
    episode = await recall(services.ledger, event, identity, turns, latest)
    return Exchange(
        event=event,
        identity=identity,
        profile=profile,
        text=text,
        intent=intent,
        episode=episode,
        before=None if latest is None else latest.decision,
        defaults=services.settings.consent,
    )


async def decide(
    services: Services, exchange: Exchange, features: Context, *, decision_id: str = "", episode_id: str = ""
) -> Exchange:
    """Have the behaviour policy choose how to answer. It is asked once for each exchange, and the choice is kept.

    Args:
        services: has the policy.
        exchange: what to answer.
        features: what the policy may look at.
        decision_id: what to call the decision; empty: a new name.
        episode_id: the session that the reply is a turn of; empty: the reply stands alone.

    Returns:
        ``exchange`` with the features and the decision.
    """
    profile = exchange.profile
    if services.policy_worker is not None:
        await services.policy_worker.load(profile.user_id)
    decision = services.behavior.decide(
        profile.user_id,
        features,
        profile.preferences | wanted_presence(exchange.event),
        learn=exchange.may_learn,
        platform=exchange.event.conversation.platform,
        decision_id=decision_id,
        episode_id=episode_id,
    )
    return msgspec.structs.replace(exchange, features=features, decision=decision)


async def choose_lora(services: Services, exchange: Exchange) -> Exchange:
    """Choose the LoRA that answers. It is chosen once for each exchange: all rounds of a reply have the same.

    New versions are not tried on people who opted out of learning.

    Args:
        services: has the LoRAs.
        exchange: what to answer.

    Returns:
        ``exchange`` with the LoRA.
    """
    session = exchange.session if exchange.may_learn else ""
    lora = await services.lora.choose(exchange.profile.user_id, session, exchange.decision.action)
    return msgspec.structs.replace(exchange, lora=lora)
