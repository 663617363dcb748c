"""Rewrites requests as people really type: in lower case, with a typo, with "please", with a wake word.

Every function takes and returns *marked* text (see :mod:`.marked_text`). A change to a word also changes the argument
that is copied from it. So the model learns to copy the word as it is written, not as it was meant.
"""

from __future__ import annotations

import random
import re

from llmagent_os.bots.calendar.recipe.lexicon import invented
from llmagent_os.bots.calendar.recipe.marked_text import ANY_MARK


def _phrases(text: str) -> tuple[str, ...]:
    """Split a text at its semicolons."""
    return tuple(" ".join(phrase.split()) for phrase in text.split(";"))


_WAKE = _phrases("""
    alexa; hey siri; siri; ok google; hey google; google; cortana; hey; hi; hello; hey assistant; assistant; hey there;
    computer; bot; yo
""")
_BEFORE_VERB = _phrases("""
    can you; could you; would you; will you; can you please; could you please; please; pls; plz; kindly; i need you to;
    i want you to; i'd like you to; i would like you to; go ahead and; just; would you mind to; please can you;
    please could you; you should; you need to; help me; now; ok; okay; so; also; and; quickly; do me a favor and;
    hey can you; are you able to; i need to; i want to; i'd like to; is it possible to; let's; we should; you can;
    try to; be so kind and; make sure to; do; then; could you just; can u; could u
""")
_BEFORE_ANY = _phrases("""
    ok; so; um; hmm; well; also; and; actually; oh; alright; right; by the way; quick question,; sorry,; please; hey;
    hi; good morning,; good evening,; excuse me
""")
_AFTER = _phrases("""
    please; pls; thanks; thank you; thx; plz; ok?; now; will you; would you; if you can; asap; right now; for me;
    if possible; ta; cheers; when you get a chance; can you; immediately
""")
#: A request that begins with one of these verbs can follow "can you" and the like.
_VERBS = frozenset(
    """
    add set schedule book put make create plan arrange organise organize remind note mark enter insert save pencil
    block reserve log write record delete remove cancel erase drop scrap clear wipe empty take call get cross strike
    scratch kill nix forget free show tell list check read give open pull display find look see view let go run walk
    summarise summarize search review bring fetch move push shift change reschedule postpone delay update edit rename
    switch swap turn extend shorten adjust modify alter play stop start send order pay transfer buy translate explain
    define increase decrease dim mute skip help convert calculate
    """.split()
)
#: The neighbours of each letter on a keyboard.
_NEIGHBOURS = {
    pair[0]: pair[2:]
    for pair in """
        a:sqz b:vgn c:xvd d:sfe e:wrd f:dgr g:fht h:gjy i:uok j:hku k:jli l:kop m:nj n:bmh o:ipl p:ol q:wa r:etf s:adw
        t:ryg u:yij v:cbf w:qes x:zcs y:tuh z:xa
    """.split()
}
_FIRST_WORD = re.compile(rf"(?:{ANY_MARK})*([A-Za-z']+)")
_LONG_WORD = re.compile(r"[A-Za-z]{4,}")
_FINAL_POINT = re.compile(f"[.?!]+({ANY_MARK}*)$")


def noisy(marked: str, rng: random.Random, *, amount: float = 1.0) -> str:
    """Apply all kinds of noise. ``amount`` scales how often words are put around the request."""
    marked = dressed(marked, rng, amount=amount)
    if rng.random() < 0.13:
        marked = with_typos(marked, rng)
    if rng.random() < 0.25:
        marked = re.sub(r"(?<=[a-z])['’](?=[a-z])", "", marked)
    marked = in_case(marked, rng)
    draw = rng.random()
    if draw < 0.45:
        marked = _FINAL_POINT.sub(r"\1", marked)
    elif draw < 0.62 and marked[-1:].isalnum():
        marked += "."
    elif draw < 0.72 and marked[-1:].isalnum():
        marked += rng.choice(("?", "?", "!", " ?", "..", "  "))
    if rng.random() < 0.12:
        marked = marked.replace(",", "")
    return marked.strip()


def dressed(marked: str, rng: random.Random, *, amount: float = 1.0) -> str:
    """Put politeness, wake words and fillers around the request. ``amount`` scales how often."""
    first = _FIRST_WORD.match(marked)
    if first is not None and first[1].lower() in _VERBS and rng.random() < 0.45 * amount:
        marked = f"{rng.choice(_BEFORE_VERB)} {marked}"
    elif rng.random() < 0.08 * amount:
        marked = f"{rng.choice(_BEFORE_ANY)} {marked}"
    if rng.random() < 0.12 * amount:
        marked = f"{marked.rstrip('.?! ')} {rng.choice(_AFTER)}"
    if rng.random() < 0.09 * amount:
        name = rng.choice(_WAKE) if rng.random() < 0.5 else invented(rng).capitalize()
        marked = f"{name}{rng.choice((',', ',', '', '!', '.'))} {marked}"
    return marked


def with_typos(marked: str, rng: random.Random) -> str:
    """Misspell one or two of the longer words."""
    for _ in range(rng.choice((1, 1, 2))):
        words = list(_LONG_WORD.finditer(marked))
        if not words:
            break
        word = rng.choice(words)
        marked = marked[: word.start()] + _typo(word[0], rng) + marked[word.end() :]
    return marked


def _typo(word: str, rng: random.Random) -> str:
    """Leave a letter out, double it, swap it with the next one, or replace it by a neighbour on the keyboard."""
    at = rng.randrange(1, len(word))
    match rng.randrange(4):
        case 0:
            return word[:at] + word[at + 1 :]
        case 1:
            return word[:at] + word[at - 1] + word[at:]
        case 2 if at + 1 < len(word):
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        case _:
            return word[:at] + rng.choice(_NEIGHBOURS[word[at].lower()]) + word[at + 1 :]


def in_case(marked: str, rng: random.Random) -> str:
    """Change to lower, sentence, title or upper case, as people and speech recognisers write."""
    draw = rng.random()
    if draw < 0.52:
        return marked.lower()
    if draw < 0.86:
        first = re.search(r"[A-Za-z]", marked)
        return marked if first is None else marked[: first.start()] + first[0].upper() + marked[first.end() :]
    if draw < 0.95:
        return marked
    if draw < 0.975:
        return re.sub(r"(?<![A-Za-z'])[a-z]", lambda found: found[0].upper(), marked)
    return marked.upper()
