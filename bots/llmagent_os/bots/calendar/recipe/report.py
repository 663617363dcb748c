"""The report of a training run: what the data was, how the loss fell, and what the model does on unseen conversations.

The conversations measured on come from the same generator as the training data, with another seed: they say whether
training worked. What the model does with people's own words is measured with ``llmagent-os evaluate``.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

from llmagent_os.bots.calendar.recipe.dialogues import TOOLS, Dialogue, Writer, load_writer
from llmagent_os.llm import LLM, ChatRequest, ToolSpec

_MEASURED = 600  #: single messages
_SHOWN = 12


def report(folder: Path) -> Path:
    """Write ``folder/report/README.md`` and its curve; returns the report's folder."""
    out = folder / "report"
    out.mkdir(exist_ok=True)
    writer = load_writer()
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    recipe: dict[str, Any] = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    _curve(log, out / "loss.svg")
    measured = asyncio.run(measure(folder / "model", writer, seed=recipe["seed"]))
    parts = [
        "# Training report: the calendar model\n",
        _training(recipe, log),
        _data_card(writer),
        _results(measured),
        _samples(writer),
    ]
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")
    return out


def _training(recipe: dict[str, Any], log: list[dict[str, Any]]) -> str:
    last = log[-1]
    rows = "\n".join(f"| `{key}` | {value} |" for key, value in recipe.items())
    return (
        f"{last['step']} steps in {last['seconds'] / 60:.0f} minutes; validation loss {last['validation']:.4f} nats a token.\n\n"
        f"![Loss](loss.svg)\n\n| setting | value |\n| --- | --- |\n{rows}\n"
    )


def _data_card(writer: Writer) -> str:
    rules = writer.grammar.rules
    kinds = {
        "creating": ("create", "create_followup", "todo"),
        "looking up": ("list", "list_followup"),
        "deleting": ("delete", "delete_followup"),
        "changing": ("move", "move_followup"),
        "preferences": tuple(name for name in rules if name.startswith("pref_")),
        "not its job": tuple(name for name in rules if name.startswith("none_")),
        "small talk": tuple(name for name in rules if name.startswith("say_")),
        "dates, times, places, things": (
            "date",
            "time",
            "duration",
            "repeat",
            "place",
            "solo_title",
            "title",
            "relation",
            "qualifier",
        ),
        "replies": tuple(name for name in rules if name.startswith(("r_", "n_", "a_", "o_"))),
    }
    rows = "\n".join(f"| {kind} | {sum(len(rules.get(name, ())) for name in names)} |" for kind, names in kinds.items())
    return (
        "\n## Data card\n\nEvery conversation is written by `recipe/dialogues.py` from the phrase grammar in `recipe/grammar/`, which was written for this "
        "project; names, cities and words come from Faker's lists, and half of them are made up on the spot. No conversation is drawn twice, and none "
        "comes from a person. English only.\n\n"
        f"| kind | alternatives in the grammar |\n| --- | --- |\n{rows}\n"
    )


async def measure(model: Path, writer: Writer, *, seed: int) -> dict[str, float]:
    """The model's rates on unseen single messages: right tool, all arguments exact, calls where none is due."""
    rng = random.Random(f"{seed}-report")
    dialogues = [writer.single(rng) for _ in range(_MEASURED)]
    counts: Counter[str] = Counter()
    gate = asyncio.Semaphore(16)
    async with LLM.from_pretrained(str(model)) as llm:

        async def one(dialogue: Dialogue) -> None:
            async with gate:
                _score(await llm.complete(_request(dialogue)), dialogue, counts)

        await asyncio.gather(*(one(dialogue) for dialogue in dialogues))
    calls = counts["calls"]
    return {
        "right tool or none": counts["right"] / len(dialogues),
        "all arguments exact, of the calls": counts["exact"] / calls,
        "tool calls where none is due": counts["uncalled"] / (len(dialogues) - calls),
        "reply word for word, where no tool is called": counts["said"] / (len(dialogues) - calls),
    }


def _request(dialogue: Dialogue) -> ChatRequest:
    tools = tuple(
        ToolSpec(
            name=name,
            description="",
            parameters={"type": "object", "properties": {key: _schema(key) for key in keys}, "required": []},
        )
        for name, keys in TOOLS.items()
    )
    messages = [{"role": "system", "content": dialogue.system}, {"role": "user", "content": dialogue.turns[0].text}]
    return ChatRequest(messages=messages, tools=tools)


def _schema(key: str) -> dict[str, Any]:
    if key == "style":
        return {
            "type": "string",
            "enum": ["brief", "normal", "detailed", "task_oriented", "conversational", "ask_first", "act"],
        }
    return {"type": "string", "x-span": True}


def _score(completion: Any, dialogue: Dialogue, counts: Counter[str]) -> None:
    wanted = dialogue.turns[1].text
    call = completion.tool_calls[0] if completion.tool_calls else None
    if not wanted.startswith("<tool_call>"):
        counts["right"] += call is None
        counts["uncalled"] += call is not None
        counts["said"] += completion.text == wanted
        return
    due = json.loads(wanted.removeprefix("<tool_call>").removesuffix("</tool_call>"))
    counts["calls"] += 1
    counts["right"] += call is not None and call.name == due["name"]
    counts["exact"] += call is not None and (call.name, call.arguments) == (due["name"], due["arguments"])


def _results(measured: dict[str, float]) -> str:
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in measured.items())
    return (
        f"\n## Results on {_MEASURED} unseen messages of the generator\n\n| measure | rate |\n| --- | --- |\n{rows}\n"
    )


def _samples(writer: Writer) -> str:
    rng = random.Random("samples")
    lines: list[str] = []
    for _ in range(_SHOWN):
        dialogue = writer.single(rng)
        answer = dialogue.turns[1].text.replace("\n", " ")
        lines.append(f"- *{dialogue.turns[0].text}* → `{answer}`")
    return "\n## Samples of the data\n\n" + "\n".join(lines) + "\n"


def _curve(log: list[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "llmagent-os"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")  # pyright: ignore[reportUnknownMemberType]
    axes.plot([x["step"] for x in log], [x["validation"] for x in log], marker=".", label="validation")  # pyright: ignore[reportUnknownMemberType]
    axes.set(xlabel="step", ylabel="cross-entropy (nats a token)", yscale="log")
    axes.grid(alpha=0.3)  # pyright: ignore[reportUnknownMemberType]
    figure.savefig(path, metadata={"Date": None})  # pyright: ignore[reportUnknownMemberType]
    plt.close(figure)
