"""Lays out what a LoRA is measured on that was trained on examples that somebody wrote."""

from __future__ import annotations

from collections.abc import Sequence

from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.evaluator import EvaluationSuite
from llmagent_os.training.hacks.asking_back import asking_back
from llmagent_os.training.hacks.emptiness import emptiness
from llmagent_os.training.hacks.false_claims import false_claims
from llmagent_os.training.hacks.padding import padding
from llmagent_os.training.hacks.tool_refusal import tool_refusal
from llmagent_os.training.reaction_suite import held_out_work
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample


def written_suite(
    prompts: BotPrompts, examples: Sequence[TrainingExample], samples: Sequence[TokenSample]
) -> EvaluationSuite:
    """Lay out a suite: the held-out examples, the bot's own work, control prompts and the tests for known hacks.

    Args:
        prompts: how the bot's model is asked.
        examples: held-out examples.
        samples: the same as tokens.
    """
    system, tools, probes = prompts.system, prompts.tools, prompts.probes
    tasks, talk = probes.tasks(system, tools), probes.other_talk(system, tools)
    requests = probes.request_probes(system, tools)
    measures = [
        tasks,
        held_out_work(examples),
        talk,
        probes.facts(system, tools),
        false_claims(system, tools),
        asking_back(system, tools, requests),
        padding(system, tools),
        emptiness(system, tools),
    ]
    if tools:
        measures.append(tool_refusal(() if requests else tools, requests, system))
    return EvaluationSuite(
        measures=tuple(each for each in measures if each.probes),
        control=(*tasks.probes[::2], *talk.probes[1::2]),
        test=tuple(samples),
    )
