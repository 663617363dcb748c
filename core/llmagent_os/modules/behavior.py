"""Behaviour: how a reply is given. The mode and style come from the person's words, else from a policy."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from llmagent_os.errors import ConfigError
from llmagent_os.modules.knowledge import Hit
from llmagent_os.policy import Action, BehaviorPolicy, Context, Decision, FixedPolicy, Kind
from llmagent_os.policy.contract import DIMENSIONS

if TYPE_CHECKING:
    from llmagent_os.llm import LLM

#: The preference that says whether a person is learned from: ``on``, where they have not said, or ``off``.
LEARNING = "learning"


def system_text(action: Action, *, name: str | None = None, facts: Iterable[str] = (), notes: str = "") -> str:
    """The system message: one line for each thing the model needs to know.

    >>> print(system_text({"mode": "task_oriented", "verbosity": "brief"}, name="Sam", facts=["Tea is at 4 PM."]))
    Style: task_oriented, brief.
    Name: Sam
    Fact: Tea is at 4 PM.
    """
    lines = [notes] if notes else []
    lines.append(f"Style: {action['mode']}, {action['verbosity']}.")
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

    def __init__(self, policy: BehaviorPolicy | None = None, *, defaults: Action | None = None) -> None:
        self.fixed = FixedPolicy(defaults)  #: how people are answered who do not want to be learned from
        self.policy: BehaviorPolicy = policy or self.fixed
        self._chosen: Action = {}  # by set_mode and set_style

    def set_mode(self, mode: str) -> None:
        """Behave so with everybody who has not asked for something else: ``task_oriented`` or ``conversational``.

        Raises:
            ConfigError: there is no such mode.
        """
        self._set("mode", mode)

    def set_style(self, verbosity: str) -> None:
        """How much to say, with everybody who has not asked for something else: ``brief``, ``normal`` or ``detailed``.

        Raises:
            ConfigError: there is no such style.
        """
        self._set("verbosity", verbosity)

    def _set(self, dimension: str, value: str) -> None:
        if value not in DIMENSIONS[dimension]:
            raise ConfigError(f"{dimension} {value!r} is none of {', '.join(DIMENSIONS[dimension])}")
        self._chosen[dimension] = value

    def decide(
        self, user_id: str, context: Context, explicit: Action, *, decision_id: str = "", episode_id: str = ""
    ) -> Decision:
        """Choose how to answer this person; see :class:`~llmagent_os.policy.BehaviorPolicy`.

        Somebody whose preference ``learning`` is ``off`` is answered as the bot is set up, and nothing is learned.
        """
        policy = self.fixed if explicit.get(LEARNING) == "off" else self.policy
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
        action = self.decide("", {}, {}).action
        messages = [{"role": "system", "content": system_text(action, facts=facts)}, {"role": "user", "content": text}]
        return llm.generate(messages).text
