"""Knows deletions and moves that the words around them leave in doubt: these are asked about before they are done.

Cancel yoga? Please don't.
Write an email to Ana: please cancel lunch.
Ben dropped out of yoga.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from llmagent_os.plugins.calendar.requests.bystanders import tells_of_somebody
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.idioms import is_idiom
from llmagent_os.plugins.calendar.requests.openings import opens_request
from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.question_words import QUESTION
from llmagent_os.plugins.calendar.requests.quoted_words import is_for_others
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest
from llmagent_os.plugins.calendar.requests.request_verbs import CHANGING, DELETING

_CHANGES = ("delete_event", "move_event")
_SENTENCE = re.compile(r"(?<!\bdr)(?<!\bmr)(?<!\bms)(?<!\bmrs)[.!?;…\n]+[\s)\"']+|\s[–—]+\s", re.IGNORECASE)
_PIECE = re.compile(r"[.!?;:,…\n()]+\s*|\s+[–—-]+\s+")
_VERB = re.compile(rf"(?:{DELETING}|{CHANGING}|cancel+(?:ed|ing))\b", re.IGNORECASE)
_FRONT = re.compile(r"(?:(?:so|and|but|then|also|no|ok|okay|well|yes|now|please|sorry)[\s,]+)*", re.IGNORECASE)

#: What takes a request back, puts it off, or makes it depend on something, at the beginning of a piece behind it.
_TAKES_BACK = re.compile(
    r"(?:(?:actually|but|oh|well|no|hm+|sorry|wait|or|and|please|haha|lol|i mean)[\s,]+)*"
    r"(?:(?:please )?(?:don't|do not|dont)(?: (?:do|cancel|delete|move|change|remove|touch) (?:it|that|this|anything))?"
    r"(?: yet| now)?$"
    r"|don't (?:do|touch)\b|never$|not (?:yet|now|really|sure)|(?:absolutely|certainly|of course|definitely|obviously"
    r"|surely) not|no way|as if\b|i (?:don't|do not) (?:think so|know|mean)|i'm not sure|not that\b|hm+\b|let me"
    r" (?:think|check|see|ask)|i(?:'ll| will| have to| need to| must|'d better| should) (?:ask|check|think|decide|see)"
    r"|ask (?:me|her|him|them)\b|wait\b|hold on|hang on|hold off|ignore|disregard"
    r"|(?:it|that|this)(?:'s| is| was) (?:just |only )?(?:a joke|a test|not serious|a mistake|wrong"
    r"|what (?:he|she|they))"
    r"|(?:i'm |i am |i was )?(?:just |only )?(?:testing|test|kidding|joking|a joke|wondering)\b|i wish|in my dreams"
    r"|if only|wrong (?:window|chat|person|number|tab|bot|group)|wrong$|(?:should|shall) (?:i|we)\b|would that\b"
    r"|is that (?:ok|okay|wise|a good)|what do you think|on second thou?ghts?|second thou?ghts?|better not|maybe not"
    r"|rather not|(?:just )?leave (?:it|that)(?: (?:in|there|alone|as it is))?$|keep it(?: in| there)?$|or not$"
    r"|maybe$|perhaps$|(?:only )?(?:after|when|once|until|unless|as soon as) (?:i|you|we|she|he|they)\b"
    r"|unless\b|(?:only )?if (?!you (?:can|could|don't|would|please|like)\b|possible|that's (?:ok|okay|possible|all"
    r" right|alright|fine)|(?:it's|that is|it is) (?:ok|okay|possible|not too|still|there)))",
    re.IGNORECASE,
)
_THOUGHT = re.compile(r"\bon second thou?ghts?\b", re.IGNORECASE)
#: A condition inside of the piece with the request.
_CONDITION = re.compile(
    r"\b(?:on second thou?ghts?|unless|(?:only )?if (?:it|the|there|nobody|no one|he|she|they))\b", re.I
)
#: Remarks that leave a request as it is: a reason, a mood, courtesy.
_REMARK = re.compile(
    r"(?:(?:so|and|but|as|well|ugh|oh|sorry|yes|yeah|no|sadly|unfortunately|honestly|anyway|apparently)[\s,]+)*"
    r"(?:because|since|cause|cuz|as|due|i|i'm|im|i've|i'll|i'd|we|we're|we've|we'll|he|he's|she|she's|they|they're"
    r"|it|it's|its|that|that's|this|there|there's|my|our|the|his|her|their|a|an|too|so|not|can't|cannot|won't|no"
    r"|everyone|everybody|nobody|someone|somebody|something|work|life|turns|looks|got|have|had|feeling|hope|sorry"
    r"|thanks|thank|thx|ty|cheers|ugh|oh|yes|yeah|yep|ok|okay|great|good|nice|cool|perfect|awesome|lovely|sweet|hi"
    r"|hello|bye|lol|haha|hugs|love|really|just|only|all|both|done|sure|right|today|busy|sick|ill|tired|typical"
    r"|what (?:a|an)|such|never ?mind the|long|bad|poor|happy|happily|much|many|very|finally|enough|rain|traffic"
    r"|you|you're|best|kind|warm|regards|yours|sincerely|greetings"
    r"|doctor's)\b",
    re.IGNORECASE,
)


def in_doubt(clause: Clause, found: Iterable[ReadRequest]) -> tuple[ReadRequest, ...]:
    """Return the requests of a message, with those that its words leave in doubt marked to be asked about.

    Args:
        clause: the whole message.
        found: what was read in it.
    """
    found = tuple(found)
    if not any(each.call.name in _CHANGES for each in found):
        return found
    if _THOUGHT.search(clause.text):  # it is no "second" of a month
        found = tuple(each for each in found if each.call.name in _CHANGES)
    doubt = _is_taken_back(clause) or is_for_others(clause)
    return tuple(
        replace(each, unsure=True)
        if each.call.name in _CHANGES and (doubt or tells_of_somebody(each, clause) or is_idiom(each, clause.text))
        else each
        for each in found
    )


def takes_back(text: str) -> bool:
    """Return whether words behind a deletion or a change say that it is not to be done, or not yet.

    >>> takes_back("cancel yoga? Please don't."), takes_back("cancel yoga, I'm sick")
    (True, False)
    """
    text = text.replace("’", "'")
    verb = _VERB.search(text)
    if verb is None:
        return False
    first, *others = (each.strip() for each in _PIECE.split(text[verb.start() :]))
    return _CONDITION.search(first) is not None or any(_TAKES_BACK.match(each) for each in others if each)


def _is_taken_back(clause: Clause) -> bool:
    """Whether words behind a request, or a condition in it, leave open whether it is wanted."""
    text = clause.text.replace("’", "'")
    verb = _VERB.search(text)
    if verb is None:
        return False
    if takes_back(text):
        return True
    ends = [*_SENTENCE.finditer(text, verb.start())]
    asked = (
        bool(ends) and "?" in ends[0][0] and not re.search(r"\b(?:you|u|we|i|please)\W*$", text[: verb.start()], re.I)
    )
    stops = [*(each.start() for each in ends[1:]), len(text)]
    return any(
        not _is_harmless(clause.part(each.end(), stop), asked=asked) for each, stop in zip(ends, stops, strict=False)
    )


def _is_harmless(part: Clause, *, asked: bool) -> bool:
    """Whether a sentence behind a request leaves it as it is."""
    text = part.text.replace("’", "'").strip(" .,!;()")
    bare = plain(text)
    if not re.search(r"\w", bare) or part.mentions:
        return True
    begin = _FRONT.match(bare)
    rest = bare[begin.end() :] if begin else bare
    if opens_request(rest, timed=False) or QUESTION.match(rest) or _VERB.search(rest):
        return True
    return not asked and (_REMARK.match(text) is not None or len(rest.split()) > 12 or _names_event(part))


def _names_event(part: Clause) -> bool:
    words = set(re.findall(r"\w{3,}", part.text.lower()))
    return any(words & set(re.findall(r"\w{3,}", event.title.lower())) for event in part.events)
