"""The gate's tests of one person's version by its fresh replies, asked as the person is answered now.

A person has given few opinions, and what is held out of them is fewer still. So the version and what answers now are
asked fresh questions, and the tests ask whether the person may lose by it. One goes by the taste that the opinions
show, as far as they can tell (:mod:`~llmagent_os.training.taste_draws`). Two are stricter, where the person likes the
replies already: there few of them may be other ones at all, since a reward model does not see all that people see. One
needs no reward model: words that the person liked must not become less likely beside words that they disliked. Too
little to know is a reason not to serve: the level above answers as well as before.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.training.gate_bounds import GateBounds
from llmagent_os.training.gate_row import GateRow, row
from llmagent_os.training.taste_draws import drawn_gain
from llmagent_os.training.version_evaluation import VersionEvaluation

#: A reply that has become likelier or less likely by more nats counts as one by so many.
MOST_NATS = 3.0


def fresh_rows(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds) -> Iterator[GateRow]:
    """Give the tests; none for a version of several people.

    Args:
        candidate: measured on the same questions as ``active``.
        active: what answers the person now.
        bounds: what to keep to.

    Raises:
        ConfigError: the two were not asked the same questions.
    """
    ours, theirs = candidate.fresh, active.fresh
    if ours is None and theirs is None:
        return
    if ours is None or theirs is None or len(ours.liked) != len(theirs.liked):
        raise ConfigError("the two versions were not asked the same fresh questions: evaluate both again")
    count = len(ours.liked)
    if count < bounds.min_fresh:
        why = f"too few fresh questions to know whether the person loses: {count}, and {bounds.min_fresh} are needed"
        yield row("fresh replies", None, -bounds.fresh_drop, False, why)
        return
    after, before = np.array(ours.liked).T, np.array(theirs.liked).T  # (draws, questions)
    gain = drawn_gain(after, before)
    differing = sum(one != other for one, other in zip(ours.replies, theirs.replies, strict=True))
    yield row(
        "fresh replies",
        gain.low,
        -bounds.fresh_drop,
        gain.low >= -bounds.fresh_drop,
        f"{count} fresh questions, {differing} answered otherwise than now: liked {gain.mean:+.3f} more often, at "
        f"least {gain.low:+.3f}",
    )
    expected = float(before.mean())
    if max(expected, theirs.liked_now) >= bounds.fresh_liked:
        already = f"the person liked {theirs.liked_now:.3f} of the replies in this style, and would like {expected:.3f}"
        passed = gain.mean >= -bounds.fresh_loss
        reason = f"{already}; the candidate's are liked {gain.mean:+.3f} more often"
        yield row("liked already", gain.mean, -bounds.fresh_loss, passed, reason)
        changed = differing / count
        reason = f"{already}; {differing} of {count} fresh replies are other ones"
        yield row("kept replies", -changed, -bounds.fresh_changed, changed <= bounds.fresh_changed, reason)
    yield from _liked_words_row(candidate, active, bounds)


def _liked_words_row(candidate: VersionEvaluation, active: VersionEvaluation, bounds: GateBounds) -> Iterator[GateRow]:
    """Give the test of the words that were served and judged: Σ a_i (l_i - l'_i) / Σ |a_i|.

    a is what the person thought of a held-out reply, from -1 to 1, times their trust; l and l' are the log-likelihoods
    of its words for the candidate and for what answers now, in nats a reply. A difference of more than
    :data:`MOST_NATS` counts as so much: the last few nats of a reply that is never written anyway say nothing.
    """
    ours, theirs = candidate.rewards, active.rewards
    if ours is None or theirs is None:
        return
    terms = [
        (weight * (2 * reward - 1), min(max(one - other, -MOST_NATS), MOST_NATS))
        for weight, reward, one, other in zip(ours.weights, ours.rewards, ours.said, theirs.said, strict=True)
        if one is not None and other is not None
    ]
    weight = sum(abs(opinion) for opinion, _ in terms)
    if not weight:
        return
    change = sum(opinion * moved for opinion, moved in terms) / weight
    yield row(
        "liked words",
        change,
        -bounds.liked_words_drop,
        change >= -bounds.liked_words_drop,
        f"held-out words that the person liked, less disliked ones, are {change:+.3f} nats a reply likelier, over "
        f"{len(terms)} replies",
    )
