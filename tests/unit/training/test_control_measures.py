"""What a general model knows: measured by what it writes, and by what it finds likely."""

from __future__ import annotations

from llmagent_os.chat import Completion
from llmagent_os.training.control_measures import WRONG_CHOICES, control_answers, control_probes, known_facts
from llmagent_os.training.control_prompts import CONTROLS, is_right


def test_a_written_reply_is_right_if_it_holds_the_answer() -> None:
    measure = control_answers("Be brief.")
    assert len(measure.probes) == len(control_probes()) == len(CONTROLS)
    for probe, prompt in zip(measure.probes, CONTROLS, strict=True):
        assert measure.score(probe, Completion(text=f"I think it is {prompt.answers[0]}.")) == 1.0
        assert measure.score(probe, Completion(text="I do not know.")) == 0.0


def test_only_the_first_choice_is_right() -> None:
    """A wrong choice that is right too would count knowledge as ignorance."""
    for probe, prompt in zip(known_facts().probes, CONTROLS, strict=True):
        assert len(set(probe.choices)) == len(probe.choices) == 1 + WRONG_CHOICES
        assert [is_right(prompt, choice) for choice in probe.choices] == [True] + [False] * WRONG_CHOICES
