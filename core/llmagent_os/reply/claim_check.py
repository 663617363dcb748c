"""Reads in a reply what it says was done, and compares that with the statuses of the results.

A small lexicon of English verbs: it finds the plain lie, "I've added it" where nothing was added. A question, and what
is said not to have happened, claim nothing. Words in other languages are not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from llmagent_os.tools.result_statuses import NOTHING_DONE


class Claim(StrEnum):
    """What a sentence says was done."""

    ADDED = "added"
    CHANGED = "changed"
    DELETED = "deleted"


#: What a result of a status did. A status that is not here is one of a plugin's own, and nothing is known of it.
DID: dict[str, frozenset[Claim]] = {
    **{status: frozenset[Claim]() for status in (*NOTHING_DONE, "listed", "set")},
    "created": frozenset((Claim.ADDED,)),
    "noted": frozenset((Claim.ADDED,)),
    "moved": frozenset((Claim.CHANGED,)),
    "deleted": frozenset((Claim.DELETED,)),
}

_I_HAVE = r"\bi(?:'ve| have)?(?: (?:just|already|now|also))? "
_PATTERNS = {
    Claim.ADDED: re.compile(
        rf"{_I_HAVE}(?:added|put|scheduled|booked|noted|saved|created|set (?:up )?(?:a|an|the|your) )|"
        r"\bi(?:'ll| will) remind you\b|^(?:added|noted|booked|scheduled|reminder): |^it's in: |"
        r"\bis in your calendar now|\byou(?:'ll| will) be reminded\b|\bi've (?:made|set) a reminder\b"
    ),
    Claim.CHANGED: re.compile(
        rf"{_I_HAVE}(?:changed|moved|updated|renamed|pushed|rescheduled|shifted|extended|shortened)\b|"
        r"^now(?: it's|: )|\bis now\b|\bit's .* now$|^(?:moved|changed|updated|renamed): "
    ),
    Claim.DELETED: re.compile(
        rf"{_I_HAVE}(?:deleted|removed|cancell?ed|taken|cleared|dropped|erased)\b|^it's gone\b|\b(?:is|are) gone$|"
        r"^(?:deleted|removed|cancell?ed): "
    ),
}
_SENTENCE = re.compile(r"[^.!?\n]+[.!?\n]?")
_NOT_DONE = re.compile(
    r"\b(?:not|no|nothing|never|cannot|none|unchanged|unless|if|would|could|should|shall|so that)\b|n't\b"
)


def claims_in(text: str) -> set[Claim]:
    """What ``text`` says was done.

    >>> sorted(claim.value for claim in claims_in("I've added lunch. It's gone: tea."))
    ['added', 'deleted']
    >>> claims_in("I haven't deleted anything. Shall I?")
    set()
    """
    found: set[Claim] = set()
    for match in _SENTENCE.finditer(text.replace("’", "'").casefold()):
        sentence = match.group().strip()
        if not sentence.endswith("?") and not _NOT_DONE.search(sentence):
            sentence = sentence.rstrip(".! \n")
            found |= {claim for claim, pattern in _PATTERNS.items() if pattern.search(sentence)}
    return found


def claims_too_much(text: str, statuses: Iterable[str]) -> bool:
    """Whether ``text`` says that something was done that no result with one of ``statuses`` did.

    >>> claims_too_much("I've deleted it.", ["created"]), claims_too_much("I've added it.", ["created"])
    (True, False)
    """
    did: set[Claim] = set()
    for status in statuses:
        if status not in DID:
            return False
        did |= DID[status]
    return not claims_in(text) <= did
