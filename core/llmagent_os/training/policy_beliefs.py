"""What the behaviour policy believes of people, as a prior of the reward model of a training.

The policy has learned from more than a training reads: from replies whose text is gone, from what people did next, and
from what other people like. So its beliefs help where a person has said little. They are written as a few opinions on
the model's own replies in each style, and count less with every opinion that the person has given.

Only what is learned is chosen by them. The gate's judge does without: the policy has seen what people thought of the
replies that are held out.

Source: Ibrahim and Chen 2000, Power Prior Distributions for Regression Models,
https://doi.org/10.1214/ss/1009212673, for opinions that are a prior.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from llmagent_os.identity import PersonId
from llmagent_os.ledger import Ledger
from llmagent_os.policy.persona import style_chances, style_of
from llmagent_os.training.reward_model import Opinion
from llmagent_os.training.stored_policy import stored_policy
from llmagent_os.training.style_candidates import OWN, Candidate

#: By person and style: the share of replies that the policy expects the person to like.
Beliefs = Mapping[PersonId, Mapping[str, float]]

#: How many opinions the replies of one style weigh, where the person has given none.
WORTH = 1.0
#: After how many opinions of the person the prior weighs half as much.
HALF_OPINIONS = 10.0
#: How many replies of a style the prior is written on, at most.
_REPLIES = 4


async def read_beliefs(ledger: Ledger, bot: Mapping[str, Any], people: Collection[PersonId]) -> Beliefs:
    """Read what the bot's policy believes of people, from the state that is stored.

    Args:
        ledger: the bot's.
        bot: the bot's configuration, as JSON values.
        people: who is concerned. Of whom nothing is stored, nothing is given.

    Returns:
        Nothing where the bot does not learn, or where its state cannot be used: then a training does without.

    Raises:
        LedgerError: the ledger cannot be read.
    """
    policy = await stored_policy(ledger, bot, people)
    if policy is None:
        return {}
    learner = policy.learner
    return {
        person: liked_shares(style_chances(policy.actions, learner.beliefs(person)))
        for person in sorted(people)
        if learner.knows(person)
    }


def liked_shares(best: Mapping[str, float]) -> dict[str, float]:
    """Turn the probability that a style is the best of its dimension into the share of its replies that are liked.

    A style that is the best one as likely as by chance is liked as often as not: p^(ln 2 / ln n) with n styles.

    Args:
        best: by style, ``dimension=value``.

    >>> liked_shares({"tone=plain": 0.1, "tone=playful": 0.9})
    {'tone=plain': 0.1, 'tone=playful': 0.9}
    """
    sizes = Counter(style_of(name)[0] for name in best)
    return {
        name: min(max(chance, 0.0), 1.0) ** (math.log(2) / math.log(max(sizes[style_of(name)[0]], 2)))
        for name, chance in best.items()
    }


def policy_opinions(
    expected: Mapping[str, float], replies: Mapping[str, Sequence[str]], person: PersonId, worth: float = 4.0
) -> list[Opinion]:
    """Write what a behaviour policy has learned as opinions that nobody gave: a prior for the reward model.

    The policy has seen more than the replies that are still kept. Do not count them twice: with a small ``worth``, the
    person's own opinions soon outweigh the policy's.

    Args:
        expected: by style, the share of replies that the policy expects the person to like, in [0, 1].
        replies: by style, replies of the model in that style.
        person: whose opinions they are.
        worth: how many opinions a style's replies weigh together.
    """
    return [
        Opinion(
            text=text,
            reward=2 * expected[style] - 1,
            weight=min(1.0, worth / len(texts)),
            person=person,
            given=False,
        )
        for style, texts in replies.items()
        if style in expected
        for text in texts
    ]


def prior_opinions(
    beliefs: Beliefs,
    replies: Sequence[Sequence[Candidate]],
    opinions: Sequence[Opinion],
    *,
    usual: Collection[str] = (),
    worth: float = WORTH,
    half: float = HALF_OPINIONS,
) -> list[Opinion]:
    """Write beliefs as opinions that nobody gave, on the model's own replies.

    Args:
        beliefs: what the policy believes.
        replies: the model's replies to each question, in every style.
        opinions: those that people did give: the more of a person, the less the person's prior weighs.
        usual: the styles of the bot's defaults. The model's own replies have them, if nothing else is said in them.
        worth: how many opinions a style's replies weigh where the person has given none.
        half: after how many opinions they weigh half as much.
    """
    by_style: dict[str, list[str]] = {}
    for each in (candidate for written in replies for candidate in written if not candidate.calls):
        texts = by_style.setdefault(each.style, [])
        if len(texts) < _REPLIES and each.text not in texts:
            texts.append(each.text)
    for style in usual:
        by_style.setdefault(style, by_style.get(OWN, []))
    given = Counter(each.person for each in opinions)
    return [
        opinion
        for person, expected in beliefs.items()
        for opinion in policy_opinions(expected, by_style, person, worth * half / (half + given[person]))
    ]
