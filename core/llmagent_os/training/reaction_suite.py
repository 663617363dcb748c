"""Lays out what a version is measured on before it may serve: step 5 of fine-tuning, for what was learned from people.

The held-out replies say whether people would like the new ones better, and whether the right tool is still called. The
bot's own probes, control prompts and the tests for known hacks say what else has changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from llmagent_os.chat import Completion, ToolCall
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.bot_prompts import BotPrompts
from llmagent_os.training.call_score import call_score
from llmagent_os.training.evaluator import EvaluationSuite
from llmagent_os.training.fresh_questions import fresh_questions
from llmagent_os.training.hacks.asking_back import asking_back
from llmagent_os.training.hacks.emptiness import emptiness
from llmagent_os.training.hacks.false_claims import false_claims
from llmagent_os.training.hacks.garbled import garbled
from llmagent_os.training.hacks.leaks import PrivateText, leaks
from llmagent_os.training.hacks.padding import padding
from llmagent_os.training.hacks.tool_refusal import tool_refusal
from llmagent_os.training.logged_replies import LoggedReply
from llmagent_os.training.personal_wording import opinions_in_style
from llmagent_os.training.probe import Measure, MeasureKind, Probe
from llmagent_os.training.rater_clusters import rater_clusters
from llmagent_os.training.reaction_data import (
    ReactionData,
    asked_text,
    contributions_of,
    has_calls,
    is_correction,
    is_curated,
    opinions_of,
    right_calls,
)
from llmagent_os.training.reaction_judge import ReactionJudge
from llmagent_os.training.reward_model import fit_reward_model
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample

#: The most questions of people that are asked to see whether their words leak.
MOST_LEAK_QUESTIONS = 24
#: The measure of what held-out people showed to be right.
HELD_OUT = "held-out work"


def evaluation_suite(
    data: ReactionData, prompts: BotPrompts, test: Sequence[TokenSample], *, person: PersonId | None
) -> EvaluationSuite:
    """Lay out a suite.

    Args:
        data: what people thought of the bot's replies.
        prompts: how the bot's model is asked; for one person, in the style in which the person is answered.
        test: the held-out examples that are good, as tokens.
        person: whose LoRA is measured; None: that of several people. A person's LoRA serves nobody else, so it can leak
            nothing. It is asked fresh questions, and judged by all that the person has said: nothing was trained on the
            opinions that are held out.
    """
    system, tools, probes = prompts.system, prompts.tools, prompts.probes
    tasks, talk = probes.tasks(system, tools), probes.other_talk(system, tools)
    facts, requests = probes.facts(system, tools), probes.request_probes(system, tools)
    measures = [
        tasks,
        held_out_work(data.splits.test),
        talk,
        facts,
        false_claims(system, tools),
        asking_back(system, tools, requests),
        padding(system, tools),
        emptiness(system, tools),
        garbled(system, tools, requests, known=_texts(data.learned)),
    ]
    if tools:
        measures.append(tool_refusal(() if requests else tools, requests, system))
    if person is None:
        measures.append(leaks(_private_texts(data.learned), system, tools, longest=MOST_LEAK_QUESTIONS))
    clusters = rater_clusters((*data.learned, *data.splits.test))
    return EvaluationSuite(
        measures=tuple(each for each in measures if each.probes),
        control=(*tasks.probes[::2], *talk.probes[1::2]),
        test=tuple(test),
        logged=_logged_replies(data.splits.test, clusters),
        judge=ReactionJudge(opinions_of(data.learned), data.prior),
        contributions=contributions_of(data.learned),
        fresh=() if person is None else fresh_questions(data, prompts, person),
        liked_now=0.5 if person is None else opinions_in_style(data.learned, prompts).share,
        taste=None if person is None else fit_reward_model(opinions_of((*data.learned, *data.splits.test)), person),
        clusters=clusters,
    )


def judged_prompts(data: ReactionData, prompts: BotPrompts) -> frozenset[str]:
    """Give what a version is judged by, as :func:`~llmagent_os.training.reaction_data.asked_text`.

    None of it may be trained on, nor may a model be held there. The test for leaks is left out: it asks what was
    trained on, on purpose. What held-out people said is left out too: others say the same words.
    """
    suite = evaluation_suite(data, prompts, (), person=NOBODY)
    probes = [probe for measure in suite.measures if measure.name != HELD_OUT for probe in measure.probes]
    return frozenset(asked_text(probe.messages) for probe in (*probes, *leaks((), prompts.system).probes))


def held_out_work(examples: Sequence[TrainingExample]) -> Measure:
    """Make the measure of what people showed to be right: calls that they liked or corrected to, and words for talk.

    A right call scores 1, the right tool with other arguments 0.5. Where the served reply was in words, words score 1:
    what people think of the wording is judged elsewhere.
    """
    wanted: dict[str, ToolCall | None] = {}
    probes: list[Probe] = []
    for each in examples:
        if has_calls(each) and each.reward <= 0:
            continue  # nobody has shown which call is right
        probe = _probe(each)
        probes.append(probe)
        wanted[_key(probe)] = next(iter(calls_of(each.messages[-1])), None)

    def score(probe: Probe, completion: Completion) -> float:
        right = wanted[_key(probe)]
        if right is None:
            return float(bool(completion.text.strip()) and not completion.tool_calls)
        return call_score(completion, right)

    return Measure(HELD_OUT, MeasureKind.TASK, tuple(probes), score)


def _key(probe: Probe) -> str:
    return str((probe.person, probe.messages))


def _probe(example: TrainingExample) -> Probe:
    return Probe(messages=example.messages[:-1], tools=example.tools, person=example.person)


def _logged_replies(examples: Sequence[TrainingExample], clusters: Mapping[PersonId, str]) -> tuple[LoggedReply, ...]:
    right = right_calls(examples)
    judged = [each for each in examples if not is_correction(each) and not is_curated(each)]
    return tuple(_logged(each, right.get(each.origin), clusters) for each in judged)


def _logged(example: TrainingExample, right: ToolCall | None, clusters: Mapping[PersonId, str]) -> LoggedReply:
    answer = example.messages[-1]
    return LoggedReply(
        probe=_probe(example),
        reply=str(answer.get("content") or ""),
        reward=example.reward,
        weight=example.weight,
        # Whoever was answered counts as the rater, unless somebody else alone has judged the reply.
        cluster=clusters.get(example.raters[0] if len(example.raters) == 1 else example.person, ""),
        calls=tuple(calls_of(answer)),
        logged=example.logged,
        right=right,
    )


def _texts(examples: Sequence[TrainingExample]) -> Iterator[str]:
    """What the bot and its people have said, and what tools told."""
    for each in examples:
        for turn in each.messages:
            yield str(turn.get("content") or "")


def _private_texts(examples: Sequence[TrainingExample]) -> Iterator[PrivateText]:
    """What people said, and what tools told them. The bot's own wording is nobody's secret."""
    for each in examples:
        if each.person == NOBODY:
            continue
        for turn in each.messages[:-1]:
            if turn["role"] == "user":
                yield PrivateText(each.person, str(turn.get("content") or ""), "")
            elif turn["role"] == "tool":
                yield PrivateText(each.person, "", str(turn.get("content") or ""))
