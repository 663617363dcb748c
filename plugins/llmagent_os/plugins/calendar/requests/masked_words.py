"""A clause whose words of time are replaced by marks, so that a grammar can be written about the other words.

"move the gym to friday at 7" becomes "move the gym to D T", where D and T stand for two marks. A rule is a regular
expression with the names of marks in it; :func:`rule` puts the marks themselves in their place.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import msgspec

from llmagent_os.plugin import ToolCall
from llmagent_os.plugins.calendar.requests.clause import Clause
from llmagent_os.plugins.calendar.time.text_normalization import MONTHS, WEEKDAYS
from llmagent_os.plugins.calendar.time.time_mentions import MentionKind, TimeMention, time_mentions

_OPEN, _CLOSE = "\ue000", "\ue001"
_LETTERS = {
    MentionKind.DATE: "d",
    MentionKind.TIME: "t",
    MentionKind.DURATION: "l",
    MentionKind.RECURRENCE: "r",
    MentionKind.LEAD: "b",
}
_MARK = re.compile(rf"{_OPEN}([dtlrb])(\d+){_CLOSE}")


def _mark(letters: str) -> str:
    return rf"{_OPEN}[{letters}]\d+{_CLOSE}"


#: Names that a rule may use for marks.
_NAMES = {
    "DATE": _mark("d"),
    "TIME": _mark("t"),
    "LENGTH": _mark("l"),
    "REPEAT": _mark("r"),
    "LEAD": _mark("b"),
    "WHEN": rf"{_mark('dt')}(?:,? ?(?:(?:and|or|but|at|on|in|from) )?{_mark('dt')})*",
    "ANYTIME": rf"{_mark('dtlrb')}(?: ?{_mark('dtlrb')})*",
}
_NAME = re.compile(r"\b(DATE|TIME|LENGTH|REPEAT|LEAD|WHEN|ANYTIME)\b")

#: Words that the finder of times takes for a time, and that are none on their own.
_NO_TIMES = frozenset("as am now one later may about a i today's some day night early late long once right".split())
_PERIOD = re.compile(
    rf"(?:in |for |during )?(?:(?:this|next|the (?:coming|following|next)) (?:week|month|year|weekend)"
    rf"|{'|'.join(MONTHS)})",
    re.I,
)
_MEALS = frozenset("breakfast brunch lunch dinner supper".split())
#: Words before a name that a mention may have taken with it.
_BEFORE_NAME = frozenset("the my our a an about for on in of over during at".split())
#: "Tomorrow's dentist" and "by two days": the finder of times knows these days and lengths by themselves.
_OF_DAY = re.compile(
    rf"\b(?:(?P<day>today|tonight|tomorrow|{'|'.join(WEEKDAYS)})'s|(?<!on )(?P<bare>today|tomorrow"
    rf"|{'|'.join(WEEKDAYS)})s)"
    r"\b(?= (?!(?:and|or|at|from|to|till|until|now|only|instead|in|for|this|please|too|then|by|again|are|is|work"
    r"|off)\b)"
    r"[^\W\d])",
    re.I,
)
_BY_LENGTH = re.compile(
    r"\bby (?=(?:about |another )?(?:an?|one|two|three|four|five|six|ten|fifteen|twenty|thirty|forty|half|\d+)"
    r"(?: an?| of an?)?(?: quarter of an| couple of| few| more)? ?-?(?:m\b|min|h\b|hour|hr|day|week|month))",
    re.I,
)
#: In front of a day or a time to which an event is moved.
_AIM = re.compile(r"^(?:to|till?|until|into|for|over to|onto) ", re.I)
_POLITE = (
    r"please|pls|plz|hey|hi|hello|ok|okay|well|oh|um|uh|hm+|alright|all right|right|now|actually|sorry|oops|yes|yeah"
    r"|no,|nope|wait|listen|just|btw|by the way|quick question|one more thing|question|tell me,"
    r"|(?:can|could|would|will) (?:you|u)(?: please)?(?: tell me| help me)?|would you mind|do you mind"
    r"|i(?:'d| would) like (?:you )?to|i (?:want|need) (?:you )?to|i have to|i've got to|i must|i wanna|i gotta"
    r"|we (?:need|have|want) to|(?:i|we)(?:'ve| have)?"
    r" (?:agreed|decided) to|let's|lets|let us|(?:can|could|may|shall) (?:i|we)|help me|go ahead and|try to"
    r"|do me a favou?r and|(?:is there|any) (?:a |any )?(?:way|chance) (?:to|you (?:can|could)|that you (?:can"
    r"|could))|i'll|we'll|is it possible to|(?:calendar|bot|assistant),"
)
#: What may stand before any request, and means nothing.
_CONJUNCTIONS = r"(?:(?:and|also|then|plus|but|so|no,|and then),? )*"
_LEADING = re.compile(rf"(?P<joined>{_CONJUNCTIONS})(?:(?:{_POLITE})(?=\W)[,.!:]* )+(?=\S)", re.I)
_TRAILING = re.compile(
    r"(?:(?:,|,? (?:please|pls|plz|thanks|thank you|thx|ty|cheers))"
    r" (?:love|lovely|darling|hun|hon|honey|sweetie|man|bro|dude|pal|friend|sir|madam)\b"
    r"|,? (?:please|pls|plz|thanks|thank you|thx|ty|cheers|for me|will you|would you|ok|okay|if you can|if possible"
    r"|right now|asap|then|mate|buddy|dear|thanks a lot|thank you very much|so much|a lot|real quick|quickly"
    r"|ugh|argh|lol|haha)\b"
    r"|[\s.!?,;]|\s[:;]-?[)(])+$",
    re.I,
)


#: A day and its week that stand apart: "my wednesday evening next week".
_DAY_OF_WEEK = re.compile(rf"\b((?:{'|'.join(WEEKDAYS)})), ((?:this|next) week)$", re.I)

#: Makes a call of words that match a pattern; None: they mean another one.
ReadCall = Callable[["MaskedWords", re.Match[str]], ToolCall | None]
#: Patterns of whole clauses, made by :func:`rule`, and what makes a call of a match, in the order of trying.
Rules = Sequence[tuple[re.Pattern[str], ReadCall]]


def first_call(words: MaskedWords, rules: Rules) -> ToolCall | None:
    """Return the call of the first rule that understands every word of a clause; None: no rule does."""
    for pattern, read in rules:
        found = pattern.fullmatch(words.text)
        call = read(words, found) if found else None
        if call is not None:
            return call
    return None


def rule(pattern: str) -> re.Pattern[str]:
    """Compile a rule. In it, DATE, TIME, LENGTH, REPEAT and LEAD stand for one mention, WHEN for days and times."""
    marked = _NAME.sub(lambda name: f"(?:{_NAMES[name[1]]})", pattern)
    return re.compile(f"{_CONJUNCTIONS}(?:{marked})", re.I)


@dataclass(frozen=True)
class MaskedWords:
    """The words of a clause, with marks for its mentions, without polite words around them."""

    clause: Clause
    text: str
    mentions: tuple[TimeMention, ...]

    @classmethod
    @lru_cache(maxsize=8)  # all readers of a clause ask for it, one after the other
    def of(cls, clause: Clause) -> MaskedWords:
        """Mask a clause. A mention that is a part of the name of one of the person's events is no mention."""
        text = clause.text.replace("\u2019", "'").replace("\u2018", "'")
        mentions = clause.mentions
        plain = _BY_LENGTH.sub("", _OF_DAY.sub(r"\g<day>\g<bare>", text))
        if plain != text:
            text, mentions = plain, time_mentions(plain, month_first=clause.month_first)
        titles = [_words(f"{event.title} {event.person}") for event in clause.events]
        kept = tuple(_as_days(each) for each in mentions if _is_time(each, text, titles))
        return cls(clause, _core(_masked(text, kept)), kept)

    @cached_property
    def lower(self) -> str:
        """The masked text in lower case."""
        return self.text.lower()

    def plain(self, piece: str) -> str:
        """A piece of the masked text in the person's words."""
        return _MARK.sub(lambda mark: self.mentions[int(mark[2])].text, piece).strip()

    def without(self, is_none: Callable[[str], bool]) -> MaskedWords:
        """These words, without marks for the mentions that are none: their own words stand there again."""

        def shown(mark: re.Match[str]) -> str:
            said = self.mentions[int(mark[2])].text
            return said if is_none(said) else mark[0]

        return MaskedWords(self.clause, _MARK.sub(shown, self.text), self.mentions)

    def said(self, piece: str | None, *kinds: MentionKind) -> str | None:
        """The mentions of these kinds in a piece of the masked text, joined by commas; None: there are none."""
        letters = {_LETTERS[kind] for kind in kinds}
        found = [self.mentions[int(mark[2])].text for mark in _MARK.finditer(piece or "") if mark[1] in letters]
        return _DAY_OF_WEEK.sub(r"\1 \2", ", ".join(found)) or None

    def when(self, piece: str | None, prefix: str = "") -> dict[str, str]:
        """The arguments ``date`` and ``time`` of a tool for a piece of the masked text.

        Args:
            piece: of the text.
            prefix: of the arguments' names: ``new_``.
        """
        date, time = self.said(piece, MentionKind.DATE), self.said(piece, MentionKind.TIME)
        if time and "," in time and len(exact := [each for each in time.split(", ") if re.search(r"\d", each)]) == 1:
            time = exact[0]  # "dinner time, 7pm"
        said = {f"{prefix}{name}": each for name, each in (("date", date), ("time", time)) if each}
        return {name: _AIM.sub("", each) for name, each in said.items()} if prefix else said


