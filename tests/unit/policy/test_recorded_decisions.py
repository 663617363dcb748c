"""What breaks without this: a change of how states are kept changes how people are answered."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from llmagent_os.policy.learned import LEARNERS
from tests.unit.policy.recorded_history import decided

#: The probabilities at every eighth turn, as they were before states were stored as changes.
RECORDED = json.loads(Path(__file__).with_name("recorded_decisions.json").read_text())


@pytest.mark.parametrize("name", LEARNERS)
def test_a_recorded_history_leads_to_the_recorded_decisions(name: str) -> None:
    """They were equal bit for bit where they were recorded. Other processors round in another way."""
    assert np.array(decided(name, 240))[::8] == pytest.approx(np.array(RECORDED[name]), abs=1e-6)
