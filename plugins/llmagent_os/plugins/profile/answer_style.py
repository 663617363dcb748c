"""Reads how a person likes to be answered: "I like long answers", "keep it short", "don't ask first"."""

from __future__ import annotations

import re

#: The words for each style, as regular expressions.
_ADJECTIVES: dict[str, str] = {
    "brief": (
        r"short(?:er)?|brief(?:er|ly)?|concise(?:ly)?|terse|succinct|compact|crisp|quick|minimal|"
        r"less detail(?:ed|s)?|fewer words|less wordy|less verbose|one[- ]line|tl;?dr|small"
    ),
    "detailed": (
        r"long(?:er)?|lengthy|detail(?:ed|s)?|thorough|elaborate|verbose|wordy|in[- ]depth|extensive|complete|full|"
        r"comprehensive|in (?:more |full |great )?detail"
    ),
    "normal": r"normal(?:ly)?|regular|medium|default|standard|usual|average|normal[- ]length|medium[- ]length",
    "conversational": (
        r"chatty|chattier|friendly|friendlier|casual(?:ly)?|conversational|warm(?:er)?|informal(?:ly)?|talkative|"
        r"relaxed|like (?:a |my )?(?:friends?|buddy|buddies|pal|human)|human|personal|"
        r"kind(?:er)?|nice(?:r)?|cheerful|playful"
    ),
    "task_oriented": (
        r"formal(?:ly)?|professional(?:ly)?|business[- ]?like|matter[- ]of[- ]fact|to the point|serious|dry|factual|"
        r"direct|neutral|task[- ]oriented|efficient|strictly business|sober"
    ),
}
_OPPOSITE = {
    "brief": "detailed",
    "detailed": "brief",
    "conversational": "task_oriented",
    "task_oriented": "conversational",
}
_NOUN = (
    r"(?:answers?|replies|reply|responses?|messages?|texts?|sentences?|explanations?|style|tone|mode|"
    r"language|wording)"
)
_OPEN = (
    r"(?:(?:please|can you|could you|would you|will you|i would|i'd|i|we|you should|you can|let's|"
    r"always|in future|in the future|from now on|hey|ok|and|"
    r"really|just|try to|switch to|change to|go|much|definitely) )*"
)
_WANT = (
    r"(?:keep|make|give(?: me)?|write|send(?: me)?|use|have|like|love|prefer|want|need|enjoy|"
    r"appreciate|get|show me|go for|set)"
)
_DO = (
    r"(?:keep (?:it|them|things|that|this)|make (?:it|them)|be|act|sound|answer|reply|respond|talk|"
    r"speak|write|chat|get|become|stay|tell me(?: things)?|explain(?: things)?|answer me|talk to me|"
    r"speak to me|write to me|you to be|it)"
)
_MUCH = (
    r"(?:(?:your|the|my|all|a|more|much|bit|little|very|rather|really|quite|so|as|and|with|in|at|to|too|"
    r"me|only|some|most|even|less|them|of|possible|it|a lot) )*"
)
_END = (
    r"(?: (?:please|with me|to me|from now on|then|now|again|in future|as possible|as you can|a bit|"
    r"thanks|ok|okay|for me|instead))*"
)

_ASK_FIRST = re.compile(
    rf"{_OPEN}(?:ask(?: me)?(?: first)?|check(?: with me)?(?: first)?|confirm(?: (?:everything|with me|"
    rf"changes|each change|every change|it))?(?: first)?)"
    rf"(?: (?:first|before (?:you |doing |making |changing |adding |deleting |anything|every ?thing|"
    rf"any |each |every )(?:do |change |add |delete |move |save |store |make )?(?:anything|something|"
    rf"things|any changes?|changes?|it|events?|stuff|everything|my calendar)?(?: (?:in|"
    rf"to) my calendar)?))+{_END}|"
    rf"{_OPEN}(?:want|like|prefer) (?:you )?to (?:be asked|confirm|ask(?: me)?)(?: (?:first|"
    rf"before .{{2,30}}|everything|every change|changes))*{_END}|"
    rf"{_OPEN}ask(?: me)? first(?: mode)?{_END}",
    re.IGNORECASE,
)
_ACT = re.compile(
    rf"{_OPEN}(?:don't|do not|stop|no need to|never|you don't (?:have|need) to|quit|"
    rf"without) (?:ask(?:ing)?|check(?:ing)?|confirm(?:ing)?)(?: me| with me)?(?: (?:first|every time|"
    rf"all the time|again|any ?more|so much|before .{{2,30}}|for (?:confirmation|permission|"
    rf"everything)|if .{{2,20}}|questions|anything|everything|changes))*{_END}|"
    rf"{_OPEN}(?:just )?(?:do|act|change|add) (?:it|things|everything|them)?(?: right away|"
    rf" immediately| directly| straight away)?,? ?(?:without asking|and don't ask|"
    rf"right away without asking)(?: me)?(?: first)?{_END}|{_OPEN}act without asking(?: first)?{_END}",
    re.IGNORECASE,
)
_NOT = r"(?:don't|do not|doesn't|not|stop|no|hate|dislike|can't stand|never|less|quit|without)"


