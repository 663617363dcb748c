"""Reads changes of what an event is: its name, length, end, place, person, notes and repetition.

"Rename the sync to weekly catch-up", "the interview ends at 4pm", "the dinner is at Nobu", "make yoga weekly".
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_search import fits_words
from llmagent_os.plugins.calendar.requests.change_request import move_call
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, has_marks, rule, without_marks
from llmagent_os.plugins.calendar.requests.targets import Target, read_target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_INSTEAD = r"(?: instead| from now on| now| please)*"
_NAMED = r"(?:called|named|titled|labelled|labeled|known as)"

_RENAME = rule(
    rf"(?:rename|retitle|relabel|re-name|call|name|title) (?P<np>.+?) (?:to|as|into|=|->) (?P<new>.+?){_INSTEAD}"
)
_CALL_QUOTED = rule(
    rf"(?:call|name|title|label|rename) (?P<np>.+?)(?::| to be| as| to)? (?P<new>[\"'“][^\"”]+?[\"'”]){_INSTEAD}"
)
_CALL = rule(r"(?:call|name|title|label) (?P<words>.+?)(?P<instead> instead)?")
_NAME_OF = rule(
    r"(?:change|set|update|edit|make|switch) (?:the )?(?:name|title|label|subject) (?:of|for) (?P<np>.+?) (?:to|into|as"
    rf"|be) (?P<new>.+?){_INSTEAD}|(?:change|set|update|edit|make) (?:its|the) (?:name|title) (?:to|into|be)"
    rf" (?P<alone>.+?){_INSTEAD}"
)
_NAME_IS = rule(
    r"(?:(?:its|the|that) (?:name|title)|the (?:name|title) (?:of|for) (?P<np>.+?)) (?:should be|is|must be|ought to be"
    rf"|has to be|shall be|was supposed to be) (?:actually |really )?(?P<new>.+?){_INSTEAD}"
)
_BE_CALLED = rule(
    rf"(?P<np>.+?) (?:should be|is|must be|has to be|ought to be|is actually|is now|'s|is really) {_NAMED} (?P<new>.+?){_INSTEAD}"
)
_CHANGE_TO = rule(rf"(?:change|turn|switch|make) (?P<np>.+?) (?:to|into) (?:an? |the )?(?P<new>.+?){_INSTEAD}")
_NOT_BUT = rule(
    r"(?:i (?:meant|mean|said|wanted|want)|it(?:'s| is| was| should be)|that(?:'s| is| should be)|make (?:it|that)) "
    r"(?P<right>.+?),? (?:and )?(?:not|instead of|rather than) (?P<wrong>.+)"
)
_NOT_FIRST = rule(r"(?:it's |that's |i meant )?not (?P<wrong>.+?),? (?:but|it's|i meant|i said)? ?(?P<right>.+)")

_VERB_LONGER = r"(?:extend|lengthen|prolong|stretch|increase|expand)"
_VERB_SHORTER = r"(?:shorten|cut|reduce|trim|decrease|shrink)"
_LONGER_BY = rule(
    rf"(?P<verb>{_VERB_LONGER}|{_VERB_SHORTER}) (?P<np>.+?) (?:(?:by|for|with) )?(?:another |an extra |a further )?"
    rf"(?P<length>LENGTH)(?: more| extra)?{_INSTEAD}"
)
_ADD_TIME = rule(
    r"(?:add|give) (?:another |an extra |an additional )?(?P<length>LENGTH)(?: more| extra)? (?:to|for) (?P<np>.+)"
)
_GIVE_TIME = rule(r"give (?P<np>.+?) (?:another|an extra|an additional) (?P<length>LENGTH)(?: more| extra)?")
_MAY_LAST = rule(r"(?:can|could|may) (?P<np>.+?) (?:be|last|take|go on for|go for) (?P<length>LENGTH)(?: long)?")
_LONGER = rule(rf"(?:make|have) (?P<np>.+?) (?P<length>LENGTH) (?P<way>longer|shorter){_INSTEAD}")
_LASTS = rule(
    r"(?P<np>.+?) (?:will |should |must |is going to |has to |needs to |only |actually |really |now )*"
    r"(?:takes?|lasts?|is|be|runs?|goes|go|needs?|'s|goes on)(?: for| only| just| about)? (?P<length>LENGTH)(?: long)?"
    rf"{_INSTEAD}"
)
_MAKE_LONG = rule(
    rf"(?:make|{_VERB_LONGER}|{_VERB_SHORTER}|set|change|keep|limit|plan) (?P<np>.+?) (?:(?:down )?(?:to|for|last|be|at)"
    rf" )?(?:only |just )?(?P<length>LENGTH)(?: long| in length| in total)?{_INSTEAD}"
)
_LENGTH_OF = rule(
    r"(?:change|set|make|update) (?:the (?:length|duration) (?:of|for) (?P<np>.+?)|(?P<np2>.+?)'s (?:length|duration))"
    r" (?:to|be) (?P<length>LENGTH)"
)
_LENGTH_IS = rule(
    r"(?:(?:the )?(?:length|duration) of (?P<np>.+?)|(?P<np2>.+?)'s (?:length|duration)) (?:is|should be)"
    r" (?P<length>LENGTH)"
)
_ENDS = rule(
    r"(?P<np>.+?) (?:(?:will |should |must |has to |needs to |only |actually |now |already )*(?:ends?|finish(?:es)?|stops?"
    r"|is over|is done|be over|be done|is finished|wraps up|wrap up|runs|goes|lasts|goes on|runs on|takes)|is|'s|until|till)"
    rf"(?: until| till| at| by| to| up to)? ?(?P<end>TIME|DATE){_INSTEAD}"
)
_END_AT = rule(
    rf"(?:end|finish|stop|{_VERB_LONGER}|{_VERB_SHORTER}|make|have|let|run|keep|wrap up) (?P<np>.+?) (?:end |finish |last |go |run )?"
    rf"(?:at |until |till |to |by |up to )?(?P<end>TIME){_INSTEAD}"
)
_END_OF = rule(
    r"(?:change|set|move|push|make) (?:the )?end(?: time)? (?:of|for) (?P<np>.+?) (?:to|at|be) ?(?P<end>TIME)"
    r"|(?:the )?end(?: time)? of (?P<np2>.+?) (?:is|should be)(?: at)? (?P<end2>TIME)"
)
#: One of these words says that a time is an end.
_ENDING = re.compile(
    r"\b(?:end|ends|finish|finishes|stop|stops|over|done|wraps?|until|till|extend|lengthen|prolong|shorten|last|lasts"
    r"|runs|goes|stretch)\b",
    re.I,
)
_REPEATS = rule(
    r"(?:make|have|repeat|let|set|change|turn|switch|move) (?P<np>.+?) (?:a |an |to |into |repeat |recur |happen |on |for )*"
    rf"(?P<repeat>REPEAT)(?: (?:thing|event|one|meeting))?{_INSTEAD}"
)
_IS_REPEATED = rule(
    r"(?P<np>.+?) (?:should |must |will |has to |needs to |is |'s |are |now |actually )*(?:repeats? |recurs? |happens? "
    rf"|takes? place |be |repeating |on )?(?P<repeat>REPEAT){_INSTEAD}"
)

_SPOT = r"(?:place|location|venue|address|room|spot)"
_PLACE_OF = rule(
    rf"(?:change|set|move|update|switch|make|edit|add) (?:the |a )?{_SPOT} (?:of|for|to) (?P<np>.+?)(?:,|:| to| as| be| is)"
    rf" (?:at |in )?(?P<place>.+?){_INSTEAD}"
)
_PLACE_IS = rule(
    rf"(?:the )?{_SPOT} (?:of|for) (?P<np>.+?) (?:is|should be|has changed to|changed to|will be) (?:at |in )?(?P<place>.+?)"
    rf"{_INSTEAD}|(?:its|the) {_SPOT} (?:is|should be|will be) (?:at |in )?(?P<alone>.+?){_INSTEAD}"
)
_IS_AT = rule(
    r"(?P<np>.+?) (?:is|'s|will be|takes place|happens|is happening|is going to be|is now|is actually|has been moved to be"
    rf"|should be|must be|moved)(?: now| actually)? (?:at|in|@) (?P<place>.+?){_INSTEAD}"
)
_ADD_PLACE = rule(rf"(?:add|note|put|set) (?:the )?{_SPOT} (?P<place>.+?) (?:to|for|in|on) (?P<np>.+)")
_MOVE_PLACE = rule(
    r"(?:move|relocate|shift|change|do|have|make|put|set) (?P<np>.+?) (?:to|at|in|into|over to) (?P<place>(?:the )?(?:room|office|conference room"
    rf"|meeting room|building|hall|floor|café|cafe|online|zoom|teams|google meet|skype)\b.*?){_INSTEAD}"
)

_IS_WITH = rule(
    r"(?P<np>.+?) (?:is|'s|will be|should be|is now|is actually)(?: now| actually)? with (?P<person>.+?)"
    rf"(?:,? (?:and )?(?:not|instead of|rather than)(?: with)? (?P<wrong>.+?))?{_INSTEAD}"
)
_REPLACE = rule(
    r"(?:replace|swap|exchange|substitute) (?P<wrong>.+?) (?:with|by|for) (?P<right>.+?)(?: (?:in|for|at|on) (?P<np>.+))?"
)

_NOTE_TO = rule(
    r"(?:add|put|make|write|attach|leave|set|save|jot down|note)(?: down)? (?:(?:a|the|this|another) )?note (?:to|for|on|about|in) (?P<np>.+?)"
    r"(?:[:,]| that| saying| to say| -)+ ?(?:to )?(?P<note>.+)"
)
_NOTE_WORDS_TO = rule(
    r"(?:add|put|write|attach|leave|note|save)(?: down)? (?:(?:a|the) note:? )?(?:[\"'“](?P<quoted>.+?)[\"'”]|(?P<bare>.+?)) (?:as a note |in the notes? "
    r"|to the notes? |as note )?(?:to|for|of|on|in)(?: the notes? (?:of|for))? (?P<np>.+)"
)
_NOTE_FOR = rule(
    r"(?:(?:a )?note (?:for|to|on|about) (?P<np>.+?)(?::| -|,) ?(?P<note>.+)|for (?P<np2>.+?),? (?:please )?(?:note|remember|add|write)(?: down)?:?"
    r"(?: that| to)? (?P<note2>.+))"
)
_NOTE_IT = rule(r"(?:add |make |write |put )(?:down )?(?:a |the |this )?note:? (?:that |saying |to )?(?P<note>.+)")


def read_detail(clause: Clause) -> ToolCall | None:
    """Return the call that changes what an event is; None: not every word is understood."""
    words = MaskedWords.of(clause)
    if re.match(
        r"(?:don't|do not|never|what|why|when|where|who|how|which|is|are|am|does|did|should)\b", words.text, re.I
    ):
        return None
    for pattern, read in _RULES:
        found = pattern.fullmatch(words.text)
        call = read(words, found) if found else None
        if call is not None:
            return call
    return None


def _known(words: MaskedWords, phrase: str | None, *, named: bool = False) -> Target | None:
    """The event that a phrase means, where the calendar has it; without a phrase the one that "it" means."""
    if phrase is None:
        return Target({})
    target = read_target(words, re.sub(r"^(?:the )?(?:length|duration|end|time) of ", "", phrase, flags=re.I))
    if target is None or not target.known or (named and "title" not in target.arguments):
        return None
    return target


def _name(words: MaskedWords, piece: str) -> str:
    """A new name in the person's words, without quotation marks."""
    return words.plain(piece).strip(" \"'“”‘’")


