"""Writes the report of a training run: the loss by step, the data, and the rates on unseen messages."""

from __future__ import annotations

import asyncio
import json
import random
from importlib.metadata import version
from pathlib import Path
from typing import Any

from llmagent_os.bots.calendar.recipe.dialogues import Writer, load_writer
from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe
from llmagent_os.bots.calendar.recipe.measure import Rates, measure
from llmagent_os.errors import ConfigError

MESSAGES = 600  #: messages that the model answers for the rates
_SAMPLES = 12  #: sample messages in the report
_LIBRARIES = ("torch", "transformers", "tokenizers", "faker")
#: The purposes of the grammar's rules: purpose to names, or to prefixes that end with ``_``.
_KINDS = {
    "asking for an event or a reminder": "create create_followup core_create todo",
    "looking up": "list list_followup core_list",
    "deleting": "delete delete_followup core_delete",
    "changing": "move move_followup",
    "the person's preferences": "pref_",
    "small talk": "say_",
    "not its job": "none_ core_none",
    "things, days, times, places": "date time duration repeat place solo_title title relation qualifier",
    "replies": "r_ n_ a_ o_",
}
_DATA = """\
## Data

The generator in `recipe/` writes every conversation, from a phrase grammar that was written for this project. Names,
towns and words come from Faker's lists. Up to a quarter of them are invented, so that the model has to copy them. No
conversation is used twice, no conversation comes from a person, and all are in English.

| purpose | lines of the grammar |
| --- | ---: |
"""


def report(folder: Path, *, messages: int = MESSAGES) -> Path:
    """Write ``folder/report/README.md`` and the loss curve beside it, ``loss.svg``.

    Args:
        folder: the run's folder.
        messages: the number of messages that the model answers for the rates. 0: the report has no rates.

    Returns:
        The report's folder.

    Raises:
        ConfigError: the run in ``folder`` has not come to a validation.
        ModelError: the model cannot be loaded, or did not answer.
    """
    path = folder / "log.jsonl"
    if not path.is_file():
        raise ConfigError(f"there is nothing to report: {path} is missing, so this run has not been validated yet")
    log: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    recipe = Recipe.read(folder / "recipe.json")
    writer = load_writer()
    parts = ["# How the calendar model was trained\n", _training(recipe, log[-1])]
    if messages:
        parts.append(_results(asyncio.run(measure(folder / "model", writer, seed=recipe.seed, messages=messages))))
    parts += [_data(writer), _samples(writer), _settings(recipe)]
    out = folder / "report"
    out.mkdir(exist_ok=True)
    draw_curve(log, out / "loss.svg")
    (out / "README.md").write_text("\n".join(parts), encoding="utf-8")
    return out


def _training(recipe: Recipe, last: dict[str, Any]) -> str:
    tokens = last.get("tokens", 0) / 1e6
    took = f"{last['seconds'] / 60:,.0f} minutes" if last["seconds"] > 120 else f"{last['seconds']:.0f} seconds"
    far = "" if last["step"] >= recipe.steps else f" of {recipe.steps}"
    return (
        f"{last['step']:,}{far} steps in {took}, over {tokens:,.1f} million tokens, padding included.\n"
        f"The validation loss fell to {last['validation']:.4f} nats per token.\n\n"
        "![Training and validation loss by step](loss.svg)\n"
    )


def _results(rates: Rates) -> str:
    rows = "\n".join(f"| {name} | {value:.3f} |" for name, value in rates.table().items())
    return (
        f"## Results\n\nOn {rates.messages} single messages that the generator wrote with another seed, of which "
        f"{rates.due} call for a tool, and on {rates.results} results of tools:\n\n"
        f"| measure | rate |\n| --- | ---: |\n{rows}\n"
    )


def _data(writer: Writer) -> str:
    counts = dict.fromkeys(_KINDS, 0)
    for name, lines in writer.grammar.rules.items():
        for kind, names in _KINDS.items():
            if any(name == each or (each.endswith("_") and name.startswith(each)) for each in names.split()):
                counts[kind] += len(lines)
                break
    return _DATA + "".join(f"| {kind} | {count:,} |\n" for kind, count in counts.items())


def _samples(writer: Writer) -> str:
    rng = random.Random("samples")
    lines: list[str] = []
    for _ in range(_SAMPLES):
        dialogue = writer.single(rng)
        asked, answer = dialogue.turns
        style = dialogue.system.splitlines()[0].removeprefix("Style: ").removesuffix(".")
        said = answer.text.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>")
        shown = f"`{said}`" if said != answer.text else _cell(said)
        lines.append(f"| {_cell(asked.text)} | {style.replace('_', '-')} | {shown} |\n")
    head = "| message | style | what the model learns to answer |\n| --- | --- | --- |\n"
    return f"### Examples\n\n{head}{''.join(lines)}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _settings(recipe: Recipe) -> str:
    rows = "".join(f"| `{name}` | {value} |\n" for name, value in recipe.numbers().items())
    libraries = ", ".join(f"{name} {version(name)}" for name in _LIBRARIES)
    return f"## Settings\n\nReported with {libraries}.\n\n| setting | value |\n| --- | ---: |\n{rows}"


def draw_curve(log: list[dict[str, Any]], path: Path) -> None:
    """Draw the losses of ``log`` by step. The file name's ending decides the format."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    steps = [line["step"] for line in log]
    mpl: Any = matplotlib
    with mpl.rc_context({"svg.hashsalt": "llmagent-os"}):  # the same picture gives the same file
        figure: Any = Figure(figsize=(7, 3.5), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.plot(steps, [line["train"] for line in log], color="0.6", linewidth=1, label="training")
        axes.plot(steps, [line["validation"] for line in log], marker=".", color="#1f6f6b", label="validation")
        axes.set(xlabel="step", ylabel="cross-entropy (nats a token)", yscale="log")
        axes.set_xlim(left=0)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
