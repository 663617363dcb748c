"""Which tools are shown for a request: the recall of ``llmagent_os.tools.tool_choice`` on a list of 200 tools.

``benchmarks/tool_requests/`` has 200 tools of 25 plugins that do not exist, and requests with the tool that each of
them needs, in English, German and Chinese. Half of the requests were looked at while the index was made (``dev``); the
figures that count are those of the others (``held out``)::

    python -m benchmarks.tool_retrieval [--dev] [--misses]

A request counts as met if one of the tools that would do is among those that are shown. With ``1000``, there are 800
further tools, which are made from the words of the 200.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import time
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from llmagent_os.chat import ToolSpec
from llmagent_os.tools.tool_choice import OfferedTools, Wanted, choose_tools
from llmagent_os.tools.tool_index import ToolIndex
from llmagent_os.tools.tools_config import ToolsConfig

FOLDER = Path(__file__).parent / "tool_requests"
SHOWN = (8, 16, 24)  #: budgets that are measured
UNLIMITED = 4_000_000  #: characters: the number of tools alone is the budget here


class Request(NamedTuple):
    """What a person asks for."""

    language: str
    text: str
    tools: frozenset[str]  #: each of them would do
    held_out: bool  #: it was not looked at while the index was made


def listed_tools() -> list[ToolSpec]:
    """Return the 200 tools."""
    table = tomllib.loads((FOLDER / "tools.toml").read_text(encoding="utf-8"))
    return [
        ToolSpec(name=name, description=about, parameters=_schema(arguments), plugin=plugin)
        for plugin, listed in table.items()
        for name, about, arguments in listed["tools"]
    ]


def _schema(arguments: str) -> dict[str, Any]:
    pairs = (each.split(": ", 1) for each in arguments.split("; ") if ": " in each)
    properties = {name: {"type": "string", "description": about} for name, about in pairs}
    return {"type": "object", "properties": properties, "required": list(properties)[:1]}


def listed_requests() -> list[Request]:
    """Return the requests. Which of them are held out depends on the words of each alone."""
    table = tomllib.loads((FOLDER / "requests.toml").read_text(encoding="utf-8"))
    return [
        Request(language, text, frozenset(names.split()), bool(hashlib.sha256(text.encode()).digest()[0] % 2))
        for language, by_tool in table.items()
        for names, texts in by_tool.items()
        for text in texts
    ]


def distractors(specs: Sequence[ToolSpec], count: int, seed: int = 1) -> Iterator[ToolSpec]:
    """Make tools from the words of ``specs``: a verb of one, the object of another, the arguments of a third."""
    draw = random.Random(seed)
    for number in range(count):
        one, two, three = draw.sample(specs, 3)
        verb, noun = one.name.split("_")[0], two.name.partition("_")[2] or two.name
        yield ToolSpec(
            name=f"{verb}_{noun}_{number}",
            description=f"{one.description.split()[0]} {two.description.split(' ', 1)[1]}",
            parameters=three.parameters,
            plugin=f"plugin{number // 10}",
        )


def recall(index: ToolIndex, tools: OfferedTools, requests: Iterable[Request], shown: int) -> list[bool]:
    """For each request: whether one of its tools is among ``shown`` tools."""
    budget = ToolsConfig(shown=shown, shown_characters=UNLIMITED)
    return [
        any(spec.name in request.tools for spec in choose_tools(index, tools, budget, Wanted(text=request.text)))
        for request in requests
    ]


def main() -> None:
    """Measure, and print a table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dev", action="store_true", help="the requests that may be looked at")
    options.add_argument("--misses", action="store_true", help="print the requests of dev that are not met at 8")
    chosen = options.parse_args()
    requests = [each for each in listed_requests() if each.held_out != chosen.dev]
    listed = listed_tools()
    print(f"{'dev' if chosen.dev else 'held out'}: tools, language, requests, recall at {SHOWN}, median µs a message")
    for specs in (listed, [*listed, *distractors(listed, 800)]):
        index, tools = ToolIndex(specs), OfferedTools(tuple(specs))
        for language in dict.fromkeys(each.language for each in requests):
            asked = [each for each in requests if each.language == language]
            found = {shown: recall(index, tools, asked, shown) for shown in SHOWN}
            rates = "  ".join(f"{sum(met) / len(met):.3f}" for met in found.values())
            print(f"{len(specs):5}  {language:8} {len(asked):4}  {rates}  {_microseconds(index, tools, asked):7.0f}")
            if chosen.dev and chosen.misses:
                for request, met in zip(asked, found[SHOWN[0]], strict=True):
                    if not met:
                        print(f"        {request.text}  -> {' '.join(request.tools)}")


def _microseconds(index: ToolIndex, tools: OfferedTools, requests: Iterable[Request]) -> float:
    """The median processor time of a choice, in microseconds, the words being known."""
    taken: list[float] = []
    for request in requests:
        began = time.process_time()
        choose_tools(index, tools, ToolsConfig(), Wanted(text=request.text))
        taken.append(time.process_time() - began)
    return 1e6 * median(taken)


if __name__ == "__main__":
    main()
