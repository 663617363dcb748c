"""What remains of a request for a new event: its title, the people and the place."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from llmagent_os.plugins.calendar.requests.clause import MARK
from llmagent_os.plugins.calendar.requests.creation_note import is_remark
from llmagent_os.plugins.calendar.requests.creation_place import Located, is_spot, place_of

#: A place in the calendar itself, which is no place of the event.
CALENDAR = re.compile(
    r"[\s,]*\b(?:in|on|to|into|onto|at)(?:to)? (?:(?:my|the|our|your|this) (?:google |outlook |work |personal "
    r"|family "
    r"|shared )?"
    r"(?:calendar|cal|schedule|diary|agenda|planner|reminders?(?: list)?|books)|calendar|diary)\b",
    re.IGNORECASE,
)
#: Words between or beside the times that join them and say nothing themselves.
_JOINT = (
    r"(?:and|&|,|;|–|-|@|at|on|from|for|by|in|of|around|about|starting|beginning|starts|start|begins|lasting|lasts"
    r"|takes"
    r"|going|running|which|that|it|it's|it'll|is|will|be|scheduled|set|the|this|long|all day|taking place|happening"
    r"|time|then"
    r"|somewhere|some ?time|any ?time|with a (?:length|duration) of|duration|day|date|o'clock|oclock|hours|or so"
    r"|roughly|maybe|probably|or"
    r" thereabouts|when|as|it starts|it lasts|it takes|:|at"
    r" around)"
)
JOINTS = re.compile(rf"(?:{_JOINT}(?![^\W\d_])[\s,]*)*", re.IGNORECASE)
_LEADING = re.compile(
    r"^(?:[\s,.:;!–—-]|(?:to|for|about|that|of|on|at|in|is|and|down|up|having|attending|me|us|it|titled|called|named"
    r"|entitled|labelled|labeled"
    r"|saying|says|which says|this|these|the following|following|from|starting|lasting|regarding|there's|there is|as"
    r"|in for|i have|we have|going to(?=\s(?:see|watch|visit|meet|have)\b)"
    rf"|i've got|(?<=that )(?:i'm|we're|i am|we are)|(?:i|we) (?:have|need|ought) to"
    rf"|(?:i|we) (?:must|should|gotta|'ve got to))(?=[\s,:]|$|{MARK}))+",
    re.IGNORECASE,
)
_TRAILING = re.compile(
    rf"(?:[\s,.:;!?–—-]|(?<=[\s{MARK[1:-1]}])(?:at|on|for|from|by"
    r"|(?:booked|put|written|noted|pencilled|slotted) (?:in|down)|entered|added|in there"
    r"|(?<!\bgets )(?<!\bcheck )in|to|and|starting"
    r"|beginning|lasting|of|around|about|is|are|the|which|that"
    r"|will be|it's|it is|starts|begins|as|@|scheduled|set|down|with a|@))+$",
    re.IGNORECASE,
)
#: Something to do, with the small word of its verb at the end: "take the tree down", "put the heating on".
_WITH_SMALL_WORD = re.compile(
    r"(?:take|put|turn|switch|bring|hang|shut|let|lock|hand|tear|pull|swap|plug|log|drop|fill|send|leave|get|have)"
    r"\s(?:the|my|our|a|some|his|her)\s[^,;]+?\s(?:in|on|down)",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"^(?:a|an|the|my|our|some|another|one(?!\s(?:to|on)\sone\b|[\s-]off\b)|this|new(?=\s(?:events?|appointments?"
    r"|meetings?|entry|reminders?|alarms?"
    r"|tasks?|one)\b))\s+(?=\S)",
    re.IGNORECASE,
)
#: Generic nouns in front of the real title: "an event called …", "an appointment for a haircut".
_NAMED = re.compile(
    r"^(?:an? |the |my |another |one )?(?:new |quick |all[- ]day |recurring |calendar |short |important )*"
    r"(?:(?:event|entry|item|thing|block|slot|note|time|something|reminder|task|to-?do)(?: (?:called|named|titled"
    r"|entitled|labell?ed|for|about|to|of|that says"
    r"|saying|which says|with the (?:title|name))|\s*:|(?= \"))"
    r"|(?:appointment|meeting|call|date|session)(?: (?:called|named|titled|entitled|with the title|with the name)"
    r"|\s*:"
    r"|(?= \"))"
    r"|(?:appointment|date|booking)(?: (?:for|to get|to have|to))(?! (?:me|us|my \w+)$))\s*",
    re.IGNORECASE,
)
_NO_TITLE = re.compile(
    r"(?:an? |the |my |another |one |new |some |quick |short |important |single )*(?:appointments?|events?|entry|item"
    r"|thing|things|something|slot|time|reminder"
    r"|alarm|one|it|that|this|them|these|stuff|anything|date|me|us|task|space|entries|note|calendar event|some ?thing"
    r"|spot|alert|notification|new|block|plans?)?",
    re.IGNORECASE,
)
_PERSON = re.compile(r"^(?P<title>.*\S)?\s*,?\s?\bwith (?P<person>\S.*)$", re.IGNORECASE)
#: A remark begins with a stop, or says how many come.
_BESIDE = re.compile(r"[,–(-]|\d+ (?:pers(?:ons?)?|people|guests|adults|kids|pax|of us)\b", re.IGNORECASE)
#: A title in quotation marks, which may have others in it.
_WHOLLY_QUOTED = re.compile(r"[\"“](?P<title>[^\"“”]+[\"“][^\"“”]+[\"”])[\"”]")
_QUOTED = re.compile(r"(?:^|(?<=\s))[\"'“”](?P<title>[^\"“”]{2,80}?)[\"'“”](?=\s|[,.!?:;]|$)")
MAX_WORDS = 16


@dataclass(frozen=True)
class Named:
    """What an event is called, with whom and where it is."""

    title: str  #: empty: the words name nothing
    person: str = ""
    place: str = ""
    note: str = ""


def named(pieces: list[str], *, reminder: bool) -> Named | None:
    """Read the words that remain of a request.

    Args:
        pieces: the words before, between and after the times.
        reminder: keep "at" and "with" in the title: it is something to do.

    Returns:
        None: the words are no single title.
    """
    words = [re.sub(r"\bfor (?:me|us)\b(?! time)", " ", CALENDAR.sub(" ", piece)).strip() for piece in pieces]
    words, note = _without_brackets([piece for piece in words if _joinless(piece)])
    if not words:
        return Named("")
    text = _joinless(words[0])
    if not _joinless(pieces[0]):
        text = re.sub(r"^in (?=[A-Z])", "at ", text)  # "it's on the 16th at 2 in St Peter's"
    for more in words[1:]:
        whole = _joined(text, more)
        for part in (more,) if whole or note else re.split(r"(?=, )", more):
            joined = whole or _joined(text, part)
            if joined is not None:
                text = joined
            elif not note and _BESIDE.match(part) and is_remark(part.strip(" ,-–().")):
                note = part.strip(" ,-–().")
            else:
                return None
    name = _parts(text, reminder=reminder)
    return replace(name, note=note) if name is not None and note else name


def _without_brackets(pieces: list[str]) -> tuple[list[str], str]:
    """The pieces without what stands in brackets, and the note in brackets: "call Jo (number 555 0134)"."""
    note = ""
    for at, piece in enumerate(pieces):
        found = re.search(r"(?<=\S)\s*\((?P<inside>[^()]+)\)", piece)
        if found is not None and re.match(r"(?:with|w/|at|in)\b", found["inside"], re.IGNORECASE):
            pieces[at] = f"{piece[: found.start()]} {found['inside']}{piece[found.end() :]}"
        elif found is not None and not note and is_remark(found["inside"]):
            pieces[at], note = f"{piece[: found.start()]}{piece[found.end() :]}", found["inside"].strip()
    return pieces, note


def _joinless(piece: str) -> str:
    piece = piece.strip(" ,.;:–—-")
    return "" if JOINTS.fullmatch(piece) else piece


def _joined(text: str, more: str) -> str | None:
    """Two parts of a title with a time between them; None: the second is no addition to the first."""
    apart, more = more[:1] in (",", "(", "-", "–"), _joinless(more).strip(" ()")
    if not more:
        return text
    if re.match(
        r"(?:with|w/|at|@|in|about|re|regarding|near|to|for|of|and|from|on|near|by|as|using|via|plus|near|over)\b|@",
        more,
        re.I,
    ):
        return f"{_TRAILING.sub('', text)} {more}"
    if re.fullmatch(r"(?:in|down|up|off|out|to|that|it)", text, re.I) or re.fullmatch(
        r"(?:in|down|up|for)", more, re.I
    ):
        return more if re.fullmatch(r"(?:in|down|up|off|out|to|that|it)", text, re.I) else text
    if _NO_TITLE.fullmatch(f"{_TRAILING.sub('', text).strip()} ") or _NO_TITLE.fullmatch(
        _TRAILING.sub("", text).strip()
    ):
        return more
    if re.match(r"(?:dr|mr|ms|mrs|prof)\b\.?\s[^\W\d]", more, re.IGNORECASE):
        return f"{_TRAILING.sub('', text).rstrip(' ,.;')} {more}"
    if is_spot(more, apart=apart):
        joint = "," if re.search(r"\s(?:at|@)\s", text) else " at"
        return f"{_TRAILING.sub('', text).rstrip(' ,.;')}{joint} {more}"
    return None


def _parts(text: str, *, reminder: bool) -> Named | None:
    if (whole := _WHOLLY_QUOTED.fullmatch(text.strip(" .,"))) is not None:
        return Named(whole["title"].strip())
    quoted = _QUOTED.search(text)
    place = person = note = ""
    if quoted is not None:
        around = f"{text[: quoted.start()]} {text[quoted.end() :]}".strip()
        around = _NAMED.sub("", around + " ").strip()
        found = re.fullmatch(r"(?:.*?)\b(?:with (?P<person>.+))?", around)
        rest = around if found is None or not found["person"] else around[: found.start("person") - 5]
        if not _NO_TITLE.fullmatch(_clean(rest)) and len(_clean(rest).split()) > 0:
            return Named(_clean(text.replace(quoted[0], quoted["title"])))
        return Named(quoted["title"].strip(), (found["person"] or "") if found else "")
    if not reminder and (only := re.match(r"\s*,?\s*(?:at|@)\s+(\S.*)", text)):
        return Named("", place=only[1].rstrip(" ,."))
    text = _clean(text)
    if not reminder:
        text, place, note = place_of(text) if not _NO_TITLE.fullmatch(text) else Located(text)
        text, person = _person(text)
    text = _clean(text)
    if _NO_TITLE.fullmatch(text) and not (text.lower() in ("appointment", "meeting", "date") and person):
        text = ""
    if len(text.split()) > MAX_WORDS:
        return None
    return Named(text, person, place, note)


def _clean(text: str) -> str:
    """A title without articles, generic nouns and joining words around it."""
    before = None
    while before != text:
        before = text
        text = _LEADING.sub("", text)
        text = _NAMED.sub("", text)
        text = text.rstrip(" ,.;:!") if _WITH_SMALL_WORD.fullmatch(text.rstrip(" ,.;:!")) else _TRAILING.sub("", text)
        text = _ARTICLE.sub("", text).strip()
    return text


def _person(text: str) -> tuple[str, str]:
    match = _PERSON.match(text)
    if match is None or re.match(r"(?:a|an|no|my own|lots|plenty|some|us|me|you)\b", match["person"], re.I):
        return text, ""
    if not match["title"]:
        return "", match["person"].rstrip(" ,.")
    behind = re.search(r"\s(?:about|to (?:discuss|talk|go)|regarding|re:?|on|for)\s", match["person"], re.IGNORECASE)
    if behind is not None:
        return text, ""  # "with Ana about the budget" stays as it was said
    return match["title"], match["person"].rstrip(" ,.")
