"""One reply in the making, as the engine's thread sees it."""

from __future__ import annotations

import codecs
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from llmagent_os.serving.constrained_decoding import Constraint
from llmagent_os.serving.lora_weights import LoraWeights
from llmagent_os.serving.vocabulary import Vocabulary

Finish = Literal["stop", "length", "tool_calls", "cancelled"]


@dataclass(eq=False, kw_only=True)
class Generation:
    """A request for a reply: filled by whoever asks, then the engine's thread's alone, but for ``cancelled``."""

    prompt: list[int]  #: the prompt's tokens
    shared: tuple[int, ...]  #: how many of them, from the first, other prompts are likely to begin with; ascending
    lora: LoraWeights | None
    constraint: Constraint
    max_tokens: int
    temperature: float
    seed: int | None
    call_above: float = 0.0  #: how likely a call must be to be opened
    on_text: Callable[[str], None] | None  #: called with the text so far, from the engine's thread
    on_done: Callable[[BaseException | None], None]  #: called once, from the engine's thread
    cancelled: bool = False  #: set by anybody: the slot is freed at the next step

    finish: Finish = "cancelled"  #: why it ended
    text: str = ""  #: what was said so far; empty in a call
    token_ids: list[int] = field(default_factory=list[int])  #: the reply's tokens
    logprobs: list[float] = field(default_factory=list[float])  #: and how likely each was
    cached: int = 0  #: how many tokens of prompt and reply the slot has keys and values for

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def vocabulary(self) -> Vocabulary:
        """The tokens it is written in."""
        return self.constraint.grammar.vocabulary

    @property
    def version(self) -> str:
        """The LoRA's version."""
        return self.lora.version if self.lora else "base"

    @property
    def length(self) -> int:
        """Tokens of prompt and reply."""
        return len(self.prompt) + len(self.token_ids)

    def pending(self, limit: int) -> list[int]:
        """The next tokens, at most ``limit``, that the slot has no keys and values for yet."""
        if self.cached >= len(self.prompt):
            return self.token_ids[self.cached - len(self.prompt) :][:limit]
        return (self.prompt[self.cached :] + self.token_ids)[:limit]

    def draw(self) -> float:
        """The next random number, in ``[0, 1)``."""
        return self._random.random()

    def write(self, token: int, logprob: float) -> bool:
        """Add a sampled token, and those that can only follow it; gives whether the reply is finished."""
        while not self._add(token, logprob):
            forced = self.constraint.allowed()
            if forced is None or len(forced) != 1:
                return False
            token, logprob = forced[0], 0.0
        return True

    def _add(self, token: int, logprob: float) -> bool:
        self.token_ids.append(token)
        self.logprobs.append(logprob)
        ends = self.vocabulary.end_ids
        if token in ends and not self.constraint.in_call:
            self.text += self._decoder.decode(b"", final=True)
            self.finish = "stop"
            return True
        self.constraint.advance(token)
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
