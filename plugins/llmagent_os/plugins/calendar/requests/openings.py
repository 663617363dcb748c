"""The words that open a request, by what they ask for."""

from __future__ import annotations

import re
from enum import StrEnum

from llmagent_os.plugins.calendar.requests.clause import MARK
from llmagent_os.plugins.calendar.requests.request_verbs import CHANGE, DELETE, DELETE_IT, LOOK_UP, MOVE, UNDO
from llmagent_os.plugins.calendar.requests.word_patterns import any_of


class Asks(StrEnum):
    """What an opening asks for."""

    EVENT = "event"  #: a new event: "add …", "put …", "schedule …"
    REMINDER = "reminder"  #: "remind me …", "don't let me forget …", "wake me …"
    HAVING = "having"  #: what the person says to have or to do: "I have …", "we're meeting …"


#: What follows a verb and its small word where the event stands between them: "pop the dentist in for friday".
_WHEN_FOLLOWS = (
    rf"(?=\s*(?:$|[,.;!]|{MARK})|\s(?:for|on|at|from|every|each|this|next|tomorrow|today|tonight|please|\d"
    r"|(?:mon|tue|wed|thu|fri|sat|sun)\w*|(?:in )?(?:my|the) (?:calendar|diary))\b)"
)
#: Verbs that ask for an event only with a small word behind the event. Without it, they are something to do.
_APART = (
    r"(?:pop|stick|wh?ack|bung|chuck|throw|shove|sling|bang|tuck|plonk|lob|wedge|slot|squeeze|fit|write|jot|log|pen)"
    r"(?=\s(?!(?:in|down|to|by|off|up|round|back|together)\b)[^,;.!?]{2,60}?\s(?:in|down)"
    rf"(?: there)?{_WHEN_FOLLOWS})"
    r"|(?:get|have)(?=\s[^,;.!?]{2,60}?\s(?:(?:booked|put|written|noted|pencilled|slotted) (?:in|down)|in there)\b)"
)
_KEEP = (
    r"(?:re)?add(?:ing)?|(?:sign|put|pop|stick|pen(?:cil)?|slot|squeeze|fit|book|write|get|chuck|bung|wh?ack|jot)"
    r" (?:me|us) (?:in|down|up) for"
    r"|put(?!\s(?:the|my|our)\s[^,;.!?]{2,40}?\s(?:(?:out|away|back)\b|on\s*$))|schedule"
    r"|book(?! (?:clubs?|fair|signing|launch|reading|group|release|report|presentation)\b)|set up|setup"
    r"|pencil(?: in)?|note(?: down)?|mark(?: down)?|block(?: off| out)?|save"
    r"|enter|jot(?: down)?|write down|insert|arrange|organi[sz]e|slot(?: in)?|stick|(?:throw|pop|chuck|whack|bung|drop"
    r"|slip|slap)(?: in|(?=\s(?:an?|the)\s(?!.*\boff\b)))|reserve|register"
    r"|plan(?! [bB]\b)"
    r"|include|fix|hold|make a note(?: of| that| about)?|take (?:a )?note(?: of| that)?|squeeze(?: in)?|get down"
    r"|create"
    r"|save the date(?: for)?|make it official|(?:new|another|one more) (?:calendar |diary )?(?:event|appointment"
    r"|entry|meeting"
    r"|date)|(?:event|appointment|entry)(?=\s*:)"
)
#: Verbs that ask for an event only with a word of the calendar behind them.
_MAKE = (
    r"(?:make|set|get|start|open|need|want|have|find|give)(?: me)?(?=\s(?:an?|the|another|my)\s"
    r"(?:new |quick |short |doctor'?s? |calendar )*(?:appointment|event|entry|meeting|reservation|booking|date|call"
    r"|slot|session)\b)"
    r"|make(?=\sappointment\b)|(?:do|have|get|grab)(?=\s(?:an? )?(?:quick |team )?(?:lunch|dinner|breakfast|brunch"
    r"|coffee|drinks?|beers?|tea"
    r"|call)\b)"
)
_REMIND = (
    r"remind(?:ing)? ?(?:me|us|myself)(?: both| all)?|reminder|remember|reminding|(?:don't|do not|never)(?: you)?"
    r" (?:let|allow) me"
    r" (?:to )?forget"
    r"|(?:don't|do not|dont) forget|(?:i )?(?:must|should|can|do)(?:n't| not)(?: want to)? forget"
    r"|(?:set|create|add|make|put|schedule|give|send|i need|need|i want|set up|leave|drop|book|have)(?: up"
    r"| in)?(?: me"
    r"| us| myself)?(?: up)?"
    r"(?: with)? (?:an?|the|another|some|my|two|three|four|2|3|4)? ?(?:new |quick |gentle |little |daily |weekly "
    r"|monthly |recurring )*"
    r"(?:reminder|alarm|alert|nudge|ping|heads[- ]up|notification|wake[- ]?up call|shout|buzz|ring|poke)s?"
    r"|(?:(?:set|start|create|add|make|put on|begin|run)(?: me)? )?(?:(?:an?|the|another|my) )?timer"
    r"|(?:alert|ping|nudge|notify|buzz|poke|warn|text|message|nag|bug|prod|pester) me|tell me to|wake me(?: up)?"
    r"|(?:i )?need (?:waking|to be woken)(?: up)?|get me up|alarm|note to"
    r" self|"
    r"(?:help me|i (?:need|have|must|want|should)(?: to)?|i've got to|make me) remember|i (?:want|'d like|would like"
    r"|need) (?:to be|being) reminded"
    r"|shout at me|call me out|reminders?"
)
_THING = (
    r"(?:an?|the|my|our|some|another|this|two|three|several|lunch|dinner|breakfast|brunch|drinks|coffee|class|classes"
    r"|work|school"
    r"|training|practice|yoga|gym|tickets?|dentist|doctor'?s?|meetings?|exams?|plans with|[A-Z]\w*)"
)
_DOING = (
    r"(?:having|meeting|seeing|attending|visiting|hosting|flying|catching up|getting|taking|playing|doing|picking up"
    r"|babysitting|travell?ing|working|going to (?:the|a|an|my|our|see|watch|visit|meet|have)"
    r"|moving|leaving|driving|cooking|baking|starting|running|speaking|presenting|volunteering|celebrating|throwing"
    r"|staying (?:at|with)"
    r"|taking part|going on|going for|getting married|performing|cycling|hiking|painting|off to|on (?:vacation"
    r"|holiday|leave|call|sick"
    r" leave)"
    r"|away|out of (?:the )?office|off|in [A-Z]\w+)"
)
_HAVE = (
    r"(?:i|we)(?:'ve| have|'re|'m| are| am)?(?: been)? (?:invited to|booked (?:in )?for|signed up for)"
    r"|(?:(?:i|we)(?:'ve| have)? )?(?:(?:got|have|bought) )?(?:two |three |four |\d )?tickets?"
    r" (?:for|to)(?= (?!book\b|buy\b))"
    rf"|(?:i|we)(?: also)?(?:'ve| have)(?: also)?(?: got)?(?=\s(?:{_THING}|{MARK})\s)|(?:i|we) got(?=\s(?:an?|the|my"
    rf"|our|another)\s)"
    r"|(?:there's|there is|there will be|there'll be)(?=\s(?!no\b|nothing|any|some|a lot|too|so|not|more|still)\w)"
    rf"|(?:i'm|i am|we're|we are|i'll be|i will be|we'll be)(?: also)?(?: going to be)?(?=\s{_DOING}(?:\s|$))"
    r"|(?:(?:i|we)(?: also| just| really| still)? )?(?:need|have|ought|want) to|(?:(?:i|we)(?:'ve| have)? )?(?:got to"
    r"|gotta)"
    r"|(?:i|we) (?:must|will|should)|(?:i|we)'ll|(?:i|we)(?:'d like| would like|'re planning| are planning| plan| want"
    r"| agreed| arranged| decided) to(?=\s(?:have|meet|go|see|get|do|grab|visit|play|watch)\b)"
    rf"|(?:i|we)(?: usually| always| also| both| all)? (?:do|go to|attend|take)(?=\s(?!you\b|not\b|i\b|we\b)\w)"
    rf"|(?:i|we)(?: also| just| still| really)? need(?=\s(?:an?|the|my|some|{MARK})\s)|(?:i'd like|i want|i would"
    rf" like)(?=\s(?:an?|the|some|{MARK})\s)"
)

