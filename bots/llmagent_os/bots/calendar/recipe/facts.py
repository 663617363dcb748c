"""Questions that a fact in the system message answers, about things that nobody has heard of."""

from __future__ import annotations

import random

from llmagent_os.bots.calendar.recipe.lexicon import city, first_name, invented, word
from llmagent_os.bots.calendar.recipe.moments import clock
from llmagent_os.bots.calendar.recipe.phrases import Phrases


def fact(phrases: Phrases, rng: random.Random) -> tuple[str, str]:
    """A question and the fact that answers it."""
    thing = rng.choice((word, invented, phrases.place, phrases.place))(rng)
    name = first_name(rng)
    value = rng.choice((word(rng), str(rng.randrange(2, 400)), city(rng), invented(rng)))
    # Every alternative is drawn before one is chosen, see moments.
    return rng.choice(
        (
            (f"when does the {thing} open?", f"The {thing} opens at {clock(rng)}."),
            (f"what are the opening hours of the {thing}?", f"The {thing} is open from {clock(rng)} to {clock(rng)}."),
            (f"where is the {thing}?", f"The {thing} is in {city(rng)}."),
            (f"who runs the {thing}?", f"The {thing} is run by {name}."),
            (f"what is the {thing} for?", f"The {thing} is for {value}."),
            (f"how long is a {thing}?", f"A {thing} takes {rng.randrange(2, 90)} minutes by default."),
            (f"how do i {word(rng)} the {thing}?", f"To change the {thing}, type /{value}."),
            (f"can i {word(rng)} my {thing}?", f"Your {thing} can be shared with {value}."),
            (f"what is {name}'s number for the {thing}", f"{name} answers questions about the {thing}."),
            (f"tell me about the {thing}", f"The {thing} keeps {word(rng)} and {value} together."),
            (f"how does the {thing} work?", f"The {thing} works with {word(rng)}, {word(rng)} and {value}."),
        )
    )
