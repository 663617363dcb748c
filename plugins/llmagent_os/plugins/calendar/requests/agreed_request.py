"""Reads answers to the open question that say more: "yes, and also add gym at 6pm", "the one on december 9"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.person_clock import MAX_NAMED_EVENTS
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, rule
from llmagent_os.plugins.calendar.requests.request_reading import read_message
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.series_scope import EVERY_TIME, ONE, SERIES

_YES = re.compile(
    r"\W*(?:(?:ok|okay|oh|great|perfect|cool|alright|sure|yes|yeah|yep|yup|ya|correct|exactly|right|absolutely"
    r"|definitely|of course)\b[\s,.!]*)*(?:(?:yes|yeah|yep|yup|sure|correct|exactly|absolutely|definitely|of course"
    r"|go ahead|do it|do that|please do|go for it)\b[\s,.!]*)(?:(?:please|pls|thanks|thank you|do it|do that|go ahead"
    r"|delete (?:it|them)|add it|that's right)\b[\s,.!]*)*(?:(?:and|then|also|plus|but)\b[\s,]*)*",
    re.IGNORECASE,
)


_ONE_TIME = rule(r"(?:no,? )?(?:only |just )?(?:the|that|this) one,? (?P<when>WHEN)(?: only| please)?")


async def read_one_time(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Return the deletion of one time of a series, where that answers the question which times. Empty: it does not.

    Args:
        call: of the message: "the one on the 9th".
        clause: the message.
    """
    words = MaskedWords.of(clause)
    found = _ONE_TIME.fullmatch(words.text)
    ask_id = await call.store.open_question() if found else None
    question = await call.store.question(ask_id) if ask_id else None
    if found is None or question is None or len(question.options) != len((ONE, SERIES)):
        return ()
    series = question.options[1]
    if series.label != EVERY_TIME or series.after or len(series.before) != 1:
        return ()
    when = words.when(found["when"])
    made = ToolCall("delete_event", {"title": series.before[0].title, **when, "scope": ONE})
    return (ReadRequest(made, clause.text),)


async def read_agreed(call: CalendarCall, clause: Clause) -> tuple[ReadRequest, ...]:
    """Return the answer to the question whether to do something, and what is asked for behind it. Empty: it is none.

    Args:
        call: of the message.
        clause: the message.
    """
    yes = _YES.match(clause.text)
    ask_id = await call.store.open_question() if yes else None
    question = await call.store.question(ask_id) if ask_id else None
    if yes is None or question is None or len(question.options) != 1:
        return ()
    rest = clause.part(yes.end())
    if not rest.text or len(question.options[0].before) > MAX_NAMED_EVENTS:  # much is lost: that is confirmed alone
        return ()
    read = read_message(rest)
    agreed = ToolCall("answer_question", {"value": f"do:{ask_id}:0"})
    return (ReadRequest(agreed, clause.text[: yes.end()]), *read) if read else ()
