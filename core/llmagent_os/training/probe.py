"""What a version of a model is asked before it may serve, and how its answers are scored.

A score lies in [0, 1], and 1 is good. Every version answers the same probes, so two versions are compared probe by
probe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from llmagent_os.chat import Completion, Message, ToolSpec
from llmagent_os.identity import NOBODY, PersonId


class MeasureKind(StrEnum):
    """What a measure speaks of. The gate has a bound for each kind."""

    LIKED = "liked"  #: whether people would like the reply
    TASK = "task"  #: whether the work is done right: the tool, its arguments
    CONTROL = "control"  #: whether unrelated prompts are still answered as well
    FACT = "fact"  #: whether what is known is still known
    HACK = "hack"  #: whether reward is sought in a way that helps nobody


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """One chat that a version answers, or for which it chooses among replies."""

    messages: tuple[Message, ...]  #: the chat so far, oldest turn first
    tools: tuple[ToolSpec, ...] = ()  #: the tools that the reply may call
    person: PersonId = NOBODY  #: whose chat it is; :data:`~llmagent_os.identity.NOBODY`: no person's
    segment: str = ""  #: a group of people or of requests that must not be harmed, such as a language
    #: replies of like length, of which the first is right; the version says how likely each is. Empty: it writes one.
    choices: tuple[str, ...] = ()


#: Scores a reply to a probe, in [0, 1].
Score = Callable[[Probe, Completion], float]


def chosen_alone(probe: Probe, completion: Completion) -> float:
    """Stand in for a score where every probe has choices: nothing is written.

    Raises:
        ValueError: always; the measure needs a score of its own.
    """
    raise ValueError(f"a probe without choices needs a score: {probe.messages[-1]}")


@dataclass(frozen=True)
class Measure:
    """Probes, and how the answers are scored. The score of a probe with choices is the probability of the first one."""

    name: str  #: as the report names it
    kind: MeasureKind
    probes: tuple[Probe, ...]
    score: Score = chosen_alone  #: scores a written reply
    private: bool = False  #: the probes hold people's words, whoever is asked: reports quote none of them


def ask(text: str, *, tools: tuple[ToolSpec, ...] = (), system: str = "", choices: tuple[str, ...] = ()) -> Probe:
    """Make a probe of one user's turn.

    >>> ask("hi", system="Be brief.").messages
    ({'role': 'system', 'content': 'Be brief.'}, {'role': 'user', 'content': 'hi'})
    """
    before: tuple[Message, ...] = ({"role": "system", "content": system},) if system else ()
    return Probe(messages=(*before, {"role": "user", "content": text}), tools=tools, choices=choices)
