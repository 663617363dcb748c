"""Things to do whose verbs also ask for something else: "bring the car to the garage friday at 9"."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_certainty import says_day
from llmagent_os.plugins.calendar.requests.creation_name import is_name
from llmagent_os.plugins.calendar.requests.creation_title import Named
from llmagent_os.plugins.calendar.requests.event_nouns import is_errand, names_event
from llmagent_os.plugins.calendar.requests.idle_talk import names_event_of
from llmagent_os.plugins.calendar.requests.openings import Asks, opens_other
from llmagent_os.plugins.calendar.requests.word_patterns import any_of
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

#: Verbs of things to do on a day at a time.
_ON_A_DAY = any_of("bring, take, get, give, see, leave, make, drop, ask, submit, show, check(?: on| in on| out)?, read")
#: Verbs of things to do soon, or again and again.
_SOON = any_of("stop, turn, switch, swap, move, push, bring, change, update")
#: Words of the calendar: with them behind the verb, the calendar is asked for something.
_ENTRY = any_of(
    "calendar, schedule, agenda, day, week, month, events?, meetings?, appointments?, reminders?, alarms?, plans?, "
    "entry, "
    "entries, first, last, next, one, time, date, e-?mails?, mails?, messages?, texts?, news, weather, care"
)
_NO_TASK = any_of(
    "it, that, this, these, those, them, everything, me, us, all, every, each, next, last, one, anything, forward, "
    "back, sure, "
    rf"free, {_ENTRY}, (?:my|the|our|your)(?: \w+)? {_ENTRY}"
)
_TASK = re.compile(
    rf"(?:{MARK}[\s,:–-]*)*(?:(?P<dated>{_ON_A_DAY})|{_SOON})\s(?!{_NO_TASK}\b)[^{MARK[1:-1]}?]+", re.IGNORECASE
)
#: Behind "I need to".
_BARE = re.compile(r"(?:take|see|make|bring|leave)\b", re.IGNORECASE)
#: A time that is so many minutes or hours ahead: nothing that the calendar has is looked up by it.
_DELAY = re.compile(
    r"in .*\b(?:hours?|hrs?|minutes?|mins?|seconds?|secs?|h|m)(?: and (?:a )?(?:half|quarter))?(?: or so)?",
    re.IGNORECASE,
)
#: "In 25 minutes: …"
_THEN = re.compile(rf"{MARK}\s?(?::|[–-](?=\s))\s?[^\W\d_]{{3}}")
#: Something to do, of any verb: "feed the sourdough", or a thing that is to go somewhere: "pizza out".
_ANY_TASK = re.compile(
    rf"(?!(?:i|we|you|he|she|they|it|back|that|this|there)\b)[a-z][\w'-]+\s(?:(?:the|my|our|his|her|their)\s[^?{MARK[1:-1]}]+"
    rf"|(?:out|off|on|in|down)(?: of [^?{MARK[1:-1]}]+)?\s*)(?={MARK}\W*$)",
    re.IGNORECASE,
)


def task_of(clause: Clause, text: str, *, needed: bool = False, reminded: bool = False) -> Asks | None:
    """Return what words ask for that begin like another request and are something to do at a time.

    "bring the car to the garage friday at 9", "in 10 minutes: take the bread out", "
    ""change the sheets every two weeks".

    Args:
        clause: the request.
        text: its words, with marks for the times.
        needed: "I need to" or the like stands in front of them.
        reminded: "reminder" or the like stands behind them.

    Returns:
        None: they ask for something else.
    """
    if needed and _BARE.match(text):
        return Asks.HAVING
    if _is_delayed(clause, text):
        return Asks.REMINDER
    found = _TASK.match(text)
    if found is None or names_event_of(clause) or re.search(r"\byou\b", text, re.IGNORECASE):
        return None
    if reminded:
        return Asks.REMINDER
    kinds = {each.kind for each in clause.mentions}
    first = clause.mentions[0].text if clause.mentions else ""
    if len(clause.mentions) == 1 and _DELAY.fullmatch(first):
        return Asks.REMINDER
    if MentionKind.RECURRENCE in kinds and re.match(r"(?:every|each)\b", first, re.IGNORECASE):
        return Asks.EVENT
    dated = MentionKind.DATE in kinds or says_day(clause.said(MentionKind.TIME) or "")
    timed = found["dated"] is not None and dated and MentionKind.TIME in kinds
    return Asks.EVENT if timed and "?" not in clause.text else None


def _is_delayed(clause: Clause, text: str) -> bool:
    """Whether something is to be done in so many minutes or hours: "feed the sourdough in 10 hours"."""
    if len(clause.mentions) != 1 or _DELAY.fullmatch(clause.mentions[0].text) is None:
        return False
    if _THEN.match(clause.masked) and not names_event(text):
        return True
    if opens_other(text):
        return False
    words = re.split(MARK, text)[0].strip()
    task = _ANY_TASK.match(text) is not None or is_errand(words)
    return task and is_name(Named(words)) and not names_event_of(clause)
