"""Writes what was measured of a version for people: Markdown, HTML with plots, and a model card.

Reports name no person: people are numbered by what they gain. They quote replies to probes of no person's only, and
none of a measure whose probes hold people's words.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from markdown_it import MarkdownIt

from llmagent_os.errors import ConfigError
from llmagent_os.identity import NOBODY
from llmagent_os.policy.array_types import Floats
from llmagent_os.training.evaluation_plots import loss_plot, people_plot, scores_plot
from llmagent_os.training.gate import GateVerdict
from llmagent_os.training.gate_bounds import GateBounds
from llmagent_os.training.paired_comparison import group_numbers
from llmagent_os.training.reward_gain import estimated_values, support
from llmagent_os.training.training_run import TrainingRun
from llmagent_os.training.version_evaluation import VersionEvaluation, as_array

#: Changed replies that are quoted, a measure.
QUOTED = 3
#: The longest quotation, in characters.
QUOTED_CHARACTERS = 200

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2430}}
table{{border-collapse:collapse;width:100%}}td,th{{border:1px solid #cbd2d9;padding:.3rem .6rem;text-align:left}}
svg{{max-width:100%;height:auto}}code{{background:#f0f2f5}}</style>
{body}
</html>
"""


def markdown_report(candidate: VersionEvaluation, active: VersionEvaluation, verdict: GateVerdict) -> str:
    """Write the report: the verdict, every test, every measure, people and segments, and replies that changed."""
    lines = [
        f"# {candidate.version} against {active.version}",
        "",
        f"**{'Passed' if verdict.passed else 'Rejected'}**: {_plain(verdict.why)}.",
        "",
        *markdown_table(
            ("test", "value", "bound", "passed", "reason"),
            [
                (row.name, _number(row.value), _number(row.bound), "yes" if row.passed else "**no**", row.reason)
                for row in verdict.rows
            ],
        ),
        "",
        "## Measures",
        "",
        f"Base model: {_plain(candidate.base)}. KL from the base on control prompts: {_mean(candidate.drift)} (active: "
        f"{_mean(active.drift)}). Negative log-likelihood of test examples: {_mean(candidate.nll)} (active: "
        f"{_mean(active.nll)}).",
        "",
        *markdown_table(
            ("measure", "kind", "probes", active.version, candidate.version),
            [
                (name, each.kind.value, str(len(each.scores)), f"{active.measures[name].mean:.3f}", f"{each.mean:.3f}")
                for name, each in candidate.measures.items()
                if name in active.measures
            ],
        ),
        *_people(candidate, active),
        *_changed(candidate, active),
    ]
    return "\n".join(lines) + "\n"


def html_report(markdown: str, plots: Sequence[str], title: str) -> str:
    """Turn a report into a page of its own, with plots (SVG) at its end. HTML in the Markdown is shown as text."""
    return _PAGE.format(title=html.escape(title), body="\n".join([rendered(markdown), *plots]))


def rendered(markdown: str) -> str:
    """Turn Markdown into HTML. HTML in it is shown as text."""
    return str(MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown))


def model_card(candidate: VersionEvaluation, verdict: GateVerdict, *, bot: str, method: str) -> str:
    """Write the README of a LoRA, with the metadata that the Hugging Face hub reads.

    Args:
        candidate: what was measured.
        verdict: what the gate said.
        bot: whose replies it writes.
        method: how it was trained.

    Reference:
        M. Mitchell et al. (2019). Model cards for model reporting. FAT*.
    """
    from huggingface_hub import ModelCardData

    data = cast("Any", ModelCardData)(
        base_model=candidate.base, library_name="peft", pipeline_tag="text-generation", tags=["lora", "llmagent-os"]
    )
    figures = candidate.summary()
    source = (
        f"the reactions of {figures['people']} people who agreed to it" if figures["people"] else "written examples"
    )
    rows = [(name, f"{mean:.3f}") for name, mean in figures["measures"].items()]
    lines = [
        "---",
        str(data.to_yaml()).rstrip(),
        "---",
        "",
        f"# {candidate.version}",
        "",
        f"A LoRA for the bot {_plain(bot)}, trained by {_plain(method)} from {source}.",
        "",
        "## Use",
        "",
        f"It writes this bot's replies, on the base model {_plain(candidate.base)}. It is not meant for anything else.",
        "",
        "## Evaluation",
        "",
        f"{'Passed' if verdict.passed else 'Rejected'} by the gate against {verdict.active}: {_plain(verdict.why)}.",
        f"KL from the base on control prompts: {_mean(candidate.drift)}.",
        "",
        *markdown_table(("measure", "mean score"), rows),
        "",
        "## Limits",
        "",
        "The probes are few and in English. The tests for known hacks find those hacks, and no others.",
    ]
    return "\n".join(lines) + "\n"


