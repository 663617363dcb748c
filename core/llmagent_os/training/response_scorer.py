"""Computes how likely a model finds given responses, with its LoRA and without it.

Only the positions before response tokens go through the output layer. The base is the same model with the LoRA switched
off, and the parent is the same model with another LoRA, so there is no second copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from torch.nn import functional

from llmagent_os.policy.array_types import Floats
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.drawn_words import drawn_logprobs
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.training.probe import Probe
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_device import quiet_peft

_OWN, _PARENT = "default", "parent"  #: names of LoRAs in PEFT; the first one of a model is called ``default``
_BATCH_TOKENS = 4096  #: the most tokens of a batch, padding included


_Model = Literal["own", "parent", "base"]


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
        base = load_model(location)
        self.vocabulary = vocabulary_of(base, tokenizer)
        self.template = ChatTemplate(tokenizer, self.vocabulary)
        self._adapted: Any = _with_lora(base, lora) if lora else None
        self._has_parent = self._adapted is not None and parent is not None
        if self._has_parent:
            with quiet_peft():
                cast("Any", self._adapted).load_adapter(parent, _PARENT)
        self._model: Any = base if self._adapted is None else self._adapted.get_base_model()

    def sample(self, probe: Probe, reply: str) -> TokenSample:
        """Write a reply to a probe as tokens, with the end token."""
        prompt = self.vocabulary.encode(self.template.prompt(probe.messages, probe.tools))
        response = [*self.vocabulary.encode(reply), self.vocabulary.end_id]
        return TokenSample(prompt=tuple(prompt), response=tuple(response))

    def logprobs(self, samples: Sequence[TokenSample]) -> list[Floats]:
        """Return, for each sample, the log-probability of each response token in nats, ``(response tokens,)``."""
        found: list[Floats] = [np.zeros(0)] * len(samples)
        for places, logits, targets in self._logits(samples):
            values = -functional.cross_entropy(logits, targets, reduction="none")
            for at, piece in zip(places, _split(values, samples, places), strict=True):
                found[at] = piece
        return found

    def drawn_logprobs(self, samples: Sequence[TokenSample]) -> list[Floats]:
        """Return, for each sample, the log-probability of drawing each response token by the sample's rule, in nats.

        Args:
            samples: prompts, responses and how they were drawn.
        """
        found: list[Floats] = [np.zeros(0)] * len(samples)
        for places, logits, _ in self._logits(samples):
            sizes = [len(samples[at].response) for at in places]
            for at, said in zip(places, torch.split(logits, sizes), strict=True):
                rule = samples[at].drawn
                if rule is None:
                    raise ValueError("a sample was not drawn")
                values = drawn_logprobs(said, samples[at].response, rule)  # [response tokens]
                found[at] = np.asarray(values.double().numpy(), np.float64)
        return found

    def divergences(self, samples: Sequence[TokenSample]) -> list[float]:
        """Return, for each sample, KL(with the LoRA ‖ base), the mean over its response tokens in nats a token."""
        return [0.0] * len(samples) if self._adapted is None else self._divergences(samples, "base")

    def parent_divergences(self, samples: Sequence[TokenSample]) -> list[float]:
        """Return, for each sample, KL(with the LoRA ‖ with the parent's), as :meth:`divergences`; empty: no parent."""
        return self._divergences(samples, "parent") if self._has_parent else []

    def _divergences(self, samples: Sequence[TokenSample], of: _Model) -> list[float]:
        found = [0.0] * len(samples)
        with_lora, without = self._logits(samples), self._logits(samples, of)
        for (places, ours, _), (_, theirs, _) in zip(with_lora, without, strict=True):
            own = torch.log_softmax(ours, -1)  # [response tokens, vocabulary]
            kl = (own.exp() * (own - torch.log_softmax(theirs, -1))).sum(-1)  # [response tokens]
            for at, piece in zip(places, _split(kl, samples, places), strict=True):
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

    def _logits(
        self, samples: Sequence[TokenSample], of: _Model = "own"
    ) -> Iterator[tuple[list[int], torch.Tensor, torch.Tensor]]:
        """Yield batches: places of samples, logits ``[response tokens, vocabulary]``, and the tokens that followed."""
        order = sorted(range(len(samples)), key=lambda at: samples[at].length)
        while order:
            size = max(1, min(len(order), _BATCH_TOKENS // samples[order[-1]].length))
            places, order = order[-size:], order[:-size]
            rows = [[*samples[at].prompt, *samples[at].response] for at in places]
            longest = max(map(len, rows))
            tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])  # [samples, longest]
            seen = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])  # [samples, longest]
            learned = torch.zeros_like(tokens, dtype=torch.bool)  # [samples, longest]
            for number, at in enumerate(places):
                learned[number, len(samples[at].prompt) - 1 : samples[at].length - 1] = True
            off = self._adapted.disable_adapter() if of == "base" and self._adapted else nullcontext()
            if self._has_parent:
                self._adapted.set_adapter(_PARENT if of == "parent" else _OWN)
            with cast("Any", torch.inference_mode()), off:
                hidden = self._model.model(input_ids=tokens, attention_mask=seen, use_cache=False)[0]
                logits = self._model.lm_head(hidden[learned]).float()
            # Outside of the two contexts: they hold for the thread, and the caller may run another generator meanwhile.
            yield places, logits, tokens.roll(-1, dims=1)[learned]


def _with_lora(base: Any, folder: Path) -> Any:
    """Make the model a PeftModel with the LoRA of a folder, to read only."""
    from peft import PeftModel

    with quiet_peft():
        return cast("Any", PeftModel).from_pretrained(base, folder).eval()


def _split(values: torch.Tensor, samples: Sequence[TokenSample], places: Sequence[int]) -> list[Floats]:
    """Cut values of a batch ``[response tokens]`` into those of its samples."""
    pieces = torch.split(values, [len(samples[at].response) for at in places])
    return [np.asarray(piece.double().numpy(), np.float64) for piece in pieces]
