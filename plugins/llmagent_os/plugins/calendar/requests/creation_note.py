r"""Notes that people add to a new event: "potluck on saturday at 6pm, bring salad", "… - don't forget the wine".

>>> split_note("potluck \ue000 \ue001, bring salad")
('potluck \ue000 \ue001', 'bring salad')
>>> note_of("Don't forget to bring the wine!")
'bring the wine'
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import MARK

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
_BEHIND = re.compile(rf"(?:\s*[,;(–—]|\s+-|\s*\.(?=\s))\s*{_FILLER}{_BODY}$", re.IGNORECASE)
_ALONE = re.compile(rf"{_FILLER}{_BODY}", re.IGNORECASE)


def split_note(words: str) -> tuple[str, str]:
    """Return the words of a request without the note behind them, and the note; empty: there is none.

    Args:
        words: with marks for the times. A note has no time: with one, it may be a request of its own.
    """
    found = _BEHIND.search(words)
    if found is None or not words[: found.start()].strip():
        return words, ""
    return words[: found.start()].rstrip(), _note(found)


def note_of(sentence: str) -> str:
    """Return the note that a sentence of its own adds to the event before it; empty: it is something else."""
    found = _ALONE.fullmatch(sentence.strip())
    return _note(found) if found is not None else ""


def _note(found: re.Match[str]) -> str:
    return (found["labelled"] or found["to_do"] or found["thing"]).strip(" .,;!?)")
