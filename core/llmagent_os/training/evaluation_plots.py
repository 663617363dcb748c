"""Draws what was measured of a version, as SVG. Needs matplotlib, which comes with ``llmagent-os[report]``."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from llmagent_os.errors import ConfigError
from llmagent_os.policy.array_types import Floats

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 7.5  #: of a plot, in inches


def _figure(height: float) -> tuple[Figure, Any]:
    """Make a figure without any window or global state, and its axes.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ConfigError("plots need matplotlib: pip install 'llmagent-os[report]'") from error
    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    return figure, figure.add_subplot()


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    # Without a date and with a fixed salt, equal plots are equal files.
    import matplotlib

    with cast("Any", matplotlib).rc_context({"svg.hashsalt": "llmagent-os"}):
        cast("Any", figure).savefig(buffer, format="svg", metadata={"Date": None})
    whole = buffer.getvalue()
    return whole[whole.index("<svg") :]


def scores_plot(names: Sequence[str], active: Sequence[float], candidate: Sequence[float]) -> str:
    """Draw the mean score of each measure, of the active version and of the candidate.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure, axes = _figure(0.8 + 0.4 * len(names))
    places = np.arange(len(names))[::-1]
    axes.barh(places + 0.2, active, 0.38, label="active", color="#9aa5b1")
    axes.barh(places - 0.2, candidate, 0.38, label="candidate", color="#2f6fde")
    axes.set_yticks(places, names)
    axes.set_xlim(0, 1)
    axes.set_xlabel("mean score")
    axes.legend(loc="lower right")
    return _svg(figure)


def loss_plot(losses: Sequence[float], validations: Sequence[tuple[int, float]]) -> str:
    """Draw the loss of every step, and that of the validation examples.

    Args:
        losses: by step, in nats a response token.
        validations: after which step, and the loss.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure, axes = _figure(2.8)
    axes.plot(np.arange(1, len(losses) + 1), losses, color="#2f6fde", label="training")
    if validations:
        axes.plot(*zip(*validations, strict=True), color="#c83c3c", marker="o", label="validation")
    axes.set_xlabel("steps")
    axes.set_ylabel("loss in nats a token")
    axes.legend(loc="upper right")
    return _svg(figure)


def people_plot(gains: Floats, bound: float) -> str:
    """Draw the gain of every person, sorted, and the bound of the worst decile.

    Args:
        gains: ``(people,)``.
        bound: the least mean gain that the worst decile may have.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure, axes = _figure(2.6)
    ordered = np.sort(gains)
    colors = ["#c83c3c" if gain < bound else "#2f6fde" for gain in ordered]
    axes.bar(np.arange(len(ordered)), ordered, color=colors)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.axhline(bound, color="#c83c3c", linewidth=0.8, linestyle="--")
    axes.set_xlabel("people, from those who lose to those who gain")
    axes.set_ylabel("gain")
    return _svg(figure)


def evidence_plot(
    history: Sequence[tuple[float, float]], risk_of_alarm: float, risk_of_harm: float, moments: Sequence[datetime]
) -> str:
    """Draw the e-values of a canary against time, with the bounds at which it is decided.

    Args:
        history: after each conversation, ln of the e-value of harm and of that of being no worse.
        risk_of_alarm: the e-value of harm decides at one over this.
        risk_of_harm: the e-value of being no worse decides at one over this.
        moments: when each conversation began.

    Raises:
        ConfigError: matplotlib is not installed.
    """
    figure, axes = _figure(3.0)
    from matplotlib import dates

    logs = np.asarray(history, np.float64).reshape(-1, 2) / np.log(10)  # (conversations, 2)
    for column, name, color, risk in (
        (0, "it is worse", "#c83c3c", risk_of_alarm),
        (1, "it is no worse", "#2f6fde", risk_of_harm),
    ):
        axes.step(list(moments), logs[:, column], where="post", color=color, label=name)
        axes.axhline(-np.log10(risk), color=color, linewidth=0.8, linestyle="--")
    locator = cast("Any", dates).AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(cast("Any", dates).ConciseDateFormatter(locator))
    axes.set_xlabel(f"time (UTC), {len(logs)} conversations")
    axes.set_ylabel("log10 of the e-value")
    axes.legend(loc="best")
    return _svg(figure)