def _rename(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = _known(words, groups.get("np"))
    new = _name(words, groups.get("new") or groups.get("alone") or "")
    if target is None or not new or re.fullmatch(r"it|that|off|them|back|in", new, re.I):
        return None
    return move_call(words, target, new_title=new)


def _call_it(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another name without a "to": the event has the longest part of the words that names one."""
    said = found["words"].split()
    for at in range(len(said) - 1, 0, -1):
        phrase, new = " ".join(said[:at]), " ".join(said[at:])
        target = _known(words, phrase)
        if target is not None and (found["instead"] or not target.arguments):
            name = _name(words, new)
            return None if re.fullmatch(r"off|back|in", name, re.I) else move_call(words, target, new_title=name)
    return None


def _change_to(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Another name where something that has no mark of time follows: "change the lunch to brunch"."""
    return None if has_marks(found["new"]) else _rename(words, found)


def _not_but(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A word of a name that was wrong: "I meant Zoe, not Alice", "a call with Zoe, not Alice"."""
    right, wrong = _name(words, found["right"]), _name(words, found["wrong"])
    right = re.sub(r"^(?:an?|the|my) ", "", right, flags=re.I)
    wrong = re.sub(r"^(?:an?|the|my|with|for) ", "", wrong, flags=re.I)
    if has_marks(found["right"]) or has_marks(found["wrong"]):
        return _other_time(words, found)
    events = [event for event in words.clause.events if fits_words(event, wrong)]
    if not events or not right:
        return None
    whole = len(right.split()) > 1 and any(_shares(event.title, right, wrong) for event in events)
    arguments = {"title": wrong, "new_title": right} | ({} if whole else {"instead_of": wrong})
    return ToolCall("move_event", arguments)


def _shares(title: str, right: str, wrong: str) -> bool:
    """Whether a new name repeats more of the old one than the wrong word."""
    kept = set(re.findall(r"\w+", title.lower())) - set(re.findall(r"\w+", wrong.lower())) - {"with", "the", "a", "for"}
    return bool(kept & set(re.findall(r"\w+", right.lower())))


def _other_time(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A day or a time that was wrong: "I meant friday, not thursday"."""
    right = words.when(found["right"], "new_")
    plain = re.sub(r"\W", "", re.sub(r"[\ue000-\ue001]|[dt]\d", "", found["right"]))
    return ToolCall("move_event", right) if right and not plain else None


def _longer(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = _known(words, found["np"])
    verb, way = (groups.get("verb") or "").lower(), (groups.get("way") or "").lower()
    shorter = way == "shorter" or re.fullmatch(_VERB_SHORTER, verb) is not None
    length = words.said(found["length"], MentionKind.DURATION)
    if target is None or length is None:
        return None
    return move_call(words, target, new_duration=f"{length} {'shorter' if shorter else 'longer'}")


def _length(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = _known(words, groups.get("np") or groups.get("np2"))
    length = words.said(found["length"], MentionKind.DURATION)
    if target is None or length is None:
        return None
    return move_call(words, target, new_duration=re.sub(r"\s+long$", "", length))


def _end(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = _known(words, groups.get("np") or groups.get("np2"))
    piece = groups.get("end") or groups.get("end2") or ""
    plain = words.plain(words.text)
    if target is None or _ENDING.search(plain) is None:
        return None
    if words.said(piece, MentionKind.DATE) and not re.search(
        r"\b(?:ends?|until|till|lasts?)\b", words.plain(words.text), re.I
    ):
        return None
    said = words.plain(piece)
    if re.search(r"\b(?:from|between)\b|\d ?(?:-|to) ?\d", said, re.I):  # a new start and a new end
        return move_call(words, target, **words.when(piece, "new_"))
    return move_call(words, target, new_end=said)


def _repeat(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = _known(words, found["np"])
    repeat = words.said(found["repeat"], MentionKind.RECURRENCE)
    if target is None or repeat is None or has_marks(found["np"]):
        return None
    return ToolCall("move_event", {**target.arguments, "new_repeat": repeat})


def _place(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = _known(words, groups.get("np"))
    place = _name(words, groups.get("place") or groups.get("alone") or "")
    if target is None or not place or has_marks(found[0].rsplit(place, 1)[-1]):
        return None
    return move_call(words, target, new_place=place)


def _is_at(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A place that is told of an event that has a name: "the dinner is at Nobu"."""
    target = _known(words, found["np"])
    said = words.when(found["place"])
    if any(not each.isdecimal() for each in said.values()) or not re.search(
        r"[^\W\d_]{2}", without_marks(found["place"])
    ):
        return None  # a bare number may be that of a house
    if target is None or (target.arguments and "title" not in target.arguments):
        return None
    return _place(words, found)


def _is_with(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = _known(words, found["np"])
    if target is None or has_marks(found["person"]):
        return None
    return move_call(words, target, new_person=_name(words, found["person"]))


def _replace(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    wrong, right = _name(words, found["wrong"]), _name(words, found["right"])
    if has_marks(found["right"]) or (found["np"] and _known(words, found["np"], named=True) is None):
        return None
    if not any(fits_words(event, wrong) for event in words.clause.events):
        return None
    return move_call(words, Target({"title": wrong}), new_title=right, instead_of=wrong)


def _note(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = _known(words, groups.get("np") or groups.get("np2"))
    note = _name(words, groups.get("note") or groups.get("note2") or groups.get("quoted") or groups.get("bare") or "")
    return move_call(words, target, new_note=note) if target is not None and note else None


def _note_words(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Words that are added to an event that the calendar has: in quotation marks, or named as a note."""
    noted = found["quoted"] or re.search(r"\bnotes?\b", words.text, re.I)
    target = _known(words, found["np"], named=True) or (_known(words, found["np"]) if noted else None)
    if target is None or not noted or has_marks(found["bare"] or ""):
        return None
    return _note(words, found)


Read = Callable[[MaskedWords, re.Match[str]], ToolCall | None]

_RULES: tuple[tuple[re.Pattern[str], Read], ...] = (
    (_NOTE_TO, _note),
    (_NOTE_FOR, _note),
    (_NOTE_WORDS_TO, _note_words),
    (_NOTE_IT, _note),
    (_NAME_OF, _rename),
    (_NAME_IS, _rename),
    (_BE_CALLED, _rename),
    (_PLACE_OF, _place),
    (_PLACE_IS, _place),
    (_ADD_PLACE, _place),
    (_MOVE_PLACE, _place),
    (_NOT_BUT, _not_but),
    (_NOT_FIRST, _not_but),
    (_IS_WITH, _is_with),
    (_REPLACE, _replace),
    (_RENAME, _rename),
    (_CALL_QUOTED, _rename),
    (_CALL, _call_it),
    (_LENGTH_OF, _length),
    (_LENGTH_IS, _length),
    (_MAY_LAST, _length),
    (_END_OF, _end),
    (_LONGER_BY, _longer),
    (_ADD_TIME, _longer),
    (_GIVE_TIME, _longer),
    (_LONGER, _longer),
    (_ENDS, _end),
    (_END_AT, _end),
    (_MAKE_LONG, _length),
    (_LASTS, _length),
    (_REPEATS, _repeat),
    (_IS_REPEATED, _repeat),
    (_IS_AT, _is_at),
    (_CHANGE_TO, _change_to),
)
