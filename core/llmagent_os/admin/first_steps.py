"""Says what to do first, to somebody who gives the command ``llmagent-os`` alone."""

from __future__ import annotations

from llmagent_os.admin.bots_here import bots_here
from llmagent_os.admin.init_command import program_name


def first_steps() -> str:
    """The first commands, one a line, as they are given here."""
    name = program_name()
    rows = [(f"{name} run {folder}", "the bot that is in this folder") for folder in bots_here()]
    rows += [
        (f"{name} init", "make a bot here: five questions, and it runs"),
        (f"{name} run assistant", "the assistant as it comes, in your browser"),
        (f"{name} chat assistant", "... and in this terminal"),
        (f"{name} --help", "every command"),
    ]
    width = max(len(command) for command, _ in rows)
    lines = (f"  {command:<{width}}   {about}" for command, about in rows)
    return "\n".join(["LLMAgentOS hosts LLM agents that learn from the reactions people leave.", "", *lines])
