"""Makes small chat models for tests, in real model folders: with random weights, or trained for some seconds.

The tokenizer is built like that of the shipped ``calendar`` model: byte-level BPE with Qwen2's splitting. It never
joins letters with a space or with punctuation, and keeps digits apart. The template is ChatML with tool calls in the
form of Hermes and Qwen.
"""

from __future__ import annotations

import random
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn import functional
from transformers import PreTrainedTokenizerFast

from llmagent_os.chat import Message, ToolCall, ToolSpec
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
from llmagent_os.serving.model_location import Location
from llmagent_os.serving.vocabulary import Vocabulary
from llmagent_os.training.length_batches import length_batches
from llmagent_os.training.token_sample import TokenSample

# Tiny models gain nothing from a second thread, and wait for it while other programs run.
torch.set_num_threads(1)

#: Qwen2's, https://huggingface.co/Qwen/Qwen2.5-0.5B/blob/main/tokenizer.json
QWEN_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
#: The splitting while merges are learned: letters are never joined with anything else.
LEARNING_SPLIT = r"\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s"

TEMPLATE = """\
{%- if tools or (messages and messages[0].role == 'system') %}<|im_start|>system
{% if messages and messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}
{%- if tools %}
tools:{% for tool in tools %} {{ tool.function.name }}{% endfor %}{% endif %}<|im_end|>
{% endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}<|im_start|>user
<tool_response>
{{ message.content }}
</tool_response><|im_end|>
{% elif message.role == 'assistant' %}<|im_start|>assistant
{{ message.content }}
{%- for call in message.tool_calls or [] %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% elif message.role == 'user' %}<|im_start|>user
{{ message.content }}<|im_end|>
{% endif %}
{%- endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

CORPUS = [
    "Schedule a meeting with John at 3pm tomorrow. OK, I've added a meeting with John to your calendar for tomorrow.",
    "Cancel my dentist appointment next week. Sure, I've canceled your dentist appointment scheduled for next week.",
    "what do I have on friday afternoon? you have lunch with Ana at noon, and nothing else",
    'create_event list_events delete_event {"name": "create_event", "arguments": {"title": "lunch", "date": "friday"}}',
    "the quick brown fox jumps over the lazy dog, calls mom every sunday at 6 and books a table at Cafe Luna",
]


def tool(name: str, properties: dict[str, Any], required: tuple[str, ...] = ()) -> ToolSpec:
    """Make a tool with these arguments."""
    return ToolSpec(
        name=name,
        description=f"{name} for the tests.",
        parameters={"type": "object", "properties": properties, "required": list(required)},
    )


SPAN = {"type": "string", "x-span": True}
CREATE = tool("create_event", {"title": SPAN, "date": SPAN, "time": SPAN}, ("title",))
LIST = tool("list_events", {"date": SPAN})


def make_tokenizer(*, mixing: bool = False, size: int = 600) -> Any:
    """Make a tokenizer. ``mixing``: some tokens join a space and letters, as those of GPT-2 and Qwen do."""
    tokenizer = cast("Any", Tokenizer(models.BPE()))
    markup = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>"]
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[*markup, "<tool_response>", "</tool_response>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bytes_only = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for split in (QWEN_SPLIT if mixing else LEARNING_SPLIT, QWEN_SPLIT):
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(split), behavior="isolated"), bytes_only]
        )
        if split != QWEN_SPLIT or mixing:
            tokenizer.train_from_iterator(CORPUS * 4, trainer)
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        clean_up_tokenization_spaces=False,
        chat_template=TEMPLATE,
    )


#: The architectures that :func:`make_model` knows: the class of the configuration, and what it needs besides the shape.
ARCHITECTURES: dict[str, tuple[str, dict[str, Any]]] = {
    "llama": ("LlamaConfig", {}),
    "qwen2": ("Qwen2Config", {}),
    "qwen3": ("Qwen3Config", {"head_dim": 16}),
    "mistral": ("MistralConfig", {"head_dim": 16, "sliding_window": 12}),
    "gemma": ("GemmaConfig", {"head_dim": 16}),
    "gemma2": ("Gemma2Config", {"head_dim": 16, "sliding_window": 12, "query_pre_attn_scalar": 16}),
    "gemma3": (
        "Gemma3TextConfig",
        {
            "head_dim": 16,
            "sliding_window": 12,
            "query_pre_attn_scalar": 16,
            "layer_types": ["sliding_attention", "full_attention"],
            "tie_word_embeddings": False,  # tied ones say the same token again and again
        },
    ),
    "phi": ("PhiConfig", {}),
    "phi3": ("Phi3Config", {"sliding_window": 12}),
    "smollm3": ("SmolLM3Config", {"no_rope_layers": [1, 0]}),
    "granite": ("GraniteConfig", {"logits_scaling": 2.0, "residual_multiplier": 0.5, "embedding_multiplier": 2.0}),
    "olmo2": ("Olmo2Config", {}),
    "gpt2": ("GPT2Config", {}),
}


def make_model(kind: str, tokenizer: Any, seed: int = 0) -> Any:
    """Make a random model of one of :data:`ARCHITECTURES` with about 100,000 parameters, and varied replies."""
    name, more = ARCHITECTURES[kind]
    shape: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "initializer_range": 0.15,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "bos_token_id": None,
    }
    with cast("Any", torch.random).fork_rng():
        cast("Any", torch).manual_seed(seed)
        config = getattr(transformers, name)(**(shape | more))
        return transformers.AutoModelForCausalLM.from_config(config).eval()


def save_model(folder: Path, kind: str = "llama", *, mixing: bool = False, seed: int = 0) -> Path:
    """Write a model folder like those of the hub: config, safetensors, tokenizer and chat template."""
    tokenizer = make_tokenizer(mixing=mixing)
    model = make_model(kind, tokenizer, seed)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def calendar_chats(count: int, seed: int = 0) -> list[list[Message]]:
    """Make up requests to a calendar, with the fitting calls and answers."""
    order = random.Random(seed)
    words = sorted({word for line in CORPUS for word in re.findall("[a-z]+", line) if len(word) > 2})
    chats: list[list[Message]] = []
    for _ in range(count):
        title = " ".join(order.sample(words, order.choice((1, 1, 2))))
        day, hour = order.choice(["friday", "sunday", "tomorrow", "next week"]), f"{order.randint(1, 12)}pm"
        said, call = order.choice(
            [
                (
                    f"schedule {title} {day} at {hour}",
                    ToolCall("create_event", {"title": title, "date": day, "time": hour}),
                ),
                (f"book {title} on {day}", ToolCall("create_event", {"title": title, "date": day})),
                (f"what do I have {day}", ToolCall("list_events", {"date": day})),
                ("thanks", None),
            ]
        )
        reply: Message = {"role": "assistant", "content": "" if call else "You're welcome."}
        chats.append([{"role": "user", "content": said}, reply | ({"tool_calls": [call]} if call else {})])
    return chats


def response_loss(model: Any, batch: Sequence[TokenSample]) -> torch.Tensor:
    """Compute the mean negative log-likelihood of the batch's response tokens: a scalar, in nats a token."""
    rows = [[*sample.prompt, *sample.response] for sample in batch]
    longest = max(map(len, rows))
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])  # [samples, longest]
    seen = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])  # [samples, longest]
    learned = torch.zeros_like(tokens, dtype=torch.bool)  # [samples, longest]: the *next* token is a response token
    for at, (sample, row) in enumerate(zip(batch, rows, strict=True)):
        learned[at, len(sample.prompt) - 1 : len(row) - 1] = True
    hidden = model.model(input_ids=tokens, attention_mask=seen, use_cache=False)[0]  # [samples, longest, width]
    logits = model.lm_head(hidden[learned]).float()  # [response tokens, vocabulary]
    return functional.cross_entropy(logits, tokens.roll(-1, dims=1)[learned])


