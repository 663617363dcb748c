"""Finds raters who may be one hand: accounts that came together and judge alike in a way that few others do.

No account says whose it is. Two people who came within an hour of each other and like what all like are nothing odd.
Two who like what hardly anybody likes are. So two explanations of their votes are compared. r_a is how often somebody
likes replies of the behaviour a, and p_a how often those like them who came at another time, each person counting as
one::

    two people  each has rates of their own,    r_a ~ Beta(c p_a, c (1 - p_a))
    one hand    both have the same rates, drawn from the same distribution

The evidence for one hand is the log of the Bayes factor of the two (Kass and Raftery, 1995), summed over the behaviours
that both have judged. It is large only for votes that agree with each other and are seldom. Where everybody has come at
the same time nobody is there to be compared with, and no clusters are found.

What this cannot see: one hand that spreads its accounts over days, and one that votes as others do. Honest people who
come together and share a rare taste are found, too. So a cluster is only ever a reason to ask for more than its votes.

Reference:
    R. E. Kass and A. E. Raftery (1995). Bayes factors. JASA 90.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from scipy.special import betaln

from llmagent_os.identity import PersonId
from llmagent_os.training.training_example import CORRECTED, CURATED, TrainingExample

#: Accounts whose first judged replies are as close in time may have come together, in seconds.
ARRIVAL_SECONDS = 3600.0
#: c: as how many votes the others' opinion counts.
PRIOR_VOTES = 2.0
#: The log of the Bayes factor from which on two accounts are taken for one hand: 20 to 1, "strong" in Kass and Raftery.
LEAST_EVIDENCE = 3.0


@dataclass
class RaterVotes:
    """What one rater thought of the replies that they judged alone."""

    first: float = np.inf  #: when the first of these replies was written, in seconds since 1970
    likes: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))  #: by behaviour
    dislikes: dict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))  #: by behaviour

    @property
    def behaviors(self) -> frozenset[str]:
        """The behaviours that were judged."""
        return frozenset((*self.likes, *self.dislikes))


def rater_clusters(examples: Iterable[TrainingExample]) -> dict[PersonId, str]:
    """Find the raters who may be one hand.

    Args:
        examples: judged replies. Those whose time is not known, or that several people judged, say nothing.

    Returns:
        The name of the cluster, for the raters who are in one of two or more.
    """
    return clusters_of(votes_by_rater(examples))


def votes_by_rater(examples: Iterable[TrainingExample]) -> dict[PersonId, RaterVotes]:
    """Count votes by rater and behaviour. A reply counts once, however many examples it gave."""
    found = defaultdict[PersonId, RaterVotes](RaterVotes)
    counted = set[str]()
    for each in examples:
        no_vote = each.origin.endswith(CORRECTED) or each.origin.startswith(CURATED) or not each.reward
        if no_vote or each.written <= 0 or len(each.raters) != 1 or each.origin in counted:
            continue
        counted.add(each.origin)
        votes = found[each.raters[0]]
        votes.first = min(votes.first, each.written)
        (votes.likes if each.reward > 0 else votes.dislikes)[each.behavior] += 1
    return dict(found)


def clusters_of(votes: Mapping[PersonId, RaterVotes]) -> dict[PersonId, str]:
    """Join the raters who are taken for one hand, pair by pair. See :func:`rater_clusters`."""
    names = sorted(votes)
    hand = {name: name for name in names}
    for one, other in combinations(names, 2):
        if abs(votes[one].first - votes[other].first) <= ARRIVAL_SECONDS and hand[one] != hand[other]:
            moments = votes[one].first, votes[other].first
            apart = [each for each in votes.values() if all(abs(each.first - at) > ARRIVAL_SECONDS for at in moments)]
            if apart and one_hand_evidence(votes[one], votes[other], apart) >= LEAST_EVIDENCE:
                joined = hand[other]
                hand = {name: hand[one] if of == joined else of for name, of in hand.items()}
    sizes = defaultdict[str, int](int)
    for of in hand.values():
        sizes[of] += 1
    return {name: of for name, of in hand.items() if sizes[of] > 1}


def one_hand_evidence(one: RaterVotes, other: RaterVotes, others: Iterable[RaterVotes]) -> float:
    """Return the log of the Bayes factor for one hand, against two people.

    Args:
        one: an account's votes.
        other: another's.
        others: the people who came at another time, for p.
    """
    total, known = 0.0, list(others)
    for behavior in one.behaviors & other.behaviors:
        shares = [
            each.likes.get(behavior, 0) / (each.likes.get(behavior, 0) + each.dislikes.get(behavior, 0))
            for each in known
            if behavior in each.behaviors
        ]
        expected = (sum(shares) + 1) / (len(shares) + 2)  # p
        prior = np.array([expected, 1 - expected]) * PRIOR_VOTES
        counts = [np.array([each.likes.get(behavior, 0), each.dislikes.get(behavior, 0)]) for each in (one, other)]
        alone = [float(betaln(*(prior + count))) for count in counts]
        total += float(betaln(*(prior + counts[0] + counts[1]))) + float(betaln(*prior)) - sum(alone)
    return total
