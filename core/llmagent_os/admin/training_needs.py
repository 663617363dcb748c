"""Says at once that a training would end for want of people or reactions, as far as a look into the ledger tells."""

from __future__ import annotations

from llmagent_os.bot import Bot
from llmagent_os.errors import ConfigError
from llmagent_os.identity import Identity, PersonId, first_identity_of
from llmagent_os.ledger import Ledger
from llmagent_os.modules.taste_words import persona_in_words
from llmagent_os.training.lora_version import SERVED
from llmagent_os.training.opinion_tally import OPINIONS
from llmagent_os.training.reaction_data import LEAST_REPLIES
from llmagent_os.training.training_config import DEFAULT_PLAN
from llmagent_os.training.training_job import Level


async def check_needs(ledger: Ledger, bot: Bot, level: Level, subject: str) -> None:
    """Refuse a training that is sure to find too little. The job itself counts more strictly.

    Only the default plan is known to need anything. A training of a version that people took something back from is
    never refused: it retires this version, whatever comes of it.

    Args:
        ledger: of the installation.
        bot: whose model is to be trained.
        level: which LoRA.
        subject: a persona (group), or a person (personal).

    Raises:
        ConfigError: there is too little; the message says how much is needed.
    """
    config = bot.config.training
    if config.plan != DEFAULT_PLAN:
        return
    for version in await ledger.lora_versions.in_stages(bot.name, SERVED):
        if (version.level, version.subject) == (level, subject) and version.stale_since is not None:
            return
    people: list[PersonId] = []
    if level == Level.GROUP:
        people = await ledger.personas.members(bot.name, subject)
        if len(people) < config.group_people:
            raise ConfigError(
                f"{len(people)} {persona_in_words(subject)} are known, and {config.group_people} are needed "
                "(group_people of [training]): the LoRA of fewer people would tell one of them what another has said"
            )
    elif level == Level.PERSONAL:
        people = [PersonId(subject)]
    raters: list[Identity] = [
        identity for person in people for identity in await ledger.identities.everyone(first_identity_of(person))
    ]
    judged = await ledger.training_jobs.judged(OPINIONS, raters if people else None, LEAST_REPLIES)
    if judged < LEAST_REPLIES:
        raise ConfigError(f"{judged} replies are judged, and {LEAST_REPLIES} are needed: wait for more reactions")
