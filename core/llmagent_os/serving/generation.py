"""One reply while it is being written, as the engine's thread sees it."""

from __future__ import annotations

import codecs
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from llmagent_os.serving.constrained_decoding import Constraint
from llmagent_os.serving.lora_weights import LoraWeights
from llmagent_os.serving.prompt_lookup import PromptLookup
from llmagent_os.serving.vocabulary import Vocabulary

Finish = Literal["stop", "length", "tool_calls", "cancelled"]


@dataclass(eq=False, kw_only=True)
class Generation:
    """A reply being written.

    The caller fills the request's part. After :meth:`~llmagent_os.serving.engine.Engine.submit`, only the engine's
    thread may touch the values, except ``cancelled``.
    """

    prompt: list[int]  #: the prompt's tokens
    #: lengths, in tokens and ascending, of the beginnings of the prompt that other prompts are likely to share
    shared: tuple[int, ...]
    salt: str = ""  #: what is kept beyond the longest of these is for prompts with the same salt; empty: nothing is
    lora: LoraWeights | None  #: the LoRA that answers; ``None``: the base model
    constraint: Constraint  #: which tokens may come next
    max_tokens: int  #: most tokens in the reply
    temperature: float  #: of words; 0: the likeliest token is taken
    min_p: float = 0.0  #: least probability of a word that is drawn, as a share of the likeliest word's
    seed: int | None  #: ``None``: a new random sequence
    call_above: float = 0.0  #: least probability, at temperature 1, for a call to be opened
    on_text: Callable[[str], None] | None  #: receives the text so far, in the engine's thread
    on_done: Callable[[BaseException | None], None]  #: called once, in the engine's thread, with what went wrong
    cancelled: bool = False  #: set by any thread: the slot is freed at the next step

    finish: Finish = "cancelled"  #: why the reply ended
    text: str = ""  #: the words written so far; empty in a call
    token_ids: list[int] = field(default_factory=list[int])  #: the tokens written so far
    logprobs: list[float] = field(default_factory=list[float])  #: natural log-probability of each written token
    cached: int = 0  #: tokens of prompt and reply, from the first, whose keys and values are in the slot
    number: int = 0  #: how many requests came before
    passed: int = 0  #: tokens that later requests have read while this one's prompt waited, less those it read itself

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._lookup: PromptLookup | None = None
        self._looked_up = 0  # tokens of the reply that the lookup has

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens that the reply is written in."""
        return self.constraint.grammar.vocabulary

    @property
    def lora_version(self) -> str:
        """The version of the LoRA that answers; ``base``: none."""
        return self.lora.version if self.lora else "base"

    @property
    def public(self) -> int:
        """How many tokens of the prompt, from the first, hold nothing of a person."""
        return max(self.shared, default=0)

    @property
    def sampled_at(self) -> float:
        """The temperature that the tokens were drawn at; 0: none was drawn, as in every call."""
        return 0.0 if self.constraint.in_call else self.temperature

    @property
    def length(self) -> int:
        """How many tokens prompt and reply have together."""
        return len(self.prompt) + len(self.token_ids)

    @property
    def to_read(self) -> int:
        """How many tokens the model has still to read."""
        return self.length - self.cached

    def guess(self, most: int) -> list[int]:
        """Guess at most ``most`` tokens that may come next, from what prompt and reply hold; see :mod:`.prompt_lookup`.

        Nothing is guessed beyond the longest reply.
        """
        if self._lookup is None:
            self._lookup = PromptLookup(self.prompt)
        for token in self.token_ids[self._looked_up :]:
            self._lookup.add(token)
        self._looked_up = len(self.token_ids)
        # In a call, one token tells: its values are copied from what was said.
        least = 1 if self.constraint.in_call else 2
        return self._lookup.guess(min(most, self.max_tokens - len(self.token_ids) - 1), least=least)

    def note_guess(self, guessed: int, right: int) -> None:
        """Take how many guessed tokens were right."""
        if self._lookup:
            self._lookup.note(guessed, right)

    def pending(self, limit: int) -> list[int]:
        """Give the next tokens, at most ``limit``, whose keys and values are not in the slot yet."""
        if self.cached >= len(self.prompt):
            return self.token_ids[self.cached - len(self.prompt) :][:limit]
        return (self.prompt[self.cached :] + self.token_ids)[:limit]

    def draw(self) -> float:
        """Draw the next random number of this reply, uniform in ``[0, 1)``."""
        return self._random.random()

    def write(self, token: int, logprob: float) -> bool:
        """Add a sampled token, and then every forced token; gives whether the reply is finished.

        A token is forced if it is the only one that may come. Its log-probability is 0.0.
        """
        while not self._add(token, logprob):
            allowed = self.constraint.allowed()
            if allowed is None or len(allowed) != 1:
                return False
            token, logprob = allowed[0], 0.0
        return True

    def _add(self, token: int, logprob: float) -> bool:
        """Add one token; gives whether the reply is finished."""
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        ends = self.vocabulary.end_ids
        if token in ends and not self.constraint.in_call:
            self.text += self._decoder.decode(b"", final=True)
            self.finish = "stop"
            return True
        self.constraint.advance(token)
        if self.temperature and not self.constraint.in_call and self.constraint.opening is None:
            # A reply of words that began like a call: these tokens were taken, not drawn.
            self.logprobs[: self.constraint.begun] = [0.0] * self.constraint.begun
        if self.constraint.complete:
            if ends and len(self.token_ids) < self.max_tokens:
                self.token_ids.append(self.vocabulary.end_id)
                self.logprobs.append(0.0)
            self.finish = "tool_calls"
            return True
        if not self.constraint.in_call and (said := self._decoder.decode(self.vocabulary.token_bytes[token])):
            self.text += said
            if self.on_text:
                self.on_text(self.text)
        if len(self.token_ids) >= self.max_tokens:
            self.text += self._decoder.decode(b"", final=True)
            self.finish = "length"
            return True
        return False
