"""Keeps a person's tasks, in their order, during one request."""

from __future__ import annotations

from datetime import timedelta

from msgspec.structs import replace

from llmagent_os.plugin import ToolContext
from llmagent_os.plugins.kit.numbered_items import NumberedItems, said_number
from llmagent_os.plugins.todo.task import Task

MAX_TASKS = 500  #: of one person
MAX_CHARACTERS = 500  #: of one task
KEEP_DONE = timedelta(days=30)  #: after which a task that is done is dropped


class TaskStore:
    """The tasks of the person who asks."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.items = NumberedItems(context.records, Task)

    async def all(self) -> list[Task]:
        """All tasks in their order, the most urgent first. Those that were done long ago are dropped."""
        found = await self.items.all()
        for each in found:
            if each.done_at is not None and self.context.now - each.done_at > KEEP_DONE:
                await self.items.drop(each.number)
                found = [task for task in found if task is not each]
        return sorted(found, key=lambda task: (-task.priority, task.position, task.number))

    async def open(self, in_list: str = "") -> list[Task]:
        """The tasks that are to be done: of one list, or of all."""
        return [each for each in await self.all() if each.done_at is None and (not in_list or each.in_list == in_list)]

    async def meant(self, which: str) -> list[Task]:
        """The tasks that a number or words mean; of words, only those that are open."""
        if (number := said_number(which.strip())) is not None:
            task = await self.items.get(number)
            return [] if task is None else [task]
        words = which.casefold().split()
        return [each for each in await self.open() if words and all(word in each.text.casefold() for word in words)]

    async def add(self, task: Task) -> Task:
        """Keep a new task, behind the others."""
        last = max((each.position for each in await self.items.all()), default=0.0)
        return await self.items.add(replace(task, position=last + 1.0))

    async def change(self, task: Task) -> None:
        """Keep a changed task, with Undo."""
        await self.items.change(task)
        await self.schedule(task)

    async def place(self, task: Task, place: int) -> int:
        """Move a task among those of its priority and list. Returns its new place, from 1."""
        others = [
            each for each in await self.open(task.in_list) if each.priority == task.priority and each.ref != task.ref
        ]
        at = min(max(place, 1), len(others) + 1) - 1
        before = others[at - 1].position if at > 0 else None
        after = others[at].position if at < len(others) else None
        low = before if before is not None else (after if after is not None else 0.0) - 1.0
        high = after if after is not None else low + 2.0
        await self.change(replace(task, position=(low + high) / 2))
        return at + 1

    async def schedule(self, task: Task) -> None:
        """Set or end the timer of a task."""
        if task.remind_at is not None and task.done_at is None:
            await self.context.timers.set(f"due:{task.ref}", task.remind_at)
        else:
            await self.context.timers.cancel(f"due:{task.ref}")
