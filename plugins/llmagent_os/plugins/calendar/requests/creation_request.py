"""Reads requests for new events and reminders.

    put a dentist appointment on friday at 10        tomorrow 3pm: call mum
    remind me at 5 to feed the cat                   Meeting with Kim 3pm
    I've got a job interview on monday at 9          can you pencil in lunch with Bob at Nobu friday noon?

The title is what remains after the times, the verb and the filler. Where something remains that is no title, nothing is
read. A new event never touches another one: only ``create_event`` is called.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_times import Times, creation_arguments, times_of
from llmagent_os.plugins.calendar.requests.creation_title import CALENDAR, Named, named
from llmagent_os.plugins.calendar.requests.event_nouns import is_sold, lasts_days, names_event
from llmagent_os.plugins.calendar.requests.left_alone import named_events
from llmagent_os.plugins.calendar.requests.openings import OTHER_VERBS, Asks, opening_of, opens_other
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

#: "…, add that", "…, remind me", "…, can you put it in my calendar": behind what is to be added.
_BEHIND = re.compile(
    r"[\s,.;:!–—-]+(?:(?:and|so|then|please|pls|just|(?:can|could|would|will) you(?: please)?|i need you to|i want you"
    r" to|you should"
    r"|make sure to|let's)[\s,]+)*"
    r"(?:(?P<reminder>(?:remind me|set (?:me )?(?:a|an) (?:reminder|alarm)|don't let me forget|give me a (?:nudge"
    r"|reminder)"
    r"|i need a reminder|ping me|alert me|nudge me|remember)(?: (?:of |about |for )?(?:it|that|this))?|(?:as )?a"
    r" reminder)"
    r"|(?:add|put|note|save|schedule|book|enter|write|mark|pencil|log|record|set|get|jot|block|stick|remember)(?:"
    r" (?:it|that|this|them|everything|me|all))?"
    r"(?: (?:in|down|up|out|off))?(?: please)?)\s*$",
    re.IGNORECASE,
)
#: Words that begin no name of an event.
_NO_NAME = re.compile(
    r"(?:i|i'm|i'd|i've|i'll|you|you're|he|she|it|it's|we|we're|they|who|what|what's|when|where|why|how|which|whose|is"
    r"|are|am|was|were|do|does|did"
    r"|can|could|would|should|will|shall|may|might|must|have|has|had|yes|no|not|nope|never|don't|doesn't|didn't|won't"
    r"|if|because|maybe|perhaps"
    r"|this|that|these|those|good|nice|happy|thanks|thank|see|talk|bye|goodbye|hello|hi|sorry|same|any|anything"
    r"|everything|nothing|something|let|there|here"
    r"|until|till|except|but|unless|without|instead|ok|okay|sure|fine|wow|great|cool|really|only|still|already|so|too"
    r"|as|than|every|each|all|both|neither"
    r"|say|tell|ask|give|show|make|take (?:it|that|me|this)|play|turn|open|send|order|search|translate|write|email"
    r"|text|tweet|post|start|stop|pause|remove|delete|free|busy|confirm|rent|hear|submit|check|find|look|read|watch"
    r" out|set|let)\b",
    re.IGNORECASE,
)
#: Nouns that people ask about, and do not add without a verb.
_ASKED_ABOUT = re.compile(
    r"(?:the |my |our |local )*(?:weather|forecast|news|headlines|traffic|temperature|horoscope|time|date|stocks?"
    r"|scores?|schedule|agenda|calendar|plans?|events?"
    r"|appointments?|meetings|availability|rain|sunrise|sunset|music|alarms?|reminders?|joke|taxi|uber|cab|tasks?"
    r"|to-?dos?|itinerary|day|week|weekend|one|ones)\b",
    re.IGNORECASE,
)
#: A verb in it makes it a sentence, and no name.
_SENTENCE = re.compile(
    r"\b(?:(?:is|are)(?! (?:coming|visiting|arriving|in town|performing|due|leaving|landing|flying)\b)|was|were|isn't"
    r"|aren't|has|have|had|did|does|do|don't|didn't|won't|will|would|could|should|can|can't|cannot|i|i'm|you|you're|he"
    r"|she|they|we"
    r"|it's|that's|went|got|said|told|been|am|think|hope|hate|love|want|wish|wonder|guess|sounds|works|seems|looks"
    r"|feel|instead|rather|cancelled|canceled|moved"
    r"|postponed|changed|not|never|please|sorry|free|busy|available)\b",
    re.IGNORECASE,
)
#: Words next to a time that change it. Where they remain, not everything was understood.
_LOST = re.compile(
    rf"(?:\b(?:until|till|til|except|excluding|but|not|unless|before|after|every|each|since|between|either|other"
    rf"|without|or|skip|skipping|apart from|besides"
    rf"|than|within|per|through|thru|ending|ends?|half|quarter|past|next|last|this)\s*(?={MARK}))"
    rf"|(?<=[\ue000-\uf8ff])\s*(?:(?:and|but|or),?\s)?(?:until|till|except|excluding|but|not|unless|or|ish|every|each"
    rf"|before|after|onwards?|sharp|twice|times"
    rf"|if|when|ago|once)\b",
    re.IGNORECASE,
)
_TIME_WORD = re.compile(
    r"\bon the \d+(?:st|nd|rd|th)\b|^\d+(?:st|nd|rd|th)\b(?! \w+ (?:birthday|anniversary))|\b(?:someday|noonish|one"
    r" day)\b|\b(?:mon|tues?|wednes|thurs|fri|satur|sun)days?\b|\b(?:tomorrow|today|tonight|o'clock|weekdays?"
    r"|fortnight|hourly)\b|\d+ ?(?:am|pm|a\.m|p\.m)\b"
    r"|\b\d{1,2}:\d\d\b|\bevery (?:day|week|month|year|other|second|\d)|\b(?:days?|weeks?|hours?|minutes?|mins?)"
    r" (?:before|ahead|early|earlier|later|in advance)\b",
    re.IGNORECASE,
)
#: A sentence beside the request, which is no part of a title.
_REMARK = re.compile(
    r"(?:\band )?\b(?:i|he|she|we|they|it)(?:'m|'s|'re|'ll|'ve)?\s(?:\w+ )?(?:can|can't|cannot|will|won't|have|has|am"
    r"|is|are|was|were|need|needs|want|wants"
    r"|love|loves|hate|hope|think|said|told|should|must|could|would|don't|doesn't|didn't|told|keep|keeps|always|never"
    r"|really|so|looking|too|not)\b",
    re.IGNORECASE,
)
#: What a reminder is called that nothing is said about.
_USUAL = re.compile(r"\b(?:(wake me|wake[- ]?up|get me up)|alarms?)\b", re.IGNORECASE)
_HYPOTHETICAL = re.compile(
    r"\b(?:what if|if i|should i|shall i|would it be|maybe i|perhaps i|i might|i may|not sure|thinking (?:of|about)|i"
    r" wonder|used to|was going to|would have"
    r"|was supposed to|suppose|instead of)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class _Read:
    """The parts of a request for a new event."""

    asks: Asks | None  #: None: there is no verb
    words: str  #: what follows the verb, with marks for the times


def read_creation(clause: Clause) -> ToolCall | None:
    """Read a request for new events. None: it is none, or not every word is understood."""
    clause = clause.without(lambda mention: _is_no_time(clause, mention))
    found = _opened(clause)
    if found is None or clause.has(MentionKind.LEAD):
        return None
    if _LOST.search(f" {found.words} ") or _HYPOTHETICAL.search(clause.text):
        return None
    times = times_of(clause, found.words)
    if times is None:
        return None
    reminder = found.asks is Asks.REMINDER
    name = named(re.split(MARK, found.words), reminder=reminder)
    if name is not None and not name.title and (usual := _USUAL.search(clause.text)) and reminder:
        name = Named("wake up" if usual[1] else "alarm")
    if (
        name is None
        or _TIME_WORD.search(f"{name.title} {name.place} {name.person}")
        or not _fits(clause, found, name, times)
    ):
        return None
    return _call(name, times)


def _is_no_time(clause: Clause, mention: TimeMention) -> bool:
    """Whether what could be a time is part of a title: a meal, a birthday, the number of something."""
    said = mention.text.lower()
    if said in ("breakfast", "brunch", "lunch", "dinner", "supper", "tea") or re.fullmatch(r"\d+ of \d+", said):
        return True
    before = clause.text[: mention.start].rstrip()
    if re.fullmatch(r"\d+(?:st|nd|rd|th)", said) and re.search(r"(?:'s|s'|\b(?:my|his|her|our|their))$", before):
        return True
    if (before.count('"') - len(re.findall(r'\d"', before))) % 2:
        return True  # within quotation marks
    after = clause.text[mention.end :]
    if re.fullmatch(r"daily|weekly|monthly|quarterly|yearly|annual", said) and re.match(r"\s[^\W\d]", after):
        kinds = [each.kind for each in clause.mentions if each != mention]
        return MentionKind.DATE in kinds and MentionKind.RECURRENCE not in kinds  # "the annual checkup on friday"
    others = (each for each in clause.mentions if each != mention and each.kind is MentionKind.TIME)
    bare = re.fullmatch(r"\d{1,2}", said) is not None
    return (
        bare and bool(before) and any(re.match(r"at |@|from |between |\d.*(?:am|pm|:)", each.text) for each in others)
    )


def _opened(clause: Clause) -> _Read | None:
    """What a request asks for, and the words behind its verb."""
    text = plain(clause.masked)
    behind = _BEHIND.search(CALENDAR.sub("", text)) if clause.mentions else None
    if behind is not None and behind.start() > 0:
        rest = plain(CALENDAR.sub("", text)[: behind.start()])
        inner = opening_of(rest)
        if inner is None and opens_other(rest):
            return None
        asks = Asks.REMINDER if behind["reminder"] or (inner and inner[0] is Asks.REMINDER) else Asks.EVENT
        return _Read(asks, rest[inner[1] :] if inner else rest)
    # A time in front: "tomorrow at 3 remind me to call mum".
    ahead = re.match(rf"(?:{MARK}[\s,:–-]*(?:(?:and|at|on)\s)?)+", text)
    if ahead is not None and (inner := opening_of(plain(text[ahead.end() :]))):
        return _Read(inner[0], ahead[0] + plain(text[ahead.end() :])[inner[1] :])
    opening = opening_of(text)
    if opening is not None:
        rest = text[opening[1] :].strip()
        if opening[0] is Asks.HAVING and (inner := opening_of(rest)) is not None:
            return _Read(inner[0], rest[inner[1] :])  # "I need to set up …"
        if opening[0] is Asks.HAVING and opens_other(rest) and not re.match(r"(?:take|see|make|bring)\b", rest, re.I):
            return None
        return _Read(opening[0], text[opening[1] :])
    return None if opens_other(text) else _Read(None, text)


def _fits(clause: Clause, found: _Read, name: Named, times: Times) -> bool:
    """Whether the words are a request: the less the verb says, the more the rest has to."""
    remark = _REMARK.search(f"{name.title} {name.person} {name.place}")
    if remark is not None and (found.asks is not Asks.REMINDER or remark[0].lower().startswith("and")):
        return False
    first = times
    timed = bool(first.date or first.time or first.repeat)
    if found.asks is Asks.REMINDER:
        about = re.match(r"\s*(?:of|about|when|where|on)\b", found.words, re.IGNORECASE)
        return (timed or (bool(name.title) and not about)) and not _is_question(name.title)
    if found.asks is Asks.EVENT:
        return _is_event(clause, found, name, timed)
    if found.asks is Asks.HAVING:
        named_or_open = bool(name.title or name.person) or re.search(r"\b(?:appointment|something)\b", found.words)
        wish = re.match(r"(?:i'd like|i want|i would like)\b", plain(clause.text), re.IGNORECASE)
        sure = wish is None or names_event(name.title)
        return timed and bool(named_or_open) and sure and "?" not in clause.text and not _says_other(name)
    if re.search(rf"\b(?:is|are|starts|begins)\b\s*{MARK}", clause.masked) and named_events(clause):
        return False  # it may say that an event of the calendar has changed
    return timed and "?" not in clause.text and _is_name(name) and _is_sure(name, first)


def _is_question(title: str) -> bool:
    """Whether "remind me …" goes on with what the person wants to know now."""
    return bool(
        re.match(r"(?:what|when|where|who|which|how|if|whether|why)(?:'s)?\b", title, re.IGNORECASE)
        or re.search(
            r"\b(?:appointments|meetings|events|schedule|agenda|plans|reminders|birthdays)$", title, re.IGNORECASE
        )
        or re.match(r"(?:any|all|every|upcoming|my next|next)\b", title, re.IGNORECASE)
    )


def _is_event(clause: Clause, found: _Read, name: Named, timed: bool) -> bool:
    """Whether "add …", "schedule …", "book …" is about an event."""
    if "?" in clause.text and not timed and not name.title:
        return False
    text = plain(clause.text)
    if re.match(r"(?:book|reserve|get)\b", text, re.IGNORECASE) and is_sold(re.sub(MARK, " ", found.words)):
        return False
    if (
        not name.title
        and not name.person
        and re.match(rf"(?:schedule|plan)\s+(?:for |on )?{MARK}", plain(clause.masked), re.I)
    ):
        return False  # "schedule for friday" may be a question
    in_calendar = re.search(
        r"\b(?:event|appointment|calendar|diary|agenda|schedule|planner)\b", clause.text, re.IGNORECASE
    )
    return (timed or names_event(name.title) or bool(in_calendar) or bool(name.person)) and not _sentence_of_other(name)


def _is_name(name: Named) -> bool:
    """Whether words without a verb name something."""
    title = f"{name.title} {name.place}"
    return (
        re.search(r"[^\W\d_]", name.title) is not None
        and not _NO_NAME.match(name.title)
        and not _ASKED_ABOUT.fullmatch(name.title.strip())
        and not _SENTENCE.search(title)
        and not re.search(rf"\b{OTHER_VERBS}\b", title, re.IGNORECASE)
        and len(name.title.split()) <= 9
    )


def _is_sure(name: Named, times: Times) -> bool:
    """Whether a name and its times leave no doubt that an event is to be added."""
    if (times.date or times.repeat) and times.time:
        return not _ASKED_ABOUT.match(name.title) or names_event(name.title)
    if _ASKED_ABOUT.match(name.title):
        return False
    return names_event(name.title) or (not times.time and lasts_days(name.title)) or bool(name.person and times.time)


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


def _call(name: Named, times: Times) -> ToolCall:
    return ToolCall("create_event", creation_arguments(name, times))