_OPENING = re.compile(
    rf"(?:(?P<reminder>{_REMIND})|(?P<event>{_KEEP}|{_APART}|{_MAKE})"
    rf"|(?P<having>{_HAVE}))(?!'s\b)(?=[\s,:;–\"'-]|$|{MARK})",
    re.IGNORECASE,
)

#: Words at the beginning of a clause that ask for something else than a new event.
_OTHER = re.compile(
    r"(?!drop\b.*\boff (?:at|with|to)\b)"
    + any_of(
        rf"(?:{any_of(', '.join((DELETE, MOVE, CHANGE, UNDO, LOOK_UP)))}), "
        rf"{any_of(DELETE_IT)}(?=\s(?:the|my|our|it|that|this|them|all)\b), "
        r"take (?:it|that|this|them|off|away|the .* (?:off|out)), export, import, stop, keep, leave, call me, set my, "
        "free, busy, repeat, duplicate, copy"
    )
    + r"\b",
    re.IGNORECASE,
)


def opening_of(text: str) -> tuple[Asks, int] | None:
    """Return what the first words ask for, and where they end; None: they open no request for a new event."""
    match = _OPENING.match(text)
    if match is None:
        return None
    return next((asks, match.end()) for asks in Asks if match[asks.value] is not None)


def opens_request(text: str, *, timed: bool = True) -> bool:
    """Return whether the first words of a clause open a request of any kind.

    Args:
        text: the clause.
        timed: it says when. "I should exercise more" asks for nothing, and "I have to exercise at 5" does.
    """
    opening = opening_of(text)
    if opening is not None and opening[0] is Asks.HAVING and not timed:
        return False
    return opening is not None or _OTHER.match(text) is not None


def opens_other(text: str) -> bool:
    """Return whether the first words ask for something else than a new event."""
    return opening_of(text) is None and _OTHER.match(text) is not None
