"""Reads the answer to the question about an unfinished event: "dentist", "10am", "every sunday", "a chat with Mo"."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_times import creation_arguments, times_of
from llmagent_os.plugins.calendar.requests.creation_title import Named, named
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import after_request, plain
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_LEAD = re.compile(
    r"^(?:(?:it's|it is|its|it will be|it'll be|that's|that is|that would be|call it|name it|title it|make it|the"
    r" (?:title|name|time|date|day) (?:is|would be|should be)|let's (?:say|call it|make it|do)|say"
    r"|how about|what about|maybe|probably|i think|i guess|um+|uh+|hmm+|ok|okay|oh|yes|sure|well|so|just|just a|for"
    r"|about|please|with the title|at|on|around|sorry|it starts|starts|starting|from|the)(?=[\s,:]|$)[\s,:]*)+",
    re.IGNORECASE,
)
#: The question that was asked, said again: "what time is it again.. 11 i think".
_ECHO = re.compile(
    r"(?:(?:hm+|um+|uh+|oh|ah|erm?|well|ok|so)[\s,.…]+)*(?:(?:what time|what day|when)"
    r"(?: (?:is|was) (?:it|that))?(?: again)?|let me (?:see|check|think|look)|good question)\s*[.,?!…:–-]+\s*(?=\w)",
    re.IGNORECASE,
)
_HESITATION = re.compile(
    r"\b(?:let me|not sure|don't|do not|didn't|know|think|wait|hold on|what|why|who|how|when|where|which|no|nope|nah"
    r"|yes|yeah|yep|ok|okay|sure|thanks|thank you|hi|hello|hey|nothing|none|never|mind|forget|cancel|stop|help"
    r"|later|sorry|cool|great|nice|good|you|your|lol|haha|is|are|was|i|i'm|it|he|she|they|we)\b|\?",
    re.IGNORECASE,
)
_BARE_TIME = re.compile(r"\d{1,2}(?:[:.]\d\d)?")
MAX_TITLE_WORDS = 8


def read_answer(clause: Clause, half: Mapping[str, Any]) -> tuple[ToolCall, ...]:
    """Return the call that completes an unfinished event. Empty: the words are no answer to the question about it.

    Args:
        clause: the message.
        half: the arguments of the event so far.
    """
    if echo := _ECHO.match(clause.text):
        clause = clause.part(echo.end())
    masked = clause.masked
    text = masked[: after_request(masked)]
    if opens_request(plain(text)) and not re.match(r"make it\b", text, re.IGNORECASE):
        return ()
    text = _LEAD.sub("", text)
    words = re.sub(MARK, " ", text)
    if "title" in half or not re.search(r"\w", words):
        return _when(clause, text)
    if _HESITATION.search(words) or len(words.split()) > MAX_TITLE_WORDS or clause.has(MentionKind.LEAD):
        return ()
    name, times = named(re.split(MARK, text), reminder="reminder" in half), times_of(clause, text)
    if name is None or times is None or not (name.title or name.person):
        return ()
    return (ToolCall("create_event", creation_arguments(name, times)),)


def _when(clause: Clause, text: str) -> tuple[ToolCall, ...]:
    """The answer to "When is it?": nothing but times."""
    if not clause.mentions:
        bare = text.strip(" .,!")
        return (ToolCall("create_event", {"time": bare}),) if _BARE_TIME.fullmatch(bare) else ()
    times = times_of(clause, text)
    name = named(re.split(MARK, text), reminder=True)
    if times is None or name is None or name.title or clause.has(MentionKind.LEAD) or "?" in clause.text:
        return ()
    return (ToolCall("create_event", creation_arguments(Named(""), times)),)
