"""Reads a place or a note for an event: "the dinner is at Nobu", "note for the dinner: bring wine"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.change_call import (
    INSTEAD,
    asks_for_no_change,
    holds_request,
    known_target,
    move_call,
    plain_name,
)
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import (
    MaskedWords,
    Rules,
    first_call,
    has_marks,
    rule,
    without_marks,
)
from llmagent_os.plugins.calendar.requests.targets import Target

_SPOT = r"(?:place|location|venue|address|room|spot)"
_PLACE_OF = rule(
    rf"(?:change|set|move|update|switch|make|edit|add) (?:the |a )?{_SPOT} (?:of|for|to) (?P<np>.+?)(?:,|:| to| as|"
    rf" be| is)"
    rf" (?:at |in )?(?P<place>.+?){INSTEAD}"
)
_PLACE_IS = rule(
    rf"(?:the )?{_SPOT} (?:of|for) (?P<np>.+?) (?:is|should be|has changed to|changed to|will be) (?:at |in"
    rf" )?(?P<place>.+?)"
    rf"{INSTEAD}|(?:the )?{_SPOT} (?:of|for) (?P<np2>.+?)(?::| -) (?P<place2>.+)|(?:its|the) {_SPOT} (?:is|should be"
    rf"|will be) (?:at |in )?(?P<alone>.+?){INSTEAD}"
)
_IS_AT = rule(
    r"(?P<np>.+?)(?:'s| (?:is|will be|takes place|happens|is happening|is going to be|is now|is actually|has been"
    r" moved to be"
    rf"|should be|must be|moved))(?: now| actually)? (?:(?:at|in|@) |(?:on |via |over |by )?(?=(?:zoom|teams|skype"
    r"|webex|google meet|discord|slack|facetime|online|phone|the phone|video)\b))"
    rf"(?P<place>.+?){INSTEAD}"
    r"|(?P<np2>.+?) (?:at|in) (?P<place2>.+?) instead"
)
_MOVED_TO = rule(
    r"(?P<np>.+?)(?:'s| has| have| is| are| was| were| got)?(?: been| now)? (?:moved|relocated|transferred|switched"
    rf"|changed) to (?P<place>[^\ue000-\uf8ff]+?){INSTEAD}"
)
_OTHER_PLACE = rule(
    r"(?:.*\b)?(?:at|in|to|is) (?P<place>[^\ue000-\uf8ff]+?),? (?:instead of|rather than|and not|not)(?: at| in)?"
    r" (?P<old>[^\ue000-\uf8ff]+?)(?: ?(?P<when>WHEN))?"
)
_ADD_PLACE = rule(rf"(?:add|note|put|set) (?:the )?{_SPOT} (?P<place>.+?) (?:to|for|in|on) (?P<np>.+)")
_MOVE_PLACE = rule(
    r"(?:move|relocate|shift|change|switch|do|have|make|put|set|hold|we're moving|we moved) (?P<np>.+?) (?:to|at|in"
    r"|into|over to) (?P<place>(?:the )?(?:room|office|conference room"
    rf"|meeting room|building|hall|floor|café|cafe|online|zoom|teams|google meet|skype)\b.*?){INSTEAD}"
)
#: A number in front of the name of a street.
_NUMBER = re.compile(r"(?:at )?\d{1,4}[a-d]?", re.I)
_STREET = re.compile(
    r" (?!AM\b|PM\b|O'|Sharp\b|UTC\b|[A-Z]{2,4}\b"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|Today\b|Tomorrow\b)[A-Z][a-z]"
)
MAX_PLACE_WORDS = 6  #: longer words are more than a place
_NOTE_TO = rule(
    r"(?:add|put|make|write|attach|leave|set|save|jot down|note)(?: down)? (?:(?:a|the|this|another) )?note (?:to|for"
    r"|on|about|in) (?P<np>.+?)"
    r"(?:[:,]| that| saying| to say| -)+ ?(?:to )?(?P<note>.+)"
)
_NOTE_WORDS_TO = rule(
    r"(?:add|put|write|attach|leave|note|save)(?: down)? (?:(?:a|the) note:? )?(?:[\"'“](?P<quoted>.+?)[\"'”]"
    r"|(?P<bare>.+?)) (?:as a note |in the notes? "
    r"|to the notes? |as note )?(?:to|for|of|on|in)(?: the notes? (?:of|for))? (?P<np>.+)"
)
_NOTE_FOR = rule(
    r"(?:(?:a )?note (?:for|to|on|about) (?P<np>.+?)(?::| -|,) ?(?P<note>.+)|for (?P<np2>.+?),? (?:please )?(?:note"
    r"|remember|add|write)(?: down)?:?"
    r"(?: that| to)? (?P<note2>.+))"
)
_NOTE_IT = rule(r"(?:add |make |write |put )(?:down )?(?:a |the |this )?note(?::| that| saying) (?P<note>.+)")


def read_place(clause: Clause) -> ToolCall | None:
    """Return the call that gives an event a place or a note; None: not every word is understood."""
    words = MaskedWords.of(_without_house_numbers(clause))
    if asks_for_no_change(words):
        return None
    return first_call(words, _RULES)


def _without_house_numbers(clause: Clause) -> Clause:
    """The clause without mentions of a number that is that of a house: "at 14 Kingsway"."""
    return clause.without(
        lambda each: _NUMBER.fullmatch(each.text) is not None and _STREET.match(clause.text, each.end) is not None
    )


def _place(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = known_target(words, groups.get("np") or groups.get("np2"))
    place = plain_name(words, groups.get("place") or groups.get("place2") or groups.get("alone") or "")
    if target is None or not place or holds_request(place) or has_marks(found[0].rsplit(place, 1)[-1]):
        return None
    return move_call(words, target, new_place=place)


def _is_at(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A place that is told of an event that has a name: "the dinner is at Nobu"."""
    target, piece = known_target(words, found["np"] or found["np2"]), found["place"] or found["place2"]
    said = words.when(piece)
    if any(not each.isdecimal() for each in said.values()) or not re.search(r"[^\W\d_]{2}", without_marks(piece)):
        return None  # a bare number may be that of a house
    if target is None or (target.arguments and "title" not in target.arguments):
        return None
    return _place(words, found)


