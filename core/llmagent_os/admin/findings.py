"""What a check of an installation found, and how the command line shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import click
import msgspec

State = Literal["ok", "note", "problem"]

_MARKS: dict[State, tuple[str, str]] = {"ok": ("✓", "green"), "note": ("·", "yellow"), "problem": ("✗", "red")}

#: The remedy of a finding that the ledger's server cannot be asked. Other checks do not ask it again then.
SERVER_AWAY = "the bot cannot start without its ledger"


class Finding(msgspec.Struct, frozen=True):
    """The result of one check."""

    section: str  #: the heading that it is shown under
    state: State  #: ``note`` is worth knowing, but needs no repair
    text: str
    remedy: str = ""  #: how to solve a problem; of a note: how to be safer, which `security audit` shows


def show(findings: Iterable[Finding], *, fine: str = "Everything looks right.") -> int:
    """Print the findings.

    Args:
        findings: sorted by section.
        fine: printed at the end if no finding is a problem.

    Returns:
        The exit code: 1 if there is a problem, else 0.
    """
    section, problems = "", 0
    for finding in findings:
        if finding.section != section:
            section = finding.section
            click.secho(section, bold=True)
        mark, colour = _MARKS[finding.state]
        click.echo(f"  {click.style(mark, fg=colour)} {finding.text}")
        if finding.state == "problem":
            problems += 1
            click.echo(f"    → {finding.remedy}")
    click.echo(f"\n{problems} problem{'s' * (problems != 1)} found." if problems else f"\n{fine}")
    return 1 if problems else 0
