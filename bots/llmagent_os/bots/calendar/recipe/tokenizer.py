"""The calendar model's tokenizer: byte-level BPE whose tokens never join a word to the characters before it.

The merges are learned with words, digits and other characters kept apart. They are applied with Qwen2's pre-tokenizer,
which llama.cpp and vLLM know. No merge crosses the edge of a word. So ``Ana`` has the same tokens after a space, after
a quote and at the start, and copying a name means repeating its tokens.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

#: Qwen2's pattern. A space may be in one piece with its word, but no merge joins the two.
QWEN2 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_APART = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
PADDING, END_OF_TURN = "<|endoftext|>", "<|im_end|>"
SPECIAL = (PADDING, "<|im_start|>", END_OF_TURN)  #: the first token ids, in this order; not shown when decoding
#: The tokens with the next ids.
MARKERS = ("<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")
CONTEXT = 2048  #: the longest text that the model can read, in tokens


def train_tokenizer(texts: Iterable[str], *, vocab_size: int) -> Tokenizer:
    """Learn a tokenizer from ``texts``."""
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
    """Return the model's chat template: ChatML, with tools and calls in the Hermes form."""
    return files("llmagent_os.bots.calendar.recipe").joinpath("chat_template.jinja").read_text(encoding="utf-8")


def as_pretrained(tokenizer: Tokenizer) -> Any:
    """Return the same tokenizer in the form that transformers loads and saves."""
    from transformers import PreTrainedTokenizerFast

    # The markers of tools and calls are not special tokens: readers drop special tokens from the text.
    state: dict[str, Any] = json.loads(tokenizer.to_str())
    for token in state["added_tokens"]:
        token["special"] = token["content"] in SPECIAL
    wrap: Any = PreTrainedTokenizerFast
    seen = Tokenizer.from_str(json.dumps(state))
    fast = wrap(tokenizer_object=seen, eos_token=END_OF_TURN, pad_token=PADDING, model_max_length=CONTEXT)
    fast.chat_template = chat_template()
    return fast
