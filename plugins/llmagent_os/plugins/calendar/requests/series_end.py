"""Reads when a repeated event ends: "choir only until march", "end choir on december 17", "no choir after easter"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.change_call import asks_for_no_change, known_target
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, first_call, has_marks, rule
from llmagent_os.plugins.calendar.requests.targets import Target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_ONLY = r"(?:only |just |now |will |should |must |has to |needs to |is going to |is to |can |is |'s )*"
_UP_TO = r"(?:until|till|til|up to|through(?: to)?|thru|as far as|to)"
_BEHIND = r"(?: instead| now| please| then| only| for good| this time| at the latest| and not (?:longer|any longer))*"
_STOP = r"(?:end|stop|finish|quit|terminate|discontinue)"
_GO_ON = (
    r"(?:run|keep|do|have|make|continue|let|repeat|hold|limit|extend|prolong|carry on(?: with)?|i (?:only |just )?need)"
)
_ENDS = r"(?:ends?|stops?|finish(?:es)?|is over|be over|is finished|terminates?|runs? out)"

#: "Stop choir on december 17", "run yoga until easter".
_END_IT = rule(rf"{_STOP} (?:with |the )?(?P<np>.+?)(?: (?:after|by|as of|{_UP_TO}))? (?P<day>DATE){_BEHIND}")
_UNTIL = rule(rf"{_GO_ON} (?P<np>.+?) {_ONLY}(?:{_UP_TO} )?(?P<day>DATE){_BEHIND}")
#: "Choir ends on december 17", "yoga only until easter".
_IT_ENDS = rule(rf"(?P<np>.+?),? {_ONLY}{_ENDS}(?: (?:after|by|{_UP_TO}))? ?(?P<day>DATE){_BEHIND}")
_ONLY_UNTIL = rule(
    rf"(?P<np>.+?),? {_ONLY}(?:goes |go |runs? |continues? |lasts? |happens? |takes place |on )?(?:{_UP_TO} )?"
    rf"(?P<day>DATE){_BEHIND}"
)
_LAST = rule(
    r"(?:the |my |our )?(?:very )?last(?: time| day)? (?:of |for |with )?(?P<np>.+?) (?:is|will be|takes place"
    r"|should be)"
    r" (?P<day>DATE)|(?P<day2>DATE) (?:is|will be) (?:the |my )?last (?:time (?:of |for )?)?(?P<np2>.+?)"
)
_NONE_AFTER = rule(
    rf"(?:no (?:more )?|there(?:'s| is| will be) no (?:more )?|(?:cancel|delete|drop|remove) (?:all |every"
    rf" )?)(?P<np>.+?)"
    rf"(?: any ?more)? (?:after|past|beyond) (?P<day>DATE){_BEHIND}"
)
#: In front of the day, or a part of it: it is an end, and no day of the event.
_SAYS_END = re.compile(rf"\b(?:{_UP_TO})\b", re.I)


def read_series_end(clause: Clause) -> ToolCall | None:
    """Return the call that ends a repetition; None: the words ask for something else, or the event is not repeated."""
    words = MaskedWords.of(clause)
    return None if asks_for_no_change(words) else first_call(words, _RULES)


def _ends(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    groups = found.groupdict()
    phrase, piece = groups["np"] or groups.get("np2"), groups["day"] or groups.get("day2")
    day = words.said(piece, MentionKind.DATE)
    target = known_target(words, phrase, named=True)
    if day is None or target is None or phrase is None or has_marks(phrase) or not _is_repeated(words, target):
        return None
    last = re.sub(rf"^(?:(?:only|just|on|by|at|in|{_UP_TO}) )+", "", day, flags=re.I)
    return ToolCall("move_event", {"title": target.arguments["title"], "new_repeat": f"until {last}"})


def _ends_then(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Where the words say "until": "do choir on friday" is another day."""
    said = words.plain(found[0][found.end("np") - found.start() :])
    return _ends(words, found) if _SAYS_END.search(said) else None


def _is_repeated(words: MaskedWords, target: Target) -> bool:
    title = target.arguments["title"]
    found = [event for event in words.clause.events if fits_words(event, title)]
    return bool(found) and all(event.repeat for event in found)


_RULES: Rules = (
    (_NONE_AFTER, _ends),
    (_LAST, _ends),
    (_END_IT, _ends),
    (_IT_ENDS, _ends),
    (_UNTIL, _ends_then),
    (_ONLY_UNTIL, _ends_then),
)
