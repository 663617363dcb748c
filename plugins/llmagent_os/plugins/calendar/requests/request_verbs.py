"""The verbs of requests, by what they ask for: the one table that all readers share.

A list separates its verbs by a comma and a space, as :func:`~.word_patterns.any_of` takes them.
"""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.word_patterns import any_of

#: A new event.
ADD = "add, put, schedule, book, create, set, note, save, mark, enter, write, jot, block, pencil, stick, pop, log"
#: A reminder.
REMIND = "remind, wake, ping, alert, notify, nudge"
#: An event is to go. No title begins with one of these.
DELETE = (
    "cancel, delete, remove, erase, clear, drop, scrap, scratch, wipe, get rid of, take out, kill, skip, call off, "
    "unschedule"
)
#: An event is to go, where "the", "my", "it" follows: "bin the gym" and "bin day".
DELETE_IT = "ditch, axe, nuke, bin, trash, dump, strike, lose, eliminate, discard, cross out, throw out"
#: An event is to be at another time.
MOVE = "move, reschedule, rebook, postpone, shift, push, delay, bring"
#: Something else of an event is to change.
CHANGE = "change, rename, update, edit, modify, alter, extend, shorten, lengthen, switch, swap, make, turn"
#: What was done is to be taken back, or done again.
UNDO = "undo, redo, restore"
#: The calendar is asked.
LOOK_UP = (
    r"show, list, display, view, see, check(?![- ](?:up|in)\b), look up, find, search, tell, let me know, give, read, "
    r"what(?:'s|s)?, when(?:'s|s)?, where(?:'s|s)?, who(?:'s|s)?, which, how, why, is, are, am, do, does, did, was, "
    "were, will, has, have, any, anything"
)
#: These stand in no title at all.
UNMISTAKABLE = any_of("cancel, delete, remove, erase, clear, wipe, reschedule, rename, postpone, undo, move, shift")
#: Any verb of deletion, where something to be deleted follows.
DELETING = any_of(f"{DELETE}, {DELETE_IT}")
#: Any verb that moves an event or changes it.
CHANGING = any_of(f"{MOVE}, {CHANGE}")

_SAYS_DELETE = re.compile(
    rf"\b(?:{any_of(f'{DELETE}, {DELETE_IT}')}|cancel+(?:ed|ing)|(?:delet|remov|eras|dropp|skipp|scrapp)(?:ed|ing)"
    r"|call(?:ed|ing) off|forget|never ?mind|stop|end|quit|turn|switch|disable|silence|deactivate|mute|off|out|free"
    r"|empty|clean|blank|del|rm|no more|keep|go)\b"
    r"|^no (?!i\b|we\b|it\b|the\b|that\b|not\b)(?=\w)(?!.*(?:n't|cannot|can not)\b)",
    re.IGNORECASE,
)


def says_delete(text: str) -> bool:
    """Return whether words ask for a deletion, or say that an event is cancelled."""
    return _SAYS_DELETE.search(text) is not None


def forms_of(*lists: str) -> str:
    r"""Return a pattern for all forms of the verbs of these lists, without the small words behind a verb.

    >>> forms_of("delete, get rid of")
    '(?:delet(?:e\\w*|ing)|get rid\\w*)'
    """
    verbs = dict.fromkeys(each.removesuffix(" of") for words in lists for each in words.split(", "))
    return any_of(", ".join(f"{verb[:-1]}(?:e\\w*|ing)" if verb.endswith("e") else rf"{verb}\w*" for verb in verbs))
