"""An index of tools: which of them fit the words of a request (BM25F: Robertson, Zaragoza & Taylor 2004).

The parts of a tool count differently: a word of its name says more than one of an argument's description. Everything
that does not depend on the request is worked out when the index is built, so a request costs some additions.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.knowledge.bm25_scores import K1, TermStatistics
from llmagent_os.tools.tool_words import name_words, tool_terms

NAME_WEIGHT = 3.0  #: of the words of a tool's name
PLUGIN_WEIGHT = 1.5  #: of those of its plugin's
DESCRIPTION_WEIGHT = 2.0  #: of its description
ARGUMENT_WEIGHT = 1.0  #: of its arguments' names
DETAIL_WEIGHT = 0.5  #: of its arguments' descriptions and choices
#: How much a long description is held against a tool: 0 is not at all. Descriptions of tools are short.
LENGTH_WEIGHT = 0.3
#: A term that more than this share of the tools have tells none from another, and takes the longest to add up.
COMMON_SHARE = 0.5
#: What the best tool of a plugin adds to the score of each of its tools: a message about a topic needs its plugin.
TOPIC_WEIGHT = 0.4


class ToolIndex:
    """Scores tools by words. Built in a thread, and never changed."""

    def __init__(self, specs: Iterable[ToolSpec]) -> None:
        """Index the tools: about 0.1 ms for each, and more for the first."""
        self.specs = {spec.name: spec for spec in specs}  #: the tools, by name
        #: characters of each tool as a model is shown it, by name
        self.sizes = {name: size_of(spec) for name, spec in self.specs.items()}
        documents = {name: _weighted_terms(spec) for name, spec in self.specs.items()}
        lengths = {name: sum(document.values()) for name, document in documents.items()}
        mean = sum(lengths.values()) / max(len(lengths), 1)
        counts = Counter(term for document in documents.values() for term in document)
        statistics = TermStatistics(len(documents), mean, counts)
        self._scores: dict[str, list[tuple[str, float]]] = defaultdict(list)  # term -> tools and what it adds
        for name, document in documents.items():
            length = K1 * (1 - LENGTH_WEIGHT + LENGTH_WEIGHT * lengths[name] / max(mean, 1.0))
            for term, count in document.items():
                if counts[term] > COMMON_SHARE * len(documents):
                    continue
                self._scores[term].append((name, statistics.idf(term) * count * (K1 + 1) / (count + length)))
        self._names: dict[str, list[str]] = defaultdict(list)  # by plugin
        for name, spec in self.specs.items():
            self._names[spec.plugin].append(name)
        self._plugin_of = {name: spec.plugin for name, spec in self.specs.items()}

    def scores(self, asked: Mapping[str, float]) -> dict[str, float]:
        """Return the scores of the tools of every plugin that has one of the terms, by the tools' names: above 0.

        Args:
            asked: the terms of a request, with their weights.
        """
        own: defaultdict[str, float] = defaultdict(float)
        for term, weight in asked.items():
            for name, score in self._scores.get(term, ()):
                own[name] += weight * score
        topics: dict[str, float] = {}
        plugin_of = self._plugin_of
        for name, score in own.items():
            plugin = plugin_of[name]
            if score > topics.get(plugin, 0.0):
                topics[plugin] = score
        found: dict[str, float] = {}
        for plugin, score in topics.items():
            topic = TOPIC_WEIGHT * score
            for name in self._names[plugin]:
                found[name] = own.get(name, 0.0) + topic
        return found


def size_of(spec: ToolSpec) -> int:
    """Return how many characters of JSON a tool takes in a prompt."""
    return len(msgspec.json.encode({"name": spec.name, "description": spec.description, "parameters": spec.parameters}))


def _weighted_terms(spec: ToolSpec) -> dict[str, float]:
    terms: dict[str, float] = defaultdict(float)
    for weight, text in (
        (NAME_WEIGHT, name_words(spec.name)),
        (PLUGIN_WEIGHT, name_words(spec.plugin)),
        (DESCRIPTION_WEIGHT, spec.description),
        *_argument_texts(spec.parameters),
    ):
        for term in tool_terms(text):
            terms[term] += weight
    return terms


def _argument_texts(schema: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[float, str]]:
    properties = schema.get("properties")
    if not isinstance(properties, dict) or depth > 2:
        return
    for name, argument in cast("dict[str, Any]", properties).items():
        yield ARGUMENT_WEIGHT, name_words(name)
        if not isinstance(argument, dict):
            continue
        about = cast("dict[str, Any]", argument)
        choices = about.get("enum", ())
        listed = cast("list[object]", choices) if isinstance(choices, list) else []
        details = [about.get("description", ""), *listed]
        yield DETAIL_WEIGHT, " ".join(name_words(str(detail)) for detail in details)
        yield from _argument_texts(about, depth + 1)
