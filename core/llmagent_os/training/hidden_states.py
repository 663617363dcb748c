"""Reads what a model makes of replies: its mean hidden state over the tokens of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from llmagent_os.policy.array_types import Floats
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location

#: The most tokens of a reply that are read.
_TOKENS = 128
#: How many replies are read at once.
_BATCH = 32


class HiddenStates:
    """The base model as a reader. Loading takes seconds, and a call blocks: use it in a thread.

    Args:
        location: the base model.

    Raises:
        ModelSetupError: the model cannot be loaded.
    """

    def __init__(self, location: Location) -> None:
        tokenizer = load_tokenizer(location)
        self._model: Any = load_model(location)
        self._vocabulary = vocabulary_of(self._model, tokenizer)
        self._known: dict[str, Floats] = {}

    @torch.inference_mode()
    def __call__(self, texts: Sequence[str]) -> Floats:
        """Return the mean of the last layer's hidden states over each reply's tokens, ``(replies, hidden size)``.

        Args:
            texts: the words of each reply. The chat before a reply is not read.
        """
        fresh = sorted({text for text in texts if text not in self._known}, key=len)
        for at in range(0, len(fresh), _BATCH):
            self._read(fresh[at : at + _BATCH])
        return np.stack([self._known[text] for text in texts])

    def _read(self, texts: Sequence[str]) -> None:
        rows = [ids[:_TOKENS] or [self._vocabulary.end_id] for ids in self._vocabulary.encode_many(texts)]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [self._vocabulary.end_id] * (longest - len(row)) for row in rows])  # (batch, longest)
        there = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])  # (batch, longest)
        states = self._model(input_ids=ids, attention_mask=there, output_hidden_states=True).hidden_states[-1]
        sums = (states * there[..., None]).sum(1)  # (batch, hidden size)
        means = (sums / there.sum(1, keepdim=True)).float().numpy()  # (batch, hidden size)
        for text, mean in zip(texts, means, strict=True):
            self._known[text] = mean.astype(np.float64)
