"""Decides whether what was understood leaves no doubt that a new event is wanted.

The less the verb says, the more the rest has to: "add …" needs a time or the name of an event, and words without a verb
need a name, and a day with a time.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_name import is_asked_about, is_name
from llmagent_os.plugins.calendar.requests.creation_times import Times
from llmagent_os.plugins.calendar.requests.creation_title import Named
from llmagent_os.plugins.calendar.requests.event_nouns import is_errand, is_sold, lasts_days, names_event
from llmagent_os.plugins.calendar.requests.left_alone import named_events
from llmagent_os.plugins.calendar.requests.openings import Asks
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_verbs import UNMISTAKABLE
from llmagent_os.plugins.calendar.time.mention_rules import ADVERB

#: A stretch of days.
_SPAN = re.compile(r"\S\s?(?:\b(?:to|until|till|through|thru)\b|\s-\s|–|\d-\d)\s?\S", re.IGNORECASE)
#: What somebody does again and again.
_HABIT = re.compile(r"(?:i|we)(?: usually| always| also| both| all)? (?:do|go to|attend|take)\b", re.IGNORECASE)
#: What has to be arranged, at a time that is asked for: "I need to see the doctor".
_TO_ARRANGE = re.compile(
    r"(?:i|we)(?: really| also)? (?:need|have|ought|'ve got|must|gotta)(?: to)? (?:see|visit|go (?:to|see)|have|get"
    r"|do)\b"
    r"|(?:i|we)(?: really| also)? need (?:an?|to (?:make|book|schedule)) ",
    re.IGNORECASE,
)
_TWO_SENTENCES = re.compile(
    r"(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bmrs)(?<!\bst)(?<!\bprof)(?<!\bno)[.!?;]\s|(?<!\bre)(?<=\w):\s", re.IGNORECASE
)
_QUOTED_STOP = re.compile(r"[\"“][^\"”]*[:.!?;]\s[^\"”]*[\"”]")
#: Where people are for days.
_STAY = re.compile(
    r"\b(?:staying|visiting|travell?ing|away|abroad|off|in town|out of (?:town|office|the office)|(?:house|cat|dog"
    r"|baby)"
    r"[- ]?sitting|on (?:leave|holiday|vacation|call|duty|sick leave|parental leave))\b",
    re.IGNORECASE,
)
_BOUGHT = re.compile(r"(?:book|reserve|get)\b\s*", re.IGNORECASE)
#: Words by which an event may be added that has no name yet.
_OPEN = re.compile(
    r"\b(?:appointments?|events?|something|entry|slot|reminder|alarm|block|hold|mark|reserve|wake)\b", re.IGNORECASE
)
#: A sentence beside the request, which is no part of a title.
_REMARK = re.compile(
    r"(?:\band )?\b(?:i|he|she|we|they|it)(?:'m|'s|'re|'ll|'ve)?\s(?:\w+ )?(?:can|can't|cannot|will|won't|have|has|am"
    r"|is|are|was|were|need|needs|want|wants"
    r"|love|loves|hate|hope|think|said|told|should|must|could|would|don't|doesn't|didn't|told|keep|keeps|always|never"
    r"|really|so|looking|too|not)\b",
    re.IGNORECASE,
)

#: A pronoun or a sigh in the place of a name: "for me please", "I'm sorry", "god give me strength".
_NO_TITLE = re.compile(r"^(?:me|us|them|i'm sorry|sorry)\b|\b(?:give|help|let) (?:me|us)\b", re.IGNORECASE)
#: A question behind the request, which is no part of a title.
_QUESTION_BEHIND = re.compile(
    r"\b(?:and|then|but)\s(?:please |also )*(?:(?:let me know|tell me|show me)|(?:what|when|where) (?:do|else"
    r"|is|are))\b",
    re.IGNORECASE,
)
#: Another request behind it, which is no part of a title: "and delete the gym".
_REQUEST_BEHIND = re.compile(
    rf"\b(?:and|then|but)\s(?:please |pls |also |then )*(?:{UNMISTAKABLE}) (?:the|my|our|it|that|this)\b", re.IGNORECASE
)


@dataclass(frozen=True)
class Opened:
    """The parts of a request for a new event."""

    asks: Asks | None  #: None: there is no verb
    words: str  #: what follows the verb, with marks for the times


def is_certain(clause: Clause, found: Opened, name: Named, times: Times) -> bool:
    """Whether the words are a request: the less the verb says, the more the rest has to."""
    if not re.search(r"[^\W\d_]", name.title) and name.title and found.asks is not Asks.REMINDER:
        return names_event(name.title)
    if _TWO_SENTENCES.search(name.title) and not _QUOTED_STOP.search(clause.text):
        return False
    if _QUESTION_BEHIND.search(name.title) or _NO_TITLE.search(name.title):
        return False
    if found.asks in (Asks.EVENT, None) and _REQUEST_BEHIND.search(name.title):
        return False
    if found.asks is Asks.EVENT and re.search(r"\b(?:we|she|he|they|i|it)(?:'\w+)?\s\w+", name.title, re.IGNORECASE):
        return False
    remark = _REMARK.search(f"{name.title} {name.person} {name.place}")
    if remark is not None and (found.asks is not Asks.REMINDER or remark[0].lower().startswith("and")):
        return False
    first = times
    timed = bool(first.date or first.time or first.repeat)
    if found.asks is Asks.REMINDER:
        about = re.match(r"\s*(?:of|about|when|where|on)\b", found.words, re.IGNORECASE)
        return (timed or (bool(name.title) and not about)) and not _is_question(name.title)
    if found.asks is Asks.EVENT:
        return _is_event(clause, found, name, first, timed)
    if found.asks is Asks.HAVING and _HABIT.match(plain(clause.text)) and not times.repeat:
        return False  # "I go to the gym" asks for nothing
    if (
        found.asks is Asks.HAVING
        and not (times.date or times.repeat)
        and re.fullmatch(r"(?:right )?now", times.time, re.I)
    ):
        return False  # "we're leaving now"
    if found.asks is Asks.HAVING and not timed and _TO_ARRANGE.match(plain(clause.text)):
        return names_event(name.title) and not is_asked_about(name.title) and len(name.title.split()) <= 5
    if found.asks is Asks.HAVING:
        named_or_open = bool(name.title or name.person) or re.search(r"\b(?:appointment|something)\b", found.words)
        wish = re.match(r"(?:i'd like|i want|i would like)\b", plain(clause.text), re.IGNORECASE)
        sure = wish is None or names_event(name.title)
        return timed and bool(named_or_open) and sure and "?" not in clause.text and not _says_other(name)
    if re.search(rf"\b(?:is|are|starts|begins)\b\s*{MARK}", clause.masked) and named_events(clause):
        return False  # it may say that an event of the calendar has changed
    if re.search(rf"{MARK}\s(?:is|are|was|would be)\s", clause.masked) and not names_event(name.title):
        return False  # "friday at 6 is bad"
    return timed and "?" not in clause.text and is_name(name) and _is_sure(name, first)


def says_day(time: str) -> bool:
    """Return whether a time of day names the day too.

    >>> says_day("tonight at 9"), says_day("at 9")
    (True, False)
    """
    return re.search(r"\b(?:tonight|this (?:morning|afternoon|evening))\b", time, re.IGNORECASE) is not None


def _is_question(title: str) -> bool:
    """Whether "remind me …" goes on with what the person wants to know now."""
    return bool(
        re.match(r"(?:what|when|where|who|which|how|if|whether|why)(?:'s)?\b", title, re.IGNORECASE)
        or re.search(
            r"\b(?:appointments|meetings|events|schedule|agenda|plans|reminders|birthdays)$", title, re.IGNORECASE
        )
        or re.match(r"(?:any|all|every|upcoming|my next|next)\b", title, re.IGNORECASE)
    )


def _is_event(clause: Clause, found: Opened, name: Named, times: Times, timed: bool) -> bool:
    """Whether "add …", "schedule …", "book …" is about an event."""
    if "?" in clause.text and not timed and not name.title:
        return False
    text = plain(clause.text)
    if _BOUGHT.match(text) and is_sold(_BOUGHT.sub("", re.sub(MARK, " ", found.words))):
        return False
    if not name.title and not name.person and not times.time and not _OPEN.search(clause.text):
        return False  # "schedule for friday" may be a question
    in_calendar = re.search(
        r"\b(?:event|appointment|calendar|diary|agenda|schedule|planner)\b", clause.text, re.IGNORECASE
    )
    return (timed or names_event(name.title) or bool(in_calendar) or bool(name.person)) and not _sentence_of_other(name)


def _is_sure(name: Named, times: Times) -> bool:
    """Whether a name and its times leave no doubt that an event is to be added."""
    has_day = times.date or times.repeat or says_day(times.time)
    if has_day and times.time:
        return not is_asked_about(name.title) or names_event(name.title) or bool(name.person)
    if names_event(name.title) or (times.date and is_errand(name.title)):
        return True
    if is_asked_about(name.title):
        return False
    spans = bool(_STAY.search(name.title) and times.date and not times.time)
    every = bool(times.repeat) and ADVERB.fullmatch(times.repeat.lower()) is None
    spans |= bool(_SPAN.search(times.date)) and not times.time
    return spans or every or (not times.time and lasts_days(name.title)) or bool(name.person and times.time)


def _sentence_of_other(name: Named) -> bool:
    """Whether what is to be added belongs on another list, or is no event at all."""
    return bool(
        re.search(
            r"\b(?:to|on|in|into) (?:my|the|our) (?:[\w-]+ )?(?:list|playlist|cart|basket|contacts?|inbox|notes?)\b",
            name.title,
            re.I,
        )
        or re.match(r"(?:not|no|never)\b", name.title, re.I)
    )


def _says_other(name: Named) -> bool:
    """Whether "I have …" or "I need to …" goes on with something that is no event."""
    return bool(
        re.match(
            r"(?:no|not|never|nothing|been|had|to (?:be|know|say|ask)|know|see what|check|cancel|delete|move|change"
            r"|reschedule|find out|find|look|remove|push|postpone"
            r"|make sure|think|say|ask|remember|skip|miss|be|a question|an idea|a problem|plenty|lots|so|too|enough"
            r"|more|less|like|want)\b",
            name.title,
            re.IGNORECASE,
        )
    )
