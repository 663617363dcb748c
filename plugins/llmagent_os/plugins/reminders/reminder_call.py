"""What every request about reminders needs: the person's reminders and their timers."""

from __future__ import annotations

from datetime import UTC, timedelta

from msgspec.structs import replace

from llmagent_os.languages import gettext, lazy_gettext
from llmagent_os.plugin import Button, ToolContext, ToolResult
from llmagent_os.plugins.kit.numbered_items import NumberedItems
from llmagent_os.plugins.reminders.reminder import Reminder

KEEP_RUNG = timedelta(days=7)  #: how long the buttons under an announcement work
GONE = lazy_gettext("That reminder is gone.")


class ReminderCall:
    """One request of one person."""

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.items = NumberedItems(context.records, Reminder)

    async def pending(self) -> list[Reminder]:
        """The reminders that will ring, the next one first. Those that rang a week ago are dropped."""
        found = await self.items.all()
        for each in found:
            if not each.is_pending and each.rang is not None and self.context.now - each.rang > KEEP_RUNG:
                await self.items.drop(each.number)
        return sorted((each for each in found if each.is_pending), key=lambda each: each.snoozed or each.next)

    async def find(self, which: str) -> list[Reminder]:
        """The pending reminders that a number or words mean."""
        pending = await self.pending()
        if which.strip().lstrip("#").isdecimal():
            return [each for each in pending if str(each.number) == which.strip().lstrip("#")]
        words = which.casefold().split()
        return [each for each in pending if words and all(word in each.what.casefold() for word in words)]

    async def note_last(self, reminder: Reminder, *, is_new: bool = False) -> None:
        """Note which reminder the person and the bot speak of in this conversation, and whether it was just set."""
        kept = {"ref": reminder.ref, "new": is_new}
        await self.context.records.put(f"last:{self.context.conversation_key}", kept)

    async def undo_of_last(self) -> str | None:
        """The button that takes back what was done last with a reminder in this conversation. None: nothing was."""
        kept = await self.context.records.get(f"last:{self.context.conversation_key}")
        return None if kept is None else f"{'delete' if kept.get('new') else 'undo'}:{kept['ref']}"

    async def last(self) -> Reminder | None:
        """The reminder that was spoken of last in this conversation. None: there is none, or it will not ring."""
        kept = await self.context.records.get(f"last:{self.context.conversation_key}")
        found = await self.items.by_ref(str(kept["ref"])) if kept is not None else None
        return found if found is not None and found.is_pending else None

    async def schedule(self, reminder: Reminder) -> None:
        """Set the timers of a reminder that is new, changed or back."""
        timers = self.context.timers
        if not reminder.is_over:
            await timers.set(f"ring:{reminder.ref}", reminder.next)
        if reminder.snoozed is not None:
            await timers.set(f"snooze:{reminder.ref}", reminder.snoozed)
        else:
            await timers.cancel(f"snooze:{reminder.ref}")

    async def delete(self, reminder: Reminder) -> ToolResult:
        """Delete a reminder, with Undo."""
        await self.items.delete(reminder.number)
        await self.context.timers.cancel(f"ring:{reminder.ref}")
        await self.context.timers.cancel(f"snooze:{reminder.ref}")
        await self.note_last(reminder)
        text = gettext("Deleted: {what}.", what=reminder.what)
        return ToolResult({"status": "deleted", "what": reminder.what}, text, buttons=(self.undo(reminder),))

    async def restore(self, ref: str) -> ToolResult:
        """Answer Undo."""
        back = await self.items.restore(ref)
        if back is None:
            return ToolResult({"status": "stale"}, str(GONE))
        if not back.is_over and back.next < self.context.now:  # it would have rung in the meantime
            back = replace(back, next=self.context.now.astimezone(UTC))
            await self.items.put(back)
        await self.schedule(back)
        text = gettext("It is as it was: {what}, {when}.", what=back.what, when=back.when)
        return ToolResult({"status": "restored", "what": back.what, "when": back.when}, text)

    @staticmethod
    def undo(reminder: Reminder) -> Button:
        """The button that takes the last change of a reminder back."""
        return Button(gettext("Undo"), f"undo:{reminder.ref}")
