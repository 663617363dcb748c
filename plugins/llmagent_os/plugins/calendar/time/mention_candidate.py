"""A part of a message that may say when, the words around it, and the nouns that make a number beside them no time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from llmagent_os.plugins.calendar.time.mention_tokens import PREPOSITIONS, Token

#: Behind a bare number, they say what it counts.
COUNTED = frozenset(
    "people persons guests of % percent euros euro dollars bucks pounds km miles pages things items copies kids"
    " children bottles boxes cups eggs tickets seats friends players degrees kg grams litres liters meters"
    " lessons sessions classes metres calls emails times reps sets laps rounds".split()
)
#: Before a number, they make it part of a name.
NUMBERED = frozenset(
    "locker desk stand shelf pin code seat"
    " room team flight no number # chapter part unit gate platform bus line version episode season level grade class"
    " page section track floor building apartment apt suite box table player phase sprint round group session module"
    " lesson exam quiz lab hall invoice order ticket case bug issue pr task item step stage route tram train"
    " exit terminal house highway channel form area zone court lane pier bay door windows iphone ps playstation plan"
    " turns turning turned option"
    " week day year article paragraph question problem exercise act scene vol volume book type size".split()
)
#: Behind an ordinal, they say what it counts: the 2nd meeting, my 80th birthday.
ORDINAL_NOUNS = frozenset(
    "birthday anniversary floor street st avenue ave grade grader graders one ones time edition round season episode"
    " chapter year semester quarter class period draft version meeting attempt date century symphony place lesson"
    " session interview appointment event call item entry reminder shift stage phase sprint visit dose step option part"
    " half row column person world cup reich amendment wedding party game match day daughter son child".split()
)


@dataclass(frozen=True)
class Candidate:
    """A stretch of tokens that a parser has understood."""

    kind: str  #: the value of a MentionKind
    tokens: Sequence[Token]
    before: Token | None  #: the token before it, unless a sentence ends there
    after: Token | None  #: the token behind it, unless a sentence ends there
    joins: bool  #: other words of time stand right before it; before a time, words of a day
    leads: bool  #: words of time stand right behind it
    message: str

    @property
    def words(self) -> list[str]:
        """All words, in normal spelling."""
        return [word for token in self.tokens for word in token.words]

    @property
    def core(self) -> str:
        """The words without the prepositions before them."""
        words = self.words
        while len(words) > 1 and words[0] in (*PREPOSITIONS, "the", "-"):
            words = words[1:]
        return " ".join(words)

    @property
    def cued(self) -> bool:
        """Whether a preposition stands before it."""
        return self.words[0] in PREPOSITIONS

    @property
    def next_word(self) -> str:
        """The word behind it; empty at the end of a sentence."""
        return self.after.text.casefold().strip("'’.,") if self.after else ""

    @property
    def last_word(self) -> str:
        """The word before it; empty at the beginning of a sentence."""
        return self.before.text.casefold().strip("'’.,:") if self.before else ""
