"""Evaluates a version: step 5 of fine-tuning. It answers the probes as it would answer people, and is then scored.

Written replies come from the serving engine, with its constraints on tool calls: at temperature 0, but those to the
chats of logged replies as these were drawn. Likelihoods come from the model without constraints.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from llmagent_os.chat import ChatRequest, Completion, ToolCall
from llmagent_os.errors import ModelError
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.serving.tool_call_parsing import InvalidCallError
from llmagent_os.training.call_score import call_score
from llmagent_os.training.completion_batch import complete_all
from llmagent_os.training.logged_replies import LoggedReply, fresh_requests, importance_ratios, served_likelihoods
from llmagent_os.training.probe import Measure, Probe
from llmagent_os.training.reward_model import RewardModel
from llmagent_os.training.taste_draws import drawn_likings
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.version_evaluation import FreshLikings, LoggedRewards, MeasureScores, VersionEvaluation

#: The most tokens of a reply to a probe.
MAX_TOKENS = 128


#: Answers by the name of the LoRA and by what was asked.
KnownAnswers = dict[tuple[str, str], Completion]


class ReplyJudge(Protocol):
    """Says how much people would like replies. Reward models do."""

    def __call__(
        self, persons: Sequence[PersonId], texts: Sequence[str], calls: Sequence[Sequence[ToolCall]]
    ) -> Sequence[float]:
        """Return, for each reply, the probability that its person likes it, in [0, 1].

        Args:
            persons: who reads each reply.
            texts: the words of each reply.
            calls: the tool calls of each reply.
        """
        ...


@dataclass(frozen=True)
class EvaluationSuite:
    """All that versions are measured on. Every version that is compared gets the same suite."""

    measures: tuple[Measure, ...]
    #: prompts that have nothing to do with what is learned: there the version should say what the base says
    control: tuple[Probe, ...]
    test: tuple[TokenSample, ...] = ()  #: examples that nothing was trained on
    logged: tuple[LoggedReply, ...] = ()
    judge: ReplyJudge | None = None  #: needed where replies are logged
    contributions: dict[PersonId, float] = field(default_factory=dict[PersonId, float])  #: weights in the training
    fresh: tuple[Probe, ...] = ()  #: of one person: questions that the person may ask
    taste: RewardModel | None = None  #: of that person; None: the version answers several people
    liked_now: float = 0.5  #: the share of judged replies in this style that the person liked
    clusters: dict[PersonId, str] = field(default_factory=dict[PersonId, str])  #: people who may be one hand


class Evaluator:
    """Evaluates versions of one model. The engine and the base's replies are shared among them.

    Args:
        llm: the base model, local and without a LoRA of its own.
        suite: what to measure.
        known: answers that evaluators of the same model share, so that no version answers a probe twice.

    Raises:
        ModelError: the model is a server's, or replies are logged and there is no judge.
    """

    def __init__(self, llm: LLM, suite: EvaluationSuite, known: KnownAnswers | None = None) -> None:
        if llm.location is None:
            raise ModelError(f"{llm.name} is a server's model: only local models can be evaluated here")
        if suite.logged and suite.judge is None:
            raise ModelError("replies are logged, but there is no judge to score other replies: give the suite a judge")
        self._llm = llm
        self._location = llm.location
        self._suite = suite
        self._known = {} if known is None else known

    async def evaluate(self, version: str, lora: Path | None, parent: Path | None = None) -> VersionEvaluation:
        """Evaluate one version.

        Args:
            version: its name.
            lora: its PEFT folder; ``None``: the base.
            parent: the PEFT folder that it was trained from; ``None``: the base.

        Raises:
            ModelError: the model or the LoRA cannot be loaded, or did not answer.
        """
        begun = time.monotonic()
        suite = self._suite
        control = [
            TokenSample(prompt=each.prompt_token_ids, response=each.token_ids)
            for each in await self._write(suite.control, None)
        ]
        probes = [probe for measure in suite.measures for probe in measure.probes if not probe.choices]
        replies = iter(await self._write(probes, lora))
        fresh = await self._fresh(lora)
        answers = await self._write(suite.fresh, lora)
        scored = await asyncio.to_thread(self._likelihoods, lora, parent, control)
        return VersionEvaluation(
            version=version,
            base=self._llm.name,
            nll=tuple(scored.nll),
            measures={each.name: _scores(each, replies, iter(scored.right[each.name])) for each in suite.measures},
            drift=tuple(scored.drift),
            parent_drift=tuple(scored.parent_drift),
            rewards=self._rewards(fresh, scored) if suite.logged else None,
            fresh=None if suite.taste is None else _likings(suite.taste, answers, suite.liked_now),
            contributions=suite.contributions if lora else {},
            clusters=suite.clusters,
            seconds=time.monotonic() - begun,
        )

    async def _write(self, probes: Sequence[Probe], lora: Path | None) -> list[Completion]:
        """Answer probes."""
        requests = [
            ChatRequest(messages=list(probe.messages), tools=probe.tools, max_tokens=MAX_TOKENS) for probe in probes
        ]
        return await self._answers(requests, lora)

    async def _fresh(self, lora: Path | None) -> list[list[Completion]]:
        """What the version itself would say in the place of each logged reply, several times where it would draw."""
        asked = [fresh_requests(each, at, max_tokens=MAX_TOKENS) for at, each in enumerate(self._suite.logged)]
        answers = iter(await self._answers([request for requests in asked for request in requests], lora))
        return [[next(answers) for _ in requests] for requests in asked]

    async def _answers(self, requests: Sequence[ChatRequest], lora: Path | None) -> list[Completion]:
        """Answer requests with a version. Equal requests are answered once."""
        name = str(lora) if lora else "base"
        keys = [(name, repr(request)) for request in requests]
        missing = {key: request for key, request in zip(keys, requests, strict=True) if key not in self._known}
        asked = [msgspec.structs.replace(request, lora=name) for request in missing.values()]
        for key, answer in zip(missing, await complete_all(self._llm, asked), strict=True):
            self._known[key] = answer if isinstance(answer, Completion) else _nothing_said(answer)
        return [self._known[key] for key in keys]

    def _likelihoods(self, lora: Path | None, parent: Path | None, control: Sequence[TokenSample]) -> _Likelihoods:
        """Compute all that needs the model's own probabilities. Blocks.

        Args:
            lora: the version's PEFT folder; None: the base.
            parent: that of the version that it was trained from; None: the base.
            control: the base's own replies to the control prompts, tool calls included.
        """
        from llmagent_os.training.response_scorer import ResponseScorer

        suite, scorer = self._suite, ResponseScorer(self._location, lora, parent)
        chosen = {each.name: [probe for probe in each.probes if probe.choices] for each in suite.measures}
        return _Likelihoods(
            nll=[-float(each.mean()) for each in scorer.logprobs(suite.test)],
            drift=scorer.divergences(control),
            parent_drift=scorer.parent_divergences(control),
            right={name: scorer.right_shares(probes) for name, probes in chosen.items()},
            ratios=importance_ratios(scorer, suite.logged),
            said=served_likelihoods(scorer, suite.logged) if suite.taste is not None else [],
        )

    def _rewards(self, fresh: Sequence[Sequence[Completion]], scored: _Likelihoods) -> LoggedRewards:
        judge, logged = self._suite.judge, self._suite.logged
        if judge is None:
            raise ModelError("there is no judge")
        persons = tuple(each.probe.person for each in logged)
        readers = [person for person, replies in zip(persons, fresh, strict=True) for _ in replies]
        replies = [reply for each in fresh for reply in each]
        likings = iter(judge(readers, [each.text for each in replies], [each.tool_calls for each in replies]))
        liked = [[next(likings) for _ in each] for each in fresh]  # by logged reply
        return LoggedRewards(
            persons=persons,
            segments=tuple(each.probe.segment for each in logged),
            clusters=tuple(each.cluster for each in logged),
            weights=tuple(each.weight for each in logged),
            rewards=tuple((each.reward + 1) / 2 for each in logged),
            served=tuple(judge(persons, [each.reply for each in logged], [each.calls for each in logged])),
            fresh=tuple(
                sum(_worth(each.right, answers, likings)) / len(answers)
                for each, answers, likings in zip(logged, fresh, liked, strict=True)
            ),
            ratios=tuple(scored.ratios),
            said=tuple(scored.said),
        )


def _likings(taste: RewardModel, answers: Sequence[Completion], liked_now: float) -> FreshLikings:
    texts = [each.text for each in answers]
    liked = drawn_likings(taste, texts, [each.tool_calls for each in answers])  # (draws, questions)
    return FreshLikings(liked=tuple(map(tuple, liked.T.tolist())), replies=tuple(texts), liked_now=liked_now)


def _worth(right: ToolCall | None, replies: Sequence[Completion], liked: Sequence[float]) -> Sequence[float]:
    """What replies are worth to a person: as judged, or by the call that the person showed to be right."""
    return liked if right is None else [call_score(reply, right) for reply in replies]


def _nothing_said(error: InvalidCallError) -> Completion:
    """What people get of calls that are not valid: neither words nor deeds."""
    if not error.rejected:
        raise error
    return msgspec.structs.replace(error.rejected[0], text="")


@dataclass(frozen=True)
class _Likelihoods:
    nll: list[float]
    drift: list[float]
    parent_drift: list[float]
    right: dict[str, list[float]]
    ratios: list[float]
    said: list[float | None]


def _scores(measure: Measure, replies: Iterator[Completion], right: Iterator[float]) -> MeasureScores:
    """Score a measure, taking as many replies and shares of right choices as it has probes of each sort."""
    scores: list[float] = []
    texts: list[str] = []
    for probe in measure.probes:
        if probe.choices:
            scores.append(next(right))
            texts.append("")
        else:
            reply = next(replies)
            scores.append(float(measure.score(probe, reply)))
            texts.append(reply.text or ", ".join(call.name for call in reply.tool_calls))
    return MeasureScores(
        name=measure.name,
        kind=measure.kind,
        scores=tuple(scores),
        persons=tuple(probe.person for probe in measure.probes),
        segments=tuple(probe.segment for probe in measure.probes),
        prompts=tuple(str(probe.messages[-1].get("content", "")) for probe in measure.probes),
        replies=tuple(texts),
        private=measure.private,
    )
