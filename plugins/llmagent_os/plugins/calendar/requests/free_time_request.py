"""Reads questions about free time: "am I free on friday?", "find me a free hour", "which evenings am I free?"."""

from __future__ import annotations

import re

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.masked_words import MaskedWords, Rules, rule
from llmagent_os.plugins.calendar.requests.targets import read_target
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind

_FREE = r"(?:free|available|busy|booked|open|clear|unavailable|occupied|taken|tied up|empty|off|around|in)"
_THING = r"(?:free|open|available|empty|spare)"
_SLOT = r"(?:slot|slots|gap|gaps|time|times|window|windows|spot|spots|space|spaces|moment|block|opening|openings)"
_DOING = (
    r"(?: (?:to (?:do|have|meet|see|go|fit|squeeze|schedule|take|grab|talk|call|get)\b.*|for (?:a |an |some"
    r" )?[^\W\d]+(?: with [^\W\d]+)?))?"
)

_AM_I = rule(
    rf"(?:am|are|will|would) (?:i|we)(?: be)? (?:still |already |really |actually )*{_FREE}(?: at"
    rf" all)?,? ?(?P<when>WHEN)?{_DOING}"
    r"(?: (?:or not|or busy|or booked))?"
)
_FREE_WHEN = rule(r"(?:free|available|busy|booked) (?P<when>WHEN)(?: at all| by any chance)?")
_MEET = rule(r"(?:meet|see|visit|catch up with|meet up with) (?P<np>.+?) (?P<when>WHEN)")
_IS_DAY = rule(
    rf"(?:is|are|will|does|'s) (?:my )?(?P<when>WHEN)(?: (?:be|still|already|look|looking))* (?:{_FREE}|possible|ok"
    rf"|okay|good|doable|work|a possibility)"
    r"(?: (?:for me|or not|in my calendar|at all))?(?: or (?:busy|booked|taken|not))?"
    r"|(?:does|would|could|can) (?P<then>WHEN) work(?: for me)?"
)
_HAVE_TIME = rule(
    r"(?:do|would|will) (?:i|we) (?:still )?have (?:any |some |enough |a bit of )?(?:free |spare )?(?:time|room|space"
    r"|a (?:free )?(?:moment|minute|slot|gap))"
    rf"(?: free| left| available)?(?: (?P<when>WHEN))?{_DOING}|(?:have|got) (?:i|we)? ?(?:got )?(?:any )?(?:free"
    rf" )?time (?P<then>WHEN){_DOING}"
)
_COULD_I = rule(
    r"(?:could|can|may|might|shall) (?:i|we) (?:do|have|fit in|squeeze in|schedule|plan|take|make|book|arrange)"
    r" (?:something|anything|sth|a thing|another"
    r" (?:thing|meeting|appointment)) (?P<when>WHEN)|(?:do|have|fit in|squeeze in) (?:something|anything|sth)"
    r" (?P<then>WHEN)"
    r"|is (?:there|it) (?:still )?(?:any )?(?:room|space|time|possible to do something) (?P<then2>WHEN)"
)
_ROOM = rule(
    r"(?:is there|have (?:i|we) got|(?:do|would|will|could) (?:i|we) have|got|will there be) (?:still )?(?:any "
    r"|some |enough )?(?:free )?"
    r"(?:time|room|space)(?: for (?:an? |another |some |the )?[^\W\d]+(?: [^\W\d]+){0,3}?)? (?P<when>WHEN)"
)
_SUITS = rule(
    r"(?:does|would|could|will|might) (?P<when>WHEN) (?:suit|fit|work|be (?:ok|okay|fine|good|possible|free))"
    r"(?: me| us| for (?:me|us)| in)?(?: my calendar)?(?: (?:for|to have|to do) [^\ue000-\uf8ff,.;]{2,60})?"
)
_FOR_WHAT = rule(
    r"(?:find|get|look for|search for|block|when could i (?:fit|squeeze) in|when can i (?:fit|squeeze) in|when do i"
    r" have)"
    r"(?: me| us)? (?:an? )?(?P<length>LENGTH)(?: (?:long )?(?:meeting|call|session|slot|block))?"
    r"(?: for (?:an? |another |some |the )?[^\W\d]+(?: [^\W\d]+){0,3}?)?(?: (?P<when>WHEN))?"
)
_FIT_IN = rule(
    r"(?:(?:could|can|may|might) (?:i|we|you) )?(?:still )?(?:fit|squeeze|get)(?: in)? (?P<length>LENGTH|TIME)(?: in)?"
    r"(?: (?:for|of|with) (?:an? |some |the |my )?[^\W\d]+(?: [^\W\d]+){0,3}?)?(?: (?P<when>WHEN))?"
)
_SQUEEZE = rule(
    r"(?:(?:could|can|may|might|would) (?:i|we) )?(?:fit|squeeze|slot|cram)(?: in)? (?:an? |one |some |another "
    r"|the |my )?(?:quick |short |little )?"
    r"(?:(?P<length>LENGTH) )?(?P<what>[^\W\d_][^,.;:!?\ue000-\ue001]{1,60}?)(?: in)? (?P<when>WHEN)"
)
_NEED_TIME = rule(
    r"(?:i(?:'d)? (?:need|want|like)|need|looking for|i'm looking for) (?:about |around |another"
    r" )?(?P<length>LENGTH|REPEAT)"
    r"(?: (?:for|of|with|to) [^\ue000-\uf8ff,;.?]{2,40}?)?(?: (?:sometime|somewhere|some time|free))?(?:"
    r" (?P<when>WHEN))?,?"
    r" (?:when(?: (?:could|can|would|should|is|does|am) [^\ue000-\uf8ff]*)?|any (?:ideas?|slots?|gaps?"
    r"|suggestions?|chance)"
    r"|is there (?:an?|any) (?:gap|slot|room|space)|where (?:does|would|could|can) [^\ue000-\uf8ff]*|what works"
    r"|possible)"
)
_ANY_GAPS = rule(
    r"(?:are there|is there|do (?:i|we) have|have (?:i|we) got|any|show me|what|where are)(?: still)?(?: an?| any| some"
    r"| the| my)? (?:gaps?|slots?|windows?|openings?|breaks?|holes?)(?: of(?: at least| about)?"
    r" (?P<length>LENGTH|REPEAT))?(?: left| free| open| are there| do i have)*"
    r"(?: in my (?:calendar|schedule|diary|day))?(?: (?P<when>WHEN))?"
)
_HOW_MUCH = rule(
    r"how (?:much|many) (?:free |spare |open )?(?:time|hours|slots|gaps) (?:do (?:i|we) have|have (?:i|we) got|am i|"
    r"is there|are there|is|are)(?: left| free| open| still)* ?(?P<when>WHEN)?(?: free| left)?"
)
_WHEN_COULD = rule(
    r"when (?:could|can|might|should) (?:i|we) (?:\w+ )?(?:meet|see|do|have|fit in|squeeze in|schedule|book|plan|talk"
    r" to|call|visit|go)(?: (?:up )?[^\ue000-\uf8ff]+?)??(?: for (?P<length>LENGTH))?(?: (?P<when>WHEN))?"
)
_GOOD_TIME = rule(
    r"(?:when(?:'s| is)|what(?:'s| is)|find|suggest)(?: me)? (?:a |the )?(?:good|best|free|suitable) (?:time|day|slot"
    r"|moment)"
    r"(?: (?:for|to) .+?)?(?: (?P<when>WHEN))?|(?:what(?:'s| is)|show me)? ?(?:my )?(?:availability|free time|free"
    r" slots)"
    r"(?: (?:for|on))?(?: (?P<then>WHEN))?"
)
_CLASH = rule(
    r"(?:does|would|will|do) (?:anything|something|it) (?:clash|conflict|collide|overlap)(?: with)? (?P<when>WHEN)"
    r"|(?:is|are) there (?:a|any) (?:clash|conflict|collision|clashes|conflicts) (?P<then>WHEN)"
)
_FIND = rule(
    rf"(?:find|show|give|suggest|get|look for|search for|tell|i need|need|i want|want|book|is there|do i have|have i"
    rf" got|are there|got|what are|what's|when is|when's|any|i'm looking for|looking for|which)"
    rf"(?: me| us)?(?: for)? ?(?:an? |any |some |my |the )?(?:next |first |other )?(?:(?P<length>LENGTH|REPEAT|hour"
    rf"|half hour|half an hour|day|evening|afternoon|morning|minutes))?"
    rf"(?:[ -]?long)? ?(?:of )?{_THING} ?(?P<length2>LENGTH|hour|half hour|half an hour|day|evening|afternoon|morning"
    rf"|{_SLOT})?"
    rf"(?: {_SLOT})?(?: (?:of|for|to fit|with))?(?: (?:at least|about|around|a))* ?(?P<length3>LENGTH"
    rf"|REPEAT)? ?(?P<when>WHEN)?{_DOING}"
)
#: "Free slot friday?", without a verb.
_FREE_SLOT = rule(
    rf"(?:any |an? )?(?:{_THING} (?:(?P<length>LENGTH|hour|half hour|evening|afternoon|morning)|{_SLOT})|gaps?)(?:"
    rf" (?:for|of) (?P<length2>LENGTH|REPEAT))? (?P<when>WHEN)"
)
_FIND_TIME = rule(
    rf"(?:find|suggest|get|look for|search for)(?: me| us)? (?:an? |some |any )?(?P<length>LENGTH|REPEAT)?(?:"
    rf" long)? ?{_SLOT}?"
    rf"(?: of| for)? ?(?P<length2>LENGTH|REPEAT)? ?(?P<when>WHEN)?{_DOING}"
)
_FREE_HOURS = rule(
    r"(?:find|show|give|get|i need|need|do i have)(?: me| us)? (?P<number>\d|one|two|three|four|five|six|a few|a"
    r" couple of)"
    r" (?:free|spare|open) (?P<unit>hours?|minutes)(?: (?P<when>WHEN))?"
)
_WHEN_FREE = rule(
    rf"(?:when|at what time|what times?|which (?:days?|times?|hours|part)|what days?|on which days?|what part)(?:"
    rf" (?:(?:of|on|in) )?(?P<of>WHEN))?"
    rf" (?:am|are|is|do|could|can|would|will|have) (?:i|we|my calendar|there)?(?: be)? ?(?:have |got )?(?:any )?"
    rf"(?:{_FREE}|time|nothing)(?: {_SLOT})?(?: on)?"
    rf"(?: for)? ?(?:an? )?(?P<length>LENGTH|REPEAT)? ?(?P<when>WHEN)?{_DOING}"
)
_WHICH_PART = rule(
    rf"(?:what|which|on which|any) (?P<part>mornings?|afternoons?|evenings?|nights?|days?|lunchtimes?) (?:am|are|is"
    rf"|do|could|can|would)"
    rf" (?:i|we|my calendar)?(?: have)? ?(?:{_FREE}|nothing|time)(?: on)? ?(?P<when>WHEN)?"
    rf"|(?:any|which) {_THING} (?P<part2>mornings?|afternoons?|evenings?|nights?|days?) ?(?P<then>WHEN)?"
)


