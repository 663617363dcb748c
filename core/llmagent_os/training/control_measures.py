"""Measures on prompts that have nothing to do with what people judge: what a general model knows must stay known.

The same questions are asked twice. Once the version writes, and the reply is right if it holds the answer: that also
sees a version that knows the answer and no longer says it. Once it chooses between the answer and those to other
questions: that does not depend on style, and moves smoothly.
"""

from __future__ import annotations

from llmagent_os.chat import Completion, ToolSpec
from llmagent_os.training.control_prompts import CONTROLS, is_right
from llmagent_os.training.probe import Measure, MeasureKind, Probe, ask

#: The answers to so many other questions stand beside the right one.
WRONG_CHOICES = 3


def control_probes(system: str = "", tools: tuple[ToolSpec, ...] = ()) -> tuple[Probe, ...]:
    """Make a probe of every control prompt, also to measure drift with."""
    return tuple(ask(prompt.text, system=system, tools=tools) for prompt in CONTROLS)


def control_answers(system: str = "", tools: tuple[ToolSpec, ...] = ()) -> Measure:
    """Make the measure of right answers in written replies."""
    by_text = {prompt.text: prompt for prompt in CONTROLS}

    def score(probe: Probe, completion: Completion) -> float:
        return float(is_right(by_text[str(probe.messages[-1]["content"])], completion.text))

    return Measure("control prompts", MeasureKind.CONTROL, control_probes(system, tools), score)


def known_facts(system: str = "", tools: tuple[ToolSpec, ...] = ()) -> Measure:
    """Make the measure of how likely the right answer is among others."""
    probes: list[Probe] = []
    for at, prompt in enumerate(CONTROLS):
        right = prompt.answers[0]
        others = [other.answers[0] for other in (*CONTROLS[at + 1 :], *CONTROLS[:at])]
        wrong = [answer for answer in dict.fromkeys(others) if answer not in prompt.answers][:WRONG_CHOICES]
        choices = tuple(_sentence(answer) for answer in (right, *wrong))
        probes.append(ask(prompt.text, system=system, tools=tools, choices=choices))
    return Measure("known facts", MeasureKind.FACT, tuple(probes))


def _sentence(answer: str) -> str:
    """Write an answer as a model would.

    >>> _sentence("paris")
    'Paris.'
    """
    return f"{answer[:1].upper()}{answer[1:]}."
