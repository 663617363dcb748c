"""The words that open a request, by what they ask for."""

from __future__ import annotations

import re
from enum import StrEnum

from llmagent_os.plugins.calendar.requests.clause import MARK


class Asks(StrEnum):
    """What an opening asks for."""

    EVENT = "event"  #: a new event: "add …", "put …", "schedule …"
    REMINDER = "reminder"  #: "remind me …", "don't let me forget …", "wake me …"
    HAVING = "having"  #: what the person says to have or to do: "I have …", "we're meeting …"


_KEEP = (
    r"(?:re)?add(?:ing)?|put|schedule|book|set up|setup|pencil(?: in)?|note(?: down)?|mark(?: down)?|block(?: off| out)?|save"
    r"|enter|log|record|jot(?: down)?|write down|insert|arrange|organi[sz]e|slot(?: in)?|stick|throw|pop|reserve|register|plan"
    r"|include|fix|hold|make a note(?: of| that| about)?|take (?:a )?note(?: of| that)?|squeeze(?: in)?|get down|create"
    r"|save the date(?: for)?|make it official|(?:new|another|one more) (?:calendar |diary )?(?:event|appointment|entry|meeting"
    r"|date)|(?:event|appointment|entry)(?=\s*:)|sign me up for|put me down for|pen(?:cil)? me in for"
)
#: Verbs that ask for an event only with a word of the calendar behind them.
_MAKE = (
    r"(?:make|set|get|do|start|open|need|want|have|find|give)(?: me)? (?:an?|the|another|my) "
    r"(?:new |quick |short |doctor'?s? |calendar )*(?=(?:appointment|event|entry|meeting|reservation|booking|date|call"
    r"|slot|session)\b)"
)
_REMIND = (
    r"remind(?:ing)? (?:me|us|myself)|reminder|remember|reminding|(?:don't|do not|never)(?: you)? (?:let|allow) me (?:to )?forget"
    r"|(?:don't|do not|dont) forget|(?:i )?(?:must|should|can)(?:n't| not) forget"
    r"|(?:set|create|add|make|put|schedule|give|send|i need|need|i want|set up|leave|drop|book|have)(?: up| in)?(?: me| us| myself)?(?: up)?"
    r"(?: with)? (?:an?|the|another|some|my)? ?(?:new |quick |gentle |little |daily |weekly |monthly |recurring )*"
    r"(?:reminder|alarm|alert|nudge|ping|heads[- ]up|notification|wake[- ]?up call)s?"
    r"|(?:alert|ping|nudge|notify|buzz|poke|warn|text|message) me|tell me to|wake me(?: up)?|get me up|alarm|note to self|"
    r"(?:help me|i (?:need|have|must|want|should)(?: to)?|i've got to|make me) remember|i (?:want|'d like|would like|need) (?:to be|being) reminded"
    r"|shout at me|call me out|reminders?"
)
_HAVE = (
    r"(?:i|we)(?:'ve| have)(?: also)?(?: got)?(?= (?:an?|the|my|our|some|another|two|three|several|lunch|dinner|breakfast|brunch|drinks"
    rf"|coffee|class|classes|work|school|training|practice|yoga|gym|tickets?|dentist|doctor'?s?|meetings?|exams?|plans with|[A-Z]\w*|{MARK}) )"
    r"|(?:i|we) got(?= (?:an?|the|my|our|another) )|(?:there's|there is|there will be|there'll be)(?= (?:an?|the|my|our|another) )"
    r"|(?:i'm|i am|we're|we are)(?: also)?(?: going to be| gonna be)? (?=(?:having|meeting|seeing|attending|visiting|hosting|flying"
    r"|catching up|getting|taking|playing|doing|picking up|babysitting|travell?ing|working|going to (?:the|a|an|my|our)|off to) )"
    r"|(?:i|we) (?:need|have|ought|want) to|(?:i|we)(?:'ve| have) got to|(?:i|we) (?:must|should|will|gotta)|(?:i|we)'ll"
    r"|(?:i|we) need(?= (?:an?|the|my|\d+|some|two|three|one) )|i'd like(?= (?:an?|the|some) )|i want(?= (?:an?|the|some) )"
)

_OPENING = re.compile(
    rf"(?:(?P<reminder>{_REMIND})|(?P<event>{_KEEP}|{_MAKE})|(?P<having>{_HAVE}))(?=[\s,:;–\"'-]|$|{MARK})",
    re.IGNORECASE,
)

#: Words at the beginning of a clause that ask for something else than a new event.
_OTHER = re.compile(
    r"(?:cancel|delete|remove|erase|clear|drop|scrap|scratch|wipe|get rid of|take|kill|skip|call off|move|change|reschedule|shift"
    r"|push|postpone|delay|bring|rename|update|edit|modify|extend|shorten|lengthen|make|turn|switch|swap|undo|redo|restore"
    r"|show|list|display|view|see|check|look up|find|search|tell|give|read|what(?:'s|s)?|when(?:'s|s)?|where(?:'s|s)?|who(?:'s|s)?"
    r"|which|how|why|is|are|am|do|does|did|was|were|will|has|have|any|anything|export|import|stop|keep|leave|call me|set my|free|busy"
    r"|repeat|duplicate|copy)\b",
    re.IGNORECASE,
)


def opening_of(text: str) -> tuple[Asks, int] | None:
    """Return what the first words ask for, and where they end; None: they open no request for a new event."""
    match = _OPENING.match(text)
    if match is None:
        return None
    return next((asks, match.end()) for asks in Asks if match[asks.value] is not None)


def opens_request(text: str) -> bool:
    """Return whether the first words of a clause open a request of any kind."""
    return opening_of(text) is not None or _OTHER.match(text) is not None


def opens_other(text: str) -> bool:
    """Return whether the first words ask for something else than a new event."""
    return opening_of(text) is None and _OTHER.match(text) is not None
