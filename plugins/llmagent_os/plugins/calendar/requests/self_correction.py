"""Puts what the person means in the place of what they take back in the same message.

A day or a time: "dentist on friday, no sorry, thursday at 10" becomes "dentist on thursday at 10". A person or a thing:
"dinner with Leo, sorry, with Lea on saturday" becomes "dinner with Lea on saturday".

What is meant stands behind words of correction. It replaces the last words before them that are of its kind: a day a
day, a time a time, "with …" a "with …", "the …" a "the …", a name a name.
"""

from __future__ import annotations

import re
from dataclasses import replace

from llmagent_os.plugins.calendar.requests.clause import MARK, Clause
from llmagent_os.plugins.calendar.requests.event_nouns import names_event
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention

MAX_CORRECTIONS = 4  #: of one message
_FILLER = r"(?:um+|uh+|er+m?|hm+|oh|oops|whoops|ah|argh|hang(?: on)?|hold(?: on)?|wait|sorry|well|ok|okay)"
#: These words take something back by themselves.
_TAKES_BACK = (
    r"(?:(?:i'm )?sorry|i mean|i meant|i wanted to say|or rather|rather|scratch that|strike that|make (?:that|it)"
    r"|correction"
    r"|let's (?:say|make it)|better|actually(?: no)?|no wait|wait no|wait|my (?:bad|mistake))"
)
_GAP = r"[\s,.:;!…()–—-]+"
#: The words between what is taken back and what is meant.
_CORRECTS = re.compile(
    rf"[\s,.;:!…()–—-]*(?:{_FILLER}{_GAP})*(?:no|nope|{_TAKES_BACK})"
    rf"(?:{_GAP}(?:{_FILLER}|no|it's|on second thoughts?|{_TAKES_BACK}))*{_GAP}(?:it's )?"
    r"(?:(?:to|for|on|at|till|until|from) )?",
    re.IGNORECASE,
)
#: A correction of a name needs surer words than "no": "a party, no gifts".
_SURE = re.compile(
    rf"[\s,.;:!…()–—-]*(?:{_FILLER}{_GAP})*(?:no{_GAP}|nope{_GAP}|actually{_GAP})*"
    rf"(?:sorry|i mean|i meant|or rather|scratch that|make that|correction|wait|oops)(?:{_GAP}(?:{_FILLER}|no|i mean"
    rf"|i meant|it's))*{_GAP}",
    re.IGNORECASE,
)
_NO = re.compile(r"\s*[,.–—-]+\s*no[\s,]+", re.IGNORECASE)
#: "Lars can't do friday, make it saturday" takes nothing back.
_NEGATED = re.compile(r"n't\b|\b(?:cannot|can not|not|no longer|never|unable|busy|away)\b", re.IGNORECASE)
_PREPOSITION = re.compile(r"(?:on|at|to|till|until|for|from|by|in) ", re.IGNORECASE)
_HALF = re.compile(
    rf"(?P<clock>\d)(?: ?o'clock)? ?[ap]\.?m\.?{_CORRECTS.pattern}(?P<half>[ap]\.?m\.?)(?=\W|$)", re.IGNORECASE
)
#: A bare hour that is taken back, or that is meant: "at 2, wait, 2:30", "9am. actually 10".
_CLOCK = r"(?:\d{1,2}(?:[:.]\d\d)?(?: ?[ap]\.?m\b\.?)?|half \d{1,2}|noon|midnight)"
_HOURS = re.compile(
    rf"\b(?P<before>(?:at|to|for|from|till|until|by|around) )?(?<![\w.:/-])(?P<old>{_CLOCK})(?![\w:/%]|\.\d|-\d)"
    rf"{_CORRECTS.pattern}(?:at )?(?P<new>{_CLOCK})(?P<behind>[\s,)–—-]*)(?![\w:/%]|\.\d)"
    r"(?! ?(?:min|hour|h\b|day|week|people))",
    re.IGNORECASE,
)
_NOT_FIRST = re.compile(
    rf"(?P<before>(?:no,? )?)not (?:on |at )?(?P<wrong>[^,;:]{{2,30}}?)(?:, (?:but )?|,? but |\s[–—-]\s)(?:on |at )?"
    rf"(?P<right>[^:,;{MARK[1:-1]}]{{2,30}}?)(?P<gap>\s*[:,–—-]\s*|\s+)(?=\w)",
    re.IGNORECASE,
)
#: "For 2 hours, make it 3".
_COUNT = re.compile(
    rf"\b\d+(?P<unit> ?(?:hours?|hrs?|minutes?|mins?|days?|weeks?)){_CORRECTS.pattern}(?P<count>\d+)\b(?![:.]?\d| ?\w)",
    re.IGNORECASE,
)
#: "between... no, at 3": a beginning that is left unsaid.
_UNSAID = re.compile(
    r"\b(?:between|from|at|around|on)\s*(?:\.{2,}|…|[–—-]+)\s*no,?\s+(?=(?:at|around|on|from)\b)", re.IGNORECASE
)
#: "…, no, today is bad": the day is not what is meant.
_SAID_OF = re.compile(r"\s(?:is|are|was|isn't|doesn't|does not|won't)\b", re.IGNORECASE)
#: "At 6 in the morning, I mean in the evening": the hour stays.
_HALF_ONLY = re.compile(r"in the (?:morning|afternoon|evening)|at night|tonight", re.IGNORECASE)
_OF_HALF = re.compile(
    rf"(?P<clock>.*\d.*?),? (?:{_HALF_ONLY.pattern}|this (?:morning|afternoon|evening))", re.IGNORECASE
)
_CORRECTED = (MentionKind.DATE, MentionKind.TIME, MentionKind.DURATION, MentionKind.RECURRENCE)
#: What a correction may put in the place of something like it.
_ROLE = r"(?:with|for|at|in|from|to|about|the|my|our|his|her|their|an?)"
_PHRASE = re.compile(
    rf"(?P<role>{_ROLE}\s(?:(?:the|my|our|his|her|an?)\s)?)?(?P<name>[^\W\d][\w'’&-]*(?:\s(?!on\b|at\b|for\b"
    rf"|with\b|in\b|and\b|to\b)"
    rf"[^\W\d{MARK[1:-1]}][\w'’&-]*){{0,2}})(?=[\s,.;!)–—-]*(?:$|{MARK}|\b(?:on|at|for|with|in|and|to|from"
    rf"|until)\b)|[,.;!)–—])",
    re.IGNORECASE,
)


