"""Puts a question that is asked within another into its direct form."""

from __future__ import annotations

import re

_INDIRECT = re.compile(
    r"(?:check|see|find out|look|look up|tell me|do you know|you know|any idea|remember|do you remember|i wonder|i'm"
    r" wondering|is it (?:true|right|correct)|am i right|i think|i thought|didn't i say|wasn't it"
    r"|(?:i have |i've |i've got )?no (?:clue|idea)|i (?:don't|do not) know|idk"
    r"|let me know|i'd like to know|i want to know|know|say|double check|verify)(?: for me| quickly| please| again)*"
    r" (?P<inner>(?:if|whether|that|(?:when|where|what|how|who)(?:'s)?|which|at what|until when) .+)",
    re.I,
)
#: A statement that asks whether it holds: "the interview is on monday, right".
_TAGGED = re.compile(
    r"(?:so,? )?(?:i (?:think|thought|guess|believe|assume)(?: that)? )?(?P<said>.+?),?"
    r" (?:right|isn't it|correct|is that (?:right|correct|true)|no|aren't i|don't i|am i not|wasn't it"
    r"|isn't that so|innit)\?",
    re.I,
)
#: Whether an event still takes place: the answer says when it is, or that there is none.
_STATE = re.compile(
    r"^(?:(?:is|has|was|did|hasn't|isn't|have|are) (?P<what>(?!it\b|that\b|this\b|there\b|i\b|you\b|we\b)[^?]+?)"
    r" (?:(?:been|get|got|still|already|now) )*(?:cancel+ed|called off|deleted|removed|moved|still on|happening"
    r"|going ahead|taking place)|(?:did|didn't|have|haven't) (?:i|we|you) (?:already )?(?:cancel+(?:ed)?|delete[d]?"
    r"|remove[d]?) (?P<done>[^?]+?))(?: yet| already| after all| or not)?(?P<when> [^?]*[\ue000-\uf8ff])?$",
    re.I,
)
_WHEN_IT_IS = re.compile(r"(?:when|where|what time) .+ (?:is|are|was|starts?|begins?|ends?)", re.I)
_DIRECT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"^(?:if |whether )?(?:i'm|i am) ", re.I), "am i "),
    (re.compile(r"^(?:if |whether )?(?:we're|we are) ", re.I), "are we "),
    (re.compile(r"^(?:if |whether )?i(?: have|'ve got| have got) ", re.I), "do i have "),
    (re.compile(r"^(?:if |whether )?there(?: is|'s|s) ", re.I), "is there "),
    (
        re.compile(
            r"^(what|which(?: \w+)?|how many(?: \w+)?|when|where|how much(?: \w+)?) i(?: have|'ve got|'ve) ?", re.I
        ),
        r"\1 do i have ",
    ),
    (
        re.compile(
            r"^(when|where|how long|what time|who|at what time) (?!is|are|was|do|does|did|am)(.+) (is|are|was)$", re.I
        ),
        r"\1 \3 \2",
    ),
    (
        re.compile(
            r"^(when|where|what time|at what time) (?!is|are|do|does)(.+) (start|begin|end|finish)(?:s|es)$", re.I
        ),
        r"\1 does \2 \3",
    ),
    (re.compile(r"^(?:if|whether) (.+?) (is|are) (free|open|available)", re.I), r"\2 \1 \3"),
    (re.compile(r"^(?:if|whether) (.+?)(?: (is|are|was)|'s) ((?:on |at |in )?[\ue000-\ue001].*)", re.I), r"is \1 \3"),
)


def direct_question(text: str) -> str:
    """A question that is asked within another: "check if I'm free" becomes "am i free".

    >>> direct_question("do you know when the review is"), direct_question("see whether I have plans")
    ('when is the review', 'do i have plans')
    """
    text = _STATE.sub(lambda found: f"when is {found['what'] or found['done']}{found['when'] or ''}", text)
    if tagged := _TAGGED.fullmatch(text):
        text = f"is it true that {tagged['said']}"
    found = _INDIRECT.fullmatch(text)
    if found is None and not _WHEN_IT_IS.fullmatch(text):
        return text
    inner = found["inner"] if found else text
    inner = re.sub(r"^that ", "if ", inner, flags=re.I)
    for pattern, direct in _DIRECT:
        inner, count = pattern.subn(direct, inner, count=1)
        if count:
            break
    return inner
