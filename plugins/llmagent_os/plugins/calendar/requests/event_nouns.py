"""Nouns of what people put into calendars. Without a verb, or without a time, they say that an event is meant."""

from __future__ import annotations

import re

_NOUNS = (
    "meetings? call calls appointment appt mtg meet-?up meet session catch-?up check-?in check-?up chat interview"
    " review"
    " retro retrospective stand-?up scrum sync 1:1 1-1 one-?on-?one one-?to-?one presentation demo pitch kick-?off"
    " planning"
    " workshop seminar webinar conference talk lecture class classes lesson tutorial course exam test quiz deadline"
    " due"
    " hackathon off-?site retreat audit training induction orientation shift on-call briefing debrief rehearsal"
    " practice"
    " breakfast brunch lunch dinner supper tea coffee drinks? beers? cocktails? pub bbq barbecue picnic potluck party"
    " birthday bday anniversary wedding funeral christening baptism graduation reunion baby-?shower ceremony"
    " celebration"
    " concert gig show play movie movies film cinema theatre theater opera ballet musical festival exhibition museum"
    " match"
    " game tournament race marathon football soccer basketball tennis golf hockey cricket rugby volleyball badminton"
    " squash chess poker bowling gym yoga pilates spinning zumba crossfit workout run running jog jogging swim"
    " swimming"
    " hike hiking walk climbing bouldering cycling bike ride skiing boxing karate judo dance dancing ballet choir band"
    " piano guitar violin recital dentist doctor dr doc gp vet physio physiotherapy therapy therapist optician"
    " orthodontist dermatologist hairdresser haircut barber massage manicure facial spa surgery operation scan mri"
    " x-?ray"
    " vaccination jab flu-?shot blood-?test checkup hygienist counselling counseling plumber electrician cleaner"
    " handyman"
    " babysitter sitter mechanic inspection delivery pick-?up drop-?off oil-?change car-?service mot viewing"
    " vacation vacations holiday holidays trip travel flight train ferry cruise staycation honeymoon camp camping"
    " leave pto"
    " day-?off time-?off visit visitors sleepover playdate date-?night game-?night movie-?night book-?club church mass"
    " service"
    " sermon mosque synagogue school parents?'? parent-teacher pta recital assembly field-?trip rent payday bills?"
    " appointment reservation booking event ceremony feast dentists? interview deep-?work focus-?time errands?"
    " groceries shopping"
    " laundry study homework assignment thesis submission launch release sprint board all-?hands townhall fitting"
    " tasting tour"
    " hearing court jury signing closing move-?in house-?move moving outing excursion expo fair market auction"
    " gala prom house-?warming barber spa-?day"
)
#: "check-?up" is also written apart: "check up".
_SPELLED = "|".join(dict.fromkeys(_NOUNS.split())).replace("-?", "[- ]?")
_NOUN = re.compile(rf"(?<![\w'])(?:{_SPELLED})(?![\w])", re.IGNORECASE)
#: They have no time of day unless one is said.
_WHOLE_DAY = (
    r"birthday|bday|anniversary|holidays?|vacation|days? off|time off|trip|travel|conference|festival|pto|leave"
    r"|deadline|due|turns \d+|staycation|honeymoon|camp|rent|payday|pay day|tax(?:es)?|payment|renewal|fast|visit from"
    r"|out of office|ooo|retreat|closed|closure|moving (?:house|day|home)|move house|house move|bank holiday"
    r"|public holiday|half[- ]term|strike"
    r"|(?!(?:the|that|this|what|which|whole|full|entire|same|other|busy|long|good|nice|my|your|our|every|each"
    r"|all|one)\s)"
    r"[^\W\d_]{3,} day$"
)
_IS_WHOLE_DAY = re.compile(rf"\b(?:{_WHOLE_DAY})\b", re.IGNORECASE)
#: These too, or only a day is said of something that has a time.
_MAY_LAST_DAYS = re.compile(rf"\b(?:{_WHOLE_DAY}|hackathon|off-?site|visits?|wedding|away|exams?)\b", re.IGNORECASE)
#: A thing to do on a day has no time of its own: "renew the passport".
_ERRAND = re.compile(
    r"(?:renew|pay|submit|return|cancel|hand in|turn in|file|send|buy|order|post|mail|finish|complete|water|clean|wash"
    r"|change|replace|charge|take out|put out|pack|prepare|print|sign|register|apply|vote|back up|update|upload|check"
    r"|review the|read|write|email|text|reply|fill (?:in|out)|book|arrange|organi[sz]e|declutter|fix|repair)\b",
    re.IGNORECASE,
)
#: What "book" and "reserve" are said of that somebody else sells.
_SOLD = re.compile(
    r"(?:an? |the |me |us |some |my |\d+ |two |cheap |return |round[- ]trip |one[- ]way |business class )*"
    r"(?:flights?|tickets?|hotels?|motel|taxi|cab|uber|lyft|ride|car|rental|airbnb|train|bus|seats?|suite|limo|trip"
    r"|cruise"
    r"|plane|airplane|vacation package)\b",
    re.IGNORECASE,
)


