"""Turns rows of ``lora_versions`` and ``training_jobs`` into frozen values, and frozen values into rows."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa

from llmagent_os.ledger.damaged_rows import UNREADABLE, note
from llmagent_os.ledger.database import Database
from llmagent_os.ledger.schema import lora_versions, training_jobs
from llmagent_os.ledger.training_values import LoraVersion, TrainingJob

#: The columns that hold JSON, and those that hold moments.
_JSON = frozenset({"evaluation", "options", "progress"})
_MOMENTS = frozenset({"stale_since", "created_at", "promoted_at", "lease_until", "started_at", "finished_at"})

_Value = TypeVar("_Value", LoraVersion, TrainingJob)


def encode_training_row(value: LoraVersion | TrainingJob) -> dict[str, Any]:
    """The columns of a version or a job, all but ``seq``."""
    return {name: encode_training_field(name, getattr(value, name)) for name in value.__struct_fields__}


def encode_training_field(name: str, value: Any) -> Any:
    """The value of one column."""
    if name in _JSON:
        return msgspec.json.encode(value).decode()
    if isinstance(value, datetime):
        return value.timestamp()
    return value


def readable_versions(database: Database, rows: Iterable[sa.RowMapping]) -> list[LoraVersion]:
    """The versions of the rows that can be read."""
    return [
        version
        for row in rows
        if (version := _readable(database, row, LoraVersion, lora_versions, row["name"])) is not None
    ]


def readable_jobs(database: Database, rows: Iterable[sa.RowMapping]) -> list[TrainingJob]:
    """The jobs of the rows that can be read."""
    return [
        job for row in rows if (job := _readable(database, row, TrainingJob, training_jobs, row["job_id"])) is not None
    ]


def _readable(database: Database, row: sa.RowMapping, kind: type[_Value], table: sa.Table, key: str) -> _Value | None:
    """The value of a row. None: the row is damaged, which is noted."""
    try:
        fields: dict[str, Any] = {name: _decoded(name, row[name]) for name in kind.__struct_fields__}
        return msgspec.convert(fields, kind, strict=False)
    except UNREADABLE as error:
        subject = str(row["subject"]) if row["level"] == "personal" else ""
        note(database, table, [key], subject, error)
        return None


def _decoded(name: str, raw: Any) -> Any:
    if name in _JSON:
        return msgspec.json.decode(raw)
    if name in _MOMENTS and raw is not None:
        return datetime.fromtimestamp(raw, UTC)
    return raw
