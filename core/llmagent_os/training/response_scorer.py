"""Computes how likely a model finds given responses, with its LoRA and without it.

Asks :class:`~llmagent_os.training.response_model.ResponseModel`, as training does. The base is the same model with the
LoRA switched off, so there is no second copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from llmagent_os.policy.array_types import Floats
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.training.probe import Probe
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import TrainingDevice, quiet_peft
from llmagent_os.training.training_settings import TrainingSettings

_BATCH_TOKENS = 4096  #: the most tokens of a batch, padding included

#: Likelihoods that a gate compares are computed exactly, and where the host computes.
_EXACT = TrainingSettings(precision="fp32", device="cpu")


class ResponseScorer:
    """One model, perhaps with a LoRA. Loading takes seconds, and every method blocks: use it in a thread.

    Args:
        location: the base model.
        lora: a PEFT folder; ``None``: the base itself.

    Raises:
        ModelSetupError: the model cannot be loaded.
    """

    def __init__(self, location: Location, lora: Path | None) -> None:
        tokenizer = load_tokenizer(location)
        model = load_model(location)
        self.vocabulary = vocabulary_of(model, tokenizer)
        self.template = ChatTemplate(tokenizer, self.vocabulary)
        self._has_lora = lora is not None
        device = TrainingDevice(_EXACT, sum(each.numel() for each in model.parameters()))
        self._model = ResponseModel(_with_lora(model, lora) if lora else model, device, max_cache_bytes=0)

    def sample(self, probe: Probe, reply: str) -> TokenSample:
        """Write a reply to a probe as tokens, with the end token."""
        prompt = self.vocabulary.encode(self.template.prompt(probe.messages, probe.tools))
        response = [*self.vocabulary.encode(reply), self.vocabulary.end_id]
        return TokenSample(prompt=tuple(prompt), response=tuple(response))

    def logprobs(
        self, samples: Sequence[TokenSample], temperature: float = 1.0, *, text_only: bool = False
    ) -> list[Floats]:
        """Return, for each sample, the log-probability of each response token in nats, ``(response tokens,)``.

        Args:
            samples: prompts and responses.
            temperature: that the responses were sampled at.
            text_only: whether markup was masked, as it is in every reply of plain text.
        """
        found: list[Floats] = [np.zeros(0)] * len(samples)
        allowed = self.vocabulary.text_ids if text_only else None
        for places, rows in _batches(samples):
            logs = self._model.distributions(rows, temperature=temperature, allowed=allowed)
            tokens = torch.tensor([token for row in rows for token in row.response])
            values = logs.gather(1, tokens[:, None])[:, 0]  # [response tokens]
            for at, piece in zip(places, _split(values, rows), strict=True):
                found[at] = piece
        return found

    def divergences(self, samples: Sequence[TokenSample]) -> list[float]:
        """Return, for each sample, KL(with the LoRA ‖ base), the mean over its response tokens in nats a token."""
        found = [0.0] * len(samples)
        for places, rows in _batches(samples) if self._has_lora else ():
            own = self._model.distributions(rows)  # [response tokens, vocabulary]
            base = self._model.distributions(rows, reference=True)
            kl = (own.exp() * (own - base)).sum(-1)  # [response tokens]
            for at, piece in zip(places, _split(kl, rows), strict=True):
                found[at] = float(piece.mean())
        return found

    def right_shares(self, probes: Sequence[Probe]) -> list[float]:
        """Return, for each probe with choices, the probability of the first among them."""
        samples = [self.sample(probe, choice) for probe in probes for choice in probe.choices]
        totals = iter([float(each.sum()) for each in self.logprobs(samples)])
        found: list[float] = []
        for probe in probes:
            logs = np.array([next(totals) for _ in probe.choices])  # (choices,)
            powers = np.exp(logs - logs.max())
            found.append(float(powers[0] / powers.sum()))
        return found


def _batches(samples: Sequence[TokenSample]) -> Iterator[tuple[list[int], list[ResponseRow]]]:
    """Yield batches of similar length, the longest first: places of samples, and their rows."""
    order = sorted(range(len(samples)), key=lambda at: (samples[at].length, samples[at].prompt))
    while order:
        size = max(1, min(len(order), _BATCH_TOKENS // samples[order[-1]].length))
        places, order = order[-size:], order[:-size]
        yield places, [ResponseRow(samples[at].prompt, samples[at].response) for at in places]


def _with_lora(base: Any, folder: Path) -> Any:
    """Make the model a PeftModel with the LoRA of a folder, to read only."""
    from peft import PeftModel

    with quiet_peft():
        return cast("Any", PeftModel).from_pretrained(base, folder).eval()


def _split(values: torch.Tensor, rows: Sequence[ResponseRow]) -> list[Floats]:
    """Cut values of a batch ``[response tokens]`` into those of its rows."""
    pieces = torch.split(values, [len(row.response) for row in rows])
    return [np.asarray(piece.double().numpy(), np.float64) for piece in pieces]
