"""Reads requests for new events and reminders.

    put a dentist appointment on friday at 10        tomorrow 3pm: call mum
    remind me at 5 to feed the cat                   Meeting with Kim 3pm
    I've got a job interview on monday at 9          can you pencil in lunch with Bob at Nobu friday noon?

The title is what remains after the times, the verb and the filler. Where something remains that is no title, nothing is
read. A new event never touches another one: only ``create_event`` is called.
"""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.creation_certainty import Opened, is_certain
from llmagent_os.plugins.calendar.requests.creation_note import split_note
from llmagent_os.plugins.calendar.requests.creation_task import task_of
from llmagent_os.plugins.calendar.requests.creation_times import after_length, creation_arguments, times_of
from llmagent_os.plugins.calendar.requests.creation_title import CALENDAR, Named, named
from llmagent_os.plugins.calendar.requests.event_nouns import names_event
from llmagent_os.plugins.calendar.requests.openings import Asks, opening_of, opens_other
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.time.holidays import HOLIDAYS
from llmagent_os.plugins.calendar.time.text_normalization import WEEKDAYS
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

#: "…, add that", "…, remind me", "…, can you put it in my calendar": behind what is to be added.
_BEHIND = re.compile(
    r"[\s,.;:!–—-]+(?:(?:and|so|then|please|pls|just|(?:can|could|would|will) you(?: please)?|i need you to"
    r"|i want you"
    r" to|you should"
    r"|make sure to|let's)[\s,]+)*"
    r"(?:(?P<reminder>(?:remind me|set (?:me )?(?:a|an) (?:reminder|alarm)|don't let me forget|give me a (?:nudge"
    r"|reminder)"
    r"|i need a reminder|tell me|let me know|shout|ping me|alert me|nudge me|remember)"
    r"(?: (?:of |about |for )?(?:it|that|this))?|(?:(?:as )?a )?reminder)"
    r"|(?:add|put|note|save|schedule|book|enter|write|mark|pencil|log|record|set|get|jot|block|stick|remember)(?:"
    r" (?:it|that|this|them|everything|me|all))?"
    r"(?: (?:in|down|up|out|off))?(?: please)?)\s*$",
    re.IGNORECASE,
)
#: "…, 3pm works best for me"
_WORKS = re.compile(
    rf"[\s,;]*(?:(?:so|and|i think|say)\s)?({MARK})\s(?:works|suits|is|would be|would work)(?: me| us)?"
    r"(?: best| fine| good| great| perfect| better| ideal| well)?(?: for (?:me|us|everyone|both of us))?$",
    re.IGNORECASE,
)
#: Words next to a time that change it. Where they remain, not everything was understood.
_LOST = re.compile(
    rf"(?:\b(?:until|till|til|except|excluding|but|not|unless|before|after|every|each|since|between|either|other"
    rf"|without|or|skip|skipping|apart from|besides"
    rf"|than|within|per|through|thru|ending|ends?|half|quarter|past|next|last|this|minus|usual)\s*(?={MARK}))"
    rf"|(?<=[\ue000-\uf8ff])\s*(?:(?:and|but|or),?\s)?(?:until|till|except|excluding|but|not|unless|or(?! so|"
    rf" thereabouts)|ish|every|each"
    rf"|before|after|onwards?|sharp|twice|times|(?:earlier|later|sooner) than|(?:his|her|their|local) time"
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
_MEAL = re.compile(r"breakfast|brunch|lunch|dinner|supper|tea")
#: No time of its own beside another time: "over for dinner at 7:30".
_FOR_MEAL = re.compile(rf"(?:over |round |around )?for (?:{_MEAL.pattern})")
#: What somebody tells in front of "write it in".
_ARRANGED = re.compile(
    r"(?:i|we)(?:'ve| have)?(?: just| also)? (?:booked|reserved|arranged|scheduled|bought)\s", re.IGNORECASE
)
#: What a reminder is called that nothing is said about.
_USUAL = re.compile(r"\b(?:(wake me|wake[- ]?up|get me up|waking|be woken)|(timer)|alarms?)\b", re.IGNORECASE)
#: Days that a title names without a date: "new year's eve party 9pm".
_HOLIDAY = re.compile(
    r"\b(?:new year'?s eve|nye|new year'?s day|christmas (?:eve|day)|boxing day|halloween|thanksgiving"
    r"|valentine'?s day"
    r"|easter (?:sunday|monday)|good friday|mother'?s day|father'?s day)\b",
    re.IGNORECASE,
)
#: No name of an alarm, but why it is set.
_ASIDE = re.compile(
    r"(?:please[\s,]*)?(?:i|i'm|i've|i'll|i'd|we|we're|we've|got|have|need|gotta|because|early)\b", re.IGNORECASE
)
#: What a reminder is for: "buzz me at 3:15 so I can leave for the train".
_PURPOSE = re.compile(
    r"\bso (?:that )?(?:i|we) (?:can|could|don't forget to|remember to|know (?:when )?to|won't forget to"
    r"|(?:don't|do not|won't) miss(?: the| my)?)"
    r" (?P<purpose>[^,;.!?]{3,80})",
    re.IGNORECASE,
)
#: "a 10 minute timer", with a mark for the length
_TIMER = re.compile(rf"(?:an? )?({MARK})(?: long)? timer\b", re.IGNORECASE)
#: "the kids have judo every saturday"
_THEIRS = re.compile(
    rf"(?:my\s|our\s|the\s)?(?P<who>(?!who\b|what\b|which\b|i\b|we\b|you\b|they\b|he\b|she\b|it\b|that\b"
    rf"|this\b)[\w'-]+"
    rf"(?:\sand\s[\w'-]+)?)\s(?:has|have)(?:\s(?:got|a|an|her|his"
    rf"|their))*\s(?P<what>[^,;.{MARK[1:-1]}]{{3,40}})(?={MARK})",
    re.IGNORECASE,
)
#: "I have friday off", "Emma has the week of June 7 off"
_DAY_OFF = re.compile(
    rf"(?P<who>(?:(?!who\b|what\b|when\b|which\b|do\b|does\b|if\b)[\w'-]+\s){{1,3}}?)(?:am\s|is\s|are\s)?(?:also\s)?"
    rf"(?:have|has|got|'ve got|takes?|taking|having|booked)\s(?:got\s)?(?P<when>{MARK}(?:\s{MARK})*)\soff",
    re.IGNORECASE,
)
_HYPOTHETICAL = re.compile(
    r"\b(?:what if|if i|should i|shall i|would it be|maybe i|perhaps i|i might|i may|not sure|thinking (?:of|about)|i"
    r" wonder|used to|was going to|would have"
    r"|was supposed to|suppose|instead of)\b",
    re.IGNORECASE,
)


def read_creation(clause: Clause) -> ToolCall | None:
    """Read a request for new events. None: it is none, or not every word is understood."""
    clause = clause.without(lambda mention: _is_no_time(clause, mention))
    found = _opened(clause)
    if found is None or clause.has(MentionKind.LEAD):
        return None
    if _LOST.search(f" {found.words} ") or _HYPOTHETICAL.search(clause.text):
        return None
    reminder = found.asks is Asks.REMINDER
    words, note = split_note(found.words)
    if note:
        found = Opened(found.asks, words)
    times = times_of(clause, found.words)
    if times is None:
        return None
    if reminder:
        times = after_length(times)
    name = named(re.split(MARK, found.words), reminder=reminder)
    if name is not None and reminder and _USUAL.search(clause.text) and _ASIDE.match(name.title):
        name = Named("")
    if name is not None and not name.title and reminder:
        purpose, usual = _PURPOSE.search(clause.text), _USUAL.search(clause.text)
        if purpose is not None:
            name = Named(purpose["purpose"].strip(" .!?"))
        elif usual is not None:
            name = Named("wake up" if usual[1] else "timer" if usual[2] else "alarm")
    if (
        name is None
        or _TIME_WORD.search(_without_day(f"{name.title} {name.place} {name.person}", times.date))
        or not is_certain(clause, found, name, times)
    ):
        return None
    if not (times.date or times.repeat) and (day := _HOLIDAY.search(name.title)):
        times = replace(times, date=day[0])
    if note and not name.title and not name.person:
        return None
    return ToolCall("create_event", creation_arguments(replace(name, note=note or name.note), times))


def _without_day(words: str, date: str) -> str:
    """Words without the day of the week in front, where the event is on that day: "sunday roast" on a sunday."""
    day = date.lower().rsplit(" ", 1)[-1]
    return re.sub(rf"^{day}\b", "", words, flags=re.IGNORECASE) if day in WEEKDAYS else words


def _is_no_time(clause: Clause, mention: TimeMention) -> bool:
    """Whether what could be a time is part of a title: a meal, a birthday, the number of something."""
    said = mention.text.lower()
    others = [each for each in clause.mentions if each != mention and each.kind is MentionKind.TIME]
    if _MEAL.fullmatch(said) or (others and _FOR_MEAL.fullmatch(said)) or re.fullmatch(r"\d+ of \d+", said):
        return True
    before = clause.text[: mention.start].rstrip()
    if said == "now" and re.match(r"\s*,", clause.text[mention.end :]):
        return True
    if re.fullmatch(r"\d+(?:st|nd|rd|th)", said) and re.search(r"(?:'s|s'|\b(?:my|his|her|our|their))$", before):
        return True
    if mention.kind is MentionKind.DATE and _names_day(clause, mention):
        return True
    before = re.sub(r'(?:^|(?<=\s))"[^"]*"', "", before)
    if (before.count('"') - len(re.findall(r'\d"', before))) % 2:
        return True  # within quotation marks
    after = clause.text[mention.end :]
    if re.fullmatch(r"daily|weekly|monthly|quarterly|yearly|annual", said) and re.match(r"\s[^\W\d]", after):
        kinds = [each.kind for each in clause.mentions if each != mention]
        return MentionKind.DATE in kinds and MentionKind.RECURRENCE not in kinds  # "the annual checkup on friday"
    bare = re.fullmatch(r"\d{1,2}", said) is not None
    return (
        bare
        and bool(before)
        and any(re.match(r"at |@|from |between |noon|midnight|\d.*(?:am|pm|:)", each.text) for each in others)
    )


def _names_day(clause: Clause, mention: TimeMention) -> bool:
    """Whether a day is part of a title, beside the day of the event: "thursday's seminar", "Xmas lunch"."""
    others = [each for each in clause.mentions if each != mention and each.kind is MentionKind.DATE]
    after = clause.text[mention.end :]
    said = mention.text.lower()
    again = any(
        said in WEEKDAYS and each.text.lower().split()[-1] == said for each in others
    )  # "sunday roast this sunday"
    described = said.endswith("'s") or said in (*HOLIDAYS, "weekend") or again
    return bool(others and described and re.match(r"\s[^\W\d]", after))


def _opened(clause: Clause) -> Opened | None:
    """What a request asks for, and the words behind its verb."""
    text = re.sub(r",\s*it(?:'s| is) (?=about\b)", " ", _WORKS.sub(r" \1", plain(clause.masked)))
    text = _TIMER.sub(r"timer \1", text)
    off = _DAY_OFF.fullmatch(CALENDAR.sub("", text))
    if off is not None and "?" not in clause.text:
        own = re.fullmatch(r"(?:i|we|i'm|we're|i've|we've|i'll|we'll)", off["who"].strip(), re.IGNORECASE)
        return Opened(Asks.HAVING, f"{'day' if own else off['who'].strip()} off {off['when']}")
    theirs = _THEIRS.match(text)
    if theirs is not None and names_event(theirs["what"]) and "?" not in clause.text:
        who = "" if theirs["who"].lower() in ("i", "we") else f" for {theirs['who']}"
        return Opened(Asks.HAVING, f"{theirs['what'].strip()}{who} {text[theirs.end('what') :]}")
    behind = _BEHIND.search(CALENDAR.sub("", text)) if clause.mentions else None
    if behind is not None and behind.start() > 0:
        rest = _ARRANGED.sub("", plain(CALENDAR.sub("", text)[: behind.start()]))
        inner = opening_of(rest)
        reminded = behind["reminder"] is not None
        if inner is None and opens_other(rest) and task_of(clause, rest, reminded=reminded) is None:
            return None
        asks = Asks.REMINDER if reminded or (inner and inner[0] is Asks.REMINDER) else Asks.EVENT
        return Opened(asks, rest[inner[1] :] if inner else rest)
    # A time in front: "tomorrow at 3 remind me to call mum".
    ahead = re.match(rf"(?:{MARK}[\s,:–-]*(?:(?:and|at|on)\s)?)+", text)
    if ahead is not None and (inner := opening_of(plain(text[ahead.end() :]))):
        return Opened(inner[0], ahead[0] + plain(text[ahead.end() :])[inner[1] :])
    opening = opening_of(text)
    if opening is not None:
        rest = text[opening[1] :].strip()
        if opening[0] is Asks.HAVING and (inner := opening_of(rest)) is not None:
            return Opened(inner[0], rest[inner[1] :])  # "I need to set up …"
        if opening[0] is Asks.HAVING and opens_other(rest) and task_of(clause, rest, needed=True) is None:
            return None
        return Opened(opening[0], text[opening[1] :])
    task = task_of(clause, text)
    return Opened(task, text) if task is not None or not opens_other(text) else None
