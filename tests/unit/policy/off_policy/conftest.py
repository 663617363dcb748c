"""Fixtures for the tests of the judge."""

from __future__ import annotations

import pytest

from llmagent_os.policy.off_policy import posterior_sampler


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rounds than in use: the worlds here are plain."""
    for name, value in (("CHAIN_COUNT", 1), ("BURN_IN_ROUNDS", 60), ("SAMPLING_ROUNDS", 120), ("THINNING", 4)):
        monkeypatch.setattr(posterior_sampler, name, value)