def corrected(clause: Clause) -> Clause:
    """Return a message as the person corrected it."""
    text = _UNSAID.sub("", _HALF.sub(r"\g<clock> \g<half>", clause.text))
    text = _HOURS.sub(_right_hour, _COUNT.sub(r"\g<count>\g<unit>", text))
    if text != clause.text:
        clause = _again(clause, text)
    clause = _without_wrong(clause)
    for _ in range(MAX_CORRECTIONS):
        meant = _time_meant(clause) or _name_meant(clause)
        if meant is None:
            break
        clause = _again(clause, meant)
    return clause


def _right_hour(found: re.Match[str]) -> str:
    """The hour that is meant, with the preposition of the other and its half of the day."""
    return f"{found['before'] or 'at '}{found['new']}{found['behind'].replace('-', ' ').strip(',–—)') or ''}"


def _without_wrong(clause: Clause) -> Clause:
    """Leave out what is wrong in "not tomorrow, friday: dentist at 9" and "gym not at 6 but at 7"."""
    for match in _NOT_FIRST.finditer(clause.text):
        wrong, right = (
            Clause.of(match[name], clause.now, month_first=clause.month_first) for name in ("wrong", "right")
        )
        kinds = [[mention.kind for mention in each.mentions] for each in (wrong, right)]
        bare = all(re.fullmatch(rf"\s*{MARK}\s*", each.masked) for each in (wrong, right))
        if bare and kinds[0] == kinds[1] and kinds[0][0] in _CORRECTED:
            return _again(clause, clause.text[: match.start()] + clause.text[match.start("right") :])
    return clause


def _time_meant(clause: Clause) -> str | None:
    """The text with the last day or time in the place of the one that it corrects; None: nothing is corrected."""
    for place, mention in enumerate(clause.mentions):
        before = clause.mentions[:place]
        if mention.kind not in _CORRECTED or not before:
            continue
        between = clause.text[before[-1].end : mention.start]
        if _CORRECTS.fullmatch(between) is None or _SAID_OF.match(clause.text, mention.end):
            continue
        if _NEGATED.search(clause.text, 0, before[-1].start):
            continue
        meant = _adjoining(clause, clause.mentions[place:], first=True)
        wrong = _adjoining(clause, before)
        pairs = [(_last(wrong, each.kind), each) for each in meant if each.kind in _CORRECTED]
        if pairs and pairs[0][0] is not None:
            return _swapped(clause, before[-1].end, meant[-1].end, pairs)
    return None


