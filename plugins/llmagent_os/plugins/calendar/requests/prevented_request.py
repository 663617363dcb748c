"""Reads another time for what somebody cannot do: "Lars can't do Friday. Make it Saturday at 11 instead"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.event_words import fits_words
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, has_marks, rule

_CANNOT = (
    r"(?:can't|cannot|can not|couldn't|won't|is not able to|isn't able to|won't be able to|is unable to"
    r"|doesn't have time|has no time|isn't free|is not free|is busy|isn't available|is not available|is away)"
)
_PREVENTED = rule(
    rf"(?P<who>[^\W\d_][\w'.-]*(?: [^\W\d_][\w'.-]*){{0,2}}?)"
    rf"(?: (?:says|said|just said|writes|wrote) (?:he|she|they))? {_CANNOT}"
    r"(?: (?:do|make|come|attend|meet|manage|be there))?(?: it)?"
    r"(?: (?P<np>[^,.;!?\ue000-\ue001]+?))?"
    r"(?: (?P<old>WHEN))?(?: after all| any ?more)?\s*[,.;:!–—-]+ (?:(?:so|and|but|please|can you|could you|can we"
    r"|could we|shall we|let's|better) )*(?:do|(?:make|move|do|shift|push|change|put|reschedule|have)"
    r" (?:it|that|this|(?P<what>[^,.;!?\ue000-\ue001]+?)))(?: (?:to|on|for|till|until))?"
    r" (?P<when>WHEN)(?:,? (?:at )?(?:the )?same (?:time|hour))?(?: instead| then| please)*"
)
#: "Lars asks if friday could become monday, same time. Please change it."
_ASKED = rule(
    r"(?:mr\.?|mrs\.?|ms\.?|dr\.?)? ?(?P<who>[^\W\d_][\w'.-]*(?: [^\W\d_][\w'.-]*){0,2}?)"
    r" (?:asks|asked|is asking|has asked|wonders|wants to know|would like to know) (?:if|whether)"
    r"(?: (?P<np>[^,.;!?\ue000-\ue001]+?))? (?P<old>WHEN) (?:can|could|might) (?:become|be|be changed to|be moved to"
    r"|change to|move to|go to) (?P<when>WHEN)(?:,? (?:at )?(?:the )?same (?:time|hour))?(?: instead)?"
    r"\s*[,.;:!–—-]+ (?:(?:so|and|please|pls|can you|could you) )*(?:make|move|do|shift|change|reschedule)"
    r" (?:it|that|this|(?P<what>the (?:appointment|meeting)))(?: please| for me)*"
)


def read_prevented(clause: Clause) -> ToolCall | None:
    """Return the call that moves the event; None: the words say something else, or name no event of the calendar.

    Args:
        clause: a whole message.
    """
    words = MaskedWords.of(clause)
    found = _PREVENTED.fullmatch(words.text) or _ASKED.fullmatch(words.text)
    if found is None:
        return None
    old, who = words.when(found["old"]), found["who"]
    said = found["np"] or found["what"] or ""
    if has_marks(said):
        return None
    who = "" if re.fullmatch(r"i|we|he|she|they", who, re.IGNORECASE) else who
    name = " ".join(filter(None, (re.sub(r"^(?:the|our|my|to) ", "", said), who)))
    if said and found["what"] and not any(fits_words(event, name) for event in clause.events):
        name = re.sub(r"^(?:the|our|my) ", "", said)  # "can we do planning on monday?": Lena is not in its name
    if name and not any(fits_words(event, name) for event in clause.events):
        return None
    if not name and "date" not in old:
        return None
    title = {"title": name} if name else {}
    return ToolCall("move_event", {**title, **old, **words.when(found["when"], "new_")})
