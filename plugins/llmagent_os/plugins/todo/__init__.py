"""The plugin of tasks: what a person has to do, in lists, with priorities and dates.

================  ====================================================================================================
``task``          a task, and how people write one
``task_store``    keeps the tasks in their order
``task_form``     the form in which a person adds one
``task_answers``  what is said about them
================  ====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import datetime

from msgspec.structs import replace

from llmagent_os.languages import gettext, gettext_noop
from llmagent_os.plugin import (
    FormErrors,
    FormValues,
    Span,
    ToolCall,
    ToolContext,
    ToolResult,
    form_button,
    tool,
)
from llmagent_os.plugins.kit.item_meant import with_item_meant
from llmagent_os.plugins.kit.open_question import ANSWER, answers_question, close_question, take_question
from llmagent_os.plugins.kit.pages import page_number
from llmagent_os.plugins.kit.serialized_plugin import SerializedPlugin, serialized
from llmagent_os.plugins.todo.task import Task
from llmagent_os.plugins.todo.task_answers import (
    GONE,
    add_task,
    announce_task,
    clear_done,
    delete_task,
    edit_task,
    finish_task,
    list_lists,
    list_tasks,
    remind_of,
    reopen_task,
    restore_task,
)
from llmagent_os.plugins.todo.task_form import NEW_TASK, answer_task_form
from llmagent_os.plugins.todo.task_store import TaskStore

__all__ = ["TodoPlugin"]

_ADD = re.compile(
    r"(?:please )?(?:add|put) (?P<task>.+?) (?:to|on) (?:my|the) "
    r"(?:to-?do list|to-?dos|tasks|task list|(?P<name>\w+) list)[.!]*",
    re.I | re.S,
)
_TASK = re.compile(r"(?:to-?do|new task|task)\s*:\s*(?P<task>.+)", re.I | re.S)
_LIST = re.compile(
    r"(?:(?:what's on|what is on|what are|show|show me|list|read) )?my "
    r"(?:(?:to-?do list|to-?dos|tasks)|(?P<name>\w+) list)\W*|what do i (?:have|need|still have) to do\W*",
    re.I,
)
_DONE = re.compile(
    r"(?:please )?(?:mark|tick off|check off|set) (?P<which>.+?)(?: (?:as )?(?:done|finished|complete|completed))?[.!]*"
    r"|i(?:'ve| have)? (?:done|finished|completed) (?P<what>.+?)[.!]*",
    re.I,
)
_REMOVE = re.compile(
    r"(?:please )?(?:delete|remove|take) (?P<which>.+?) (?:from|off) (?:my |the )?"
    r"(?:to-?do list|to-?dos|tasks|\w+ list)[.!]*",
    re.I,
)
_ON_ONE = re.compile(r"(?P<verb>done|open|delete|edit|move|remind) +(?P<which>\d+)(?: +(?P<more>.+))?", re.I | re.S)


class TodoPlugin(SerializedPlugin):
    """Keeps every person's tasks in the plugin's records."""

    name = "todo"
    about = "tasks in lists, with priorities and dates"
    work = "is looking at your tasks…"
    is_personal = True
    commands = {  # noqa: RUF012
        "todo": gettext_noop(
            "your tasks; /todo buy milk #home !! friday adds one, /todo done 3, /todo edit 3 monday, /todo move 3 1"
        )
    }

    reading = (
        "/todo",
        "/todo all",
        "/todo lists",
        "/todo #*",
        "page:*",
    )
    forms = (NEW_TASK,)

    @tool(permission="todo.write", open_to_groups=True)
    @serialized
    async def add_task(
        self, context: ToolContext, text: Span, due: Span | None = None, in_list: Span | None = None
    ) -> ToolResult:
        """Put a task on the person's to-do list.

        Args:
            context: of the person
            text: what is to be done
            due: when, in their words
            in_list: the name of one of their lists
        """
        return await add_task(TaskStore(context), f"{text} {due or ''}".strip(), in_list or "")

    @tool(permission="todo.read", read_only=True)
    @serialized
    async def list_tasks(self, context: ToolContext, in_list: Span | None = None) -> ToolResult:
        """List what the person has to do.

        Args:
            context: of the person
            in_list: the name of one of their lists; left out: all
        """
        return await list_tasks(TaskStore(context), in_list or "")

    @tool(permission="todo.write")
    @serialized
    async def finish_task(self, context: ToolContext, which: Span) -> ToolResult:
        """Mark a task as done. The person can undo it.

        Args:
            context: of the person
            which: its number, or words of it
        """
        store = TaskStore(context)
        return await _on_task_meant(store, which, lambda task: finish_task(store, task))

    @tool(permission="todo.write")
    @serialized
    async def delete_task(self, context: ToolContext, which: Span) -> ToolResult:
        """Delete a task. The person can undo it.

        Args:
            context: of the person
            which: its number, or words of it
        """
        store = TaskStore(context)
        return await _on_task_meant(store, which, lambda task: delete_task(store, task))

    @serialized
    async def command(self, context: ToolContext, name: str, arguments: str) -> ToolResult:
        words = arguments.strip()
        store = TaskStore(context)
        await close_question(context)
        if words.lower() in ("", "all") or re.fullmatch(r"#[\w-]+", words):
            listed = await list_tasks(store, words if words.startswith("#") else "", done=words.lower() == "all")
            return replace(listed, buttons=(*listed.buttons, form_button(NEW_TASK)))
        if words.lower() == "lists":
            return await list_lists(store)
        if words.lower() == "clear":
            return await clear_done(store)
        if words.lower() in ("add", "new"):
            return replace(await add_task(store, ""), buttons=(form_button(NEW_TASK),))
        if asked := _ON_ONE.fullmatch(words):
            return await _on_task_meant(store, asked["which"], lambda task: _on_one(store, task, asked))
        return await add_task(store, words)

    @serialized
    async def submitted(self, context: ToolContext, form: str, values: FormValues) -> ToolResult | FormErrors:
        await close_question(context)
        return await answer_task_form(TaskStore(context), values)

    @serialized
    async def pressed(self, context: ToolContext, value: str) -> ToolResult:
        verb, _, rest = value.partition(":")
        store = TaskStore(context)
        if verb == ANSWER:
            if await take_question(context) is None or not context.text:
                return ToolResult({"status": "stale"}, str(GONE))
            return await add_task(store, context.text)
        if verb == "page":
            in_list, done, number = (*rest.split(":"), "", "")[:3]
            return await list_tasks(store, in_list, page_number(number), done=done == "1")
        if verb == "undo":
            return await restore_task(store, rest)
        task = await store.items.by_ref(rest)
        if task is not None and verb == "done":
            return await finish_task(store, task)
        if task is not None and verb == "delete":
            return await delete_task(store, task)
        if task is not None and verb in ("remind", "later"):
            return await remind_of(store, task, later=verb == "later")
        return ToolResult({"status": "stale"}, str(GONE))

    async def button_meant(self, context: ToolContext) -> str | None:
        """Words after "What is to be done?" are the task."""
        return None if await answers_question(context) is None else ANSWER

    async def requests_in(self, context: ToolContext) -> tuple[ToolCall, ...] | ToolResult:
        """Read "add … to my to-do list", "my tasks", and what is done to a task that there is."""
        text = context.text.strip()
        if asked := _LIST.fullmatch(text):
            return (ToolCall("list_tasks", {"in_list": asked["name"]} if asked["name"] else {}),)
        if asked := _TASK.fullmatch(text):
            return (ToolCall("add_task", {"text": asked["task"]}),)
        if asked := _ADD.fullmatch(text):
            named = {"in_list": asked["name"]} if asked["name"] else {}
            return (ToolCall("add_task", {"text": asked["task"], **named}),)
        for rule, tool_name in ((_DONE, "finish_task"), (_REMOVE, "delete_task")):
            if (asked := rule.fullmatch(text)) and (which := next(filter(None, asked.groups()), "")):
                found = await TaskStore(context).meant(which)
                return (ToolCall(tool_name, {"which": which}),) if found else ()
        return ()

    @serialized
    async def due(self, context: ToolContext, key: str, at: datetime) -> ToolResult | None:
        return await announce_task(TaskStore(context), key, at)


async def _on_task_meant(store: TaskStore, which: str, act: Callable[[Task], Awaitable[ToolResult]]) -> ToolResult:
    missing = gettext("I found no task “{which}”.", which=which[:80])
    now = store.context.now
    return await with_item_meant(await store.meant(which), act, missing=missing, line=lambda task: task.line(now))


async def _on_one(store: TaskStore, task: Task, asked: re.Match[str]) -> ToolResult:
    verb, more = asked["verb"].lower(), asked["more"] or ""
    if verb == "edit" and more:
        return await edit_task(store, task, more)
    if verb == "move" and more.strip().isdecimal():
        place = await store.place(task, int(more.strip()[:6]))
        text = gettext("Moved to place {place}: {what}.", place=place, what=task.text)
        return ToolResult({"status": "moved", "place": str(place)}, text)
    if verb == "done":
        return await finish_task(store, task)
    if verb == "open":
        return await reopen_task(store, task)
    if verb == "delete":
        return await delete_task(store, task)
    if verb == "remind" and task.due is not None:
        return await remind_of(store, task)
    text = gettext("Say more: “/todo edit 3 TEXT”, “/todo move 3 1”. “/todo remind 3” is for a task with a date.")
    return ToolResult({"status": "unclear"}, text)
