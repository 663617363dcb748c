"""Puts turns of phrase into plainer words that mean the same, so that the grammar can be small.

Talk that leads to what somebody told is left out.

>>> reword("early shift thursday 6-14")
'early shift thursday from 6:00 to 14:00'
"""

from __future__ import annotations

import re
from collections.abc import Callable

from llmagent_os.plugins.calendar.requests.request_verbs import UNMISTAKABLE
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS

_DAY = (
    rf"(?:(?:this |next )?(?:{'|'.join(WEEKDAYS)}|mon|tues?|wed|thu|thurs|fri|sat|sun)|today|tomorrow|tonight"
    rf"|(?:the )?\d{{1,2}}(?:st|nd|rd|th)(?: of)?(?: (?:{'|'.join(MONTHS)}))?|(?:{'|'.join(MONTHS)}) \d{{1,2}})\b"
)
_NAME = rf"(?:{'|'.join(WEEKDAYS)}|mon|tues?|wed|thu|thurs|fri|sat|sun)"
_CLOCK = r"(?:\d{1,2}[:.]\d\d ?(?:[ap]\.?m\b\.?)?|\d{1,2} ?[ap]\.?m\b\.?|noon|midnight|(?<=at )\d{1,2}\b)"
_TOLD = (
    r"(?:told|says|said|tells|texted|texts|wrote|writes|mentioned|announced|reminded|informed|confirmed|emailed)"
    r"(?: (?:me|us))?(?: that)?"
)
_THING = r"(?:the|her|his|their|our|my|a|an)\s(?P<what>[\w'-]+(?:\s[\w'-]+)?)"
_BLOCK = r"(?:block|mark|keep|reserve|book|put|hold|set aside|fill)"
_NO_REQUEST = rf"(?:(?!\b(?:{UNMISTAKABLE}|add|put|remind|book|schedule|set|note|don't|do not|never|if)\b).)"


def _hours(match: re.Match[str]) -> str:
    """The hours of a shift on the 24-hour clock; other numbers stay as they are."""
    first, last = int(match["first"]), int(match["last"])
    late = 13 <= last <= 24 and first < last
    if not late:
        return match[0]
    return f"{match['before']}from {first}:00 to {last % 24}:00"


