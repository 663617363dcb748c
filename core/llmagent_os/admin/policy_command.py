"""Runs ``llmagent-os policy``: ``evaluate`` judges candidate policies by the ledger, and ``replay`` learns it again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from llmagent_os.admin.policy_evaluation import as_logged, probabilities, read_held_out, read_standing, train
from llmagent_os.bot import Bot, chosen_learner
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, LedgerError, PolicyError
from llmagent_os.ledger import Ledger
from llmagent_os.ledger.connection import is_made
from llmagent_os.ledger.location import locate
from llmagent_os.policy.actions import ActionSpace
from llmagent_os.policy.learned import LEARNERS
from llmagent_os.policy.off_policy.evaluation import Estimate, Evaluation
from llmagent_os.policy.off_policy.judge import Judge
from llmagent_os.policy_worker import PolicyWorker


async def evaluate(settings: Settings, bot: Bot, names: Sequence[str], *, as_json: bool = False) -> str:
    """Return a report on what candidate policies would have been worth, judged by the bot's ledger.

    :mod:`llmagent_os.admin.policy_evaluation` says what candidates are trained on, and what they are judged by.

    Args:
        settings: say where the ledger is.
        bot: the bot. Its learner is a candidate unless ``names`` is given.
        names: the candidates: learners, ``uniform``, or behaviours as
            ``mode=task_oriented,verbosity=brief,initiative=act``. If empty: the bot's learner, ``uniform`` and every
            behaviour.
        as_json: return JSON instead of a table.

    Raises:
        ConfigError: a name is no candidate.
        PolicyError: the ledger holds no decision of a policy.
        LedgerError: the ledger cannot be read.
    """
    space = ActionSpace(bot.config.behavior.dimensions)
    candidates = _candidates(bot, space, names)
    policies = {name: bot.config.learned_policy(name) for name in candidates if name in LEARNERS}
    ledger_is = locate(settings.ledger_url)
    if not ledger_is.in_memory and not await asyncio.to_thread(is_made, settings.ledger_url):
        raise PolicyError(f"there is no ledger {ledger_is.file or ledger_is.name}: run the bot, and let people react")
    ledger = await Ledger.open(settings.ledger_url)
    try:
        held_out = await read_held_out(ledger, space)
        rewards = await train(ledger, held_out.cut, policies.values())
        standing = await read_standing(ledger, held_out.decisions)
    finally:
        await ledger.close()
    logged = as_logged(held_out.decisions, standing, space)
    judge = Judge(logged, *space.contrasts())
    found = {
        name: judge.evaluate(probabilities(policies.get(name, name), space, held_out.decisions)) for name in candidates
    }
    own = judge.evaluate(logged.action_dist)
    if as_json:
        whole = {
            "decisions": len(held_out.decisions),
            "skipped": held_out.skipped,
            "trained_rewards": rewards,
            "logged": asdict(own),
        }
        rows = {name: asdict(each) | {"verdict": each.verdict} for name, each in found.items()}
        return json.dumps(whole | {"candidates": rows}, indent=2, allow_nan=False)
    lead = (
        f"{len(held_out.decisions)} decisions of {own.people} {'person' if own.people == 1 else 'people'}, "
        f"{own.opinions} with an opinion "
        f"({held_out.skipped} other replies are left out).\n"
        f"Learners were trained on the {rewards} rewards that came before these decisions.\n"
        f"What was done satisfied {_shown(own.dr)} of the time."
    )
    return "\n".join([lead, "", *_table(found)])


def _candidates(bot: Bot, space: ActionSpace, names: Sequence[str]) -> list[str]:
    learner = bot.config.policy.learner
    if not names:
        return [*([learner] if learner in LEARNERS else []), "uniform", *space.labels]
    for name in names:
        if name not in (*LEARNERS, "uniform", *space.labels):
            known = ", ".join((*LEARNERS, "uniform", space.labels[0]))
            raise ConfigError(f"there is no candidate {name!r}; write a learner, uniform or a behaviour: {known}")
    return list(names)


def _table(found: dict[str, Evaluation]) -> Iterable[str]:
    wide = max(map(len, found)) if found else 10
    yield f"{'candidate':<{wide}}  {'SNIPW':>21}  {'DR':>21}  {'gain':>8}  {'ESS':>6}  verdict"
    for name, each in found.items():
        numbers = "  ".join(f"{_shown(cell):>21}" for cell in (each.snipw, each.dr))
        gain = "-" if each.gain.value is None else f"{each.gain.value:+.3f}"
        yield f"{name:<{wide}}  {numbers}  {gain:>8}  {each.ess:>6.0f}  {each.verdict}"


def _shown(estimate: Estimate) -> str:
    """Format an estimate of a probability, cut to [0, 1]; "-": there is no estimate."""
    if estimate.value is None:
        return "-"
    value, low, high = (min(max(each, 0.0), 1.0) for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


async def replay(settings: Settings, bot: Bot) -> str:
    """Delete what a bot's policy has learned, learn it again from the ledger, and return the result in words.

    Raises:
        ConfigError: the bot does not learn.
        LedgerError: the ledger cannot be read, or a host runs on it.
    """
    config, learner = bot.config, chosen_learner(settings, bot.config)
    if learner == "fixed":
        raise ConfigError(f"bot {bot.name!r} does not learn: its policy is fixed")
    ledger = await Ledger.open(settings.ledger_url)
    try:
        await ledger.claim()
        others = [each.name for each in await ledger.membership.hosts() if each.number != ledger.membership.number]
        if others:
            raise LedgerError(f"hosts run on this ledger, and one of them learns: stop {', '.join(others)} first")
        name = config.policy_name(learner)
        await ledger.drop_policy(name)
        worker = PolicyWorker(config.learned_policy(learner), ledger, name)
        await worker.open()
        await worker.catch_up()
        return f"learned again: {worker.version}"
    finally:
        await ledger.close()
