"""Which models the in-process engine computes rightly.

Any decoder of transformers that asks the attention interface can be served: queries, keys and values are its own, and
the engine keeps them and looks them up (:mod:`.slot_attention`). The architectures in :data:`PROVEN` are tested against
transformers' ``generate``. Any other is tried when it is loaded: a sequence is computed by transformers alone and
through the slots, and the model is refused where the two differ. A model with a sliding window is tried with a window
of a few tokens, which the sequence crosses: not every architecture tells the attention interface of its window.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any, cast

import torch

from llmagent_os.errors import ModelError

#: The architectures that are tested, by ``model_type``.
PROVEN = ("gemma", "gemma2", "gemma3_text", "llama", "mistral", "phi", "phi3", "qwen2", "qwen3", "smollm3")

_LAYERS = {"full_attention", "sliding_attention"}
_MOVING_POSITIONS = ("dynamic", "longrope")  # a position's rotation depends on the longest row of the batch
_TRIED_TOKENS = 24
_TRIED_WINDOW = 8  # in place of any wider one while a model is tried
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.08, torch.float16: 0.02}  # share of the greatest logit


def check_architecture(model: Any) -> bool:
    """Check that a model can be served; gives whether its architecture is one of :data:`PROVEN`.

    Raises:
        ModelError: it cannot; the message says why and what to do instead.
    """
    config = model.config
    kind: str = config.model_type
    layers = set(getattr(config, "layer_types", None) or ["full_attention"])
    positions: Any = getattr(config, "rope_parameters", None) or {}
    each: list[Any] = [positions, *(value for value in positions.values() if isinstance(value, dict))]
    moving = {str(rope.get("rope_type")) for rope in each} & set(_MOVING_POSITIONS)
    if not getattr(model, "_supports_attention_backend", False) or getattr(config, "is_encoder_decoder", False):
        raise _refusal(kind, "its attention does not use transformers' attention interface")
    if not layers <= _LAYERS:
        raise _refusal(kind, f"it has layers of {', '.join(sorted(layers - _LAYERS))}")
    if moving:
        raise _refusal(kind, f"its positions are of the type {', '.join(sorted(moving))}")
    if getattr(config, "num_hidden_layers", None) is None or getattr(config, "max_position_embeddings", None) is None:
        raise _refusal(kind, "its configuration does not say how many layers or positions it has")
    return kind in PROVEN


def _refusal(kind: str, why: str) -> ModelError:
    return ModelError(
        f"the in-process engine cannot serve {kind} models of this form: {why}. Serve it with vLLM or llama.cpp, and "
        f"use 'openai:MODEL' with base_url. Served here: {', '.join(PROVEN)}, and what is computed alike"
    )


class ExpectedLogits:
    """What transformers alone computes of a sequence.

    Args:
        model: as transformers made it; its window is narrow while it is tried.
        tokens: the sequence.
        logits: ``[outputs]``, after the last token.
        wide: the same without a narrow window; ``None``: the model has no window.
        tolerance: greatest difference that rounding may make.
    """

    def __init__(
        self, model: Any, tokens: list[int], logits: torch.Tensor, wide: torch.Tensor | None, tolerance: float
    ) -> None:
        self._model = model
        self._kind: str = model.config.model_type
        self._tokens = tokens
        self._logits = logits
        self._wide = wide
        self._tolerance = tolerance

    def compare(self, extend: Callable[[int, list[int], int], torch.Tensor]) -> None:
        """Compute the sequence in two parts through a slot, and compare.

        Args:
            extend: reads tokens into a slot, and gives the logits after the last.

        Raises:
            ModelError: the logits differ, or the model cannot be computed so.
        """
        half = len(self._tokens) // 2
        try:
            with torch.no_grad(), contextlib.nullcontext() if self._wide is None else _narrow_window(self._model):
                extend(0, self._tokens[:half], 0)
                got = extend(0, self._tokens[half:], half)
        except Exception as error:  # a model's own code may raise anything
            raise _refusal(self._kind, f"it failed when it was tried: {type(error).__name__}: {error}") from error
        off = float((got - self._logits).abs().max())
        if not off <= self._tolerance:
            raise _refusal(self._kind, "what it computed when it was tried was not what transformers computes")
        if self._wide is not None and off >= float((got - self._wide).abs().max()):
            raise _refusal(self._kind, "its sliding window is not told to the attention interface")


def check_computation(model: Any) -> ExpectedLogits:
    """Have transformers compute a short sequence, to compare with.

    Raises:
        ModelError: the model fails.
    """
    size: int = model.get_input_embeddings().weight.shape[0]
    tokens = [7 * at % size for at in range(1, _TRIED_TOKENS + 1)]
    try:
        with torch.no_grad():
            asked = torch.tensor([tokens], device=model.device)
            found = model(asked, use_cache=False).logits[0, -1].float()
            wide = None
            if _has_window(model):
                wide = found
                with _narrow_window(model):
                    found = model(asked, use_cache=False).logits[0, -1].float()
    except Exception as error:  # a model's own code may raise anything
        raise _refusal(model.config.model_type, f"it failed when it was tried: {error}") from error
    logits = cast("torch.Tensor", found)
    if wide is not None and torch.equal(logits, wide):
        raise _refusal(model.config.model_type, "it has a sliding window that cannot be tried")
    scale = _TOLERANCE.get(model.dtype, 0.08) * max(1.0, float(logits.abs().max()))
    return ExpectedLogits(model, tokens, logits, wide, scale)


def _windowed(model: Any) -> Iterator[tuple[Any, int]]:
    """The parts of a model and its configurations that have a window wider than :data:`_TRIED_WINDOW`."""
    seen: set[int] = set()
    for module in model.modules():
        for part in (module, getattr(module, "config", None)):
            window = getattr(part, "sliding_window", None)
            if id(part) not in seen and isinstance(window, int) and window > _TRIED_WINDOW:
                yield part, window
            seen.add(id(part))


def _has_window(model: Any) -> bool:
    """Whether a prompt can be longer than what a layer looks at."""
    layers: list[str] | None = getattr(model.config, "layer_types", None)
    slides = layers is None or "sliding_attention" in layers
    return slides and any(window < model.config.max_position_embeddings for _, window in _windowed(model))


@contextlib.contextmanager
def _narrow_window(model: Any) -> Generator[None]:
    """Give a model a window of :data:`_TRIED_WINDOW` tokens in place of a wider one."""
    parts = list(_windowed(model))
    for part, _ in parts:
        part.sliding_window = _TRIED_WINDOW
    try:
        yield
    finally:
        for part, window in parts:
            part.sliding_window = window
