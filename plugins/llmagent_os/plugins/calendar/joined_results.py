"""Answers a message that asked for several things at once: one reply, one Undo for all, one question for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llmagent_os.plugin import Button, ToolResult, joined_results
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.calendar_event import CalendarEvent, stable_id
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.tools.button_labels import UNDO
from llmagent_os.tools.result_statuses import CONFIRM


async def join_results(call: CalendarCall, results: Mapping[str, ToolResult]) -> ToolResult:
    """Join the results of several calls of one message.

    What was done is undone by one Undo. Questions whether to do it become one question. Any other question is asked
    last, with its own buttons, and what was done stays.

    Args:
        call: with the id of the message in place of a call's.
        results: by the ``call_id`` of their calls, in order.
    """
    joined = joined_results([*results.values()])
    ids = [stable_id(call.context.user_id, call_id) for call_id in results]
    done = [change for each in ids if (change := await call.store.change(each)) is not None and not change.undone]
    to_confirm = [each for each, result in zip(ids, results.values(), strict=True) if _asks_for_yes(result)]
    buttons = joined.buttons
    if len(to_confirm) == len(results):
        options = [question.options[0] for each in to_confirm if (question := await call.store.question(each))]
        for each in to_confirm:
            await call.store.close(each)
        asked = await call.ask((combined(options),), dict(joined.data), joined.text)
        buttons = asked.buttons
    elif len(done) > 1 and all(button.value.startswith("undo:") for button in buttons):
        await call.store.group(call.change_id, ids, combined(done))
        buttons = (Button(str(UNDO), f"undo:{call.change_id}"),)
    return ToolResult(
        joined.data,
        joined.text,
        card=joined.card,
        buttons=buttons,
        waiting=joined.waiting,
        pictures=joined.pictures,
    )


def _asks_for_yes(result: ToolResult) -> bool:
    return result.data.get("status") == CONFIRM and len(result.buttons) == 2


def combined(changes: Sequence[Change]) -> Change:
    """Make one change of several that follow each other: from before the first to after the last."""
    before: dict[str, CalendarEvent] = {}
    after: dict[str, CalendarEvent] = {}
    for change in changes:
        for event in change.before:
            if event.event_id not in after:
                before.setdefault(event.event_id, event)
            after.pop(event.event_id, None)
        after |= {event.event_id: event for event in change.after}
    return Change(
        before=tuple(before.values()),
        after=tuple(after.values()),
        data={"status": "joined", "count": str(len(changes))},
        text=" ".join(change.text for change in changes),
        undo=True,
    )
