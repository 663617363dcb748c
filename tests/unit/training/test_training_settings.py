"""Settings: wrong ones are named before anything is trained."""

from __future__ import annotations

from typing import Any

import pytest

from llmagent_os.errors import ConfigError
from llmagent_os.training.training_settings import PRESETS, TrainingSettings, preset_for, settings_of


def test_few_examples_are_seen_often_and_many_a_few_times() -> None:
    """Two examples seen three times would not be learned."""
    assert TrainingSettings().steps(2) == 80
    assert TrainingSettings().steps(8000) == 3000
    assert TrainingSettings(epochs=2).steps(17) == 6
    assert TrainingSettings(epochs=2).steps(17, processes=2) == 4


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"rank": 0}, "rank is 0: it must be a whole number >= 1"),
        ({"epochs": True}, "epochs is True: it must be a whole number or None, not a truth value"),
        ({"method": "ppo"}, "method is 'ppo': it must be one of sft, kto, dpo, reinforce, distil"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": float("inf")}, "learning_rate is inf: it must be a finite number"),
        ({"discount": 1.1}, "discount is 1.1: it must be a number <= 1.0"),
        ({"targets": "q_proj"}, "targets is 'q_proj': it must be a list of texts, not a text"),
        ({"learnig_rate": 1}, "no setting 'learnig_rate'. Did you mean 'learning_rate'"),
    ],
)
def test_a_wrong_value_names_itself(values: dict[str, Any], why: str) -> None:
    """A value that is corrected without a word would cost a whole training."""
    with pytest.raises(ConfigError, match=why):
        settings_of(values)


def test_ones_own_values_go_before_those_of_the_preset() -> None:
    """Somebody who asks for a rank must get it, and the rest must fit the model."""
    assert all(isinstance(settings_of({}, preset=name), TrainingSettings) for name in PRESETS)
    settings = settings_of({"rank": 3}, preset="smollm2")
    assert (settings.rank, settings.alpha, settings.top_layers) == (3, 16, 10)
    assert [preset_for(count, gpu=True) for count in (5_800_000, 135_000_000, 1_500_000_000)] == [
        "shipped",
        "smollm2",
        "gpu",
    ]
    assert preset_for(1_500_000_000, gpu=False) == "smollm2"
    with pytest.raises(ConfigError, match="no preset 'huge', only shipped, smollm2, gpu"):
        settings_of({}, preset="huge")
