"""Draws what a simulation has found, as SVG. Needs matplotlib, which comes with ``llmagent-os[report]``."""

from __future__ import annotations

import io
from typing import Any, cast

import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.simulation.simulation_record import LEVELS, SimulationRecord

_COLORS = {"policy": "#9aa5b1", "shared": "#e08a1e", "personal": "#2f6fde", "weights": "#3a9d5d"}
_INCHES = (7.5, 4.2)


def curves_plot(record: SimulationRecord, aim: float) -> str:
    """Draw the share of liked replies against reactions, a line a level: the mean over people, and its spread.

    Args:
        record: what was found.
        aim: the share that is aimed at.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("the plot needs matplotlib: pip install 'llmagent-os[report]'") from error
    figure = Figure(figsize=_INCHES, layout="constrained")
    axes: Any = figure.add_subplot()
    for level, title in LEVELS.items():
        points = record.curve(level)
        if not points:
            continue
        at, mean, spread, _ = (np.array(column, np.float64) for column in zip(*points, strict=True))  # (checkpoints,)
        style = "--" if level == "weights" else "-"
        axes.plot(at, mean, style, color=_COLORS[level], label=title, marker="o")
        axes.fill_between(
            at, np.clip(mean - spread, 0, 1), np.clip(mean + spread, 0, 1), color=_COLORS[level], alpha=0.12
        )
    axes.axhline(aim, color="black", linewidth=0.8, linestyle=":")
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("reactions of each person")
    axes.set_ylabel("share of fresh replies in the liked style")
    axes.legend(loc="lower right")
    buffer = io.StringIO()
    # Without a date and with a fixed salt, equal plots are equal files.
    with cast("Any", matplotlib).rc_context({"svg.hashsalt": "llmagent-os"}):
        cast("Any", figure).savefig(buffer, format="svg", metadata={"Date": None})
    whole = buffer.getvalue()
    return whole[whole.index("<svg") :]
