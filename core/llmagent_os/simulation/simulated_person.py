"""A person who is made up: likes a style that nobody is told, and reacts to replies as people do."""

from __future__ import annotations

import random
from dataclasses import dataclass

from llmagent_os.identity import PersonId
from llmagent_os.policy import Action
from llmagent_os.simulation.style_recognition import StyleRecognition

#: The emoji of the two opinions.
LIKE, DISLIKE = "👍", "👎"


@dataclass(frozen=True)
class Habits:
    """How simulated people react."""

    silent: float = 0.25  #: the share of replies that a person does not react to
    flipped: float = 0.0  #: the share of reactions that say the opposite of what the person thinks


class SimulatedPerson:
    """Reacts to replies by a hidden taste. What the person is going to do is drawn from a seed of their own."""

    def __init__(
        self,
        name: str,
        taste: Action,
        recognition: StyleRecognition,
        habits: Habits,
        *,
        later_taste: Action | None = None,
        turns_at: int = 0,
        hostile: bool = False,
        seed: int = 0,
    ) -> None:
        """Args:
        name: the account, without a platform.
        taste: the values of dimensions that a liked reply has, all of them.
        recognition: how the person sees in which style a reply is.
        habits: how often the person says nothing, and the opposite.
        later_taste: what the person likes from some reaction on; None: the taste never changes.
        turns_at: the number of reactions after which that is so.
        hostile: the person likes what has none of the values, and reacts to every reply.
        seed: of silence and mistakes.
        """
        self.name = name
        self.reactions = 0  #: how many the person has given
        self.hostile = hostile
        self.recognition = recognition  #: how the person sees styles
        self.habits = habits
        self._tastes = (taste, taste if later_taste is None else later_taste)
        self._turns_at = turns_at
        self._rng = random.Random(f"{seed} {name}")

    @property
    def taste(self) -> Action:
        """What the person likes now: the values that a liked reply has."""
        return self._tastes[self._turns_at < self.reactions + 1 and self._tastes[0] != self._tastes[1]]

    @property
    def changes(self) -> bool:
        """Whether the taste changes one day."""
        return self._tastes[0] != self._tastes[1]

    def person_id(self, platform: str) -> PersonId:
        """Who the person is to the host."""
        return PersonId(f"{platform}::{self.name}")

    def likes(self, text: str) -> bool:
        """Whether the person likes a reply."""
        seen = self.recognition.style_of(text)
        fits = all(seen.get(name) == value for name, value in self.taste.items())
        return bool(text.strip()) and fits

    def react(self, text: str) -> str:
        """The emoji that the person puts on a reply; empty: none."""
        habits = self.habits
        silent, flipped = self._rng.random() < habits.silent, self._rng.random() < habits.flipped
        if silent and not self.hostile:
            return ""
        liked = self.likes(text) != (flipped or self.hostile)
        self.reactions += 1
        return LIKE if liked else DISLIKE
