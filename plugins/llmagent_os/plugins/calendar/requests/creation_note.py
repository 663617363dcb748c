r"""Notes that people add to a new event: "potluck on saturday at 6pm, bring salad", "… - don't forget the wine".

>>> split_note("potluck \ue000 \ue001, bring salad")
('potluck \ue000 \ue001', 'bring salad')
>>> note_of("Don't forget to bring the wine!")
'bring the wine'
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import MARK
from llmagent_os.plugins.calendar.requests.event_nouns import names_event
from llmagent_os.plugins.calendar.requests.openings import opens_request

_FILLER = r"(?:(?:and|but|also|please|pls|oh|ps|p\.s\.)[\s,]+)*"
_NEED = r"(?:(?:i|we|you)(?:'ll| will| should| must| have to| need to|'ve got to| gotta)? )?"
_NOT_FORGET = r"(?:(?:don't|do not|never|must not|mustn't) forget|remember|be sure|make sure)(?: (?:to|about))?"
_LABEL = r"(?:(?:side )?notes?(?: to self)?|memo|nb|reminder to self)\s?[:,–-]\s?(?:that )?"
_THING = r"(?:(?:the|a|an|my|our|some|your|his|her)\s)"
_BODY = (
    rf"(?:{_LABEL}(?:{_NOT_FORGET} )?(?P<labelled>[^{MARK[1:-1]}]+)"
    rf"|{_NEED}(?:{_NOT_FORGET} )?(?P<to_do>(?:bring|wear|pack|take(?! (?:place|the day))) [^{MARK[1:-1]}]+)"
    rf"|{_NOT_FORGET} (?P<thing>{_THING}[^{MARK[1:-1]}]+))"
)
_BEHIND = re.compile(
    rf"(?:(?:\s*[,;(–—]|\s+-|\s*\.(?=\s))\s*{_FILLER}{_BODY}|(?<={MARK})\s(?P<bare>(?:bring|wear"
    rf"|pack)\s[^{MARK[1:-1]}]+))$",
    re.IGNORECASE,
)
MAX_NOTE_WORDS = 10  #: of a remark: more is another sentence
#: What is to be done for an event.
_TO_DO = re.compile(
    r"(?:bring|take|wear|pack|don't forget|pick up|buy|get|leave|print|return|need|remember|notes?|ask|call|tell|park"
    r"|use|enter|ring|check|dial)\b",
    re.IGNORECASE,
)
#: "booking ref 7731"
_NUMBER_OF = re.compile(
    r"(?:booking|order|confirmation|reservation|ticket|flight|customer|member|policy|invoice|phone|seat|row|reg|ref|code)"
    r"\b[\w .:#-]*\d",
    re.IGNORECASE,
)
#: Words of a sentence about the event, or about something else.
_SENTENCE = re.compile(
    r"\b(?:i|he|she|we|they|it|you|that|this|there|who|what|when|where|why|how)(?:'\w+)?\b|[?!]"
    r"|\b(?:is|are|was|were|will|would|should|can|could|does|did|has|have|please|thanks?)\b",
    re.IGNORECASE,
)
_NO_NOTE = re.compile(
    r"(?:and|or|but|not|no|yes|maybe|perhaps|unless|except|if|so|then|also|because|until|instead|same|again|ok|okay"
    r"|right"
    r"|as|at|in|on|for (?:me|us)|from|every|each|with|all|both|only|just|like|once|twice)\b",
    re.IGNORECASE,
)
#: A verb that belongs to the time behind it: "train gets … in at 17:20".
_VERB_OF_TIME = re.compile(r"\b(?:gets|starts|begins|leaves|departs|arrives|lands|opens|closes|ends)$", re.IGNORECASE)
_ALONE = re.compile(rf"{_FILLER}{_BODY}", re.IGNORECASE)


def split_note(words: str) -> tuple[str, str]:
    """Return the words of a request without the note behind them, and the note; empty: there is none.

    Args:
        words: with marks for the times. A note has no time: with one, it may be a request of its own.
    """
    found = _BEHIND.search(words)
    if found is None or not words[: found.start()].strip():
        return words, ""
    if found["bare"] and not re.search(r"[^\W\d_]", re.sub(MARK, "", words[: found.start()])):
        return words, ""  # "friday 8am bring the car in"
    return words[: found.start()].rstrip(), _note(found)


def note_of(sentence: str) -> str:
    """Return the note that a sentence of its own adds to the event before it; empty: it is something else."""
    found = _ALONE.fullmatch(sentence.strip())
    return _note(found) if found is not None else ""


def is_remark(words: str) -> bool:
    """Return whether words behind a comma are a note: "gift for Leo", "order number 88213". A sentence is none.

    >>> is_remark("dress code smart"), is_remark("it was great"), is_remark("gym")
    (True, False, False)
    """
    words = words.strip(" .,;!)")
    if _TO_DO.match(words):
        return len(words.split()) <= MAX_NOTE_WORDS
    return (
        re.search(r"[^\W\d_]{2}", words) is not None
        and len(words.split()) <= MAX_NOTE_WORDS
        and not (
            _SENTENCE.search(words) or _NO_NOTE.match(words) or _VERB_OF_TIME.search(words) or opens_request(words)
        )
        and (not names_event(words.split()[-1]) or _NUMBER_OF.match(words) is not None)
    )


def _note(found: re.Match[str]) -> str:
    said = found["labelled"] or found["to_do"] or found["thing"] or found["bare"]
    return str(said).strip(" .,;!?)")
