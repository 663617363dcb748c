"""Guesses the next tokens of a reply from what stands in the prompt: speculative decoding by prompt lookup.

A reply that copies, from a message or from a tool's result, goes on as the text went on there. The model reads the
guess in the same step as the last token. Each guessed place is then sampled as ever, and the next one counts only if
the token that came is the guessed one. So guesses change nothing but the number of steps.

Saxena 2023, Prompt Lookup Decoding, https://github.com/apoorvumang/prompt-lookup-decoding; Leviathan et al. 2023, Fast
Inference from Transformers via Speculative Decoding, https://arxiv.org/abs/2211.17192.
"""

from __future__ import annotations

from collections.abc import Iterable

_LONGEST = 3  # tokens that must stand in the same order for a guess
_TRIED_GUESSES = 8  # guessed tokens after which a request's own share of right ones decides
_LEAST_SHARE = 0.3  # of guessed tokens that are right, for guessing to pay
_PAUSE_TOKENS = 24  # tokens without guesses after which a request that copied nothing is tried again


class PromptLookup:
    """The tokens of one request, by what comes before them.

    Args:
        tokens: the prompt.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}  # the place after the latest occurrence of some tokens
        self._guessed = 0
        self._right = 0
        self._paused_until = 0
        for token in tokens:
            self.add(token)

    def add(self, token: int) -> None:
        """Take the next token of the prompt or the reply."""
        # The end of the sequence is noted one token late, or it would always be found itself.
        end = len(self._tokens)
        for size in range(1, _LONGEST + 1):
            if end >= size:
                self._after[tuple(self._tokens[end - size :])] = end
        self._tokens.append(token)

    def guess(self, most: int, *, least: int = 2) -> list[int]:
        """Guess at most ``most`` next tokens; empty: nothing like the end of the sequence came before.

        Args:
            most: tokens to guess.
            least: how many of the last tokens must have stood in the same order.
        """
        if most < 1 or len(self._tokens) < self._paused_until:
            return []
        for size in range(_LONGEST, least - 1, -1):
            if found := self._after.get(tuple(self._tokens[-size:])):
                return self._tokens[found : found + most]
        return []

    def note(self, guessed: int, right: int) -> None:
        """Take how many guessed tokens were right. Where too few are, guessing pauses."""
        self._guessed += guessed
        self._right += right
        if self._guessed >= _TRIED_GUESSES and self._right < _LEAST_SHARE * self._guessed:
            self._paused_until = len(self._tokens) + _PAUSE_TOKENS
        if self._guessed >= 4 * _TRIED_GUESSES or self._paused_until > len(self._tokens):
            self._guessed, self._right = self._guessed // 2, self._right // 2  # what was lately counts more
