"""Counts what models read, wrote, heard and spoke for whoever asks, through however many calls that is.

>>> from llmagent_os.chat import Completion
>>> with tallied() as tally:
...     note(Completion(text="Hello there", prompt="Say hello there.", token_ids=(1, 2, 3)))
>>> tally.prompt_tokens, tally.completion_tokens
(4, 3)
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import msgspec

from llmagent_os.chat import Completion

#: Where nobody has counted the tokens of a text: the characters of one token, in English and for most vocabularies.
CHARACTERS_PER_TOKEN = 4


@dataclass
class TokenTally:
    """What was counted so far."""

    prompt_tokens: int = 0  #: that models read
    completion_tokens: int = 0  #: that models wrote
    embedded_tokens: int = 0  #: that embedding models read
    heard_seconds: float = 0.0  #: of recordings that were turned into words
    spoken_seconds: float = 0.0  #: of replies that were read aloud


_TALLY: ContextVar[TokenTally | None] = ContextVar("tally", default=None)


@contextmanager
def tallied() -> Generator[TokenTally]:
    """Count what models read and write in this block, and in the tasks that begin in it."""
    tally = TokenTally()
    token = _TALLY.set(tally)
    try:
        yield tally
    finally:
        _TALLY.reset(token)


def note(completion: Completion) -> None:
    """Count one completion: by the server's numbers, else by the tokens that there are, else by its characters."""
    tally = _TALLY.get()
    if tally is None:
        return
    if completion.server_tokens is not None:
        read, written = completion.server_tokens
    else:
        called = msgspec.json.encode(completion.tool_calls).decode() if completion.tool_calls else ""
        read = len(completion.prompt_token_ids) or _estimated(completion.prompt)
        written = len(completion.token_ids) or _estimated(completion.text + completion.reasoning + called)
    tally.prompt_tokens += read
    tally.completion_tokens += written


def note_embedded(texts: Sequence[str], tokens: int = 0) -> None:
    """Count texts that were embedded: by the server's number, else by their characters."""
    if (tally := _TALLY.get()) is not None:
        tally.embedded_tokens += tokens or sum(map(_estimated, texts))


def note_speech(*, heard: float = 0.0, spoken: float = 0.0) -> None:
    """Count seconds of speech."""
    if (tally := _TALLY.get()) is not None:
        tally.heard_seconds += heard
        tally.spoken_seconds += spoken


def _estimated(text: str) -> int:
    return -(-len(text) // CHARACTERS_PER_TOKEN)
