"""``llmagent-os policy evaluate``: candidate policies judged by the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, PolicyError
from llmagent_os.feedback.emoji_table import signs, verdict
from llmagent_os.ledger import Ledger, ReplyWithRewards
from llmagent_os.ledger.connection import file_of
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.contract import Decision
from llmagent_os.policy.features import Features
from llmagent_os.policy.learned import LEARNERS, LearnedPolicy
from llmagent_os.policy.off_policy.bandit_feedback import LoggedBanditFeedback
from llmagent_os.policy.off_policy.evaluation import Estimate, Evaluation
from llmagent_os.policy.off_policy.judge import Judge
from llmagent_os.policy_worker import decision_of

PAGE = 500
#: Learners are trained on the first of the decisions and judged by the rest.
TRAINED = 0.6
#: The latest decisions; older ones are not read.
MOST = 20_000

Floats = NDArray[np.float64]
#: Codes of ``bandit_feedback.FOLLOW_UPS``. Of several signs that follow a reply the highest code wins: thanks, then
#: anything that speaks against the reply, then going on.
_NEXT = {"went_on": 1, "reask": 2, "correction": 2, "edited": 2, "tool_failed": 2, "thanks": 3}


async def report(settings: Settings, bot: Bot, names: Sequence[str], *, as_json: bool = False) -> str:
    """Judge candidates by what the bot's ledger says.

    Args:
        settings: where the ledger is.
        bot: whose learner is among the candidates unless others are named.
        names: learners, ``uniform``, or behaviours as ``mode=task_oriented,verbosity=brief,initiative=act``; none: the
            bot's learner, uniform and every behaviour.
        as_json: instead of a table.

    Raises:
        ConfigError: a candidate is none.
        PolicyError: the ledger holds no decision of a policy.
        LedgerError: it cannot be read.
    """
    space = ActionSpace(bot.config.behavior.dimensions)
    chosen = list(names) or [bot.config.policy.learner, "uniform", *space.labels]
    for name in chosen:
        if name not in (*LEARNERS, "uniform", *space.labels) and not (name == "fixed" and not names):
            known = ", ".join((*LEARNERS, "uniform", space.labels[0]))
            raise ConfigError(f"there is no candidate {name!r}; write a learner, uniform or a behaviour: {known}")
    file = file_of(settings.ledger_url)
    if file is not None and not file.exists():
        raise PolicyError(f"there is no ledger {file}: run the bot, and let people react")
    ledger = await Ledger.open(settings.ledger_url)
    try:
        taken, skipped = await _taken(ledger, space)
    finally:
        await ledger.close()
    if not taken:
        raise PolicyError(f"the ledger holds no decision of a policy that learns ({skipped} other replies)")
    cut = int(len(taken) * TRAINED)
    rest = taken[cut:]
    logged = as_logged(rest, space)
    judge = Judge(logged, *space.contrasts())
    found = {
        name: judge.evaluate(_candidate(name, space, taken[:cut], rest, bot)) for name in chosen if name != "fixed"
    }
    own = judge.evaluate(logged.action_dist)
    if as_json:
        whole = {"decisions": len(rest), "skipped": skipped, "logged": asdict(own)}
        rows = {name: asdict(each) | {"verdict": each.verdict} for name, each in found.items()}
        return json.dumps(whole | {"candidates": rows}, indent=2, allow_nan=False)
    lead = (
        f"{len(rest)} decisions of {own.people} people, {own.opinions} with an opinion ({skipped} other replies are "
        f"left out); learners were trained on the {cut} before them.\n"
        f"What was done satisfied {_shown(own.dr)} of the time."
    )
    return "\n".join([lead, "", *_table(found)])


def _table(found: dict[str, Evaluation]) -> Iterable[str]:
    wide = max(map(len, found)) if found else 10
    yield f"{'candidate':<{wide}}  {'SNIPW':>21}  {'DR':>21}  {'gain':>8}  {'ESS':>6}  verdict"
    for name, each in found.items():
        numbers = "  ".join(f"{_shown(cell):>21}" for cell in (each.snipw, each.dr))
        gain = "-" if each.gain.value is None else f"{each.gain.value:+.3f}"
        yield f"{name:<{wide}}  {numbers}  {gain:>8}  {each.ess:>6.0f}  {each.verdict}"


def _shown(estimate: Estimate) -> str:
    """An estimate of a probability, cut to [0, 1]; "-": there is none."""
    if estimate.value is None:
        return "-"
    value, low, high = (min(max(each, 0.0), 1.0) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


async def _taken(ledger: Ledger, space: ActionSpace) -> tuple[list[tuple[Decision, ReplyWithRewards]], int]:
    """The latest decisions, oldest first, and how many replies were none."""
    found: list[tuple[Decision, ReplyWithRewards]] = []
    skipped, after = 0, 0
    while page := await ledger.replies_after(after, PAGE):
        after = page[-1].seq
        for each in page:
            decision = None if each.interaction is None else decision_of(each.interaction, each.person)
            if decision is None or space.index(decision.action) is None or not _sound(decision, space):
                skipped += 1
            else:
                found.append((decision, each))
        del found[: max(0, len(found) - MOST)]
    return found, skipped


def _sound(decision: Decision, space: ActionSpace) -> bool:
    chances = _chances(decision, space)
    return 0 < decision.pscore <= 1 and abs(float(chances.sum()) - 1) < 1e-3 and bool((chances >= 0).all())


def _chances(decision: Decision, space: ActionSpace) -> Floats:
    return np.array([decision.action_dist.get(each, 0.0) for each in space.labels])


def as_logged(taken: Sequence[tuple[Decision, ReplyWithRewards]], space: ActionSpace) -> LoggedBanditFeedback:
    """Decisions as arrays."""
    features = Features()
    for decision, _ in taken:
        features.learn(decision.context)
    people: dict[str, int] = {}
    opinions: list[int] = []
    nexts: list[int] = []
    for _, each in taken:
        reward = verdict(each.rewards, each.identities, {}).reward
        opinions.append(0 if not reward else 2 if reward > 0 else 1)
        nexts.append(max((_NEXT[row.kind] for row in each.rewards if row.kind in _NEXT), default=0))
    return LoggedBanditFeedback(
        context=np.stack([features.vector(decision.context) for decision, _ in taken]),
        person=np.array([people.setdefault(decision.person_id, len(people)) for decision, _ in taken]),
        action=np.array([space.index(decision.action) for decision, _ in taken], np.int64),
        action_dist=np.stack([_chances(decision, space) for decision, _ in taken]),
        opinion=np.array(opinions, np.int64),
        follow_up=np.array(nexts, np.int64),
    )


def _candidate(
    name: str,
    space: ActionSpace,
    before: Sequence[tuple[Decision, ReplyWithRewards]],
    rest: Sequence[tuple[Decision, ReplyWithRewards]],
    bot: Bot,
) -> Floats:
    """The probabilities of a candidate; what the person asked for binds it as it bound what was done."""
    allowed = np.stack([_chances(decision, space) > 0 for decision, _ in rest])
    if name in LEARNERS:
        policy = _trained(name, before, bot)
        rows: list[Any] = [
            policy.learner.probabilities(decision.person_id, decision.context, can)
            for (decision, _), can in zip(rest, allowed, strict=True)
        ]
        return np.stack(rows)
    wanted = np.ones(len(space)) if name == "uniform" else np.eye(len(space))[space.labels.index(name)]
    chances = np.where(allowed, wanted, 0.0)
    chances = np.where(chances.sum(1, keepdims=True) > 0, chances, allowed)
    return np.asarray(chances / chances.sum(1, keepdims=True), np.float64)


def _trained(name: str, taken: Sequence[tuple[Decision, ReplyWithRewards]], bot: Bot) -> LearnedPolicy:
    policy = bot.config.learned_policy(name)
    for decision, each in taken:
        stands = verdict(each.rewards, each.identities, {})
        if stands.reward is not None:
            policy.observe(decision, stands.reward, weight=stands.weight)
        for row in signs(each.rewards, each.identities):
            policy.observe(decision, row.reward, kind=row.kind)
    return policy
