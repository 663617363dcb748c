"""Finds raters who may be one hand: accounts that came together and judge alike in a way that few others do.

No account says whose it is. Two people who came within an hour of each other and like what all like are nothing odd.
Two who like what hardly anybody likes are. So two explanations of their votes are compared. r_a is how often somebody
likes replies of the behaviour a, and p_a how often those like them who were there before, each person counting as
one::

    two people  each has rates of their own,    r_a ~ Beta(c p_a, c (1 - p_a))
    one hand    both have the same rates, drawn from the same distribution

The evidence for one hand is the log of the Bayes factor of the two (Kass and Raftery, 1995), summed over the behaviours
that both have judged. It is large only for votes that agree with each other and are seldom. Who came first has nobody
to be compared with, and is in no cluster: else many accounts could make honest people look odd.

What this cannot see: one hand that spreads its accounts over days, and one that votes as others do. Honest people who
come together and share a rare taste are found, too. So a cluster is only ever a reason to ask for more than its votes.

Reference:
    R. E. Kass and A. E. Raftery (1995). Bayes factors. JASA 90.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import betaln

from llmagent_os.identity import PersonId
from llmagent_os.policy.array_types import Floats, Ints
from llmagent_os.policy.contract import label
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

    def counts(self, behavior: str) -> Ints:
        """How often it was liked, and how often not, ``(2,)``."""
        return np.array([self.likes.get(behavior, 0), self.dislikes.get(behavior, 0)], np.int64)


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
        (votes.likes if each.reward > 0 else votes.dislikes)[label(each.action)] += 1
    return dict(found)


def clusters_of(votes: Mapping[PersonId, RaterVotes]) -> dict[PersonId, str]:
    """Join the raters who are taken for one hand, pair by pair. See :func:`rater_clusters`."""
    names = sorted(votes, key=lambda name: (votes[name].first, name))
    hands = {name: [name] for name in names}  # the same list for all of one hand
    for at, one in enumerate(names):
        moment = votes[one].first
        until = bisect_right(names, moment + ARRIVAL_SECONDS, key=lambda name: votes[name].first)
        expected = _expected([votes[name] for name in names[:at] if moment - votes[name].first > ARRIVAL_SECONDS])
        for other in names[at + 1 : until] if expected else ():
            if hands[one] is hands[other] or one_hand_evidence(votes[one], votes[other], expected) < LEAST_EVIDENCE:
                continue
            hands[one].extend(hands[other])
            for name in hands[other]:
                hands[name] = hands[one]
    return {name: hand[0] for name, hand in hands.items() if len(hand) > 1}


def one_hand_evidence(one: RaterVotes, other: RaterVotes, expected: Mapping[str, float]) -> float:
    """Return the log of the Bayes factor for one hand, against two people.

    Args:
        one: an account's votes.
        other: another's.
        expected: p, by behaviour. A behaviour that nobody else has judged says nothing.
    """
    total = 0.0
    for behavior in one.behaviors & other.behaviors & expected.keys():
        prior = np.array([expected[behavior], 1 - expected[behavior]]) * PRIOR_VOTES
        ours, theirs = one.counts(behavior), other.counts(behavior)
        total += _log_beta(prior + ours + theirs) + _log_beta(prior)
        total -= _log_beta(prior + ours) + _log_beta(prior + theirs)
    return total


def _log_beta(counts: Floats) -> float:
    """The log of the beta function of two numbers, ``(2,)``."""
    return float(np.asarray(betaln(counts[0], counts[1]), np.float64))


def _expected(others: Sequence[RaterVotes]) -> dict[str, float]:
    """Return p, by behaviour: the mean over people, with one person more on either side."""
    shares = defaultdict[str, list[float]](list)
    for each in others:
        for behavior in each.behaviors:
            likes, dislikes = each.counts(behavior)
            shares[behavior].append(float(likes / (likes + dislikes)))
    return {behavior: (sum(found) + 1) / (len(found) + 2) for behavior, found in shares.items()}
