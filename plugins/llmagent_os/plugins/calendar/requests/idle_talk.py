"""Knows words that ask for nothing, so that a request among them can be read alone."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.left_alone import leaves_alone
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_verbs import forms_of
from llmagent_os.plugins.calendar.time.time_mentions import TimeMention

#: Verbs that nobody uses who only tells something.
_SURE = (
    "schedule, book, create, cancel, delete, remove, move, change, remind, reschedule, push, shift, clear, rename, "
    "undo, postpone"
)
#: Words of requests and of what is planned: a sentence with one of them may ask for something.
_ASKING = re.compile(
    rf"\b(?:{forms_of(_SURE)}|add|put|set|free|busy"
    r"|calendar|diary|agenda|appointments?|events?|reminders?|alarms?|meeting|later|earlier|instead|not"
    r" (?:the|that|this|on|at)|don't|do not|never|no more"
    r"|(?:is|be|it) (?:called|named)|make it|let's|need|want|have to|must|should|could|can you|would you|will you|what"
    r"|when|where|who|which|how)\b",
    re.IGNORECASE,
)
#: Comments and moods that people have beside a request.
_MOOD = re.compile(
    r"(?:(?:what a|such a|it's been|it was|it is|it's|that's|that is|that was|this is|i'm|i am|i feel|i hope|hope|i"
    r" know|i love|i hate|i really|i can't believe|i can't wait|can't wait"
    r"|sorry|thanks|thank you|good|nice|great|long|crazy|busy|ugh|wow|omg|anyway|whatever|typical|finally|hello|hi|hey"
    r"|honestly|you're|you are|my \w+(?: \w+)? (?:is|was|told|said|just|keeps|loves|hates)"
    r"|he|she|they|we|work|life|something came up|no worries|no problem|by the way|just a quick|quick|happy|as always"
    r"|as usual|so annoying|so)\b.*|)",
    re.IGNORECASE | re.DOTALL,
)
#: Times that nothing is asked for: what is over, and lengths in general.
_PAST = re.compile(
    r"(?:an? )?(?:day|week|month|year|night|weekend|evening)|(?:for |about |from )?yesterday.*|now|last (?:night|week"
    r"|month|year|\w+day)|the other day|for (?:[\w-]+ )?years|this year",
    re.IGNORECASE,
)
#: The beginning of a sentence that tells something.
_TELLING = re.compile(
    r"(?:i|i'm|i've|i'll|my|he|he's|she|she's|it|it's|they|they're|we|we're|we've|the|this|that|there|her|his|our"
    r"|their|everyone|everybody|nobody|people|work"
    r"|thanks|thank|such|apparently|turns out|just)\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?:it|she|he|they|we|i|that|this|can't|should|gonna|hopefully|looking forward|so excited|love|no|not|everyone"
    r"|everybody|nobody|no one|someone|somebody|too (?:many|much|busy|tired|late|early)|turns out|apparently|because"
    r"|there's|there is|my \w+ (?:is|has|was|got|can't|won't)|\w+(?:'s| is| are) (?:sick|ill|away|busy|off|late"
    r"|tired))\b",
    re.IGNORECASE,
)


def asks_nothing(clause: Clause, *, behind: bool = False) -> bool:
    """Return whether words ask for nothing, beyond doubt.

    Args:
        clause: a sentence or a part of one.
        behind: the words stand behind a request. Only a remark is idle then: other words may belong to the request.
    """
    text = clause.text.strip()
    if not behind and leaves_alone(text):
        return True
    if not all(is_over(each) for each in clause.mentions) or "?" in text:
        return False
    if not re.search(r"\w", text) or not plain(text):
        return True
    text = re.sub(r"\b(?:what|such) an?\b", "such", text, flags=re.IGNORECASE)
    if opens_request(plain(text), timed=not behind) or _ASKING.search(text) or names_event_of(clause):
        return False
    return (
        _ABOUT.match(text) is not None
        if behind
        else any(_MOOD.fullmatch(each) or _TELLING.match(each) for each in (text, plain(text)))
    )


def is_over(mention: TimeMention) -> bool:
    """Return whether a time is over, or only a length: nothing is asked for it."""
    return _PAST.fullmatch(mention.text) is not None


def names_event_of(clause: Clause) -> bool:
    """Return whether words name an event of the calendar."""
    words = set(re.findall(r"\w{3,}", clause.text.lower()))
    return any(
        words & set(re.findall(r"\w{3,}", event.title.lower())) - {"the", "with", "and", "for"}
        for event in clause.events
    )
