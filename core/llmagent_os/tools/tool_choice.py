"""Chooses the tools that a model is shown for a message, where a bot has more than a model can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from heapq import nsmallest
from itertools import chain, zip_longest

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.tools.tool_index import ToolIndex, size_of
from llmagent_os.tools.tool_words import asked_terms
from llmagent_os.tools.tools_config import ToolsConfig

#: The weight of words that were said before the message, against those of the message.
EARLIER_WEIGHT = 0.3
#: A plugin with at most so many tools is shown whole, where there is room.
FEW_TOOLS = 6
#: The share of the budget that goes to the tools that fit best, before the companions of these have a turn.
BEST_SHARE = 0.75


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about which tools a message needs."""

    text: str = ""  #: the message
    earlier: tuple[str, ...] = ()  #: what was said before: the message before, and the question of the reply
    called: tuple[str, ...] = ()  #: names of tools that were called lately, or are called for this message
    plugins: tuple[str, ...] = ()  #: names of plugins whose tools are needed: they have asked something
    used: Mapping[str, int] = {}  #: how often each tool was called, whoever called it

    def terms(self) -> dict[str, float]:
        """The terms to look for, with their weights."""
        terms = {term: EARLIER_WEIGHT for said in self.earlier for term in asked_terms(said)}
        return terms | asked_terms(self.text)


class OfferedTools:
    """The tools that may be called, in the order in which a model is shown them. Made once for many messages."""

    def __init__(self, specs: tuple[ToolSpec, ...]) -> None:
        """Look through the tools."""
        self.specs = specs
        self.by_name = {spec.name: spec for spec in self.specs}
        self.place = {spec.name: place for place, spec in enumerate(self.specs)}
        self.by_plugin: dict[str, list[str]] = {}
        for spec in self.specs:
            self.by_plugin.setdefault(spec.plugin, []).append(spec.name)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """The characters that each tool takes in a prompt, by name."""
        return {name: size_of(spec) for name, spec in self.by_name.items()}

    def fit(self, budget: ToolsConfig) -> bool:
        """Whether all the tools are within a budget, so that there is nothing to choose."""
        return len(self.specs) <= budget.shown and sum(self.sizes.values()) <= budget.shown_characters

    def in_turn(self) -> Iterator[str]:
        """The first tool of every plugin, then the second of every plugin, and so on."""
        return (name for name in chain.from_iterable(zip_longest(*self.by_plugin.values())) if name is not None)

    def companions(self, shown: Iterable[str]) -> Iterator[str]:
        """The tools of the small plugins of the tools that are shown, in the order of these."""
        for plugin in dict.fromkeys(self.by_name[name].plugin for name in shown):
            if len(self.by_plugin[plugin]) <= FEW_TOOLS:
                yield from self.by_plugin[plugin]


def choose_tools(index: ToolIndex, tools: OfferedTools, budget: ToolsConfig, wanted: Wanted) -> tuple[ToolSpec, ...]:
    """Choose the tools that a model is shown, where there are more than the budget allows.

    What was asked for by name comes first: the tools that are always shown, those that were called lately, and those of
    a plugin that has asked something. Then come the tools that fit best, and the companions of these. Where words are
    no help, as in a language that nothing is known of, the room is shared out: tools that are called often, and then
    one of every plugin in turn.

    Args:
        index: of all tools; it may know more than ``tools``.
        tools: those that may be called.
        budget: how many are shown, and which in any case.
        wanted: what is known about the message.
    """
    taken = _Taken(tools, budget)
    taken.add(budget.always)
    pinned = tuple(taken.names)
    taken.add(wanted.called)
    for plugin in wanted.plugins:
        taken.add(tools.by_plugin.get(plugin, ()))
    ranked = ranking(index, tools, wanted.terms(), 2 * budget.shown)
    taken.add(ranked, most=max(len(taken.names), round(budget.shown * BEST_SHARE)))
    taken.add(tools.companions(tuple(taken.names)))
    taken.add(ranked)
    taken.add(sorted(wanted.used, key=lambda name: -wanted.used[name]))
    taken.add(tools.in_turn())
    # Tools that are always shown come first: a server has read them already. The others keep their order.
    rest = sorted(taken.names.keys() - set(pinned), key=lambda name: tools.place[name])
    return tuple(tools.by_name[name] for name in (*pinned, *rest))


def ranking(index: ToolIndex, tools: OfferedTools, terms: Mapping[str, float], most: int) -> list[str]:
    """Return the names of the tools that may be called and fit the terms: at most ``most``, the best first."""
    scores = index.scores(terms)
    best = nsmallest(most, ((-score, name) for name, score in scores.items() if name in tools.by_name))
    return [name for _, name in best]


class _Taken:
    """The tools that are taken, in order, as long as there is room."""

    def __init__(self, tools: OfferedTools, budget: ToolsConfig) -> None:
        self.names: dict[str, None] = {}
        self._tools, self._shown, self._left = tools, budget.shown, budget.shown_characters

    def add(self, names: Iterable[str], most: int | None = None) -> None:
        """Take tools until ``most`` are taken; None: until the budget is used up. What is too long is passed over."""
        limit = self._shown if most is None else min(most, self._shown)
        for name in names:
            if len(self.names) >= limit:
                return
            if name not in self._tools.by_name or name in self.names:
                continue
            if self._tools.sizes[name] <= self._left:
                self._left -= self._tools.sizes[name]
                self.names[name] = None