def names_event(title: str) -> bool:
    """Return whether a title has the name of something that people put into calendars.

    >>> names_event("team breakfast"), names_event("lights off")
    (True, False)
    """
    return _NOUN.search(title.replace(" ", " ")) is not None


#: They name no event when another noun of the sentence does: "my dentist moved the appointment".
_GENERIC = re.compile(
    r"(?:appointments?|appt|meetings?|events?|call|calls|visit|booking|reservation|session)$", re.IGNORECASE
)
_DETERMINER = r"(?:an?|the|my|our|this|that|his|her|their|some|another|for|to|have|got)"
_PHRASE = re.compile(
    rf"\b{_DETERMINER}\s(?P<name>(?:(?!{_DETERMINER}\b|with\b|and\b|but\b|told\b"
    rf"|said\b)[\w'-]+\s){{0,3}}?(?:{_SPELLED})s?(?![\w])"
    rf"(?:'s?)?(?:\s(?:evening|night|day|thing|{_SPELLED})(?![\w])){{0,2}})"
    r"(?P<whom>\s(?:with|for|of)\s(?:(?:the|my|our|his|her)\s\w+|(?-i:[A-Z][\w'-]+(?:(?:\sand)?\s[A-Z][\w'-]+)*)))?",
    re.IGNORECASE,
)
_COMING = re.compile(
    r"\b(?:have|'ve got|got|there's|there is|invited (?:\w+ )?to|going to|planning|booked|(?:date|day|time|slot)"
    r" for)\s(?:an?|the|my|our|this|some)\s"
    r"(?P<name>[\w' -]+?)(?=\s(?:coming up|next|soon|planned|that|which|and|but|because|so)\b|[,.;!?]|$)",
    re.IGNORECASE,
)


def event_phrase(sentence: str) -> str:
    """Return what a sentence calls the event that it speaks of; empty: it speaks of none.

    >>> event_phrase("My boss told me the quarterly review got pushed again")
    'quarterly review'
    """
    phrases = list(_PHRASE.finditer(sentence))
    found = next((each for each in phrases if not _GENERIC.search(each["name"])), phrases[0] if phrases else None)
    if found is not None:
        return found["name"].strip() + (found["whom"] or "")
    coming = _COMING.search(sentence)
    return coming["name"].strip() if coming is not None and len(coming["name"].split()) <= 6 else ""


def lasts_days(title: str) -> bool:
    """Return whether a title has the name of something that may have no time of day."""
    return _MAY_LAST_DAYS.search(title) is not None


def is_whole_day(title: str) -> bool:
    """Return whether a title has the name of something without a time of day.

    >>> is_whole_day("Leo's birthday"), is_whole_day("wedding of Ana")
    (True, False)
    """
    return _IS_WHOLE_DAY.search(title) is not None


def is_errand(title: str) -> bool:
    """Return whether a title says what to do on a day, at no time of its own.

    >>> is_errand("renew the passport"), is_errand("dentist")
    (True, False)
    """
    return _ERRAND.match(title) is not None


def is_sold(words: str) -> bool:
    """Return whether words begin with what has to be bought elsewhere."""
    return _SOLD.match(words.strip()) is not None
