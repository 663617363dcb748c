"""Refuses advice on investments, and says what can be computed instead."""

from __future__ import annotations

import re
from collections.abc import Collection

from llmagent_os.languages import gettext
from llmagent_os.plugin import ToolResult

_ASKED = re.compile(
    r"\b(?:should|shall|would you|do you recommend|is it (?:a )?(?:good|smart|wise|bad)|is now|what|which|ought)\b.*?"
    r"\b(?:buy|sell|invest|hold|short|dump)(?:ing)?\b(?P<what>.*)|"
    r"\b(?:soll|sollte) ich\b(?P<was>.*)\b(?:kaufen|verkaufen|investieren|anlegen)\b|"
    r"\b(?:debería|debo)\b.*\b(?:comprar|vender|invertir)\b(?P<que>.*)|(?:我?该|应该)(?:买|卖)(?P<cn>.*)",
    re.I,
)
_INVESTMENT = re.compile(
    r"\b(?:stocks?|shares?|etfs?|funds?|bonds?|crypto|bitcoin|btc|ethereum|securities|invest(?:ing|ieren)?|invertir|aktien?|"
    r"fonds|anleihen?|anlegen|acciones|gold)\b|股票|基金",
    re.I,
)


def advice_asked(text: str, symbols: Collection[str]) -> bool:
    """Whether a message asks what to buy or to sell, of investments or of one of the person's symbols.

    >>> advice_asked("Should I buy ACME?", ["ACME"]), advice_asked("should I buy milk?", ["ACME"])
    (True, False)
    >>> advice_asked("which stocks should I buy", [])
    True
    """
    if len(text) > 300 or not _ASKED.search(text):
        return False
    words = {word.strip("?.!,").upper() for word in text.split()}
    return bool(_INVESTMENT.search(text)) or bool(words & set(symbols))


def refused_advice() -> ToolResult:
    """What is said then."""
    return ToolResult(
        {"status": "refused"},
        gettext(
            "I give no advice on what to buy or to sell. I can compute from your own numbers: `/finance portfolio` "
            "(value and allocation), `/finance performance` (returns and risk) and `/finance correlation`."
        ),
        word_for_word=True,
    )
