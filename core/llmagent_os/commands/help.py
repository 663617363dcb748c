"""``/help``: lists the commands."""

from __future__ import annotations

from collections.abc import Mapping

from llmagent_os.adapter import Reply
from llmagent_os.languages import gettext


def help_reply(title: str, commands: Mapping[str, str]) -> Reply:
    """What a person can type.

    Args:
        title: what the agent calls itself.
        commands: a line of help for each command that the person may give, by name.
    """
    text = gettext("I am {title}. Write what you need, or one of these commands:", title=title)
    return Reply("\n".join([text, *(f"- `/{name}`: {line}" for name, line in commands.items())]))