def _last(mentions: list[TimeMention], kind: MentionKind) -> TimeMention | None:
    same = (each for each in reversed(mentions) if each.kind is kind)
    delay = (each for each in mentions[-1:] if kind is MentionKind.DURATION and each.text.lower().startswith("in "))
    return next(same, None) or next(delay, None)


def _adjoining(clause: Clause, mentions: tuple[TimeMention, ...], *, first: bool = False) -> list[TimeMention]:
    """The last mentions that stand side by side: "on monday at 12". ``first``: the first ones instead."""
    found = [mentions[0 if first else -1]]
    for mention in mentions[1:] if first else reversed(mentions[:-1]):
        left, right = (found[-1], mention) if first else (mention, found[0])
        if clause.text[left.end : right.start].strip(" ,"):
            break
        found.insert(len(found) if first else 0, mention)
    return found


def _swapped(clause: Clause, begin: int, end: int, pairs: list[tuple[TimeMention | None, TimeMention]]) -> str:
    """The text with the new times in the place of the old ones, without the words of the correction.

    Args:
        clause: the message.
        begin: where the words of the correction begin.
        end: where the times that are meant end.
        pairs: each time that is meant, behind the one that it replaces; None: it replaces none.
    """
    text = clause.text
    left, added = text[:begin], ""
    for old, new in sorted(pairs, key=lambda pair: -(pair[0].start if pair[0] else len(text))):
        if old is None:
            added += f" {new.text}"
            continue
        kept = _PREPOSITION.match(old.text)
        half = _OF_HALF.fullmatch(old.text) if _HALF_ONLY.fullmatch(new.text) else None
        words = (
            f"{half['clock']} {new.text}"
            if half
            else f"{kept[0]}{new.text}"
            if kept and not _PREPOSITION.match(new.text)
            else new.text
        )
        left = f"{left[: old.start]}{words}{left[old.end :]}"
    return f"{left}{added}{re.sub(r'^ ?[–—-]+ ', ' ', text[end:])}"


def _name_meant(clause: Clause) -> str | None:
    """The text with a person or a thing in the place of the one that it corrects; None: nothing is corrected."""
    masked = clause.masked
    for sure, pattern in ((True, _SURE), (False, _NO)):
        for match in pattern.finditer(masked):
            meant = _PHRASE.match(masked, match.end())
            left = masked[: match.start()]
            if meant is None or not left or not re.search(r"\w", left):
                continue
            begin = _wrong_begin(left, meant)
            if begin is None or not (sure or _alike(left[begin:], meant["name"])):
                continue
            right = masked[meant.end() :].lstrip(" ,;)–—-") if sure or masked[meant.end() :] else ""
            return clause.unmasked(f"{left[:begin]}{meant[0]} {right}").strip()
    return None


def _wrong_begin(left: str, meant: re.Match[str]) -> int | None:
    """Where the words begin that a phrase replaces: the last ones of its kind. None: there are none of its kind."""
    if meant["role"]:
        word = meant["role"].split()[0]
        wrong = re.search(rf"\b{word}\s(?!.*\b{word}\s)[^,;{MARK[1:-1]}]{{1,40}}$", left, re.IGNORECASE)
        return wrong.start() if wrong else None
    count = len(meant["name"].split())
    if meant["name"][:1].isupper():
        wrong = re.search(r"(?:\b[A-Z][\w'’-]*(?:\s(?=[A-Z]))?)+$", left)
        return wrong.start() if wrong and wrong.start() else None
    wrong = re.search(rf"(?<=\s)\S+(?:\s\S+){{0,{count - 1}}}$", left) if names_event(meant["name"]) else None
    return wrong.start() if wrong and names_event(wrong[0]) else None


def _alike(wrong: str, right: str) -> bool:
    """Whether both are names of people, or both are nouns of events: "with Leo, no, Lea", "yoga, no, pilates"."""
    wrong = re.sub(rf"^{_ROLE}\s", "", wrong, flags=re.IGNORECASE)
    names = wrong[:1].isupper() and right[:1].isupper()
    return names or (names_event(wrong) and names_event(right))


def _again(clause: Clause, text: str) -> Clause:
    found = Clause.of(text, clause.now, month_first=clause.month_first, events=clause.events)
    return replace(clause, text=found.text, mentions=found.mentions)
