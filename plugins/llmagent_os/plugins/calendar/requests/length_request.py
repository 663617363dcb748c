"""Reads another length, end or repetition for an event: "the interview ends at 4pm", "make yoga weekly"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.change_call import INSTEAD, asks_for_no_change, known_target, move_call
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_VERB_LONGER = r"(?:extend|lengthen|prolong|stretch|increase|expand)"
_VERB_SHORTER = r"(?:shorten|cut|reduce|trim|decrease|shrink)"
_LONGER_BY = rule(
    rf"(?P<verb>{_VERB_LONGER}|{_VERB_SHORTER}) (?P<np>.+?) (?:(?:by|for|with) )?(?:another |an extra |a further )?"
    rf"(?P<length>LENGTH)(?: more| extra)?{INSTEAD}"
)
_ADD_TIME = rule(
    r"(?:add|give) (?:another |an extra |an additional )?(?P<length>LENGTH)(?: more| extra)? (?:to|for) (?P<np>.+)"
)
_GIVE_TIME = rule(r"give (?P<np>.+?) (?:another|an extra|an additional) (?P<length>LENGTH)(?: more| extra)?")
_MAY_LAST = rule(r"(?:can|could|may) (?P<np>.+?) (?:be|last|take|go on for|go for) (?P<length>LENGTH)(?: long)?")
_LONGER = rule(rf"(?:make|have) (?P<np>.+?) (?P<length>LENGTH) (?P<way>longer|shorter){INSTEAD}")
_LASTS = rule(
    r"(?P<np>.+?) (?:will |should |must |is going to |has to |needs to |only |actually |really |now )*"
    r"(?:takes?|lasts?|is|be|runs?|goes|go|needs?|'s|goes on)"
    r"(?: for| only| just| about| actually| really| now)* (?P<length>LENGTH)(?: long)?"
    rf"{INSTEAD}"
)
_MAKE_LONG = rule(
    rf"(?:make|{_VERB_LONGER}|{_VERB_SHORTER}|set|change|keep|limit|plan) (?P<np>.+?) (?:(?:down )?(?:to|for|last|be"
    rf"|at)"
    rf" )?(?:only |just )?(?P<length>LENGTH)(?: long| in length| in total)?{INSTEAD}"
)
_LENGTH_OF = rule(
    r"(?:change|set|make|update) (?:the (?:length|duration) (?:of|for) (?P<np>.+?)|(?P<np2>.+?)'s (?:length|duration))"
    r" (?:to|be) (?P<length>LENGTH)"
)
_LENGTH_IS = rule(
    r"(?:(?:the )?(?:length|duration) of (?P<np>.+?)|(?P<np2>.+?)'s (?:length|duration)) (?:is|should be)"
    r" (?P<length>LENGTH)"
)
_FROM_TO = rule(
    r"(?P<np>.+?) (?:starts|begins|is|goes)(?: at)? (?P<begin>TIME),? (?:and |until |till |to )?(?:ends?|finishes"
    r"|goes until|is over)?"
    r"(?: at| by)? ?(?P<end>TIME)"
)
_ENDS = rule(
    r"(?P<np>.+?) (?:(?:will |should |must |has to |needs to |only |actually |now |already )*(?:ends?|finish(?:es)?"
    r"|stops?"
    r"|is over|is done|be over|be done|is finished|wraps up|wrap up|runs|goes|lasts|goes on|runs on|takes)|is|'s"
    r"|until|till)"
    rf"(?: until| till| at| by| to| up to)? ?(?P<end>TIME|DATE)(?: (?P<day>DATE))?{INSTEAD}"
)
#: "Lunch till 2:30": "till" is a part of the time.
_TILL = rule(rf"(?P<np>.+?) (?P<end>TIME)(?: (?P<day>DATE))?{INSTEAD}")
_END_AT = rule(
    rf"(?:end|finish|stop|{_VERB_LONGER}|{_VERB_SHORTER}|make|have|let|run|keep|wrap up) (?P<np>.+?) (?:end |finish "
    rf"|last |go |run )?"
    rf"(?:at |until |till |to |by |up to )?(?P<end>TIME){INSTEAD}"
)
_END_OF = rule(
    r"(?:change|set|move|push|make) (?:the )?end(?: time)? (?:of|for) (?P<np>.+?) (?:to|at|be) ?(?P<end>TIME)"
    r"|(?:the )?end(?: time)? of (?P<np2>.+?) (?:is|should be)(?: at)? (?P<end2>TIME)"
)
_REPEATS = rule(
    r"(?:make|have|repeat|let|set|change|turn|switch|move) (?P<np>.+?) (?:a |an |to |into |repeat |recur |happen |on "
    r"|for )*"
    rf"(?P<repeat>REPEAT)(?: (?:thing|event|one|meeting))?{INSTEAD}"
)
_IS_REPEATED = rule(
    r"(?P<np>.+?) (?:should |must |will |has to |needs to |is |'s |are |now |actually |only )*(?:repeats? |recurs? "
    r"|happens? "
    rf"|takes? place |be |repeating |on )?(?P<repeat>REPEAT){INSTEAD}"
)
#: One of these words says that a time is an end.
_ENDING = re.compile(
    r"\b(?:end|ends|finish|finishes|stop|stops|over|done|wraps?|until|till|extend|lengthen|prolong|shorten|last|lasts"
    r"|runs|goes|stretch)\b",
    re.I,
)


def read_length(clause: Clause) -> ToolCall | None:
    """Return the call that changes how long or how often an event is; None: not every word is understood."""
    words = MaskedWords.of(clause)
    if asks_for_no_change(words):
        return None
    return first_call(words, _RULES)


def _longer(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = known_target(words, found["np"])
    verb, way = (groups.get("verb") or "").lower(), (groups.get("way") or "").lower()
    shorter = way == "shorter" or re.fullmatch(_VERB_SHORTER, verb) is not None
    length = words.said(found["length"], MentionKind.DURATION)
    if target is None or length is None:
        return None
    return move_call(words, target, new_duration=f"{length} {'shorter' if shorter else 'longer'}")


def _length(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = known_target(words, groups.get("np") or groups.get("np2"))
    length = words.said(found["length"], MentionKind.DURATION)
    if target is None or length is None:
        return None
    return move_call(words, target, new_duration=re.sub(r"\s+long$", "", length))


def _end(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    target = known_target(words, groups.get("np") or groups.get("np2"))
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
    day = {key: each for key, each in words.when(groups.get("day")).items() if key not in target.arguments}
    return move_call(words, Target({**target.arguments, **day}), new_end=said)


def _till(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    named = known_target(words, found["np"], named=True)
    says_end = re.match(r"(?:until|till|til) ", words.plain(found["end"]), re.I)
    return _end(words, found) if named and says_end and not has_marks(found["np"]) else None


def _from_to(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """A new start and a new end: "the party starts at 3 and ends at 6"."""
    target = known_target(words, found["np"])
    if target is None or _ENDING.search(words.plain(words.text)) is None:
        return None
    begin, end = (re.sub(r"^(?:at|from|until|till|to|by) ", "", words.plain(found[each])) for each in ("begin", "end"))
    return move_call(words, target, new_time=f"from {begin} to {end}")


def _repeat(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    target = known_target(words, found["np"])
    repeat = words.said(found["repeat"], MentionKind.RECURRENCE)
    if target is None or repeat is None or has_marks(found["np"]):
        return None
    return ToolCall("move_event", {**target.arguments, "new_repeat": repeat})


_RULES: Rules = (
    (_LENGTH_OF, _length),
    (_LENGTH_IS, _length),
    (_MAY_LAST, _length),
    (_END_OF, _end),
    (_LONGER_BY, _longer),
    (_ADD_TIME, _longer),
    (_GIVE_TIME, _longer),
    (_LONGER, _longer),
    (_FROM_TO, _from_to),
    (_ENDS, _end),
    (_END_AT, _end),
    (_TILL, _till),
    (_MAKE_LONG, _length),
    (_LASTS, _length),
    (_REPEATS, _repeat),
    (_IS_REPEATED, _repeat),
)
