"""Behaviour: how a reply is given. The mode and style come from the person's words, else from a policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmagent_os.errors import ConfigError
from llmagent_os.modules.knowledge import Hit
from llmagent_os.policy import Action, BehaviorPolicy, Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.contract import DIMENSIONS, Dimensions
from llmagent_os.privacy.consent import may_learn

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
    """The system message: one line for each thing the model needs to know.

    A value of ``action`` is told in the words that ``dimensions`` has for it, else by its name; ``initiative`` that has
    no words is left to the tools.

    >>> print(system_text({"mode": "task_oriented", "verbosity": "brief"}, name="Sam", facts=["Tea is at 4 PM."]))
    Style: task_oriented, brief.
    Name: Sam
    Fact: Tea is at 4 PM.
    >>> tone = {"formal": "Write formally.", "playful": "Write playfully."}
    >>> print(system_text({"tone": "playful"}, dimensions={"tone": tone}))
    Write playfully.
    """
    lines = [notes] if notes else []
    chosen = [(each, action[each], words.get(action[each], "")) for each, words in dimensions.items() if each in action]
    if named := [value for each, value, words in chosen if not words and each != "initiative"]:
        lines.append(f"Style: {', '.join(named)}.")
    lines += [words for _, _, words in chosen if words]
    if name:
        lines.append(f"Name: {name}")
    lines += [f"Fact: {fact}" for fact in facts]
    return "\n".join(lines)


class BehaviorModule:
    """Decides how to behave, and answers accordingly.

    >>> behavior = BehaviorModule()
    >>> behavior.set_mode("conversational")
    >>> behavior.decide("u1", {}, {"verbosity": "brief"}).action["mode"]
    'conversational'
    """

    def __init__(
        self,
        policy: BehaviorPolicy | None = None,
        *,
        defaults: Action | None = None,
        dimensions: Dimensions = DIMENSIONS,
    ) -> None:
        self.dimensions = dimensions  #: what is chosen between
        self.fixed = FixedPolicy(defaults, dimensions)  #: how people are answered who do not want to be learned from
        self.policy: BehaviorPolicy = policy or self.fixed
        self._chosen: Action = {}  # by set_mode and set_style

    def set_mode(self, mode: str) -> None:
        """Behave so with everybody who has not asked for something else: ``task_oriented`` or ``conversational``.

        Raises:
            ConfigError: there is no such mode, or the bot has dimensions of its own and none of them is ``mode``.
        """
        self._set("mode", mode)

    def set_style(self, verbosity: str) -> None:
        """How much to say, with everybody who has not asked for something else: ``brief``, ``normal`` or ``detailed``.

        Raises:
            ConfigError: there is no such style, or the bot has dimensions of its own and none of them is ``verbosity``.
        """
        self._set("verbosity", verbosity)

    def _set(self, dimension: str, value: str) -> None:
        if dimension not in self.dimensions:
            raise ConfigError(f"this bot has no {dimension}, only {', '.join(self.dimensions)}")
        if value not in self.dimensions[dimension]:
            raise ConfigError(f"{dimension} {value!r} is none of {', '.join(self.dimensions[dimension])}")
        self._chosen[dimension] = value

    def decide(
        self, user_id: str, context: Context, explicit: Action, *, decision_id: str = "", episode_id: str = ""
    ) -> Decision:
        """Choose how to answer this person; see :class:`~llmagent_os.policy.BehaviorPolicy`.

        Somebody whose preference ``learning`` is ``off`` is answered as the bot is set up, and nothing is learned.
        """
        policy = self.policy if may_learn(explicit) else self.fixed
        return policy.decide(user_id, context, self._chosen | explicit, decision_id=decision_id, episode_id=episode_id)

    def observe(
        self, decision: Decision, reward: float | None, *, kind: Kind = "reaction", weight: float = 1.0
    ) -> None:
        """Tell the policy how a decision was taken; see :class:`~llmagent_os.policy.BehaviorPolicy`."""
        if decision.policy_version != self.fixed.version:
            self.policy.observe(decision, reward, kind=kind, weight=weight)

    def generate_response(self, text: str, kb_info: Iterable[Hit | str], llm: LLM) -> str:
        """Answer ``text`` in the chosen mode, with what the knowledge base found; for scripts, no tools."""
        facts = [hit if isinstance(hit, str) else hit.fact.text for hit in kb_info]
        system = system_text(self.decide("", {}, {}).action, dimensions=self.dimensions, facts=facts)
        messages = [{"role": "system", "content": system}, {"role": "user", "content": text}]
        return llm.generate(messages).text
