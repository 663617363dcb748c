"""Chooses how a decoder is computed: by :class:`LoraDecoder` where that gives the same, else as the model does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from llmagent_os.training.frozen_layers import SplitDecoder, close
from llmagent_os.training.lora_decoder import LoraDecoder, is_known
from llmagent_os.training.prompt_batch import ResponseRow, prompt_batch
from llmagent_os.training.training_device import TrainingDevice

#: The most that states may differ, as a share of their root mean square. bf16 keeps eight binary digits, and rounds
#: anew in every block.
_FP32_TOLERANCE, _BF16_TOLERANCE = 1e-3, 0.05


def choose_decoder(
    decoder: Any, first: int, device: TrainingDevice, rows: Sequence[ResponseRow]
) -> tuple[LoraDecoder | SplitDecoder, bool]:
    """Choose by trying both on the two shortest rows, one of them with a second response.

    Args:
        decoder: of transformers, perhaps with PEFT's layers in it.
        first: the number of the lowest block with a trainable weight.
        device: where it computes.
        rows: what will be asked for.

    Returns:
        The decoder, and whether it can be cut below ``first``.
    """
    plain = SplitDecoder(decoder, first, device.precision)
    tolerance = _BF16_TOLERANCE if device.bf16 else _FP32_TOLERANCE
    shortest = sorted(rows, key=lambda row: row.length)[:2]
    probe = [*shortest, ResponseRow(shortest[0].prompt, shortest[-1].response)]
    alone = prompt_batch(probe, device.device, share=False)
    if is_known(decoder):
        fused = LoraDecoder(decoder, first, torch.bfloat16 if device.bf16 else decoder.embed_tokens.weight.dtype)
        with torch.no_grad():
            shared = fused.above(prompt_batch(probe, device.device, share=True), None)
            if close(shared, plain.above(alone, None), tolerance):
                return fused, True
    return plain, first > 0 and plain.can_be_cut(alone, tolerance)
