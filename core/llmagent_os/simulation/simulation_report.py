"""Writes what a simulation has found: Markdown, HTML with the plot, and the figures as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from llmagent_os.errors import ConfigError
from llmagent_os.simulation.simulation_plot import curves_plot
from llmagent_os.simulation.simulation_record import LEVELS, SimulationRecord
from llmagent_os.simulation.trials import AIM
from llmagent_os.training.evaluation_report import html_report

#: The files of a report.
REPORT_FILES = ("report.html", "report.md", "figures.json")
#: Replies that are quoted, a person.
QUOTED = 3


def write_report(record: SimulationRecord, folder: Path) -> str:
    """Write all files of a report; returns why there is no plot in it, or nothing.

    Raises:
        ConfigError: the folder cannot be written.
    """
    text, missing = markdown(record), ""
    try:
        plots: list[str] = [curves_plot(record, AIM)] if record.measured else []
    except ConfigError as error:
        plots, missing = [], str(error)
        text = f"{text}\n{missing}\n"
    page = html_report(text, plots, "simulated people")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in zip(REPORT_FILES, (page, text, _figures(record)), strict=True):
            (folder / name).write_text(content, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the report cannot be written in {folder}: {error.strerror or error}") from error
    return missing


def markdown(record: SimulationRecord) -> str:
    """The report in words and tables."""
    people = "; ".join(f"{name} likes {_styles(taste)}" for name, taste in record.tastes.items())
    lines = [
        f"# Simulated people and the bot {record.bot}",
        "",
        f"Model {record.model}, seed {record.options.get('seed', 0)}, {record.seconds / 60:.1f} minutes. The run is "
        f"{record.ended}.",
        f"{people}." if people else "Nobody was there yet.",
        "",
        "The share of fresh replies in the liked style, mean over people ± standard deviation. Nobody has reacted to "
        "the questions. The people judge by character trigrams, which the reward model does not see.",
        "",
        *_curves(record),
        *_trials(record),
        *_jobs(record),
        *_samples(record),
    ]
    return "\n".join(lines) + "\n"


def _curves(record: SimulationRecord) -> Iterator[str]:
    checkpoints = sorted({each.reactions for each in record.measured})
    shares = {
        level: {at: f"{mean:.2f} ± {spread:.2f}" for at, mean, spread, _ in record.curve(level)} for level in LEVELS
    }
    rows = [(title, *(shares[level].get(at, "") for at in checkpoints)) for level, title in LEVELS.items()]
    yield from _table(("after reactions of each", *map(str, checkpoints)), rows)


def _trials(record: SimulationRecord) -> Iterator[str]:
    marks = {True: "yes", False: "**no**", None: "not tried"}
    rows = [(each.name, each.aim, each.found, marks[each.met]) for each in record.trials]
    if rows:
        yield from ("", "## Trials", "", *_table(("what", "aim", "found", "met"), rows))


def _jobs(record: SimulationRecord) -> Iterator[str]:
    rows = [
        (
            str(each.reactions),
            f"{each.level} {each.subject}".strip(),
            each.outcome,
            f"{each.seconds:.0f}",
            "" if each.drift is None else f"{each.drift:.3f}",
            ", ".join(f"{name} {value:+.3f}" for name, value in each.kept.items()),
            " ".join(filter(None, (each.why, *each.notes))),
        )
        for each in record.jobs
    ]
    if rows:
        head = (
            "after",
            "LoRA",
            "outcome",
            "s",
            "drift",
            "change of tasks, controls and facts",
            "why, and what is learned",
        )
        yield from ("", "## Trainings", "", *_table(head, rows))


def _samples(record: SimulationRecord) -> Iterator[str]:
    rows: list[tuple[str, ...]] = []
    for name in record.tastes:
        rows += [each for each in record.samples if each[0] == name][:QUOTED]
    if rows:
        yield from ("", "## Replies at the end", "", *_table(("person", "fresh question", "reply"), rows))


def _figures(record: SimulationRecord) -> str:
    return msgspec.json.format(msgspec.json.encode(record), indent=1).decode() + "\n"


def _styles(taste: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in taste.items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", r"\|").split())
