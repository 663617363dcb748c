"""Define the contract of a behaviour policy: actions, contexts, decisions, and the two verbs decide and observe."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol
from uuid import uuid4

import msgspec

from llmagent_os.feedback.signals import Kind as Kind
from llmagent_os.identity import NOBODY, PersonId

#: A behaviour: one value for each of the bot's dimensions, ``{"mode": "task_oriented", "verbosity": "brief", …}``.
Action = dict[str, str]

#: What is known when a decision is made, by feature name. A string or a truth value is a category. A number is used as
#: it is, so scale it to about one.
Context = dict[str, str | bool | int | float]

#: The choices of a bot: for each dimension its values, and for each value the instruction to the model. Where the
#: instruction is empty, the model is given the value's name.
Dimensions = Mapping[str, Mapping[str, str]]

#: The dimensions of a bot that declares none. The first value of a dimension is its default. Plugins act on the
#: initiative; the model is not told of it.
DIMENSIONS: Dimensions = MappingProxyType(
    {
        "mode": dict.fromkeys(("task_oriented", "conversational"), ""),
        "verbosity": dict.fromkeys(("normal", "brief", "detailed"), ""),
        "initiative": dict.fromkeys(("act", "ask_first"), ""),
    }
)

#: The dimension of whether a bot speaks at all. A bot has it only if it declares it: ``presence = true``. It is decided
#: for messages in groups that are not addressed to the bot; whoever addresses the bot is answered.
PRESENCE = "presence"
ANSWER, SILENT = "answer", "silent"

#: Dimensions that a bot may declare with ``true``, beside those of :data:`DIMENSIONS`.
OPTIONAL_DIMENSIONS: Dimensions = MappingProxyType({PRESENCE: dict.fromkeys((ANSWER, SILENT), "")})

#: The dimension that plugins act on: whether something is done or asked about first. It is explored less than a style.
INITIATIVE = "initiative"

#: The dimensions that are no style of words. The model is not told of them.
NO_STYLES = frozenset((INITIATIVE, PRESENCE))

#: The keys of a context that hold what the turns before have decided: :mod:`~llmagent_os.policy.continuity`. They are
#: logged with the context, and no learner takes them for features.
PREVIOUS_ACTION, HELD_DIMENSIONS = "previous_action", "held_dimensions"

#: The most actions that a bot can have. Every combination of the dimensions' values is one action.
MAX_ACTIONS = 64

#: The ``explicit`` argument of :meth:`BehaviorPolicy.decide` where the person has asked for nothing.
NOTHING_ASKED: Mapping[str, str] = MappingProxyType({})

#: The ``within`` argument of :meth:`BehaviorPolicy.decide` where every value can be chosen.
EVERYTHING: Mapping[str, Collection[str]] = MappingProxyType({})


def supported(explicit: Mapping[str, str], dimensions: Mapping[str, Collection[str]]) -> Action:
    """Return the part of ``explicit`` that these ``dimensions`` can do. The rest may be of an older configuration.

    >>> supported({"verbosity": "brief", "learning": "on"}, DIMENSIONS)
    {'verbosity': 'brief'}
    """
    return {name: value for name, value in explicit.items() if value in dimensions.get(name, ())}


def limited(
    dimensions: Mapping[str, Collection[str]], within: Mapping[str, Collection[str]]
) -> dict[str, tuple[str, ...]]:
    """Return the values of every dimension that can be chosen: those of ``within``, where it names the dimension.

    >>> limited({"tone": ("plain", "playful"), "length": ("short", "long")}, {"tone": ("playful",)})
    {'tone': ('playful',), 'length': ('short', 'long')}
    """
    left = {
        name: tuple(value for value in values if value in within.get(name, values))
        for name, values in dimensions.items()
    }
    return {name: values or tuple(dimensions[name]) for name, values in left.items()}


def label(action: Mapping[str, str]) -> str:
    """Write an action as one string.

    >>> label({"verbosity": "brief", "mode": "task_oriented"})
    'mode=task_oriented,verbosity=brief'
    """
    return ",".join(f"{key}={action[key]}" for key in sorted(action))


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A chosen action and the probability of that choice. Off-policy evaluation needs both.

    A decision is made again out of logged values. A value with another name than a field is refused there: if the
    person's were ignored, everybody's feedback would teach the policy about one and the same person.
    """

    action: Action  #: the chosen action
    pscore: float  #: probability of ``action`` under the policy that chose it, in (0, 1]
    policy_version: str  #: the policy that chose, and its state
    action_dist: dict[str, float] = {}  #: probability of every action that could be chosen, by :func:`label`
    decision_id: str = msgspec.field(default_factory=lambda: uuid4().hex)  #: the ``interaction_id`` if there is one
    person_id: PersonId = NOBODY  #: the person who was answered
    context: Context = {}  #: what was known
    episode_id: str = ""  #: the session of the turn; empty: the decision stands alone
    #: the dimensions that could show in the reply; None: all of them. Nothing is learned of the others from the reply.
    #: Where the person says later what a dislike is about, it is observed again with that alone.
    shown: tuple[str, ...] | None = None


class BehaviorPolicy(Protocol):
    """Decides how to answer a person, and learns from how the person takes the reply."""

    def decide(
        self,
        person_id: PersonId,
        context: Context,
        explicit: Mapping[str, str] = NOTHING_ASKED,
        *,
        within: Mapping[str, Collection[str]] = EVERYTHING,
        decision_id: str = "",
        episode_id: str = "",
    ) -> Decision:
        """Choose an action. The learned state does not change.

        Args:
            person_id: the person who is answered.
            context: what is known.
            explicit: the values that the person has asked for. They are always used, and never explored against.
            within: the values that can be chosen, of the dimensions that have fewer of them here. Others have the
                probability 0, also if the person has asked for them.
            decision_id: the id of the decision; empty: a new one is made.
            episode_id: the session of the turn; empty: the decision stands alone.
        """
        ...

    def observe(
        self,
        decision: Decision,
        reward: float | None,
        *,
        kind: Kind = "reaction",
        weight: float = 1.0,
        at: datetime | None = None,
    ) -> None:
        """Learn from one signal about ``decision``.

        Args:
            decision: as :meth:`decide` returned it, or as it was logged.
            reward: the present value of the signal, in [-1, 1]. It replaces the earlier value of the same kind for the
                same decision. None: the signal was taken back. Where a reaction is taken back, everything that was
                learned from the decision is withdrawn. 0 is a neutral opinion. Silence is no opinion: do not call this
                method for it.
            kind: the kind of signal.
            weight: how much the signal counts, in [0, 1]. A bystander counts less, and so does an untrusted rater.
            at: when the signal came, aware; None: not known. What new people teach about everybody is bounded by it:
                :mod:`~llmagent_os.policy.newcomers`.
        """
        ...
