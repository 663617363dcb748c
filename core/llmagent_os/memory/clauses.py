"""Splits a message into the clauses that may state something about the person who wrote it.

Questions, jokes, suppositions, quotations and texts to work on ("translate: I live in Madrid") give no clauses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

LONGEST = 1000  #: characters of a message that is read

_QUOTED = re.compile(r"```.*?```|`[^`]*`|[“«„][^”»“]*[”»“]|\"[^\"]*\"|(?:^|\n)\s*>[^\n]*", re.DOTALL)
#: The message is a text to work on, or asks for one to be made up.
_TEXT_TO_WORK_ON = re.compile(
    r"(?:^|[.!?\n]\s*)(?:(?:please|can you|could you|would you|help me|now) )*"
    r"(?:translate|proofread|rewrite|rephrase|paraphrase|summari[sz]e|transcribe|compose|draft|sing|role-?play|"
    r"pretend|write|make up|invent|quote|recite|(?:correct|improve|edit|check|fix|shorten|spell|read|say|type|repeat)"
    r"(?= (?:this|the|my|that|these|it|after)\b|:)|tell (?:me )?a (?:story|joke|tale))\b",
    re.IGNORECASE,
)
_JOKE = re.compile(
    r"\b(?:lo+l|lmao|rofl|(?:ha){2,}h?|(?:he){2,}|jk|j/k|kidding|joking|as a joke|sarcas\w*|yeah,? right|as if)\b"
    r"|(?<!\w)/s\b|[:;]-?[pP](?!\w)|;-?\)|[😂🤣😜😝🙃🙄😏😹🤪🤡]",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bSt)(?<!\bProf)([.!?;]+(?=\s|$)|\n+)")
#: Where another clause of the person begins.
_CLAUSES = re.compile(
    r"(?:\s*[,:–—]|\s+-)?\s+(?:and|but|so|because|since|as|though|although|while|plus|also|yet)\s+"
    r"(?:(?:that|then|now|so|because|since|also|actually|by the way|btw) )*(?="
    r"(?:i|i'm|i've|im|ive|we|we've|my|our|what|can you|could you|please|find|book|show)\b)"
    r"|(?:\s*[,:–—]|\s+-)\s+(?=(?:i|i'm|i've|im|ive|we|we've|my|our|and|but|so|because|please|can you|"
    r"could you|would you|book|find|show|remind|add|schedule|cancel|move|suggest|recommend|give|tell|help|play|what|"
    r"which|where|any idea|how|when|who|should i|can i|could i|do you|is there|are there|will you|make|let's|look)\b)",
    re.IGNORECASE,
)
#: Words that only suppose, wish, or ask somebody to do something.
_SUPPOSED = re.compile(
    r"\b(?:if|unless|whether|would|'d|might|may(?= (?:be|have|not|i|become|move)\b)|could|should|shall|must|wish|"
    r"hope|maybe|"
    r"perhaps|probably|possibly|suppose|supposing|supposedly|imagine|assume|assuming|hypothetically|guess|let's say|"
    r"let us say|going to|gonna|will|'ll|want|wanna|need|thinking (?:of|about)|not sure|wonder\w*|in theory|what if|"
    r"in case|until|please|planning)\b",
    re.IGNORECASE,
)
_SUPPOSED_SENTENCE = re.compile(
    r"^(?:(?:and|but|so|oh|well|ok|hey|also|or),? )*(?:if|unless|suppose|supposing|imagine|assume|assuming|pretend|"
    r"say|let's say|once|when|whenever|in case|what if|maybe|perhaps|one day|someday|back then|back when|"
    r"years ago|as a (?:child|kid|boy|girl|teenager|student|toddler)|in my (?:dreams?|youth|childhood|twenties))\b",
    re.IGNORECASE,
)
_QUESTION = re.compile(
    r"^(?:(?:and|but|so|oh|well|ok|hey|also|or),? )*(?:who|what|when|where|why|how|which|whose|whom|do|does|did|am|are|"
    r"is|was|were|can|could|would|should|will|shall|have|has|may|might|isn't|aren't|don't|didn't|can you|could you)"
    r"(?:'s)? ",
    re.IGNORECASE,
)
#: Words for the moment: what holds only for it is not worth keeping.
_MOMENT = re.compile(
    r"\b(?:today|tonight|tomorrow|yesterday|right now|just now|for now|at the moment|this (?:morning|afternoon|evening|"
    r"time|once|one)|next (?:week|month|weekend|time|year|monday|tuesday|wednesday|thursday|friday|saturday|sunday)|"
    r"last (?:night|time)|currently (?:tired|busy|away|out)|in a (?:minute|moment|second|bit)|(?:on|this|next|last) "
    r"(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)|for (?:a bit|a while|the moment)|ago|once|back then)"
    r"(?!\w)",
    re.IGNORECASE,
)
_CHANGED_LATELY = re.compile(
    r"(?:,? (?:since|as of|starting|from|in|last|this|these)) (?:last |this |next |the )?(?:week|month|year|"
    r"spring|summer|"
    r"autumn|fall|winter|january|february|march|april|may|june|july|august|september|october|november|december|days|"
    r"\d{4}|new year|then)(?: \d{4})?$",
    re.IGNORECASE,
)

_CONTRACTIONS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), full)
    for pattern, full in (
        (r"\bi'?m\b", "I am"),
        (r"\b(i|we)'?ve\b", r"\1 have"),
        (r"\b(i|we)'d\b", r"\1 would"),
        (r"\b(i|we)'ll\b", r"\1 will"),
        (r"\bwe're\b", "we are"),
        (r"\bcan'?t\b|\bcan not\b", "cannot"),
        (r"\bwon't\b", "will not"),
        (r"\b(do|does|did|is|are|was|were|have|has|would|could|should)n'?t\b", r"\1 not"),
        (r"\bany ?more\b|\bany longer\b", "any more"),
        (r"\b(name|size|job|birthday|employer|colou?r)'s (?=\S)", r"\1 is "),
        (r"\b(\w+)'s (?=(?:called|named)\b)", r"\1 is "),
        (r"\bhave got\b", "have"),
        (r"\bfave\b|\bfavorite\b", "favourite"),
        (r"\bcolor\b", "colour"),
    )
)
#: What may stand before a statement.
_LEAD = re.compile(
    r"^(?:(?:since|as of|from|starting|in) (?:last |this |next )?(?:\w+ )?(?:week|month|year|spring|summer|"
    r"autumn|winter|"
    r"january|february|march|april|may|june|july|august|september|october|november|december|\d{4})(?: on| \d{4})?,? "
    r"(?=(?:i|we) )|(?:hi|hey|hello|oh|ah|well|ok|okay|so|also|and|but|plus|now|yes|no|yeah|nope|look|listen|"
    r"sorry|thanks|actually|"
    r"honestly|personally|frankly|generally|basically|by the way|btw|fyi|for your information|fun fact|in fact|to be "
    r"honest|tbh|for the record|just so you know|so you know|note(?: this)?|please note|careful|mind you|as you know|"
    r"as i said|because|since|as|though|although|these days|nowadays|lately|recently|again|first|besides|anyway|"
    r"correction|in my (?:free|spare) time|(?:on|at) (?:the )?weekends|all my life|my whole life|for years|one "
    r"more thing|another thing|about me|turns out|it turns out|as it happens|you know)(?: there| bot| all)?"
    r"(?: that)?(?: ?[,:!–—-]+ ?| (?=\S))|(?:since|as of|from|starting|in) (?:last |this |next )?(?:\w+ "
    r")?(?:week|month|year|"
    r"spring|summer|autumn|winter|january|february|march|april|may|june|july|august|september|october|november|december|"
    r"\d{4})(?: on| \d{4})?,? (?=(?:i|we) )|(?:you should|you may|you need to|i want you to|please|just|do)? ?(?:know|"
    r"remember|note|keep in mind|bear in mind|don't forget|do not forget|never forget)(?:,| that|:) )+",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(
    r"^(?:(?:hey|hi|ok|okay|and|also|bot|oh|so|please|can you|could you|would you|i want you to|you should)[, ]+)*"
    r"(?:please )?(?:remember|note|memori[sz]e|keep in mind|bear in mind|don't forget|do not forget|never forget|"
    r"make a note|save)(?: for (?:later|the future|next time))?(?: this)?(?: that|:|,) ",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:,? (?:now|these days|nowadays|currently|at present|by the way|btw|too|as well|also|though|actually|honestly|"
    r"a lot|a great deal|very much|so much|really|lately|already|please|ok|okay|thanks|you know|for good|all my life|"
    r"my whole life|as you know|in general|generally|always|usually|mostly|for sure|of course|"
    r"if (?:that|it) (?:helps|matters)|more than anything|for (?:about |over |almost |nearly |the last )?(?:\w+ )?"
    r"(?:years?|months?|weeks?|decades?|ages|a long time|a year|a month)|since (?:i was )?(?:\w+ )?\w+|"
    r"in my (?:free|spare) time|at (?:the )?weekends?|on weekends|every weekend|for fun|instead))+$",
    re.IGNORECASE,
)
_ADVERBS = re.compile(
    r"^((?:i|we|my)(?: am| are| have been| have| do not)?) (?:(?:really|just|also|actually|honestly|absolutely|totally|"
    r"truly|simply|always|still|now|currently|recently|finally|already|generally|mostly|usually|basically|severely|"
    r"extremely|highly|very|quite|so|particularly|especially|strictly|definitely|certainly|personally|genuinely|"
    r"normally|typically|often|sometimes|both|all|kind of|sort of|rather|pretty|deathly|mainly) )+",
    re.IGNORECASE,
)


_TAG_QUESTION = re.compile(r"\b(?:isn't|aren't|don't|didn't|am|is|are|do) (?:i|it|you)$", re.IGNORECASE)
#: Begins a question that is one of its own, and no tag behind a statement.
_ASKS = re.compile(
    r"(?:so |and |but |then )?(?:what|which|where|when|who|how|any|(?:can|could|would|will) (?:you|we)|(?:can|"
    r"could|should) i|"
    r"do you (?:know|have)|(?:is|are) there) \w+ \w",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"(?:(?:hi|hey|hello|hiya|thanks|thank you|please|ok|okay|by the way|btw|so|well|and|but|oh|just so you know|good "
    r"(?:morning|evening|afternoon)|fyi|from now on|if (?:that|it) helps)(?: there| bot| so much)?[, ]*)+",
    re.IGNORECASE,
)


class Clause(msgspec.Struct, frozen=True):
    """A part of a message, which may be a statement."""

    plain: str  #: contractions written out, without what stands around the statement; empty: it states nothing
    said: str  #: as the person wrote it
    is_asked_for: bool = False  #: the person asked to have it remembered


def clauses_of(text: str) -> Iterator[Clause]:
    """Give the clauses of a message, those that state nothing too. A joke, or a text to work on, has none.

    >>> found = clauses_of("Hi, I'm a vet, and I don't like tea. Do I? If I were rich, I'd fly.")
    >>> [each.plain for each in found]
    ['I am a vet', 'I do not like tea', '', '']
    """
    if len(text) > LONGEST or _JOKE.search(text) or _TEXT_TO_WORK_ON.search(text):
        return
    plain = _QUOTED.sub(" ", text.replace("’", "'").replace("‘", "'"))
    pieces = [*_SENTENCES.split(plain), ""]
    for sentence, end in zip(pieces[::2], pieces[1::2], strict=False):
        sentence = " ".join(sentence.split())
        if sentence.strip(" ,.:-"):
            yield from _of_question(sentence) if "?" in end else _of_sentence(sentence)


def _of_question(sentence: str) -> Iterator[Clause]:
    """The clauses of a question: those before it may state something. "I like tea, right?" states nothing."""
    *before, last = _CLAUSES.split(sentence)
    if before and _ASKS.match(last.strip()):
        yield from _of_sentence(", ".join(before))
    yield Clause("", last)


def _of_sentence(sentence: str) -> Iterator[Clause]:
    asked = _EXPLICIT.match(sentence)
    said = sentence[asked.end() :] if asked else sentence
    if _SUPPOSED_SENTENCE.match(said) or _TAG_QUESTION.search(said):
        yield Clause("", sentence)
        return
    for part in _CLAUSES.split(said):
        part = part.strip(" ,:–—-")
        if not part or _FILLER.fullmatch(part):
            continue
        plain = plain_clause(part)
        states = not any(junk.search(plain) for junk in (_QUESTION, _SUPPOSED, _MOMENT))
        yield Clause(plain if states else "", part, is_asked_for=asked is not None)


def plain_clause(said: str) -> str:
    """Return a clause in the form that the rules read.

    >>> plain_clause("by the way, I've really been living in Rome for years")
    'I have been living in Rome'
    """
    for pattern, full in _CONTRACTIONS:
        said = pattern.sub(full, said)
    said = _LEAD.sub("", said.strip())
    said = _ADVERBS.sub(r"\1 ", said)
    before = ""
    while before != said:
        before, said = said, _TAIL.sub("", _CHANGED_LATELY.sub("", said.rstrip(" .,!")))
    return said[:1].upper() + said[1:] if re.match(r"i\b", said) else said
