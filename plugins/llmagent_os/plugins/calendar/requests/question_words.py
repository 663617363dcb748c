"""What the readers of questions share: words, and the call that answers."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, ReadCall
from llmagent_os.plugins.calendar.requests.targets import Target, read_target

MY = r"(?:my |the |our |your )?"
ON = r"(?:on|in|for|at|during|over|of|from)"
PLANNED = (
    r"(?: (?:planned|scheduled|going|happening|on|going on|coming up|coming|up|lined up|booked|happening|set up|to do"
    r"|left|else|noted|entered|written down|written|saved|marked"
    r"|there|already|ahead|next|arranged|in store|in))*"
)
IN_CALENDAR = rf"(?: (?:{ON} )?{MY}(?:calendar|schedule|agenda|diary|planner|plate|list))?"

#: The first word of a question.
QUESTION = re.compile(r"(?:what|when|where|who|how|which|is|are|am|do|does|did|at what)\b", re.I)


def list_call(asked: str = "events", **arguments: str) -> ToolCall:
    """Return the call that looks up events, for a question about them; see ``event_answers``."""
    return ToolCall("list_events", {**arguments, "asked": asked})


def of_target(target: Target) -> dict[str, str]:
    """Return the arguments of a look-up for the events that a phrase means."""
    return {name: value for name, value in target.arguments.items() if name != "scope"}


def about(asked: str) -> ReadCall:
    """A question about an event that the calendar has."""

    def read(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
        groups = found.groupdict()
        phrase = next((piece for name in ("np", "np2", "np3") if (piece := groups.get(name))), "")
        target = read_target(words, phrase)
        if target is None or not target.known:
            return None
        return list_call(asked, **of_target(target), **words.when(groups.get("when") or groups.get("when2")))

    return read
