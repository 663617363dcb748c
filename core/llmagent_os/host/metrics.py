"""What the host counts, for Prometheus.

The counts change several times a message, so they are plain numbers that only the event loop changes.
``prometheus_client`` is imported, and reads them, only when the page is asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

#: Upper bounds of the histogram's buckets, in seconds.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Histogram:
    """How often a duration fell into each of :data:`BUCKETS`."""

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS) + 1)
        self.sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one duration."""
        self.counts[bisect_left(BUCKETS, seconds)] += 1
        self.sum += seconds

    def buckets(self) -> list[tuple[str, float]]:
        """Cumulative counts, as Prometheus wants them."""
        total, rows = 0, list[tuple[str, float]]()
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self.counts, strict=True):
            total += count
            rows.append((bound, total))
        return rows


class Metrics:
    """One host's counts. A collector: ``prometheus_client.CollectorRegistry().register(metrics)`` takes it."""

    COUNTERS: ClassVar[dict[str, str]] = {
        "accepted": "Events stored",
        "duplicates": "Events delivered again and dropped",
        "overheard": "Events of groups that were not meant for the bot, and dropped",
        "loops_cut": "Messages of bots that would answer for ever, and dropped",
        "refused": "Events refused because too much was waiting",
        "finished": "Events done",
        "failed": "Events given up",
        "replies": "Replies sent",
        "retries": "Sends tried again",
        "rewards": "Reactions joined to a reply",
        "dead_letters": "Events kept as dead letters after too many tries",
        "loop_blocked": "Times that the event loop was kept for too long",
        "adapter_restarts": "Adapters started again after they died",
    }

    def __init__(self) -> None:
        self.accepted = 0
        self.duplicates = 0
        self.overheard = 0
        self.loops_cut = 0
        self.refused = 0
        self.finished = 0
        self.failed = 0
        self.replies = 0
        self.retries = 0
        self.rewards = 0
        self.dead_letters = 0
        self.loop_blocked = 0
        self.adapter_restarts = 0
        self.reply_seconds = Histogram()  #: from the event's arrival to its reply's
        self.loop_lag_seconds = Histogram()  #: how much later than asked for the event loop wakes a task
        self.queue_depth = 0  #: events waiting or being run
        self.running = 0  #: conversations being run

    def collect(self) -> Iterator[Metric]:
        """The counts as Prometheus metrics."""
        from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for name, text in self.COUNTERS.items():
            yield CounterMetricFamily(f"llmagent_os_{name}", text, value=getattr(self, name))
        yield GaugeMetricFamily("llmagent_os_queue_depth", "Events waiting or being run", value=self.queue_depth)
        yield GaugeMetricFamily("llmagent_os_running", "Events being run", value=self.running)
        for name, text, durations in (
            ("reply_seconds", "From an event's arrival to its reply", self.reply_seconds),
            ("loop_lag_seconds", "How much later than asked for the event loop wakes a task", self.loop_lag_seconds),
        ):
            histogram = HistogramMetricFamily(f"llmagent_os_{name}", text)
            histogram.add_metric([], buckets=durations.buckets(), sum_value=durations.sum)
            yield histogram

    def page(self) -> bytes:
        """The page that Prometheus reads (text format 0.0.4), with the process's own figures."""
        from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest

        registry = CollectorRegistry()
        registry.register(self)
        ProcessCollector(registry=registry)
        return generate_latest(registry)
