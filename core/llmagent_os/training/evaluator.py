"""Evaluates a version: step 5 of fine-tuning. It answers the probes as it would answer people, and is then scored.

Written replies come from the serving engine, at temperature 0 and with its constraints on tool calls. Likelihoods come
from the model without constraints.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from llmagent_os.chat import ChatRequest, Completion
from llmagent_os.errors import ModelError
from llmagent_os.identity import PersonId
from llmagent_os.llm import LLM
from llmagent_os.training.probe import Measure, Probe
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import LoggedTokens
from llmagent_os.training.version_evaluation import LoggedRewards, MeasureScores, VersionEvaluation

if TYPE_CHECKING:
    from llmagent_os.training.response_scorer import ResponseScorer

#: The most tokens of a reply to a probe.
MAX_TOKENS = 128
#: Probes that wait for the engine at the same time.
CONCURRENT_PROBES = 32


class ReplyJudge(Protocol):
    """Says how much a person would like a reply. The reward model is one."""

    def __call__(self, person: PersonId, probe: Probe, reply: str) -> float:
        """Return the probability that the person likes the reply, in [0, 1]."""
        ...


@dataclass(frozen=True)
class LoggedReply:
    """One reply that was served and that a person has judged."""

    probe: Probe  #: the chat before the reply, the person and the segment
    reply: str  #: what was served
    reward: float  #: what the person thought of it, in [-1, 1]
    weight: float = 1.0  #: how far the person is trusted, in [0, 1]
    cluster: str = ""  #: raters who may be one hand; empty: nobody else
    logged: LoggedTokens | None = None  #: its tokens, if they were kept


@dataclass(frozen=True)
class EvaluationSuite:
    """All that versions are measured on. Every version that is compared gets the same suite."""

    measures: tuple[Measure, ...]
    control: tuple[Probe, ...]  #: unrelated prompts, to measure drift
    test: tuple[TokenSample, ...] = ()  #: examples that nothing was trained on
    logged: tuple[LoggedReply, ...] = ()
    judge: ReplyJudge | None = None  #: needed where replies are logged
    contributions: dict[PersonId, float] = field(default_factory=dict[PersonId, float])  #: weights in the training


class Evaluator:
    """Evaluates versions of one model. The engine and the base's replies are shared among them.

    Args:
        llm: the base model, local and without a LoRA of its own.
        suite: what to measure.

    Raises:
        ModelError: the model is a server's, or replies are logged and there is no judge.
    """

    def __init__(self, llm: LLM, suite: EvaluationSuite) -> None:
        if llm.location is None:
            raise ModelError(f"{llm.name} is a server's model: only local models can be evaluated here")
        if suite.logged and suite.judge is None:
            raise ModelError("replies are logged, but there is no judge to score other replies: give the suite a judge")
        self._llm = llm
        self._location = llm.location
        self._suite = suite
        self._control_replies: list[str] | None = None

    async def evaluate(self, version: str, lora: Path | None) -> VersionEvaluation:
        """Evaluate one version.

        Args:
            version: its name.
            lora: its PEFT folder; ``None``: the base.

        Raises:
            ModelError: the model or the LoRA cannot be loaded, or did not answer.
        """
        begun = time.monotonic()
        suite = self._suite
        if self._control_replies is None:
            self._control_replies = [each.text for each in await self._write(suite.control, None)]
        probes = [probe for measure in suite.measures for probe in measure.probes if not probe.choices]
        own = [reply.probe for reply in suite.logged]
        written = await self._write([*probes, *own], lora)
        scored = await asyncio.to_thread(self._likelihoods, lora, self._control_replies)
        replies, fresh = iter(written[: len(probes)]), written[len(probes) :]
        return VersionEvaluation(
            version=version,
            base=self._llm.name,
            nll=tuple(scored.nll),
            measures={each.name: _scores(each, replies, iter(scored.right[each.name])) for each in suite.measures},
            drift=tuple(scored.drift),
            rewards=self._rewards(fresh, scored.ratios) if suite.logged else None,
            contributions=suite.contributions if lora else {},
            seconds=time.monotonic() - begun,
        )

    async def _write(self, probes: Sequence[Probe], lora: Path | None) -> list[Completion]:
        """Answer probes. Equal probes are answered once."""
        gate = asyncio.Semaphore(CONCURRENT_PROBES)
        asked: dict[str, asyncio.Task[Completion]] = {}

        async def answer(probe: Probe) -> Completion:
            request = ChatRequest(
                messages=list(probe.messages),
                tools=probe.tools,
                lora=str(lora) if lora else "base",
                max_tokens=MAX_TOKENS,
            )
            async with gate:
                return await self._llm.complete(request)

        async with asyncio.TaskGroup() as group:
            for probe in probes:
                key = repr((probe.messages, probe.tools))
                if key not in asked:
                    asked[key] = group.create_task(answer(probe))
        return [asked[repr((probe.messages, probe.tools))].result() for probe in probes]

    def _likelihoods(self, lora: Path | None, control_replies: Sequence[str]) -> _Likelihoods:
        """Compute all that needs the model's own probabilities. Blocks."""
        from llmagent_os.training.response_scorer import ResponseScorer

        suite, scorer = self._suite, ResponseScorer(self._location, lora)
        control = [scorer.sample(probe, reply) for probe, reply in zip(suite.control, control_replies, strict=True)]
        chosen = {each.name: [probe for probe in each.probes if probe.choices] for each in suite.measures}
        return _Likelihoods(
            nll=[-float(each.mean()) for each in scorer.logprobs(suite.test)],
            drift=scorer.divergences(control),
            right={name: scorer.right_shares(probes) for name, probes in chosen.items()},
            ratios=_ratios(scorer, suite.logged),
        )

    def _rewards(self, fresh: Sequence[Completion], ratios: Sequence[float]) -> LoggedRewards:
        judge, logged = self._suite.judge, self._suite.logged
        if judge is None:
            raise ModelError("there is no judge")
        return LoggedRewards(
            persons=tuple(each.probe.person for each in logged),
            segments=tuple(each.probe.segment for each in logged),
            clusters=tuple(each.cluster for each in logged),
            weights=tuple(each.weight for each in logged),
            rewards=tuple((each.reward + 1) / 2 for each in logged),
            served=tuple(judge(each.probe.person, each.probe, each.reply) for each in logged),
            fresh=tuple(
                judge(each.probe.person, each.probe, reply.text) for each, reply in zip(logged, fresh, strict=True)
            ),
            ratios=tuple(ratios),
        )


@dataclass(frozen=True)
class _Likelihoods:
    nll: list[float]
    drift: list[float]
    right: dict[str, list[float]]
    ratios: list[float]


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
        replies=tuple(texts),
    )


def _ratios(scorer: ResponseScorer, logged: Sequence[LoggedReply]) -> list[float]:
    """Return how many times as likely the version writes each served reply as the version that served it.

    Tokens that were forced count for nothing. Only replies that were sampled have a ratio; the others have 0.
    """
    found = [0.0] * len(logged)
    for at, each in enumerate(logged):
        tokens = each.logged
        if tokens is None or tokens.temperature <= 0 or not tokens.token_ids:
            continue
        sample = TokenSample(prompt=tokens.prompt_token_ids, response=tokens.token_ids)
        behavior = np.asarray(tokens.logprobs)  # (response tokens,)
        ours = scorer.logprobs([sample], tokens.temperature)[0]  # (response tokens,)
        found[at] = float(np.exp(np.clip((ours - behavior)[behavior < 0].sum(), -50.0, 50.0)))
    return found
