"""Computes how likely a model finds given responses, with its LoRA and without it.

Asks :class:`~llmagent_os.training.response_model.ResponseModel`, as training does. The base is the same model with the
LoRA switched off, and the parent is the same model with another LoRA, so there is no second copy.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch.nn import functional

from llmagent_os.policy.array_types import Floats
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.drawn_words import drawn_logprobs
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.training.probe import Probe
from llmagent_os.training.prompt_batch import ResponseRow
from llmagent_os.training.response_model import ResponseModel
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import TrainingDevice, quiet_peft
from llmagent_os.training.training_settings import TrainingSettings

_BATCH_TOKENS = 4096  #: the most tokens of a batch, padding included
_OWN, _PARENT = "default", "parent"  #: names of LoRAs in PEFT; the first one of a model is called ``default``

#: Likelihoods that a gate compares are computed exactly, and where the host computes.
_EXACT = TrainingSettings(precision="fp32", device="cpu")


class ResponseScorer:
    """One model, perhaps with a LoRA. Loading takes seconds, and every method blocks: use it in a thread.

    Args:
        location: the base model.
        lora: a PEFT folder; ``None``: the base itself.
        parent: the PEFT folder that ``lora`` was trained from; ``None``: it was trained from the base.

    Raises:
        ModelSetupError: the model cannot be loaded.
    """

    def __init__(self, location: Location, lora: Path | None, parent: Path | None = None) -> None:
        tokenizer = load_tokenizer(location)
        model = load_model(location)
        self.vocabulary = vocabulary_of(model, tokenizer)
        self.template = ChatTemplate(tokenizer, self.vocabulary)
        device = TrainingDevice(_EXACT, sum(each.numel() for each in model.parameters()))
        self._adapted: Any = _with_loras(model, lora, parent) if lora else None
        self._has_parent = lora is not None and parent is not None
        self._model = ResponseModel(self._adapted or model, device, max_cache_bytes=0)

    def sample(self, probe: Probe, reply: str) -> TokenSample:
        """Write a reply to a probe as tokens, with the end token."""
        prompt = self.vocabulary.encode(self.template.prompt(probe.messages, probe.tools))
        response = [*self.vocabulary.encode(reply), self.vocabulary.end_id]
        return TokenSample(prompt=tuple(prompt), response=tuple(response))

    def logprobs(self, samples: Sequence[TokenSample]) -> list[Floats]:
        """Return, for each sample, the log-probability of each response token in nats, ``(response tokens,)``."""
        found: list[Floats] = [np.zeros(0)] * len(samples)
        for places, rows in _batches(samples):
            tokens = torch.tensor([token for row in rows for token in row.response])
            values = -functional.cross_entropy(self._model.logits(rows), tokens, reduction="none")  # [response tokens]
            for at, piece in zip(places, _split(values, rows), strict=True):
                found[at] = piece
        return found

    def drawn_logprobs(self, samples: Sequence[TokenSample]) -> list[Floats]:
        """Return, for each sample, the log-probability of drawing each response token by the sample's rule, in nats.

        Args:
            samples: prompts, responses and how they were drawn.

        Raises:
            ValueError: a sample was not drawn.
        """
        found: list[Floats] = [np.zeros(0)] * len(samples)
        for places, rows in _batches(samples):
            logits = torch.split(self._model.logits(rows), [len(row.response) for row in rows])
            for at, row, said in zip(places, rows, logits, strict=True):
                rule = samples[at].drawn
                if rule is None:
                    raise ValueError("a sample was not drawn")
                values = drawn_logprobs(said, row.response, rule)  # [response tokens]
                found[at] = np.asarray(values.double().numpy(), np.float64)
        return found

    def divergences(self, samples: Sequence[TokenSample]) -> list[float]:
        """Return, for each sample, KL(with the LoRA ‖ base), the mean over its response tokens in nats a token."""
        if self._adapted is None:
            return [0.0] * len(samples)
        return self._divergences(samples, self._adapted.disable_adapter)

    def parent_divergences(self, samples: Sequence[TokenSample]) -> list[float]:
        """Return, for each sample, KL(with the LoRA ‖ with the parent's), as :meth:`divergences`; empty: no parent."""
        return self._divergences(samples, self._as_parent) if self._has_parent else []

    def _divergences(
        self, samples: Sequence[TokenSample], other: Callable[[], AbstractContextManager[Any]]
    ) -> list[float]:
        """Args: ``other`` makes the model another one while its context is open."""
        found = [0.0] * len(samples)
        for places, rows in _batches(samples):
            own = torch.log_softmax(self._model.logits(rows), -1)  # [response tokens, vocabulary]
            with other():
                theirs = torch.log_softmax(self._model.logits(rows), -1)
            kl = (own.exp() * (own - theirs)).sum(-1)  # [response tokens]
            for at, piece in zip(places, _split(kl, rows), strict=True):
                found[at] = float(piece.mean())
        return found

    @contextmanager
    def _as_parent(self) -> Generator[None]:
        self._adapted.set_adapter(_PARENT)
        try:
            yield
        finally:
            self._adapted.set_adapter(_OWN)

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


def _with_loras(base: Any, own: Path, parent: Path | None) -> Any:
    """Make the model a PeftModel with the LoRAs of folders, to read only; ``own`` is switched on."""
    from peft import PeftModel

    with quiet_peft():
        adapted = cast("Any", PeftModel).from_pretrained(base, own, adapter_name=_OWN)
        if parent is not None:
            adapted.load_adapter(parent, _PARENT)
        return adapted.eval()


def _split(values: torch.Tensor, rows: Sequence[ResponseRow]) -> list[Floats]:
    """Cut values of a batch ``[response tokens]`` into those of its rows."""
    pieces = torch.split(values, [len(row.response) for row in rows])
    return [np.asarray(piece.double().numpy(), np.float64) for piece in pieces]
