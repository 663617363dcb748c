"""Behaviour: how to answer a person. Mode and style are what the person asked for, else what a policy chooses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.identity import NOBODY, PersonId
from llmagent_os.modules.knowledge import Hit
from llmagent_os.policy import Action, BehaviorPolicy, Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.choice_limits import ChoiceLimits
from llmagent_os.policy.contract import DIMENSIONS, NO_STYLES, Dimensions

if TYPE_CHECKING:
    from llmagent_os.llm import LLM


def system_text(
    action: Action,
    *,
    dimensions: Dimensions = DIMENSIONS,
    name: str | None = None,
    facts: Iterable[str] = (),
    notes: str = "",
) -> str:
    """The system message: one line for each fact that the model needs.

    A value of ``action`` is written in the words that ``dimensions`` has for it, else by its name. An ``initiative``
    without words is left out: it concerns the tools alone. So is the ``presence``: who writes is there.

    Args:
        action: how to answer: one value for each dimension.
        dimensions: the dimensions, their values, and the words for each value.
        name: what the person wants to be called.
        facts: what the knowledge base found.
        notes: for a model that was not trained for this bot.

    >>> print(system_text({"mode": "task_oriented", "verbosity": "brief"}, name="Sam", facts=["Tea is at 4 PM."]))
    Style: task_oriented, brief.
    Name: Sam
    Fact: Tea is at 4 PM.
    >>> tone = {"formal": "Write formally.", "playful": "Write playfully."}
    >>> print(system_text({"tone": "playful"}, dimensions={"tone": tone}))
    Write playfully.
    """
    lines = [notes] if notes else []
    chosen = [(key, action[key], words.get(action[key], "")) for key, words in dimensions.items() if key in action]
    if named := [value for key, value, words in chosen if not words and key not in NO_STYLES]:
        lines.append(f"Style: {', '.join(named)}.")
    lines += [words for _, _, words in chosen if words]
    if name:
        lines.append(f"Name: {name}")
    lines += [f"Fact: {fact}" for fact in facts]
    return "\n".join(lines)


#: Of a bot that may choose everything everywhere.
NO_LIMITS = ChoiceLimits()


class BehaviorModule:
    """Decides how to answer a person.

    >>> behavior = BehaviorModule()
    >>> behavior.set_mode("conversational")
    >>> behavior.decide(PersonId("u1"), {}, {"verbosity": "brief"}, learn=True).action["mode"]
    'conversational'
    """

    def __init__(
        self,
        policy: BehaviorPolicy | None = None,
        *,
        defaults: Action | None = None,
        dimensions: Dimensions = DIMENSIONS,
        limits: ChoiceLimits = NO_LIMITS,
    ) -> None:
        """Decide by a policy.

        Args:
            policy: chooses; None: nothing is learned.
            defaults: a value for each of ``dimensions``.
            dimensions: what can be chosen.
            limits: what of it can be chosen on which platform.
        """
        self.dimensions = dimensions  #: what can be chosen
        self.limits = limits  #: what of it can be chosen on which platform
        self.fixed = FixedPolicy(defaults, dimensions)  #: answers people who opted out of learning
        self.policy: BehaviorPolicy = policy or self.fixed
        self._chosen: Action = {}  # by set_mode and set_style

    def set_mode(self, mode: str) -> None:
        """Set the mode for everyone who asked for no other: ``task_oriented`` or ``conversational``.

        Raises:
            ConfigError: there is no such mode, or the bot has dimensions of its own without a ``mode``.
        """
        self._set("mode", mode)

    def set_style(self, verbosity: str) -> None:
        """Set the length of replies for everyone who asked for no other: ``brief``, ``normal`` or ``detailed``.

        Raises:
            ConfigError: there is no such style, or the bot has dimensions of its own without a ``verbosity``.
        """
        self._set("verbosity", verbosity)

    def _set(self, dimension: str, value: str) -> None:
        if dimension not in self.dimensions:
            raise ConfigError(f"this bot has no {dimension}, only {', '.join(self.dimensions)}")
        if value not in self.dimensions[dimension]:
            raise ConfigError(f"{dimension} {value!r} is none of {', '.join(self.dimensions[dimension])}")
        self._chosen[dimension] = value

    def decide(
        self,
        person_id: PersonId,
        context: Context,
        explicit: Action,
        *,
        learn: bool,
        platform: str = "",
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        """Choose how to answer a person; see :class:`~llmagent_os.policy.BehaviorPolicy`.

        Args:
            person_id: the person who is answered.
            context: what is known.
            explicit: the values that the person has asked for.
            learn: whether the bot may learn from the person, as ``privacy.consent.may_learn`` says. Without consent,
                the person is answered as the bot is configured, and nothing is learned from the decision.
            platform: where the person is answered; empty: not known. Only what the platform has is chosen.
            decision_id: the id of the decision; empty: a new one is made.
            episode_id: the session of the turn; empty: the decision stands alone.
        """
        policy = self.policy if learn else self.fixed
        wanted = self._chosen | explicit
        within = self.limits.within(platform, self.dimensions, self.fixed.defaults, wanted)
        made = policy.decide(person_id, context, wanted, within=within, decision_id=decision_id, episode_id=episode_id)
        taught = self.limits.taught(platform, self.dimensions)
        return made if len(taught) == len(self.dimensions) else msgspec.structs.replace(made, shown=taught)

    def dimensions_on(self, platform: str) -> Dimensions:
        """Return what can be chosen on a platform."""
        return self.limits.dimensions_on(platform, self.dimensions)

    def observe(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> None:
        """Teach the policy how a decision was received; see :class:`~llmagent_os.policy.BehaviorPolicy`.

        For scripts without a ledger. A :class:`~llmagent_os.policy_worker.PolicyWorker` reads the rewards of one.
        """
        if decision.policy_version != self.fixed.version:
            self.policy.observe(decision, reward, kind=kind, weight=weight, at=at)

    def generate_response(self, text: str, kb_info: Iterable[Hit | str], llm: LLM) -> str:
        """Answer ``text`` in the chosen mode, with what the knowledge base found. For scripts: it calls no tools."""
        facts = [hit if isinstance(hit, str) else hit.fact.text for hit in kb_info]
        system = system_text(self.decide(NOBODY, {}, {}, learn=True).action, dimensions=self.dimensions, facts=facts)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        return llm.generate(messages).text