def style_meant(text: str) -> str | None:
    """Return the style that a message asks for; None: it asks for none, or for something else besides.

    >>> style_meant("I like long answers"), style_meant("Keep your answers short"), style_meant("stop asking me first")
    ('detailed', 'brief', 'act')
    >>> style_meant("don't be so formal"), style_meant("your answers are too long"), style_meant("a short walk")
    ('conversational', 'brief', None)
    """
    plain = " ".join(text.casefold().replace("’", "'").split()).strip(" .!?")
    if _ASK_FIRST.fullmatch(plain):
        return "ask_first"
    if _ACT.fullmatch(plain):
        return "act"
    return next((style for style in _ADJECTIVES if _asks(style, plain)), None) or next(
        (_OPPOSITE[style] for style in _OPPOSITE if _refuses(style, plain)), None
    )


def _asks(style: str, plain: str) -> bool:
    word = rf"(?:{_ADJECTIVES[style]})(?:,? (?:and|but|or) \w+)?"
    return (
        _is(rf"{_OPEN}(?:{_WANT} )?{_MUCH}{word}(?: \w+)? {_NOUN}{_END}", plain)
        or _is(rf"{_OPEN}{_WANT} {_MUCH}{_NOUN} {_MUCH}{word}{_END}", plain)
        or _is(
            rf"{_OPEN}{_DO} {_MUCH}{word}(?: (?:way|manner|tone|style|sentences|words|answers|length))?{_END}", plain
        )
        or _is(rf"{_OPEN}(?:{_WANT} )?{_MUCH}{word} (?:length|mode|style){_END}", plain)
        or (
            style == "detailed"
            and _is(
                rf"{_OPEN}(?:{_WANT}|tell me|explain|say|use|write) {_MUCH}(?:more|details?|more details?|"
                rf"more information|more words){_END}",
                plain,
            )
        )
        or (
            style == "task_oriented"
            and _is(
                rf"{_OPEN}(?:no|stop|skip|cut|less|without|spare me)(?: with)? {_MUCH}(?:small ?talk|chit ?chat|"
                rf"chatter|chatting|jokes|smileys|emojis?){_END}|{_OPEN}(?:stick|keep) to the (?:point|task|facts|"
                rf"topic){_END}|{_OPEN}(?:just|only) the facts{_END}",
                plain,
            )
        )
        or (
            style == "brief"
            and _is(
                rf"{_OPEN}(?:say|write|talk|use) (?:less|fewer)(?: words| text)?{_END}|"
                rf"too much (?:text|detail|information|talking){_END}|tmi",
                plain,
            )
        )
    )


def _refuses(style: str, plain: str) -> bool:
    word = rf"(?:{_ADJECTIVES[style]})"
    return (
        _is(
            rf"{_OPEN}{_NOT} (?:(?:like|want|need|give me|send me|write|use|make|have|being|be|"
            rf"get) )*{_MUCH}{word}(?: {_NOUN})?{_END}",
            plain,
        )
        or _is(rf"{_OPEN}(?:{_DO}) not (?:so|too|that|as) {word}{_END}", plain)
        or _is(
            rf"(?:your|the|these|those|all your|most of your)? ?{_NOUN}(?: of yours)? (?:are|is|was|were|"
            rf"seem) (?:(?:much|way|far|a bit|a little|always|often|just) )*(?:too|so) {word}{_END}",
            plain,
        )
        or _is(
            rf"(?:you are|you're|that's|that was|that is|it's) (?:(?:much|way|far|a bit|a little|always|"
            rf"just) )*too {word}{_END}",
            plain,
        )
    )


def _is(pattern: str, plain: str) -> bool:
    return re.fullmatch(pattern, plain) is not None
