"""A tool of an MCP server: the bot asks before it calls it, and remembers what was allowed."""

from __future__ import annotations

import json
import sys

from tests.tour.person import Person
from tests.tour.scripted_model import Calls
from tests.tour.transcript import Transcript

#: A server of PyPI, on the standard streams of a process of its own.
SERVER = f"""
[mcp.servers.time]
command = {json.dumps(sys.executable)}
args = ["-m", "mcp_server_time"]
"""
PERMISSION = "mcp.time.*"
#: What the model calls.
CALLS: Calls = {
    r"noon in Berlin": (
        "time_convert_time",
        {"source_timezone": "Europe/Berlin", "time": "12:00", "target_timezone": "Asia/Tokyo"},
    ),
    r"clock in Kathmandu": ("time_get_current_time", {"timezone": "Asia/Kathmandu"}),
    r"clock on Mars": ("time_get_current_time", {"timezone": "Mars/Olympus"}),
}


async def walk_server_tool(ana: Person, transcript: Transcript) -> None:
    """Asked about and declined; asked about and allowed; allowed for ever; an error of the server."""
    transcript.step(ana.place, "a tool of an MCP server")
    asked = await ana.say("Which time is it in Tokyo at noon in Berlin?", r"convert time.*Shall I do this\?")
    await ana.picture("server tool asked")
    await ana.press(asked, "No", r"I did nothing")
    asked = await ana.say("Tell me again, please: Tokyo, at noon in Berlin", r"convert time.*Shall I do this\?")
    await ana.press(asked, "Yes", r"time says.*Tokyo")
    await ana.picture("server tool called")
    asked = await ana.say("Please read the clock in Kathmandu", r"get current time.*Shall I do this\?")
    await ana.press(asked, "Yes, and always", r"time says.*Kathmandu")
    await ana.say("Once more, please read the clock in Kathmandu", r"I was told.*Kathmandu")
    await ana.say("Please read the clock on Mars", r"Mars/Olympus|Invalid")
    await ana.picture("server tool always")
    await ana.command("/permissions", r"get_current_time|time")