_RULES: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (  # "Can you write dentist on friday at 3?" asks for an event, and "write the report" and "write a poem" do not.
        r"\b(?P<asks>(?:can|could|would|will) (?:you|u)(?: please| pls)?) write (?=[^\W\d_][^.?!]*\bat \d)"
        r"(?!(?:an?|the|my|me|us|some|to|for|about|it|that|this|them|down|in|up|out|code)\b)",
        r"\g<asks> add ",
    ),
    # Times and lengths.
    (r"\b(?P<hour>1[3-9]|2[0-3]) ?o'? ?clock\b", r"\g<hour>:00"),
    (r"\b(?P<count>\d{1,3}|half|one|two|three)-(?P<unit>minute|min|hour|hr)\b-?(?: long\b)?", r"\g<count> \g<unit>"),
    (
        r"(?P<before>\b(?:\w+day|mon|tues?|wed|thurs?|fri|sat|sun|tomorrow|today|tonight|shift|work|working|duty),? )"
        rf"(?:from )?(?P<first>\d{{1,2}}) ?[-–] ?(?P<last>\d{{1,2}})\b(?![/.:-]?\d|\s?(?:[ap]m"
        rf"|people|{'|'.join(month[:3] for month in MONTHS)}))",
        _hours,
    ),
    (r"(?<=\d)(?P<half> ?[ap]\.?m\.?)? (?:sharp|on the dot|on the nose)\b", r"\g<half>"),
    (rf", (?:say|(?:they|he|she|we) (?:said|says?)) (?:at )?(?={_CLOCK})", " at "),
    (rf"(?P<clock>{_CLOCK}),? (?P<count>[1-9](?:[.,]5)?) ?h(?=[\s,.!]*$|,)", r"\g<clock> for \g<count> hours"),
    (
        rf"(?<!every )(?<!each )\b(?P<days>{_NAME}(?:,? (?:and |& )?{_NAME})+)(?P<at>[^.;?\n]{{0,20}}?),? until"
        rf" (?=(?:the )?\d|{'|'.join(MONTHS)})",
        r"every \g<days>\g<at> until ",
    ),
    (r"(?P<a>\w) thru (?=\w)", r"\g<a> to "),
    # What is only said of how: "…, please block all days", "…, keep both days free", "…, put it in as one hour".
    (
        rf"[,;.–-]\s(?:please )?{_BLOCK}(?: out| off| in| down)? (?:(?:all|both|each|every|each of) (?:of )?)?"
        r"(?:the|those|these)? ?(?:whole |full |entire |complete |two |three |four |five )*"
        r"(?:days?|thing|period|lot|time|week)(?: (?:out|off|free|as busy|for me|for it|for that|please"
        r"|in my calendar))*[.!]*$",
        ", all day",
    ),
    (r", all day (?:each|every) day(?= |[.!]*$)", ", all day"),
    (
        rf"[,;.–-]\s(?:please )?{_BLOCK} (?:(?:it|that|this|him|her|them|me|us)(?: in| down| out)? (?:as|for) )?"
        r"(?P<long>(?:an?|one|two|three|half an?|\d+) (?:hours?|minutes?|mins?)(?: and a half)?)(?: long)?"
        r"(?: for (?:it|that|this))?(?: please)?[.!]*$",
        r" for \g<long>",
    ),
    (
        r"[,;]\s(?:it )?(?:only |just |should |will |normally |usually )*(?:needs?|takes?|lasts?)(?: about| around)?"
        r" (?P<long>(?:an?|one|two|three|half an?|\d+) (?:hours?|minutes?|mins?)(?: and a half)?)[.!]*$",
        r" for \g<long>",
    ),
    (r"^(?P<then>in [^:,;.]{3,30}?) or so(?=: |\s[–-] )", r"\g<then>"),
    (r"^(?P<delay>\d{1,3} ?(?:minutes?|mins?|hours?|hrs?))(?=: |\s[–-] )", r"in \g<delay>"),
    (r"\bits (?=(?:on|at|in) )", "it's "),
    (
        rf"\b(?:daily|every day)(?P<at>,? (?:at )?{_CLOCK}| at \d{{1,2}})?,? (?:on )?weekdays(?: only)?\b",
        r"every weekday\g<at>",
    ),
    # Reminders.
    (
        r"(?<!do you )\bremember (?P<who>me|us) (?=(?:about|of|again)\b"
        r"|(?:at|on|in|before) (?:\d|an?\b|half\b|\w+day\b)"
        r"|(?:an?|one|two|half|\d+)[\w ]{0,20}\b(?:before|early|earlier|ahead)\b)",
        r"remind \g<who> ",
    ),
    (
        r"^(?:(?:set|add|i need|i want|i'd like|give me|please set)(?: me)? )?(?:two|2) reminders"
        r" (?:for|before|of) (?P<what>[^:;,.!?]+?)(?: please)?[:;,–-]+ (?P<first>(?:an?|one|two|half|\d+)[\w ]+?)"
        r"(?: before)?,? and (?P<last>(?:an?|one|two|half|\d+)[\w ]+?) before(?: please)?[.!]*$",
        r"remind me \g<first> before and \g<last> before \g<what>",
    ),
    (r"\b(?P<opening>remind (?:me|us)) too (?=[a-z])", r"\g<opening> to "),
    (
        r"\b(?P<opening>(?:remind|tell|wake) (?:me|us)(?: \w+){0,3}) 2 (?=[a-z])"
        r"(?!(?:[ap]m|min|hours?|hrs?|days?|weeks?|months?|years?|times|of|or|and)\b)",
        r"\g<opening> to ",
    ),
    (r"^(?:let me know|tell me) (?=(?:at|in) \d[^?]*\bso (?:that )?i\b)", "remind me "),
    (
        r"^(?:the|my) [\w'-]+ (?:said|says|told me|tells me|asked me|wants me)"
        r" (?:(?:that )?i (?:should|must|have to)|to) "
        r"(?=[^?]*\bremind me\b)",
        "",
    ),
    (
        r"^for (?P<what>(?:the|my|our) [\w' -]+?),? (?:i need|i want|i'd like|give me|set|set me) (?:a |an )?"
        r"(?:reminder|alarm|alert|heads[- ]up) (?P<lead>[\w ]+?) (?:earlier|before|beforehand|ahead)[.!]?$",
        r"remind me \g<lead> before \g<what>",
    ),
    (
        r"^(?P<what>[^,;.!?]+?) (?P<span>for (?:\d+|a|one|two|three|four|five|six|seven|ten) (?:days|weeks?|months?)),"
        r" (?:please )?remind me (?P<every>every \w+|daily)(?: please)?[.!]?$",
        r"remind me of \g<what> \g<every> \g<span>",
    ),
    # Talk in front of what is to be written down.
    (
        r"\b(?P<verb>note|write|remember|put)(?: (?:down|in))? that (?:i|we)(?:'m| am|'re| are|'ll be| will be| have to"
        r" be) (?:at|with|seeing|going to|off to)(?= (?:the|my|a|an)\b)",
        "add",
    ),
    (r"\bwhat (?:on earth|the hell|the heck|in the world|exactly|the devil)\b", "what"),
    (
        rf"^(?=.*\b(?:put|add|stick|pop|note|save|write|jot|remind)\b){_NO_REQUEST}*?\b{_TOLD} {_THING}"
        rf"(?: is|'s| starts| will be)(?: going to be| coming| happening)?"
        rf"(?= (?:on |at |this |next )?(?:{_DAY}|{_CLOCK}))",
        r"\g<what>",
    ),
    (
        r"^.{0,60}?\b(?:talking|talked|spoke|speaking|chatting|chatted) (?:to|with) (?P<who>(?-i:[A-Z])\w+|my \w+),?"
        r" (?:and|so) we (?:figured|decided|agreed|thought|said)(?: that)?"
        r"(?: (?:the best|it)(?: thing)? (?:would be|is))?"
        r"(?: to)? (?:get|grab|have|do|go for|meet for) (?P<what>(?!a\b|the\b)\w+)",
        r"\g<what> with \g<who>",
    ),
    (
        r"\b(?P<who>(?:the|my) [\w'-]+) (?:can|could) (?:see|fit|take|squeeze) (?:me|us|him|her|it|them)(?: in)?"
        r"(?= (?:on |at |this |next |tomorrow|today|\w+day))",
        r"\g<who>",
    ),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE | re.DOTALL), new) for pattern, new in _RULES)


#: The numbers of a list on one line: "1) haircut at 4 2) parcel at 5".
_POINT = re.compile(r"(?:^|(?<=\s))\(?(?P<number>[1-9])\s?(?:[).]|-(?=\s))\s+(?=[^\W\d])")


def _points_apart(text: str) -> str:
    """The text with a line for each point of a numbered list."""
    numbers = [int(each["number"]) for each in _POINT.finditer(text)]
    counted = len(numbers) > 1 and numbers == list(range(1, len(numbers) + 1))
    return _POINT.sub("\n", text).lstrip("\n") if counted and "\n" not in text else text


def reword(text: str) -> str:
    """Return ``text`` in plainer words.

    Args:
        text: a message, with its spelling put right.
    """
    text = _points_apart(text)
    for pattern, new in _COMPILED:
        text = pattern.sub(new, text)
    return text
