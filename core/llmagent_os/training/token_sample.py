"""One response as tokens, with all that any training method needs to know of it."""

from __future__ import annotations

import msgspec

from llmagent_os.serving.drawn_words import DrawnWords


class TokenSample(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt, a response to it, and what was thought of the response. The loss is on response tokens only."""

    prompt: tuple[int, ...]  #: the tokens before the response
    response: tuple[int, ...]  #: the tokens to learn; the last is the end token
    reward: float = 1.0  #: what was thought of the response, in [-1, 1]
    weight: float = 1.0  #: how much the sample counts, in [0, 1]
    rejected: tuple[int, ...] = ()  #: a response that was liked less, with its end token; empty: there is none
    #: nats, one a token of the response, of the distribution that it was sampled from; empty: not known
    behavior_logprobs: tuple[float, ...] = ()
    drawn: DrawnWords | None = None  #: the rule that it was sampled by; None: it was not sampled, or nobody knows how
    episode: str = ""  #: the stretch of talk over which rewards are discounted; empty: it is alone
    turn: int = 0  #: the place of the reply in its episode, from 0: several samples of one reply have the same
    value: float | None = None  #: the return that was to be expected before the response; None: not known
    anchor: bool = False  #: nothing is learned from the response: there the model must stay as its base is

    @property
    def length(self) -> int:
        """The number of tokens of prompt and response."""
        return len(self.prompt) + len(self.response)
