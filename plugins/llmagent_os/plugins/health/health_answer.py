"""Makes the plugin's answers. Each says in one sentence what it is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llmagent_os.languages import gettext
from llmagent_os.plugin import Button, Chart, Table, ToolContext, ToolResult
from llmagent_os.plugins.health.emergency_numbers import numbers_for
from llmagent_os.plugins.health.red_flags import RedFlag


def health_answer(
    status: str,
    lines: Iterable[str],
    *,
    buttons: Sequence[Button] = (),
    files: Sequence[str] = (),
    chart: Chart | None = None,
    table: Table | None = None,
    **data: Any,
) -> ToolResult:
    """An answer of several lines, with what it is not in the last one. It is sent word for word."""
    said = [line for line in lines if line]
    said.append(gettext("I am no doctor, and this is no diagnosis."))
    return ToolResult(
        {"status": status, **data},
        "\n".join(said),
        buttons=tuple(buttons),
        files=tuple(files),
        chart=chart,
        table=table,
        word_for_word=True,
        is_secret=True,
    )


def emergency_answer(context: ToolContext, flags: Sequence[RedFlag]) -> ToolResult:
    """Send the person to emergency care, and to a crisis line where somebody may harm themselves."""
    numbers = numbers_for(context)
    lines: list[str] = []
    if any(flag.level == "crisis" for flag in flags):
        lines.append(gettext("I am glad that you say this. Please talk to somebody now: you are not alone with it."))
        if numbers.crisis:
            lines.append(gettext("Crisis line, at any hour: {number}.", number=numbers.crisis))
        lines.append(gettext("If you or others are in danger right now, call {number}.", number=numbers.emergency))
    others = [flag.name for flag in flags if flag.level != "crisis"]
    if others:
        what = ", ".join(others)
        call = gettext("Call emergency services now: {number}.", number=numbers.emergency)
        lines.append(f"**{call}**")
        lines.append(gettext("What you describe may be {what}. Do not wait, and do not drive yourself.", what=what))
    sources = "; ".join(dict.fromkeys(flag.source for flag in flags))
    lines.append(gettext("Source: {source}.", source=sources))
    return health_answer("emergency", lines, flags=", ".join(flag.id for flag in flags))
