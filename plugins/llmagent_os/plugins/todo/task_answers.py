"""What is said about tasks: lists, and what was added, done, changed or deleted."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from llmagent_os.languages import gettext, lazy_gettext, ngettext
from llmagent_os.plugin import Button, Card, ToolResult
from llmagent_os.plugins.kit.open_question import ask
from llmagent_os.plugins.kit.pages import page_of
from llmagent_os.plugins.kit.said_moment import TimeExpressionError
from llmagent_os.plugins.todo.task import Task, TaskWords, read_task
from llmagent_os.plugins.todo.task_store import MAX_CHARACTERS, MAX_TASKS, TaskStore

PAGE_SIZE = 8  #: tasks in one reply
LATER = timedelta(hours=1)  #: from the press of "In an hour" to the next reminder
GONE = lazy_gettext("That task is gone.")


async def add_task(store: TaskStore, words: str, in_list: str = "") -> ToolResult:
    """Keep a new task. Where nothing is to be done, the person is asked."""
    read = read_words(store, words)
    if isinstance(read, ToolResult):
        return read
    if not read.text:
        await ask(store.context, "task")
        return ToolResult({"status": "missing", "need": "text"}, gettext("What is to be done?"))
    return await add_read_task(store, read, in_list)


async def add_read_task(store: TaskStore, read: TaskWords, in_list: str = "") -> ToolResult:
    """Keep a new task that says what is to be done."""
    if len(await store.all()) >= MAX_TASKS:
        text = gettext(
            "You have {count} tasks, and I keep no more. “/todo clear” drops those that are done.", count=MAX_TASKS
        )
        return ToolResult({"status": "full"}, text)
    blank = Task(text=read.text, in_list=in_list.lstrip("#").casefold(), made_by=store.context.call_id)
    task = await store.add(read.on(blank, store.context.time_zone))
    text = gettext("Added as number {number}: {task}.", number=task.number, task=task.line(store.context.now))
    remind = (Button(gettext("Remind me"), f"remind:{task.ref}"),) if task.due is not None else ()
    return ToolResult(
        {"status": "added", "number": str(task.number), "task": task.text},
        text,
        buttons=(Button(gettext("Done"), f"done:{task.ref}"), *remind, Button(gettext("Delete"), f"delete:{task.ref}")),
    )


async def list_tasks(store: TaskStore, in_list: str = "", number: int = 1, *, done: bool = False) -> ToolResult:
    """List the tasks that are open; with ``done``, those that are done, too."""
    now = store.context.now
    in_list = in_list.lstrip("#").casefold()
    found = await store.open(in_list)
    if done:
        found += [each for each in await store.all() if each.done_at is not None]
    if not found:
        text = gettext("Nothing is to be done. “/todo buy milk #home !! friday” adds a task.")
        return ToolResult({"status": "empty"}, text)
    page = page_of(found, number, PAGE_SIZE)
    rows = tuple((str(each.number), each.line(now)) for each in page.items)
    finish = tuple(
        Button(gettext("Done {number}", number=each.number), f"done:{each.ref}")
        for each in page.items
        if each.done_at is None
    )
    return ToolResult(
        {"status": "listed", "count": str(len(found)), "tasks": "; ".join(": ".join(row) for row in rows)},
        ngettext("{count} task:", "{count} tasks:", len(found)),
        card=Card(rows=rows),
        buttons=(*finish, *page.buttons(f"page:{in_list}:{int(done)}:")),
    )


async def list_lists(store: TaskStore) -> ToolResult:
    """Name the lists, with the number of their open tasks."""
    counts = Counter(each.in_list for each in await store.open())
    if not counts:
        return await list_tasks(store)
    rows = tuple((f"#{name}" if name else gettext("no list"), str(counts[name])) for name in sorted(counts))
    text = gettext("Your lists. “/todo #NAME” shows one.")
    return ToolResult({"status": "lists", "lists": " ".join(counts)[:2000]}, text, card=Card(rows=rows[:50]))


async def finish_task(store: TaskStore, task: Task) -> ToolResult:
    """Mark a task as done, with Undo. Once more changes nothing."""
    if task.done_at is None:
        await store.change(replace(task, done_at=store.context.now.astimezone(UTC)))
    text = gettext("Done: {what}.", what=task.text)
    return ToolResult({"status": "done", "task": task.text}, text, buttons=(_undo(task),))


async def reopen_task(store: TaskStore, task: Task) -> ToolResult:
    """Mark a task as not done."""
    reopened = replace(task, done_at=None)
    await store.change(reopened)
    text = gettext("To be done again: {task}.", task=reopened.line(store.context.now))
    return ToolResult({"status": "reopened", "task": task.text}, text)


async def edit_task(store: TaskStore, task: Task, words: str) -> ToolResult:
    """Change what the words say: the text, the list, the priority, the date."""
    read = read_words(store, words)
    if isinstance(read, ToolResult):
        return read
    changed = read.on(task, store.context.time_zone)
    await store.change(changed)
    text = gettext("Changed: {task}.", task=changed.line(store.context.now))
    return ToolResult({"status": "changed", "task": changed.text}, text, buttons=(_undo(task),))


async def delete_task(store: TaskStore, task: Task) -> ToolResult:
    """Delete a task, with Undo."""
    await store.items.delete(task.number)
    await store.context.timers.cancel(f"due:{task.ref}")
    text = gettext("Deleted: {what}.", what=task.text)
    return ToolResult({"status": "deleted", "task": task.text}, text, buttons=(_undo(task),))


async def restore_task(store: TaskStore, ref: str) -> ToolResult:
    """Answer Undo."""
    task = await store.items.restore(ref)
    if task is None:
        return ToolResult({"status": "stale"}, str(GONE))
    await store.schedule(task)
    text = gettext("It is as it was: {task}.", task=task.line(store.context.now))
    return ToolResult({"status": "restored", "task": task.text}, text)


async def remind_of(store: TaskStore, task: Task, *, later: bool = False) -> ToolResult:
    """Set the reminder of a task: for when it is due, or in an hour."""
    now = store.context.now.astimezone(UTC)
    at = now + LATER if later else task.due
    if at is None or task.done_at is not None:
        return ToolResult({"status": "stale"}, str(GONE))
    task = replace(task, remind_at=max(at, now))
    await store.items.put(task)
    await store.schedule(task)
    text = gettext("I'll remind you of it in an hour.") if later else gettext("I'll remind you when it is due.")
    return ToolResult({"status": "reminding", "task": task.text}, text)


async def announce_task(store: TaskStore, key: str, at: datetime) -> ToolResult | None:
    """Answer the timer of a task. None: it was done, deleted or moved in the meantime."""
    task = await store.items.by_ref(key.partition(":")[2])
    if task is None or task.done_at is not None or task.remind_at != at:
        return None
    buttons = (
        Button(gettext("Done"), f"done:{task.ref}", "primary"),
        Button(gettext("In an hour"), f"later:{task.ref}"),
    )
    text = gettext("To be done: {task}.", task=task.line(store.context.now))
    return ToolResult({"status": "reminder", "task": task.text}, text, buttons=buttons, word_for_word=True)


async def clear_done(store: TaskStore) -> ToolResult:
    """Drop the tasks that are done."""
    done = [each for each in await store.all() if each.done_at is not None]
    for each in done:
        await store.items.drop(each.number)
    text = ngettext("Dropped {count} task that was done.", "Dropped {count} tasks that were done.", len(done))
    return ToolResult({"status": "cleared", "count": str(len(done))}, text)


def read_words(store: TaskStore, words: str) -> TaskWords | ToolResult:
    """What the words say; or what is said where they cannot be read."""
    if len(words) > MAX_CHARACTERS:
        text = gettext("A task has at most {count} characters.", count=MAX_CHARACTERS)
        return ToolResult({"status": "too_long"}, text)
    try:
        return read_task(words, store.context.now)
    except TimeExpressionError as error:
        if error.problem == "past":
            return ToolResult({"status": "unclear", "need": "date"}, gettext("That time is over already."))
        return TaskWords(" ".join(words.split()))


def _undo(task: Task) -> Button:
    return Button(gettext("Undo"), f"undo:{task.ref}")
