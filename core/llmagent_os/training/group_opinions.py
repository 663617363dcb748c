"""Counts the new opinions of the people of each persona, to see whose group LoRA is to be trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec

from llmagent_os.identity import Identity, PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.training.lora_version import Level
from llmagent_os.training.opinion_tally import OpinionTally


class GroupOpinions(msgspec.Struct, frozen=True, kw_only=True):
    """A group that has given enough new opinions."""

    persona: str  #: the persona's name
    people: int  #: how many people are of it
    opinions: int  #: how many new opinions they have given, or more
    before: int  #: the row of rewards after which an opinion is new


async def groups_with_enough(
    bot: str,
    ledger: Ledger,
    tally: OpinionTally,
    consenting: Callable[[Identity], Awaitable[PersonId | None]],
    opinions: int,
    people: int,
) -> list[GroupOpinions]:
    """Find the groups that a training is due for. What it costs grows with who has given new opinions.

    Args:
        bot: the bot's name.
        ledger: of the installation.
        tally: has read the opinions.
        consenting: the person that an account belongs to; None: the person does not want to be learned from.
        opinions: how many new opinions are enough.
        people: how many people a group has at least.

    Raises:
        LedgerError, ProfileError: something cannot be read.
    """
    persona_of = await ledger.personas.all(bot)
    found: list[GroupOpinions] = []
    for persona, size in sorted(Counter(persona_of.values()).items()):
        if size < people:
            continue
        before, _ = await ledger.training_jobs.last_through(bot, Level.GROUP, persona)
        new = 0
        for identity in tally.accounts(before):
            person = await consenting(identity)
            if person is not None and persona_of.get(person) == persona:
                new += tally.count(identity, before)
        if new >= opinions:
            found.append(GroupOpinions(persona=persona, people=size, opinions=new, before=before))
    return found