def save_trained_model(folder: Path, kind: str = "llama", *, steps: int = 500) -> Path:
    """Write a folder with a model that calls :data:`CREATE` and :data:`LIST`. Takes about ten seconds."""
    tokenizer = make_tokenizer()
    model = make_model(kind, tokenizer)
    samples = _samples(steps * 8, tokenizer, vocabulary_of(model, tokenizer))
    optimizer = cast("Any", torch.optim.AdamW(model.parameters(), lr=3e-3))
    model.train()
    for step, batch in enumerate(length_batches(samples, 16, random.Random(0), lambda each: each.length)[:steps]):
        optimizer.param_groups[0]["lr"] = 3e-3 * min(1, step / 30, (steps - step) / steps * 1.5)
        loss = cast("Any", response_loss(model, batch))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def calendar_samples(location: Location, count: int = 16) -> list[TokenSample]:
    """Make samples of :func:`calendar_chats` for the model at ``location``."""
    tokenizer = load_tokenizer(location)
    return _samples(count, tokenizer, vocabulary_of(load_model(location), tokenizer))


def _samples(count: int, tokenizer: Any, vocabulary: Vocabulary) -> list[TokenSample]:
    template = ChatTemplate(tokenizer, vocabulary)
    samples: list[TokenSample] = []
    for chat in calendar_chats(count):
        response = vocabulary.encode(template.response(chat, (CREATE, LIST)) or "")
        prompt = vocabulary.encode(template.prompt(chat[:1], (CREATE, LIST)))
        samples.append(
            TokenSample(prompt=tuple(prompt), response=tuple(response[: response.index(vocabulary.end_id) + 1]))
        )
    return samples


def save_lora(folder: Path, base: Path, *, rank: int = 4, seed: int = 1, scale: float = 0.2) -> Path:
    """Let PEFT save a random LoRA on ``base``, strong enough to change replies."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    there = {name.rpartition(".")[2] for name, _ in model.named_modules()}
    wanted = ("q_proj", "v_proj", "o_proj", "up_proj", "down_proj", "dense", "fc1", "fc2", "qkv_proj", "gate_up_proj")
    targets = [name for name in wanted if name in there]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft 0.21 asks transformers 5.23 for what it will drop
        adapted = cast("Any", get_peft_model(model, LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=targets)))
    with cast("Any", torch.random).fork_rng():
        cast("Any", torch).manual_seed(seed)
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                torch.nn.init.normal_(parameter, std=scale)
    adapted.save_pretrained(folder)
    return folder
