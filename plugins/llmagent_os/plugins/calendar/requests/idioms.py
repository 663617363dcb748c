"""Knows idioms in which a deletion or a move may be read: "no gym, no glory", "the dentist moved to Munich"."""

from __future__ import annotations

import re

from llmagent_os.plugins.calendar.requests.politeness import plain
from llmagent_os.plugins.calendar.requests.request_sequence import ReadRequest

_IDIOM = re.compile(
    r"change for\b|no [^,.;!?]+[,;] no \w"
    r"|(?:forget|never ?mind) (?:about )?[^,.;!?]+[,.;!?]+ ?(?:(?:what|how) about\b"
    r"|(?:she|he|they)(?:'s|'re| is| are| was| were)"
    r" (?!sick|ill|away|off|busy|not|out|unavailable|on holiday|closed|cancel))"
    r"|(?:the|my|our) (?:dentist|doctor|gp|therapist|physio|vet|barber|hairdresser|lawyer|accountant|boss|coach|teacher"
    r"|trainer|neighbou?rs?|landlord|plumber|nanny|babysitter|tutor|cleaner|bank|office|gym|club|school|clinic|shop)"
    r" (?:has |have |just )*moved to (?-i:[A-Z])",
    re.IGNORECASE,
)
#: An amount is no place and no time: "yoga is now at 11 dollars".
_AMOUNT = re.compile(
    r"[$€£¥] ?\d|\d ?(?:dollars?|bucks|euros?|eur|usd|pounds?|quid|francs?|percent|%"
    r"|people|points?|kilos?|kg|degrees)\b",
    re.IGNORECASE,
)


def is_idiom(request: ReadRequest, text: str) -> bool:
    """Return whether a request may be a manner of speaking.

    Args:
        request: a deletion or a move.
        text: the whole message.
    """
    said = [plain(each.replace("’", "'")) for each in (request.words, text)]
    new = " ".join(str(value) for key, value in request.call.arguments.items() if key in ("new_place", "new_time"))
    amount = re.search(r"\b(?:is|are|costs?|was) (?:now )?(?:at |up to )?[$€£¥]? ?\d", text, re.IGNORECASE) is not None
    return (
        any(_IDIOM.match(each) for each in said)
        or _AMOUNT.search(new) is not None
        or (amount and _AMOUNT.search(text) is not None)
    )