def write_report(
    folder: Path,
    candidate: VersionEvaluation,
    active: VersionEvaluation,
    verdict: GateVerdict,
    training: TrainingRun | None = None,
) -> None:
    """Write ``report.md`` and ``report.html`` into a folder, which is made if needed.

    Without matplotlib the page says so in place of the plots.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = markdown_report(candidate, active, verdict)
    if training is not None:
        text += _trained(training)
    try:
        plots = list(_plots(candidate, active))
        if training is not None:
            points = [(each.step, each.loss) for each in training.validations]
            plots.insert(0, loss_plot(training.losses, points))
    except ConfigError as error:
        plots = [f"<p>{html.escape(str(error))}</p>"]
    (folder / "report.md").write_text(text, encoding="utf-8")
    page = html_report(text, plots, f"{candidate.version} against {active.version}")
    (folder / "report.html").write_text(page, encoding="utf-8")


def _trained(run: TrainingRun) -> str:
    """Write the section on the training."""
    lines = [
        "",
        "## Training",
        "",
        f"{len(run.losses)} steps on {run.samples} samples, {run.tokens_per_second:,.0f} tokens a second; it ended by "
        f"{run.ending}, and the weights of step {run.best_step} were kept. The loss went from {run.losses[0]:.3f} to "
        f"{run.losses[-1]:.3f} nats a token.",
        *(f"- {warning}" for warning in run.warnings),
    ]
    return "\n".join(lines) + "\n"


def _plots(candidate: VersionEvaluation, active: VersionEvaluation) -> Iterator[str]:
    names = [name for name in candidate.measures if name in active.measures]
    if names:
        before = [active.measures[name].mean for name in names]
        yield scores_plot(names, before, [candidate.measures[name].mean for name in names])
    gains = _gains(candidate, active)
    if gains is not None and candidate.rewards is not None:
        yield people_plot(_means(gains, candidate.rewards.persons), -GateBounds().decile_drop)


def _gains(candidate: VersionEvaluation, active: VersionEvaluation) -> Floats | None:
    """Return the gain in estimated reward for each logged reply, ``(n,)``; None without logged replies."""
    if candidate.rewards is None or active.rewards is None:
        return None
    return estimated_values(candidate.rewards) - estimated_values(active.rewards)


def _means(values: Floats, names: Sequence[str]) -> Floats:
    """Return the mean of each name's values, ``(names,)``."""
    groups = group_numbers(names)
    return np.asarray(np.bincount(groups, values) / np.bincount(groups), np.float64)


def _people(candidate: VersionEvaluation, active: VersionEvaluation) -> Iterator[str]:
    """Give the section on people and segments."""
    gains, logged = _gains(candidate, active), candidate.rewards
    if gains is None or logged is None or not logged.persons:
        return
    people = np.sort(_means(gains, logged.persons))
    yield from ("", "## People", "")
    yield (
        f"{len(people)} people have judged {len(gains)} replies, which tell as much of this version as "
        f"{support(logged):.0f} of its own would. Estimated gain of those who lose most: "
        f"{', '.join(f'{gain:+.2f}' for gain in people[:5])}; of those who gain most: "
        f"{', '.join(f'{gain:+.2f}' for gain in people[-5:])}."
    )
    segments = np.asarray(logged.segments, dtype=object).astype(str)
    rows = [
        (name, str(int((segments == name).sum())), f"{gains[segments == name].mean():+.3f}")
        for name in sorted(set(segments.tolist()) - {""})
    ]
    if rows:
        yield ""
        yield from markdown_table(("segment", "replies", "gain"), rows)


def _changed(candidate: VersionEvaluation, active: VersionEvaluation) -> Iterator[str]:
    """Quote replies whose score fell most, to probes of no person's."""
    rows: list[tuple[str, str, str, str]] = []
    for name, each in candidate.measures.items():
        before = active.measures.get(name)
        if each.private or before is None or before.prompts != each.prompts:
            continue
        losses = as_array(each.scores) - as_array(before.scores)
        worst = [int(at) for at in np.argsort(losses, kind="stable") if losses[at] < 0 and each.persons[at] == NOBODY]
        rows.extend(
            (name, _quoted(each.prompts[at]), _quoted(before.replies[at]), _quoted(each.replies[at]))
            for at in worst[:QUOTED]
        )
    if rows:
        yield from ("", "## Replies that became worse", "")
        yield from markdown_table(("measure", "prompt", active.version, candidate.version), rows)


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Give the lines of a table in Markdown."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, rows)]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _mean(values: tuple[float, ...]) -> str:
    """Write a mean that is in nats a response token."""
    return f"{float(np.mean(values)):.3f} nats a token" if values else "not measured"


def _quoted(text: str) -> str:
    """Show text as it is: no Markdown in it is read as Markdown."""
    short = " ".join(text.replace("`", "'").split())
    short = short if len(short) <= QUOTED_CHARACTERS else f"{short[:QUOTED_CHARACTERS]}…"
    return f"`{short}`" if short else ""


def _plain(text: str) -> str:
    return text.replace("\n", " ")
