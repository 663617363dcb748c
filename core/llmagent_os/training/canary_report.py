"""Writes how the test of a canary stands into the report of its version: the e-values against time, and the figures.

The report was written when the version was measured. Its part on the canary is written anew, and the rest stays.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from llmagent_os.errors import ConfigError
from llmagent_os.training.canary import Canary
from llmagent_os.training.evaluation_plots import evidence_plot
from llmagent_os.training.evaluation_report import html_report, markdown_table, rendered

_HEADING = "\n## Canary\n"
_BEGIN, _END = '<section id="canary">', "</section>"


def write_canary_report(folder: Path, canary: Canary, moments: Sequence[datetime], outcome: str) -> Path:
    """Write the part on the canary into ``report.md`` and ``report.html``, which are made where they are missing.

    Without matplotlib the page says so in place of the plot.

    Args:
        folder: of the version.
        canary: the test.
        moments: when each of its conversations began.
        outcome: what came of it, in words.

    Returns:
        The page.

    Raises:
        OSError: the folder cannot be written.
    """
    text, page = folder / "report.md", folder / "report.html"
    before = text.read_text(encoding="utf-8") if text.exists() else f"# {canary.name}\n"
    shown = page.read_text(encoding="utf-8") if page.exists() else html_report(before, [], canary.name)
    section = _section(canary, outcome)
    _replace(text, before.partition(_HEADING)[0] + section)
    _replace(page, _with_section(shown, f"{_BEGIN}{rendered(section)}{_plot(canary, moments)}{_END}\n"))
    return page


def _section(canary: Canary, outcome: str) -> str:
    rows = [
        (name, str(count), f"{mean:+.3f}")
        for name, count, mean in zip(("others", canary.name), canary.answered, canary.means, strict=True)
    ]
    return "\n".join(
        [
            _HEADING,
            f"{outcome.strip()}.",
            "",
            f"Share {canary.settings.share:g}, margin {canary.settings.margin:g}; {canary.why}.",
            "",
            *markdown_table(("version", "conversations", "mean reward"), rows),
            "",
        ]
    )


def _plot(canary: Canary, moments: Sequence[datetime]) -> str:
    if not canary.state.history:
        return ""
    settings = canary.settings
    try:
        return evidence_plot(canary.state.history, settings.risk_of_alarm, settings.risk_of_harm, moments)
    except ConfigError as error:
        return f"<p>{html.escape(str(error))}</p>"


def _with_section(page: str, section: str) -> str:
    """The page with a section in place of the one before, or at its end."""
    head, found, tail = page.partition(_BEGIN)
    if found:
        return head + section + tail.partition(_END)[2].lstrip("\n")
    head, _, tail = page.rpartition("</html>")
    return f"{head}{section}</html>{tail}"


def _replace(file: Path, text: str) -> None:
    """Write a file that readers see as it was, or whole."""
    fresh = file.with_name(f".{file.name}.new")
    fresh.write_text(text, encoding="utf-8")
    fresh.chmod(0o600)
    fresh.replace(file)
