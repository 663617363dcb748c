"""Reads a yes to the open question with a request behind it: "yes please, and also add gym at 6pm on friday"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.calendar_call import MAX_NAMED_EVENTS, CalendarCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.request_reading import ReadRequest, read_message

_YES = re.compile(
    r"\W*(?:(?:ok|okay|oh|great|perfect|cool|alright|sure|yes|yeah|yep|yup|ya|correct|exactly|right|absolutely"
    r"|definitely|of course)\b[\s,.!]*)*(?:(?:yes|yeah|yep|yup|sure|correct|exactly|absolutely|definitely|of course"
    r"|go ahead|do it|do that|please do|go for it)\b[\s,.!]*)(?:(?:please|pls|thanks|thank you|do it|do that|go ahead"
    r"|delete (?:it|them)|add it|that's right)\b[\s,.!]*)*(?:(?:and|then|also|plus|but)\b[\s,]*)*",
    re.IGNORECASE,
)


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