def _free(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Whether the person is free."""
    groups = found.groupdict()
    when = words.when(" ".join(filter(None, (groups.get(name) for name in ("when", "then", "then2")))))
    if not when:
        return None
    return ToolCall("list_events", {**when, "asked": "free"})


def _gaps(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """When the person is free."""
    groups = found.groupdict()
    pieces = [groups.get(name) for name in ("length", "length2", "length3")]
    length = next((said for piece in pieces if piece and (said := _length(words, piece))), None)
    part = _part(groups)
    when = words.when(" ".join(filter(None, (groups.get(name) for name in ("of", "when", "then")))))
    if part and "time" not in when:
        when["time"] = part
    if not length and not part and not when and found.re is _FIND_TIME:
        return None
    return ToolCall("list_events", {**when, **({"duration": length} if length else {}), "asked": "gaps"})


def _free_when(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    return _free(words, found) if "?" in words.clause.text else None


def _could_meet(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Whether there is time for somebody: "could I meet Jo at 6 on thursday?". Their name stands in no event."""
    asks = re.match(r"\W*(?:(?:so|hey|ok|hi),? )?(?:could|can|might|would) (?:i|we)\b", words.clause.text, re.I)
    target = read_target(words, found["np"])
    if not asks or "?" not in words.clause.text or target is None or target.known:
        return None
    return _free(words, found)


def _fit_in(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Whether there is room for a length: "can I squeeze in an hour tomorrow?". Without a question, it is booked."""
    if "?" not in words.clause.text:
        return None
    said = words.said(found["length"], MentionKind.TIME)  # "squeeze [in an hour]"
    if said is None:
        return _gaps(words, found)
    within = re.fullmatch(r"in (.+)", said, re.I)
    if within is None:
        return None
    return ToolCall("list_events", {**words.when(found["when"]), "duration": within[1], "asked": "gaps"})


def _squeeze(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    """Whether there is room for something: "could I squeeze in a 30 minute call on friday?"."""
    asks = re.match(r"\W*(?:(?:so|hey|hi|ok|and),? )?(?:could|can|may|might|would) (?:i|we)\b", words.clause.text, re.I)
    if not asks:
        return None
    exact = re.search(r"\d", words.said(found["when"], MentionKind.TIME) or "")
    return _free(words, found) if exact and not found["length"] else _gaps(words, found)


def _hours(words: MaskedWords, found: re.Match[str]) -> ToolCall | None:
    length = f"{found['number']} {found['unit']}"
    return ToolCall("list_events", {**words.when(found["when"]), "duration": length, "asked": "gaps"})


def _length(words: MaskedWords, piece: str) -> str | None:
    said = words.said(piece, MentionKind.DURATION, MentionKind.RECURRENCE)
    if said:
        return re.sub(r"^(?:for|a free|free) ", "", said)
    plain = {"hour": "an hour", "half hour": "half an hour", "half an hour": "half an hour"}
    return plain.get(piece.lower())


def _part(groups: dict[str, str | None]) -> str | None:
    """A part of the day that the free time has to be in."""
    said = next((groups[name] for name in ("part", "part2", "length", "length2") if groups.get(name)), None) or ""
    part = said.lower().removesuffix("s")
    return part if part in ("morning", "afternoon", "evening", "night", "lunchtime") else None


#: The patterns of this kind of question, and what reads them.
FREE_TIME_RULES: Rules = (
    (_AM_I, _free),
    (_FREE_WHEN, _free_when),
    (_MEET, _could_meet),
    (_IS_DAY, _free),
    (_HAVE_TIME, _free),
    (_COULD_I, _free),
    (_CLASH, _free),
    (_FREE_HOURS, _hours),
    (_WHICH_PART, _gaps),
    (_WHEN_FREE, _gaps),
    (_ROOM, _free),
    (_SUITS, _free),
    (_FOR_WHAT, _gaps),
    (_FIT_IN, _fit_in),
    (_SQUEEZE, _squeeze),
    (_NEED_TIME, _gaps),
    (_ANY_GAPS, _gaps),
    (_HOW_MUCH, _gaps),
    (_WHEN_COULD, _gaps),
    (_GOOD_TIME, _gaps),
    (_FIND, _gaps),
    (_FIND_TIME, _gaps),
    (_FREE_SLOT, lambda words, found: _gaps(words, found) if "?" in words.clause.text else None),
)
