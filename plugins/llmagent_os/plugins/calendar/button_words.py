"""Understands the short words that mean a button: undo, never mind, the second one, both, none.

These are rules over what really waits for an answer, or was done last in this conversation. No model guesses them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from llmagent_os.plugins.calendar.buttons import DROP, NOTED, NOTHING
from llmagent_os.plugins.calendar.calendar_call import CalendarCall
from llmagent_os.plugins.calendar.event_change import Change
from llmagent_os.plugins.calendar.event_creation import UNFINISHED_LIFETIME
from llmagent_os.plugins.calendar.option_choice import option_at
from llmagent_os.plugins.calendar.requests.chat_words import without_chat
from llmagent_os.plugins.calendar.series_scope import EVERY_TIME

#: So long after a change "cancel that" still means the change.
JUST_NOW = timedelta(minutes=10)

_POLITE = (
    r"(?:oops|ah|sorry|please|pls|plz|no|nope|nah|wait|ok|okay|oh|hey|hmm|actually|just|hang on|hold on|one sec"
    r"|hm+|mm+|no no|can you|could you|thanks|thank you|whoops"
    r"|damn|shit|argh|ugh|stop|that was (?:wrong|a mistake|not what i (?:meant|wanted))|(?:the )?wrong (?:one|event|day"
    r"|thing|appointment)|(?:my )?(?:mistake|bad)|i changed my mind|changed my mind|on second thought|not that one)"
)
_IT = r"(?:it|that|this|them|everything|the last (?:one|change|thing)|what you did|my last (?:request|change))"


def _whole(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{_POLITE} )*(?:{words})(?: {_POLITE})*")


_UNDO = _whole(
    rf"undo(?: {_IT})?|revert(?: {_IT})?|take {_IT} back|put {_IT} back(?: in)?|bring {_IT} back|restore {_IT}"
    rf"|(?:put|add) {_IT} (?:back )?(?:in )?again"
    rf"|(?:change|move|set|switch|turn|rename) {_IT} back(?: again)?(?: to (?:what|how|where|when) it was(?: before)?)?"
    r"|(?:go |change |put it )?back to (?:what|how|where|when) it was(?: before)?|put everything back"
    r"|leave it (?:as|like|how|where) it was"
    r"|(?:(?:go |change |put |have )?(?:it |that )?(?:back )?(?:to )?)?(?:the way|how|like|as) (?:it|that)"
    r" was(?: before)?"
    rf"|i (?:do )?(?:still )?(?:need|want) {_IT} (?:back|after all|again)"
)
#: What people say beside it.
_SIGH = re.compile(
    rf"(?:{_POLITE}|oh no|no|i(?: do| still| actually| really)* (?:need|want|have) (?:{_IT}|that one|this one|those)"
    r"|i (?:didn't|did not) mean (?:to|that|it)|i was wrong|that's wrong|not good| )+"
)
_CANCEL = _whole(r"(?:cancel|scratch|scrap|forget) (?:that|this|it)")
#: Directly behind a change they take it back; they say nothing where nothing was done.
_REGRET = re.compile(
    r"(?:oops|whoops|oh|sorry|argh|ugh|damn|shit|hmm|hey|please|ok|okay| )*(?:wait no|no wait|oh no|noo+|no no(?: no)?"
    r"|stop|(?:no )?(?:that was |that's |thats )?(?:the )?wrong (?:one|event|day|thing|appointment)"
    r"|(?:no )?(?:that was|that's|thats) (?:wrong|a mistake|not what i (?:meant|wanted|asked for))"
    r"|(?:sorry )?(?:my )?mistake|(?:i )?(?:have |just )?changed my mind|on second thoughts?(?: no)?"
    r"|no i didn't (?:mean|want|ask for) (?:that|it)|i didn't (?:mean|want) (?:that|it|to do that))"
    r"(?: (?:sorry|please|oops))*"
)
#: Directly behind an addition they take it back.
_UNWANTED = re.compile(
    rf"(?:{_POLITE} )+(?:don't|dont|do not) (?:add|save|book|create|schedule|put|note|keep) (?:it|that|this)"
    rf"(?: (?:in|down))?(?: {_POLITE})*"
)
_LET_BE = r"(?:never ?mind|nvm|forget (?:it|that|about it)|leave it|drop it|skip it|let it be|don't bother)"
_NEVER_MIND = _whole(rf"{_LET_BE}(?: {_LET_BE})*")
_NONE = _whole(r"none|neither|none of (?:them|these|those)|neither of (?:them|these|those)|no")
_ALL = _whole(r"both|all|all of (?:them|these|those)|both of (?:them|these|those)|them all|every one|everything")
_ORDINAL = _whole(
    r"(?:the )?(?P<which>first|second|third|fourth|fifth|last|1st|2nd|3rd|4th|5th|[1-5])(?: one| of them)?"
)
_THE_ONE = _whole(r"(?:i (?:mean|meant) )?(?:the )?(?:one )?(?P<words>.+)")

#: A request or a question, which names no option that was offered. "Schedule review" may be the title of one.
_REQUEST = re.compile(
    rf"(?:{_POLITE} )*(?:add|create|schedule|remind|what|what's|whats|when|where|who|how|do|did|am|is|are|will|would"
    r"|hi|hello)(?: [\w':]+){2,}"
)
#: Nobody names an option by more words.
_MOST_WORDS = 12

_PLACES = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1}
_ONLY_ONE = _whole(
    r"(?:only |just )?(?:(?:the )?(?:first|next|one|this|that)(?: (?:one|time))?|(?:this )?once|today|tomorrow)"
)
_EVERY_TIME = _whole(
    r"(?:all|every|each|both|the (?:whole|entire) (?:series|thing|lot)|the series|everything|always|from now on"
    r"|for good|permanently|forever|completely|altogether|the lot)"
    r"(?: of (?:them|it|those)| them| time| times| one| week| day| month| year)?"
)
_EMPTY = frozenset("the one with at on a an my of i mean meant in for".split())


async def button_meant(call: CalendarCall) -> str | None:
    """Return the value of the button that a message means. None: it means none.

    Args:
        call: with the message.
    """
    said = _said(call.context.text)
    if not may_mean_button(said):
        return None  # most messages: nothing is read for them
    ask_id = await call.store.open_question()
    question = await call.store.question(ask_id) if ask_id else None
    if ask_id and question is not None and (value := _chosen(call, said, ask_id, question.options)):
        return value
    if _means_undo(call.context.text):
        return await _undo(call) or NOTHING
    if _REGRET.fullmatch(said):
        return f"no:{ask_id}" if ask_id and question is not None else await _undo_of_now(call)
    if _UNWANTED.fullmatch(said):
        return f"no:{ask_id}" if ask_id and question is not None else await _undo_of_now(call, additions=True)
    if _CANCEL.fullmatch(said) or _NEVER_MIND.fullmatch(said):
        return await _dropped(call, said, ask_id if question else None)
    return None


def _means_undo(text: str) -> bool:
    """Whether words take back what was done, maybe beside others: "oh no, I need that one, put it back"."""
    parts = [_said(part) for part in re.split(r"[,.;:!?–—]+", text)]
    parts = [part for part in parts if part]
    others = [part for part in parts if not _UNDO.fullmatch(part)]
    whole = _UNDO.fullmatch(_said(text)) is not None
    return whole or (len(others) < len(parts) and all(_SIGH.fullmatch(part) for part in others))


def _said(text: str) -> str:
    """A message in small letters, without signs."""
    return " ".join(re.findall(r"[\w':]+", without_chat(text).lower().replace("\u2019", "'")))


def may_mean_button(said: str) -> bool:
    """Whether words could mean a button, whatever waits for an answer.

    >>> may_mean_button("what do i have tomorrow"), may_mean_button("the one with eva")
    (False, True)

    Args:
        said: a message in small letters, without signs.
    """
    if any(words.fullmatch(said) for words in (_UNDO, _REGRET, _UNWANTED, _CANCEL, _NEVER_MIND)):
        return True
    return bool(said) and len(said.split()) <= _MOST_WORDS and _REQUEST.fullmatch(said) is None


def _chosen(call: CalendarCall, said: str, ask_id: str, options: Sequence[Change]) -> str | None:
    """What is meant of several options; None: nothing, or there is one option only."""
    if len(options) < 2:
        return None
    if _NONE.fullmatch(said):
        return f"no:{ask_id}"
    if options[1].label == EVERY_TIME:
        number = 0 if _ONLY_ONE.fullmatch(said) else 1 if _EVERY_TIME.fullmatch(said) else None
        if number is not None:
            return f"do:{ask_id}:{number}"
    elif _ALL.fullmatch(said):
        return f"all:{ask_id}"
    if match := _ORDINAL.fullmatch(said):
        which = match["which"]
        number = _PLACES.get(which, int(which[0]) - 1 if which[0].isdigit() else 0)
        if -1 <= number < len(options):
            return f"do:{ask_id}:{number % len(options)}"
    if match := _THE_ONE.fullmatch(said):
        words = set(match["words"].split()) - _EMPTY
        fitting = [number for number, option in enumerate(options) if words and words <= _words(option)]
        if len(fitting) == 1:
            return f"do:{ask_id}:{fitting[0]}"
        named = option_at(call, match["words"], options)
        return None if named is None else f"do:{ask_id}:{named}"
    return None


def _words(option: Change) -> set[str]:
    """The words by which a person may name an option."""
    events = " ".join(f"{event.title} {event.person} {event.place}" for event in (*option.before, *option.after))
    return set(re.findall(r"[\w':]+", f"{option.label} {events}".lower()))


async def _undo(call: CalendarCall) -> str | None:
    found = await call.store.last_change()
    return None if found is None else f"undo:{found[0]}"


async def _undo_of_now(call: CalendarCall, *, additions: bool = False) -> str | None:
    """Take back the change that the words regret: the last one, where it was made just now, and is an addition."""
    found = await call.store.last_change()
    is_new = found is not None and call.context.now - datetime.fromisoformat(found[1].at) <= JUST_NOW
    fits = found is not None and not (additions and found[1].before)
    return f"undo:{found[0]}" if found is not None and is_new and fits else None


def _concerns(found: tuple[str, Change] | None, event_id: str) -> bool:
    """Whether a change is one of an event."""
    return found is not None and any(event.event_id == event_id for event in (*found[1].before, *found[1].after))


async def _dropped(call: CalendarCall, said: str, ask_id: str | None) -> str | None:
    """What "never mind" and "cancel that" end: an unfinished event, a question, or what was done just now."""
    half = await call.store.unfinished_event()
    if half and call.context.now - datetime.fromisoformat(half["at"]) <= UNFINISHED_LIFETIME:
        return DROP
    if ask_id:
        return f"no:{ask_id}"
    found = await call.store.last_change()
    focus = await call.store.focus()
    cancels = _CANCEL.fullmatch(said) is not None
    if cancels and focus is None and "forget" not in said and len(await call.store.listed()) > 1:
        return None  # one of those that were listed: which one is asked
    if focus and cancels and "forget" not in said and not _concerns(found, focus):
        return None  # "it" is an event that was looked up since: a request to delete it
    if said == "cancel it" and focus and found and found[1].before and found[1].after:
        return None  # it was changed: "it" is the event, and to take the change back is "undo"
    if not cancels and not (focus and _concerns(found, focus) and found and found[1].after):
        return NOTED  # "never mind" takes back only the addition or change of the event that was spoken of last
    if found and call.context.now - datetime.fromisoformat(found[1].at) <= JUST_NOW:
        return f"undo:{found[0]}"
    return NOTED
