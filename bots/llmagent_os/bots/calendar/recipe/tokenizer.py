"""The calendar model's tokenizer: byte-level BPE whose tokens never glue a word to what stands before it.

Merges are learned with words, digits and the runs between them kept apart, and applied with Qwen2's well-known
pre-tokenizer (so that llama.cpp and vLLM read it as they are). As no merge crosses a word's edge, ``Ana`` is the same
tokens after a space, after a quote and at the start: copying a name is repeating tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

#: Qwen2's pattern. A space may stand in one piece with its word; no merge joins them.
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_APART = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PADDING, END_OF_TURN = "<|endoftext|>", "<|im_end|>"
SPECIAL = (PADDING, "<|im_start|>", END_OF_TURN)  #: the first token ids, in this order; not shown when decoding
#: The ids after those.
MARKERS = ("<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
CONTEXT = 2048  #: tokens that the model can look back on


def train_tokenizer(texts: Iterable[str], *, vocab_size: int) -> Tokenizer:
    """Learn the merges from ``texts``."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = _pre_tokenizer(_APART)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=3,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=[AddedToken(t, normalized=False, special=t in SPECIAL) for t in SPECIAL + MARKERS],
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.pre_tokenizer = _pre_tokenizer(QWEN2)
    return tokenizer


def _pre_tokenizer(pattern: str) -> Any:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def chat_template() -> str:
    """The model's chat template: ChatML, tools and calls in the Hermes form."""
    return files("llmagent_os.bots.calendar.recipe").joinpath("chat_template.jinja").read_text(encoding="utf-8")


def as_pretrained(tokenizer: Tokenizer) -> Any:
    """The same tokenizer as transformers loads and saves it."""
    from transformers import PreTrainedTokenizerFast

    # The markers of tools and calls are text that a reader must see: no special tokens, which readers drop.
    state: dict[str, Any] = json.loads(tokenizer.to_str())
    for token in state["added_tokens"]:
        token["special"] = token["content"] in SPECIAL
    wrap: Any = PreTrainedTokenizerFast
    seen = Tokenizer.from_str(json.dumps(state))
    fast = wrap(tokenizer_object=seen, eos_token=END_OF_TURN, pad_token=PADDING, model_max_length=CONTEXT)
    fast.chat_template = chat_template()
    return fast
