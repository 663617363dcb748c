"""What a job has read and written before its training: kept in its folder, so that a killed job goes on with it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import structlog

from llmagent_os.training.reaction_data import ReactionData
from llmagent_os.training.reaction_lessons import ReactionLessons

_log = structlog.stdlib.get_logger(__name__)

#: The file's name, in the job's folder.
PREPARED_FILE = "prepared.json"


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What a job learns, and what from and against what."""

    data: ReactionData
    lessons: ReactionLessons
    parent: str = ""  #: the version that training starts from; empty: the base
    active: str = ""  #: the version that answers now; empty: the base
    style: dict[str, str] | None = None  #: of one person: how the person is answered, by dimension
    settings: dict[str, str] = {}  #: those that have decided what is learned, by name


def read_prepared(file: Path, settings: Mapping[str, str]) -> Prepared | None:
    """Read what was prepared. None: nothing was, or it is of no use any more, and the log says why.

    Args:
        file: in the job's folder.
        settings: those that decide what is learned, as they are now.

    Raises:
        OSError: the file cannot be read.
    """
    if not file.exists():
        return None
    try:
        kept = msgspec.json.decode(file.read_bytes(), type=Prepared)
    except msgspec.MsgspecError as error:
        _log.warning("what the job has prepared cannot be read: it begins anew", error=str(error))
        return None
    changed = [name for name, value in settings.items() if kept.settings.get(name) != value]
    if changed:
        _log.warning("settings have changed since the job was interrupted: it begins anew", settings=changed)
        return None
    return kept


def write_prepared(file: Path, prepared: Prepared) -> None:
    """Write what was prepared: it appears whole or not at all, also after a power cut.

    Raises:
        OSError: the file cannot be written.
    """
    fresh = file.with_suffix(".new")
    with fresh.open("wb") as opened:
        opened.write(msgspec.json.encode(prepared))
        opened.flush()
        os.fsync(opened.fileno())
    fresh.replace(file)
