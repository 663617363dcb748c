"""Knows what must not be done: "don't delete the dentist", "what if I cancelled the gym?", "I didn't go".

>>> leaves_alone("don't delete the dentist!"), leaves_alone("don't forget the milk"), leaves_alone("delete the dentist")
(True, False, False)
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.politeness import before_request, plain
from llmagent_os.plugins.calendar.requests.request_verbs import ADD, CHANGE, DELETE, DELETE_IT, MOVE, REMIND, forms_of

_CHANGE = forms_of(ADD, REMIND, DELETE, DELETE_IT, MOVE, CHANGE, "touch, take, throw")
_NOT = re.compile(
    r"(?:(?:no|wait|stop|hey|please|oh|ok|okay|and|but|so|whatever you do)[\s,.!]+)*"
    r"(?:don't|do not|never|(?:i|we) (?:don't|do not|didn't|did not) (?:want|need|ask|tell) (?:you to|for)|you (?:must"
    r"|should|need|may|can|could|do)(?:n't| not)(?: (?:have|need) to)?|you mustn't"
    r"|(?:i'm|i am) not (?:saying|asking)(?: you)?(?: (?:that )?(?:you|we) should| to)?|(?:it's "
    r"|it is )?not that (?:i|we)"
    r" (?:want|need)(?: you)? to|(?:there's |there is )?no need to|it's not necessary to|refrain from|avoid"
    r"|(?:please )?not)"
    rf"(?: ever| just| you dare| please| yet| even| accidentally| bother to| bother)*\s+(?:{_CHANGE})\b(?! me forget)",
    re.IGNORECASE,
)
_NOTHING = re.compile(rf"{_CHANGE} (?:nothing|none of (?:it|them|this|these))\b", re.IGNORECASE)
_FORGET = re.compile(
    r"(?:i )?(?:don't|do not|never|can't|cannot|must not|mustn't)(?: you)?(?: let me| want to)? (?:forget|miss)\b",
    re.IGNORECASE,
)
_IF = re.compile(
    rf"(?:what|how) (?:if|about if|would happen if|happens if|will happen if)\b|(?:should|shall) (?:i|we)\b|do you"
    rf" think (?:i|we) should|would it be (?:bad|ok|okay|rude|fine|possible|better|a problem|smart|wise) (?:if|to)"
    rf"|(?:if|suppose|supposing|imagine|let's say) (?:i|we)\b.*\b{_CHANGE}\b|would you (?:cancel|delete|move|skip"
    rf"|reschedule)|is it (?:ok|okay|bad|rude|fine) (?:if|to)",
    re.IGNORECASE,
)
_MAYBE = re.compile(
    r"(?:maybe|perhaps|possibly)\b|(?:i|we) (?:might|may|could)\b(?! (?:have|need|use|want|be)\b)|(?:i'm|i am|we're)"
    r" (?:thinking|considering|not sure|undecided|wondering|tempted|debating)|i was (?:thinking|considering|going to"
    r"|about to)"
    r"|i (?:wonder|wish|guess|suppose)\b|i(?:'m| am) not sure|not sure (?:if|whether|yet)|i haven't decided|i don't"
    r" know (?:if|whether|yet)|i (?:almost|nearly)\b",
    re.IGNORECASE,
)
_NOT_DONE = re.compile(
    r"(?:i|we) (?:didn't|did not|haven't|have not|hadn't|never|couldn't|wasn't|weren't)\b", re.IGNORECASE
)
_NO_LONGER = re.compile(
    r"\b(?:any ?more|any longer|no longer|(?:can't|cannot|won't|can not|will not|won't be able to)"
    r" (?:make|attend|come|go|do|join|be (?:at|in|there|able|going|coming|joining|attending|doing))|from now on"
    r"|not (?:going to(?= (?:the |my |our )?(?!be\b|have\b|do\b)\w+)|coming to|attending|doing|joining|making)"
    r"|(?:feel like|fancy)(?= )|(?:want to|rather not|prefer not to) (?:go|do|attend)"
    r"|have to miss|going to miss|won't be (?:at|in|going|coming))\b",
    re.IGNORECASE,
)
_NO_NEED = re.compile(
    r"(?:i|we)(?: (?:probably|sadly|unfortunately|really|just|definitely|most likely))*(?: |(?='))(?:"
    r"(?:don't|do not|no longer|won't) (?:need|want|have|feel like|fancy)|(?:'d|would) (?:rather|prefer) not"
    r"|(?:can't|cannot|can not|won't|will not) (?:make|go|attend|come|do|join"
    r"|be (?:at|in|there|going|coming|able|joining|attending|doing))"
    r"|(?:am|are|'m|'re) not (?:going|coming|attending|doing|joining|making)"
    r"|(?:have|'ve got|need|'ll have|will have|am going|'m going) to miss)\b"
    r"|(?:don't|do not|no need to|stop) (?:remind|reminding|alert|ping|notify|wake)\w* me\b",
    re.IGNORECASE,
)

#: "I'm not going to cancel the gym" is no word against the gym.
_NOT_CHANGING = re.compile(rf"(?:i|we)\S* (?:am |are )?not going to {_CHANGE}\b", re.IGNORECASE)
#: Nor is "I'm not going to lie, yoga is hard", and "I can't go to yoga without my mat" says only how.
_STAYS = re.compile(
    r"(?:i|we)\S* (?:am |are )?not going to (?:lie|pretend|deny|argue|complain|say|tell|talk|think|worry|bother|let"
    r"|give|take|get|go|come|need|want|wear|bring|eat|drink|buy|pay|like|enjoy|ask|wait|try|use|leave|rush|fight|quit"
    r"|stop|miss|forget|sugarcoat|mind|beg|cry)\b"
    r"|[^,.;!?]*\b(?:without|alone|late(?=\W*$|[,.;!?])|early(?=\W*$|[,.;!?])|by myself|on my own|hungry|unprepared"
    r"|empty-handed|by (?:car|bus|bike|train)|on foot)\b",
    re.IGNORECASE,
)


#: Words of titles that name nothing.
_SMALL = frozenset("the a an my with at of to and appointment for".split())
#: What takes back all that stands before it: "add lunch at noon. actually no".
_TAKEN_BACK = re.compile(
    r"(?:[,.;:!–—-]\s*"
    r"|\s+(?=(?:no|nope|nah|actually|wait)\s+(?:\w+\s+)?(?:don[’']?t|never ?mind|scratch that)[\s.!]*$))"
    r"(?:(?:actually|wait|oh|hm+|sorry|ah|haha|lol|or|well|no|nope|nah)[\s,.]+)*"
    r"(?:no|nope|nah|never ?mind|forget (?:it|that)|scratch that"
    r"|(?:don[’']?t|do not)(?: (?:add|book|put|do|bother)(?: (?:it|that|this|anything))?(?: in)?)?"
    r"|(?:i'm |i was )?(?:just |only )?(?:kidding|joking)|jk)[\s.!,)]*",
    re.IGNORECASE,
)


def is_taken_back(text: str) -> bool:
    """Return whether the last words take back what the others ask for.

    >>> is_taken_back("add lunch at noon. actually no"), is_taken_back("no, add lunch"), is_taken_back("never mind")
    (True, False, False)
    >>> is_taken_back("add lunch at noon, actually no dont"), is_taken_back("add lunch at noon, don't forget")
    (True, False)
    """
    last = next((match for match in _TAKEN_BACK.finditer(text) if match.end() == len(text)), None)
    return last is not None and len(plain(text[: last.start()]).split()) > 1


def leaves_alone(text: str) -> bool:
    """Return whether words say what is not to be done, or only might be."""
    text = text[_polite(text) :]
    return not _FORGET.match(text) and any(each.match(text) for each in (_NOT, _NOTHING, _NO_NEED))


def is_undecided(clause: Clause) -> bool:
    """Return whether words only weigh what might be done, or say what was not done."""
    text = clause.text[_polite(clause.text) :]
    if re.match(r"maybe (?:you )?(?:add|put|schedule|remind)", text, re.IGNORECASE):
        return False
    about = (
        bool(clause.mentions)
        or re.search(rf"\b{_CHANGE}\b", text, re.IGNORECASE) is not None
        or bool(named_events(clause))
    )
    return about and any(each.match(text) for each in (_IF, _MAYBE, _NOT_DONE))


def is_not_needed(clause: Clause) -> bool:
    """Return whether words say that an event of the calendar is no longer wanted, without asking to delete it."""
    text = clause.text[_polite(clause.text) :].replace("\u2019", "'")
    if _NOT_CHANGING.match(text) or _STAYS.match(text):
        return False
    return _NO_NEED.match(text) is not None and _NO_LONGER.search(text) is not None


def no_longer_needed(clause: Clause) -> str:
    """Return what is no longer needed, in the person's words; empty: they do not say it."""
    text = clause.masked[_polite(clause.masked) :]
    match = _NO_NEED.match(text)
    words = _NO_LONGER.sub(" ", text[match.end() :]) if match else ""
    words = re.sub(rf"{MARK}|[.!,]|\bfrom on\b", " ", words)
    words = re.sub(r"^\s*(?:(?:to |it to )?(?:make|attend|go to|do|have)|it to|about|of|going to|to)?\s", " ", words)
    words = re.sub(r"^\s*(?:the|my|an?|that|this|any|our)\s", "", words)
    return " ".join(words.split())


