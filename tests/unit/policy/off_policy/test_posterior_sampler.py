"""What breaks without this: a person who always votes the opposite is taken at their word."""

from __future__ import annotations

import numpy as np

from llmagent_os.policy.off_policy.posterior_sampler import posterior_draws
from llmagent_os.policy.off_policy.regressors import Regressors
from tests.unit.policy.off_policy.logs import BRIEF, CONTRASTS, ORDERS, judge, log, only


def test_who_votes_the_opposite_is_found() -> None:
    logged = log(1500, contrary=4)
    draws = list(posterior_draws(logged, Regressors(logged, CONTRASTS, ORDERS)))
    suspected = np.mean([draw.feedback.contrary for draw in draws], axis=0)
    assert suspected[:4].mean() > 0.7 and suspected[4:].max() < 0.3
    found = judge(logged).evaluate(only(BRIEF, 1500))
    assert found.promote and found.dr.value is not None and abs(found.dr.value - 0.8) < 0.1
