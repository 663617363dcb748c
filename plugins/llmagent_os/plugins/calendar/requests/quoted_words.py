"""Knows requests that are words for somebody else, or of somebody else: a mail to write, what the boss said."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.clause import Clause

_TEXT = (
    r"(?:e-?mails?|mails?|message|msg|text|letter|note|reply|response|answer|draft|sms|whats ?app|post|tweet|invitation"
    r"|announcement|sentence|phrase|paragraph|subject|quote|translation|voicemail|notice)"
)
_WRITING = (
    r"(?:draft|write|compose|type|reply|respond|answer|e-?mail|mail|text|message|tell|send|forward|proofread|translate"
    r"|correct|rephrase|reword|rewrite|spell-?check|quote|paraphrase|summari[sz]e|repeat after me|say|dictate|ask)"
)
_SAYING = (
    r"(?:says?|said|saying|wrote|writes|writing|reads?|asked|asks|asking|told|tells|texted|texts|messaged|e-?mailed"
    r"|mailed|replied|answered|goes|went|shouted|yelled|called)"
)
#: "Write an email to Ana:", "the mail:", "my boss said:", "Ana asked me:".
_BEFORE_COLON = re.compile(
    rf"^\W*(?:(?:please|pls|can you|could you|would you|help me|now|ok|okay|hey|hi)[\s,]+)*"
    rf"(?:{_WRITING}\b(?! (?:down|in|up)\b)|(?:(?:here|this)(?:'s| is| was) )?(?:the|my|her|his|their|an?)? ?"
    rf"{_TEXT}\b(?! (?:to|for) (?:self|myself))|[^:.!?;]*\b{_SAYING}\b)[^:.!?;]{{0,60}}(?::\s|,?\s*[\"“])",
    re.IGNORECASE,
)
#: "Cancel yoga, he said", "… That's what Ana wrote".
_SAID_BEHIND = re.compile(
    r"[,.;!?\"”–—-]+\s*(?:(?:(?:(?-i:[A-Z]\w+)|he|she|they|my \w+|the \w+) (?:said|says|wrote|writes|asked|told me"
    r"|texted|mailed|replied))|(?:said|wrote|asked) (?:he|she|they|(?-i:[A-Z]\w+))"
    r"|that(?:'s| is| was) what (?!i\b|we\b)\w+(?: \w+)? (?:said|says|wrote|asked|told|want\w*|texted)"
    r"|i(?:'m| am) (?:just |only )?quoting|(?:i )?quote\b|his words|her words|their words|end of quote)",
    re.IGNORECASE,
)
_TO_BOT = r"(?:bot|assistant|calendar|cal|there|again|all|friend|buddy|you|alexa|siri|google|cortana|jarvis|computer)\b"
_SALUTATION = re.compile(
    rf"^\W*(?P<word>dear|hi|hello|hey|good (?:morning|afternoon|evening))(?: (?:my|dear|the))? (?!{_TO_BOT})"
    r"(?P<name>(?:(?:mr|mrs|ms|dr|prof)\.? )?[^\W\d_][\w'-]*(?: (?-i:[A-Z])[\w'-]*)?)\s*[,:\n–-]",
    re.IGNORECASE,
)
_NO_NAME = re.compile(r"(?:please|can|could|would|so|just|i|it|this|that|mate|man|dude|bro|love|team)$", re.IGNORECASE)


def is_for_others(clause: Clause) -> bool:
    """Return whether a message is words that the person writes to somebody else, or repeats of somebody."""
    return is_quoted(clause.text) or _greets_somebody(clause, clause.text)


def is_quoted(text: str) -> bool:
    """Return whether words stand behind those of writing or saying, or in front of them.

    >>> is_quoted("Write an email to Ana: please cancel lunch"), is_quoted("cancel yoga, he said")
    (True, True)
    """
    text = text.replace("’", "'")
    return bool(_BEFORE_COLON.match(text) or _SAID_BEHIND.search(text))


def _greets_somebody(clause: Clause, text: str) -> bool:
    """Whether a salutation names another than the bot. "Hey" goes before any name that a bot may have."""
    found = _SALUTATION.match(text)
    if found is None or _NO_NAME.match(found["name"]):
        return False
    if found["word"].lower() == "dear":
        return True
    name = re.compile(rf"\b{re.escape(found['name'])}\b", re.IGNORECASE)
    return name.search(text, found.end()) is not None or any(name.search(event.title) for event in clause.events)
