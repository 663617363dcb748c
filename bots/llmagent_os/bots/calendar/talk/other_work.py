"""Tells what a message asks for that is not the calendar's work: a taxi, the weather, a joke.

Each row names the work as it stands after "I can't", and how people ask for it. What may as well be an entry of a
calendar ("book a table for Friday", "order pizza tomorrow at 6") is not here: where a message names a day or a time,
only the rows count that no day makes an entry of.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmagent_os.bots.calendar.talk.rule_files import one_of, rule_file
from llmagent_os.plugins.calendar.time.time_mentions import time_mentions

LONGEST = 400  #: characters of a message that is read

#: Messages that begin like this, or have these words, are about the calendar whatever else they say.
_CALENDAR = re.compile(
    r"\b(?:remind|reminder|calendar|schedule|appointment|event|meeting|agenda|don'?t (?:let me )?forget|remember to|"
    r"reschedule|cancel|postpone|block (?:off|out)|pencil)\b"
)
_POLITE = re.compile(
    r"^(?:(?:please|pls|plz|hey|hi|hello|ok|okay|so|well|and|now|bot|just|also|quickly|can|could|would|will|you"
    r"|may|i|to|"
    r"want|need|like|would like|i'd like|i'd love|go ahead|kindly|help me|help me to|let'?s|mind|be able|maybe|then) )+"
)


class Work(NamedTuple):
    """One kind of work that is not the calendar's."""

    what: str  #: after "I can't"
    asked: re.Pattern[str]  #: anywhere at the beginning of a message
    whenever: bool  #: also where the message names a day or a time
    late: bool  #: only where no plugin reads a request in the message


_RULES = rule_file("other_work")
WORKS: tuple[Work, ...] = tuple(
    Work(each["what"], one_of(each["asked"], _RULES["words"]), each.get("whenever", False), each.get("late", False))
    for each in _RULES["work"]
)


def other_work(text: str, *, late: bool = False) -> str | None:
    """Return the work that ``text`` asks for and that is not the calendar's, as it stands after "I can't"; None: none.

    Args:
        text: a message.
        late: no plugin has read a request in it: words count too that may be about an event.

    >>> other_work("Can you call me a taxi?"), other_work("what's the weather tomorrow?")
    ('call a taxi', 'tell you the weather')
    >>> other_work("reserve a table at Luigi's on friday at 8pm"), other_work("remind me to call a taxi")
    (None, None)
    """
    plain = " ".join(text.casefold().replace("’", "'").split()).strip(" .!?")
    if len(plain) > LONGEST:
        return None
    asked = _POLITE.sub("", plain)
    about_calendar = _CALENDAR.search(plain) is not None
    timed = about_calendar or bool(time_mentions(text))
    for work in WORKS:
        if (about_calendar and not work.whenever) or (work.late and not late):
            continue
        if (work.whenever or not timed) and (work.asked.match(plain) or work.asked.match(asked)):
            return work.what
    return None
