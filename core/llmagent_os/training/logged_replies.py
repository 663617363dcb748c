"""Replies that were served and judged, and what a version would say in their place: for the off-policy estimate.

A version is taken to be served as the logged replies were: where their words were drawn, so are its own, by the same
rule. Where the likeliest words were taken, so are its likeliest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from llmagent_os.chat import ChatRequest, ToolCall
from llmagent_os.serving.constraint_record import ConstraintRecord
from llmagent_os.serving.drawn_words import drawn_words
from llmagent_os.training.probe import Probe
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import LoggedTokens

if TYPE_CHECKING:
    from llmagent_os.serving.vocabulary import Vocabulary
    from llmagent_os.training.response_scorer import ResponseScorer

#: How often a version draws its own reply in the place of a drawn one. What is expected of it is the mean.
DRAWS = 4


@dataclass(frozen=True)
class LoggedReply:
    """One reply that was served and that a person has judged."""

    probe: Probe  #: the chat before the reply, the person and the segment
    reply: str  #: the words that were served
    reward: float  #: what the person thought of it, in [-1, 1]
    weight: float = 1.0  #: how far the person is trusted, in [0, 1]
    cluster: str = ""  #: raters who may be one hand; empty: nobody else
    calls: tuple[ToolCall, ...] = ()  #: the tool calls that were served
    logged: LoggedTokens | None = None  #: its tokens, if they were kept
    right: ToolCall | None = None  #: the call that the person showed to be right: they like it, whatever the judge says


def fresh_requests(logged: LoggedReply, place: int, *, max_tokens: int) -> list[ChatRequest]:
    """Ask for a version's own reply to the chat of a logged one: :data:`DRAWS` times if that was drawn, else once.

    Args:
        logged: the reply.
        place: its place among others. With the same place, all versions draw with the same random numbers.
        max_tokens: most tokens of a reply.
    """
    request = ChatRequest(messages=list(logged.probe.messages), tools=logged.probe.tools, max_tokens=max_tokens)
    tokens = logged.logged
    if tokens is None or tokens.temperature <= 0:
        return [request]
    floor = _floor(tokens.constraint)
    return [
        msgspec.structs.replace(request, temperature=tokens.temperature, min_p=floor, seed=place * DRAWS + draw)
        for draw in range(DRAWS)
    ]


def importance_ratios(scorer: ResponseScorer, logged: Sequence[LoggedReply]) -> list[float]:
    """Compute how many times as likely the version draws each served reply as the version that served it.

    Only replies whose words were drawn have a ratio; the others have 0. These are tool calls and replies at temperature
    0: nobody was ever shown anything else, and no weight can make up for that.
    """
    found = [0.0] * len(logged)
    samples = {at: sample for at, each in enumerate(logged) if (sample := _drawn_sample(each, scorer.vocabulary))}
    for (at, sample), ours in zip(samples.items(), scorer.drawn_logprobs([*samples.values()]), strict=True):
        gap = float(ours.sum()) - sum(sample.behavior_logprobs)  # nats a reply
        found[at] = float(np.exp(np.clip(gap, -50.0, 50.0)))
    return found


def served_likelihoods(scorer: ResponseScorer, logged: Sequence[LoggedReply]) -> list[float | None]:
    """Compute how likely the version finds the served words where it is asked now, in nats a reply. None: a call."""
    words = [at for at, each in enumerate(logged) if each.reply.strip() and not each.calls and each.right is None]
    samples = [scorer.sample(logged[at].probe, logged[at].reply) for at in words]
    found: list[float | None] = [None] * len(logged)
    for at, logs in zip(words, scorer.logprobs(samples), strict=True):
        found[at] = float(logs.sum())
    return found


def _drawn_sample(each: LoggedReply, vocabulary: Vocabulary) -> TokenSample | None:
    """The served tokens and the rule that they were drawn by; None: they were not drawn, or are no longer readable."""
    tokens = each.logged
    if tokens is None or not tokens.token_ids or max(tokens.token_ids) >= vocabulary.size:
        return None
    rule = drawn_words(tokens.constraint, tokens.temperature, tokens.token_ids, vocabulary)
    if rule is None:
        return None
    return TokenSample(
        prompt=tokens.prompt_token_ids, response=tokens.token_ids, behavior_logprobs=tokens.logprobs, drawn=rule
    )


def _floor(constraint: str) -> float:
    try:
        return msgspec.json.decode(constraint, type=ConstraintRecord).min_p or 0.0
    except msgspec.MsgspecError:  # a server's, or none
        return 0.0