def _is_at_named(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A place to which an event has moved. A number or a word in small letters may be something else."""
    is_name = re.match(r"(?:the )?(?-i:[A-Z])|(?:the |a )?(?:room|hall|office|floor|building)\b", found["place"], re.I)
    target = known_target(words, found["np"], named=True)
    return _place(words, found) if is_name and target is not None else None


def _other_place(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A place instead of one that an event has: "we're meeting at Nobu instead of Luigi's on saturday"."""
    place, old = plain_name(words, found["place"]), plain_name(words, found["old"])
    old = re.sub(r"^(?:the|my) ", "", old, flags=re.I).casefold()
    events = [
        event
        for event in words.clause.events
        if event.place and old in (event.place.casefold(), *event.place.casefold().split())
    ]
    if len({event.title for event in events}) != 1 or not place or len(place.split()) > MAX_PLACE_WORDS:
        return None
    return move_call(words, Target({"title": events[0].title, **words.when(found["when"])}), new_place=place)


def _note(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = known_target(words, groups.get("np") or groups.get("np2"))
    note = plain_name(
        words, groups.get("note") or groups.get("note2") or groups.get("quoted") or groups.get("bare") or ""
    )
    if (
        target is not None
        and not target.arguments
        and re.match(r"(?:i|we|there)\b", note, re.I)
        and has_marks(found["note"])
    ):
        return None  # "make a note that I have blood work on friday": an event
    return move_call(words, target, new_note=note) if target is not None and note else None


def _note_words(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Words that are added to an event that the calendar has: in quotation marks, or named as a note."""
    noted = found["quoted"] or re.search(r"\bnotes?\b", words.text, re.I)
    target = known_target(words, found["np"], named=True) or (known_target(words, found["np"]) if noted else None)
    if target is None or not noted or has_marks(found["bare"] or ""):
        return None
    return _note(words, found)


_RULES: Rules = (
    (_NOTE_TO, _note),
    (_NOTE_FOR, _note),
    (_NOTE_WORDS_TO, _note_words),
    (_NOTE_IT, _note),
    (_PLACE_OF, _place),
    (_PLACE_IS, _place),
    (_ADD_PLACE, _place),
    (_MOVE_PLACE, _place),
    (_OTHER_PLACE, _other_place),
    (_MOVED_TO, _is_at_named),
    (_IS_AT, _is_at),
)
