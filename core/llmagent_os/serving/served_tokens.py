"""The tokens of a server's reply and how likely each of them was, as vLLM sends them where it is asked to.

``logprobs`` is OpenAI's, https://platform.openai.com/docs/api-reference/chat; ``return_token_ids`` is vLLM's, with
``prompt_token_ids`` in the first chunk and ``token_ids`` in every choice.
"""

from __future__ import annotations

import math
from typing import Any, TypeGuard, cast

import msgspec

#: What vLLM sends in the place of minus infinity: the token could not be drawn, so something else has happened.
_LEAST = -9_999.0
_MOST = 1e-3  # nats: a rounded probability of 1


class ServedTokens(msgspec.Struct, frozen=True):
    """What a server has read and written, as tokens."""

    prompt: tuple[int, ...]  #: the tokens of the prompt
    tokens: tuple[int, ...]  #: of the reply, with the end token
    logprobs: tuple[float, ...]  #: nats, one a token


class TokenCollector:
    """Collects the tokens of a reply from its chunks, or from one document."""

    def __init__(self) -> None:
        self._prompt: list[object] = []
        self._tokens: list[object] = []
        self._logprobs: list[object] = []

    def add_chunk(self, chunk: dict[str, Any]) -> None:
        """Take what stands beside the choices."""
        if isinstance(prompt := chunk.get("prompt_token_ids"), list) and prompt:
            self._prompt = cast("list[object]", prompt)

    def add_choice(self, choice: dict[str, Any]) -> None:
        """Take what stands in a choice."""
        if isinstance(ids := choice.get("token_ids"), list):
            self._tokens += cast("list[object]", ids)
        given: Any = choice.get("logprobs")
        content: Any = cast("dict[str, Any]", given).get("content") if isinstance(given, dict) else None
        for each in cast("list[object]", content) if isinstance(content, list) else ():
            self._logprobs.append(cast("dict[str, Any]", each).get("logprob") if isinstance(each, dict) else None)

    def served(self, counted: int | None) -> ServedTokens | None:
        """The tokens. None: the server did not send them, or not all, or something that they cannot be.

        Args:
            counted: how many tokens the server says that it wrote; None: it does not say.
        """
        tokens, prompt = [*filter(_is_token, self._tokens)], [*filter(_is_token, self._prompt)]
        logprobs = [*filter(_is_logprob, self._logprobs)]
        is_whole = len(tokens) == len(self._tokens) and len(prompt) == len(self._prompt)
        is_told = len(logprobs) == len(self._logprobs) == len(tokens) and counted in (None, len(tokens))
        if not (tokens and prompt and is_whole and is_told):
            return None
        return ServedTokens(tuple(prompt), tuple(tokens), tuple(min(0.0, float(each)) for each in logprobs))


def _is_token(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_logprob(value: object) -> TypeGuard[float]:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and _LEAST < value <= _MOST
