"""The command ``/invitations``: whether others find a person by name and may invite them."""

from __future__ import annotations

from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult
from llmagent_os.plugins.calendar.calendar_call import CalendarCall


async def invitations_command(call: CalendarCall, arguments: str) -> ToolResult:
    """Turn invitations on or off, or say what they are."""
    contacts = call.context.contacts
    if arguments in ("on", "off"):
        await contacts.hide(arguments == "off")
    elif arguments:
        return ToolResult({"status": "unclear"}, gettext("Write `/invitations on`, or `/invitations off`."))
    if await contacts.is_hidden():
        text = gettext("Invitations are off: nobody finds you by name here. Write `/invitations on` to change that.")
        return ToolResult({"status": "off"}, text)
    text = gettext(
        "Invitations are on: people of your workspace, or of a group in which you and they write to me, or whom an "
        "admin has let in as you were, can invite you by name. Write `/invitations off` to end that."
    )
    return ToolResult({"status": "on"}, text)
