"""A training job: the value, and what is said of it in one row."""

from __future__ import annotations

import hashlib

import msgspec

from llmagent_os.ledger.training_values import JobProgress, JobStatus, Level, TrainingJob

__all__ = ["ENDED", "JobProgress", "JobStatus", "Level", "TrainingJob", "key_of", "progress_line"]

#: The statuses that a job does not leave any more.
ENDED = frozenset({JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED})


def key_of(*parts: object) -> str:
    """An idempotency key: the same parts give the same key, and it says nothing of them.

    >>> key_of("calendar", "shared", 120) == key_of("calendar", "shared", 120)
    True
    """
    return hashlib.sha256(msgspec.json.encode([str(part) for part in parts])).hexdigest()[:32]


def progress_line(progress: JobProgress) -> str:
    """How far a job is, in one row.

    >>> progress_line(JobProgress(phase="training", step=3, steps=12, loss=0.25, seconds_left=90))
    'training 3/12 (25 %), loss 0.250, 1:30 left'
    """
    share = f" {progress.step}/{progress.steps} ({100 * progress.step // progress.steps} %)" if progress.steps else ""
    parts = [f"{progress.phase}{share}".strip()]
    if progress.loss is not None:
        parts.append(f"loss {progress.loss:.3f}")
    if progress.tokens_per_second is not None:
        parts.append(f"{progress.tokens_per_second:,.0f} tokens/s")
    if progress.seconds_left is not None:
        minutes, seconds = divmod(round(progress.seconds_left), 60)
        parts.append(f"{minutes}:{seconds:02} left")
    if progress.note:
        parts.append(progress.note)
    return ", ".join(part for part in parts if part)
