"""A task, and how people write one."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from llmagent_os.languages import date_and_time_text, date_text, gettext
from llmagent_os.plugins.kit.numbered_items import Item
from llmagent_os.plugins.kit.said_moment import MORNING, SaidMoment, read_moment, to_aware

_LIST = re.compile(r"(?<!\w)#(\w[\w-]*)")
_PRIORITY = re.compile(r"(?<!\S)(!{1,3})(?!\S)")


class Task(Item, frozen=True, kw_only=True):
    """Something to be done."""

    text: str
    in_list: str = ""  #: the name of its list, in lower case; empty: the list without a name
    priority: int = 0  #: to 3, the most urgent
    position: float = 0.0  #: among the tasks of the same priority
    due: datetime | None = None  #: in UTC
    zone: str = "UTC"  #: IANA time zone of the due date
    remind_at: datetime | None = None  #: when the person is reminded, in UTC
    done_at: datetime | None = None  #: when it was done

    def is_due_by(self, now: datetime) -> bool:
        """Whether the task is open and its date is over."""
        return self.done_at is None and self.due is not None and self.due <= now

    @property
    def due_text(self) -> str:
        """The due date, for replies; empty: there is none."""
        if self.due is None:
            return ""
        local = self.due.astimezone(ZoneInfo(self.zone))
        return date_text(local.date()) if local.time() == MORNING else date_and_time_text(local)

    def line(self, now: datetime) -> str:
        """The task in a list."""
        text = f"{'!' * self.priority} {self.text}".strip() + (f" #{self.in_list}" if self.in_list else "")
        if self.done_at is not None:
            return gettext("{task} (done)", task=text)
        if self.is_due_by(now):
            return gettext("{task} (was due {when})", task=text, when=self.due_text)
        return gettext("{task} (due {when})", task=text, when=self.due_text) if self.due is not None else text


class TaskWords(msgspec.Struct, frozen=True):
    """What a person wrote about a task."""

    text: str  #: without its list, its priority and its date
    in_list: str = ""
    priority: int = 0
    said: SaidMoment | None = None  #: when it is due; None: the words say nothing

    def on(self, task: Task, zone: str) -> Task:
        """Put what the words say on a task. What they do not say stays."""
        changed = replace(
            task,
            text=self.text or task.text,
            in_list=self.in_list or task.in_list,
            priority=self.priority or task.priority,
        )
        if self.said is None or self.said.wall is None:
            return changed
        due = to_aware(self.said.wall, ZoneInfo(zone)).astimezone(UTC)
        return replace(changed, due=due, zone=zone, remind_at=due if task.remind_at is not None else None)


def read_task(words: str, now: datetime) -> TaskWords:
    """Read "water the plants #home !! friday 5pm".

    Args:
        words: of the person.
        now: the present moment, aware, in the person's zone.

    Raises:
        TimeExpressionError: the words name no moment that is to come.
    """
    lists, marks = _LIST.findall(words), _PRIORITY.findall(words)
    rest = " ".join(_PRIORITY.sub(" ", _LIST.sub(" ", words)).split())
    said = read_moment(rest, now)
    timed = said.wall is not None and not said.rule
    return TaskWords(
        said.rest if timed else rest,
        lists[-1].casefold() if lists else "",
        len(marks[-1]) if marks else 0,
        said if timed else None,
    )
