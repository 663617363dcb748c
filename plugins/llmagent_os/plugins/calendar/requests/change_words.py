"""What the readers of another time share: verbs, and the event that is to change."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, has_marks
from llmagent_os.plugins.calendar.requests.targets import Target, read_target

#: These verbs are about an appointment even where the calendar does not have it: the tool then says so.
MOVE = r"(?:move|reschedule|re-schedule|postpone|rebook|resched|shift)"
CHANGE_VERB = (
    rf"(?:{MOVE}|(?:(?:i|we|they|he|she)(?:'m|'re|'ve| have| am| are| had to)? )?(?:moving|moved?|resched?uled?|pushed"
    r"|postponed|shifted)|change|push|bring|put|delay|bump|slide|switch|swap|set|transfer|pull|defer|advance|hold|do"
    r"|have|make"
    r"|drag|adjust|update|edit|modify|start|begin|take|get|schedule|book|swing|shove|nudge)"
)
LATER = r"(?:later|back|out|further|after)"
EARLIER = r"(?:earlier|sooner|forward|forwards|ahead|up)"
#: In front of a new day or time.
TO = r"(?:to|till?|until|for|into|onto|at|on|by|so it(?:'s| is)(?: at| on)?|to be(?: at| on)?|=|->)"
#: A new time as a number.
NUMBER = r"(?:WHEN|(?:at )?\d{1,2}(?:[:.]\d\d)?(?: ?[ap]m)?)"
#: Between an event and its new time.
IS = (
    r"(?:(?:is|'s|was|has been|will be|got|gets|has|are"
    r"|(?:is|was) (?:meant|supposed) to be) (?:now |actually |really |going to be )*"
    r"(?:moved |postponed |rescheduled |pushed |shifted |changed |brought forward |delayed |set )?(?:back |up"
    r" )?(?:now )?"
    r"|(?:takes place|happens|starts|begins|moves|moved|moving|goes|(?:has )?slipped|slips"
    r"|(?:must|has to|have to|needs to"
    r"|should) be(?: moved| pushed| shifted| postponed| rescheduled| changed)?|has to move"
    r"|needs to move|must move|should move|should start|has to start|needs to start) (?:now |actually )?)"
)
ENDING = r"(?: instead| now| then| from now on| going forward| for good| this time| just this once| only| please)*"
#: "The date of the workshop" is the workshop.
FIELD = re.compile(r"^(?:the )?(?:start(?:ing)? time|start|time|date|day|hour|timing|begin) (?:of|for) ", re.I)
NEGATED = re.compile(
    r"(?:don't|do not|dont|never|what if|should i|should we|did you|did i|why|when|where|how|what|who|which|are|am"
    r"|do (?:i|we|you|they)|does|was|is (?!it possible))\b",
    re.I,
)


def changed_target(words: MaskedWords, phrase: str, verb: str | None) -> Target | None:
    """Return the event that a phrase means. One that the calendar does not have counts behind some verbs only."""
    phrase = FIELD.sub("", phrase)
    target = read_target(words, phrase)
    if target is None:
        return None
    sure = target.known or (verb is not None and re.fullmatch(MOVE, verb, re.I) is not None)
    return target if sure and not (has_marks(phrase) and not target.arguments) else None