def event_named(clause: Clause) -> str:
    """Return the title of the only event that the words name, by all of its title or by one word; empty: there is none.

    >>> from datetime import datetime
    >>> event_named(Clause("don't cancel the coffee", datetime(2026, 3, 2)))
    ''
    """
    ids = named_events(clause)
    titles = {event.title for event in clause.events if event.event_id in ids}
    if not titles:
        said = set(re.findall(r"\w{3,}", clause.text.lower())) - _SMALL
        titles = {event.title for event in clause.events if said & set(re.findall(r"\w{3,}", event.title.lower()))}
    return titles.pop() if len(titles) == 1 else ""


def named_events(clause: Clause) -> list[str]:
    """Return the ids of the events whose whole title is in the words, without small words."""
    said = set(re.findall(r"\w+", clause.text.lower()))
    found: list[str] = []
    for event in clause.events:
        words = set(re.findall(r"\w+", event.title.lower())) - _SMALL
        if words and (words <= said or len(words & said) >= 2):
            found.append(event.event_id)
    return found


def _polite(text: str) -> int:
    """The length of the greetings in front. "maybe" is no courtesy here."""
    match = re.match(r"(?:(?:maybe|perhaps|should|shall|let's say)\b)", text, re.IGNORECASE)
    return 0 if match else before_request(text)