def without_marks(piece: str) -> str:
    """A piece of a masked text without its marks."""
    return " ".join(_MARK.sub(" ", piece).split())


def has_marks(piece: str) -> bool:
    """Whether a piece of a masked text has a mark."""
    return _MARK.search(piece) is not None


def _masked(text: str, mentions: Sequence[TimeMention]) -> str:
    parts: list[str] = []
    at = 0
    for number, mention in enumerate(mentions):
        parts += [text[at : mention.start], f"{_OPEN}{_LETTERS[mention.kind]}{number}{_CLOSE}"]
        at = mention.end
    return "".join([*parts, text[at:]])


def _core(text: str) -> str:
    text = " ".join(text.split())
    text = _TRAILING.sub("", text)
    while found := _LEADING.match(text):
        text = found["joined"] + text[found.end() :]
    return text.strip(" ,.!?;-")


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\W_]+", text.lower()))


def _as_days(mention: TimeMention) -> TimeMention:
    """A period behind "every" is no limit of a repetition here: "cancel every standup next week"."""
    if mention.kind is MentionKind.RECURRENCE and _PERIOD.fullmatch(mention.text):
        return msgspec.structs.replace(mention, kind=MentionKind.DATE)
    return mention


def _is_time(mention: TimeMention, text: str, titles: Sequence[frozenset[str]]) -> bool:
    """Whether a mention says when, and is no part of the name of an event."""
    said = mention.text.lower().removeprefix("the ")  # "the later one" is one of two
    if said in _NO_TIMES:
        return False
    words = re.findall(r"[^\W_]+", said)
    name = frozenset(word for word in words if word not in _BEFORE_NAME)
    if not name:
        return False
    before = re.findall(r"[^\W_]+", text[: mention.start].lower())[-1:]
    after = re.findall(r"[^\W_]+", text[mention.end :].lower())[:1]
    neighbours = frozenset(before + after) - _BEFORE_NAME
    for title in titles:
        if name <= title and (neighbours & title or (name == title and words[0] not in ("at", "in"))):
            return False
        if name <= title & _MEALS and "the" in words:
            return False
    return True
