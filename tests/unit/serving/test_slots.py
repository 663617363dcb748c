"""The model behind the slots: only architectures that it computes rightly."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, cast

import pytest
import torch
import transformers
from transformers.models.llama import modeling_llama

from llmagent_os.errors import ModelError
from llmagent_os.serving.architectures import PROVEN
from llmagent_os.serving.lora_weights import LoraLayer, LoraWeights
from llmagent_os.serving.slots import SlotModel
from tests.tiny_model import ARCHITECTURES, make_model, make_tokenizer


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    """As the engine's thread computes."""
    with torch.no_grad():
        yield


@cache
def tokenizer() -> Any:
    return make_tokenizer()


def tiny(kind: str = "llama") -> Any:
    return make_model(kind, tokenizer())


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"layer_types": ["chunked_attention", "full_attention"]}, "layers of chunked_attention"),
        ({"rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4}}, "positions are of the type dynamic"),
    ],
)
def test_models_that_would_be_computed_wrongly_are_refused(change: dict[str, Any], why: str) -> None:
    """An error that says what to do is better than wrong replies."""
    model = tiny()
    for name, value in change.items():
        setattr(model.config, name, value)
    with pytest.raises(ModelError, match=f"{why}.*vLLM.*openai:MODEL"):
        SlotModel(model, 2)


def test_a_model_without_the_attention_interface_is_refused() -> None:
    """Its attention could not be told which tokens belong to which row."""
    from transformers import BloomConfig, BloomForCausalLM

    model = BloomForCausalLM(BloomConfig(vocab_size=64, hidden_size=32, n_layer=1, n_head=2))
    with pytest.raises(ModelError, match=r"attention interface.*vLLM"):
        SlotModel(model, 2)


def windowed(name: str, **options: Any) -> Any:
    """A tiny model of an architecture that is not proven, with a window wider than the prompt it is tried with."""
    cast("Any", torch).manual_seed(0)
    config = getattr(transformers, f"{name}Config")(
        vocab_size=200,
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.15,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        **{"sliding_window": 32} | options,
    )
    assert config.model_type not in PROVEN
    return transformers.AutoModelForCausalLM.from_config(config).eval()


@pytest.mark.parametrize(("name", "options"), [("Phimoe", {"num_local_experts": 4}), ("Doge", {})])
def test_a_window_that_attention_is_not_told_of_is_refused(name: str, options: dict[str, Any]) -> None:
    """The model would be right for short prompts, and silently wrong for all that are longer than its window."""
    model = windowed(name, **options)
    with pytest.raises(ModelError, match="vLLM"):
        SlotModel(model, 2)
    assert model.config.sliding_window == 32


@pytest.mark.parametrize("name", ["Starcoder2", "Olmo3"])
@pytest.mark.parametrize("window", [32, 256])
def test_an_unknown_architecture_with_a_window_is_served_where_it_is_right(name: str, window: int) -> None:
    """Longer than the window, and with one that no prompt is longer than."""
    model = windowed(name, sliding_window=window)
    tokens = [7 * at % 200 for at in range(1, 150)]
    with torch.no_grad():
        expected = model(torch.tensor([tokens]), use_cache=False).logits[0, -1]
        got = SlotModel(model, 2).extend(0, tokens, 0)
    torch.testing.assert_close(got, expected, atol=1e-4, rtol=1e-4)


def test_an_unknown_architecture_is_tried_before_it_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """A release of transformers may bring a model that computes its attention in a way of its own."""
    assert "olmo2" not in PROVEN
    SlotModel(tiny("olmo2"), 2)  # as transformers computes it
    model = tiny()
    model.config.model_type = "odd"
    rotate: Any = modeling_llama.apply_rotary_pos_emb

    def of_its_own(query: Any, key: Any, cos: Any, sin: Any, *rest: Any) -> Any:
        """The positions begin anew in every pass: right for a whole sequence, wrong for one read in two parts."""
        cos, sin = (each.roll(-each.shape[1] // 2, 1) for each in (cos, sin))
        return rotate(query, key, cos[:, :1].expand_as(cos), sin[:, :1].expand_as(sin), *rest)

    monkeypatch.setattr(modeling_llama, "apply_rotary_pos_emb", of_its_own)
    with pytest.raises(ModelError, match=r"not what transformers computes.*vLLM"):
        SlotModel(model, 2)


def test_learned_positions_are_served_too() -> None:
    """The generic way holds for models that know nothing of rotations."""
    assert SlotModel(tiny("gpt2"), 2).extend(0, [5, 6, 7], 0).isfinite().all()


@pytest.mark.parametrize("kind", sorted(set(ARCHITECTURES) - {"gpt2"}))
def test_several_tokens_in_several_rows_are_computed_as_one_after_another(kind: str) -> None:
    """Guessed tokens are read together. If that changed a number, guesses would change replies."""
    model = SlotModel(tiny(kind), 3)
    prompts = [[5, 6, 7, 8, 9], [9, 8, 7], list(range(10, 40))]
    for slot, prompt in enumerate(prompts):
        model.extend(slot, prompt, 0)
    places = [len(prompt) for prompt in prompts]
    more = [[11, 12, 13], [14, 15, 16], [17, 18, 19]]
    together = model.decode(more, places)
    for at in range(3):
        alone = model.decode([[tokens[at]] for tokens in more], [place + at for place in places])
        assert torch.allclose(together[:, at], alone[:, 0], atol=1e-4)


def lora(model: Any, names: tuple[str, ...], rank: int, seed: int) -> LoraWeights:
    """A random LoRA on some layers of the first block."""
    cast("Any", torch).manual_seed(seed)
    layers = {
        f"model.layers.0.{name}": LoraLayer(
            torch.randn(part.in_features, rank) / 4, torch.randn(rank, part.out_features) / 4
        )
        for name in names
        for part in [model.get_submodule(f"model.layers.0.{name}")]
    }
    return LoraWeights(f"l{seed}@{rank}", layers, rank)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "layers",
    [
        [("self_attn.q_proj", "self_attn.v_proj"), ("self_attn.k_proj",), ()],
        [("mlp.up_proj",), ("mlp.gate_proj", "mlp.down_proj"), ("self_attn.o_proj", "self_attn.q_proj")],
    ],
)
def test_each_row_has_its_own_lora_whatever_layers_the_others_change(
    dtype: torch.dtype, layers: list[tuple[str, ...]]
) -> None:
    """LoRAs of other ranks and layers share the rows' matrices. One person's must not leak into another's reply."""
    plain = tiny().to(dtype)
    loras = [lora(plain, names, 2 + 3 * at, at) for at, names in enumerate(layers)]
    model = SlotModel(plain, 3)
    for slot, each in enumerate(loras):
        model.occupy(slot, each)
        model.extend(slot, [5, 6, 7 + slot], 0)
    together = model.decode([[20], [21], [22]], [3, 3, 3])[:, 0]
    for slot, each in enumerate(loras):
        merged = tiny().to(dtype)
        for name, layer in each.layers.items():
            merged.get_submodule(name).weight.data += (layer.a @ layer.b).T.to(dtype)
        with torch.inference_mode():
            expected = merged(torch.tensor([[5, 6, 7 + slot, 20 + slot]])).logits[0, -1].float()
        close = 1e-3 if dtype == torch.float32 else 0.15
        assert float((together[slot] - expected).abs().max()) < close * max(1.0, float(expected.abs().max()))
    model.occupy(1, None)
    model.move(2, 1, 3)
    moved = model.decode([[20], [22]], [3, 3])[1, 0]
    assert torch.allclose(moved, together[2], atol=1e-4 if dtype == torch.float32 else 0.2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(
    "names",
    [
        ("self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj"),
        ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    ],
)
def test_a_lora_that_all_rows_share_gives_what_it_gives_each(dtype: torch.dtype, names: tuple[str, ...]) -> None:
    """A team's LoRA is read once for all rows. When one row has another LoRA, nothing may change for the rest."""
    close = 1e-4 if dtype == torch.float32 else 0.15
    plain = tiny().to(dtype)
    teams, other = lora(plain, names, 4, 1), lora(plain, names, 4, 2)
    model = SlotModel(plain, 4)
    for slot in range(4):
        model.occupy(slot, teams if slot else None)
        model.extend(slot, [5, 6, 7 + slot], 0)
    more = [[20, 30], [21, 31], [22, 32], [23, 33]]
    shared = model.decode(more, [3] * 4)
    for at in range(2):
        one_each = model.decode([[tokens[at]] for tokens in more], [3 + at] * 4)[:, 0]
        assert torch.allclose(one_each, shared[:, at], atol=close)
    model.occupy(3, other)
    mixed = model.decode(more, [3] * 4)
    assert torch.allclose(mixed[:3], shared[:3], atol=close)
    assert not torch.allclose(mixed[3], shared[3], atol=0.5)
    merged = tiny().to(dtype)
    for name, layer in teams.layers.items():
        merged.get_submodule(name).weight.data += (layer.a @ layer.b).T.to(dtype)
    with torch.inference_mode():
        expected = merged(torch.tensor([[5, 6, 8, 21, 31]])).logits[0, -2:].float()
    size = max(1.0, float(expected.abs().max()))
    assert float((shared[1] - expected).abs().max()) < (1e-3 if dtype == torch.float32 else 0.15) * size


WINDOWED = sorted(kind for kind, (_, more) in ARCHITECTURES.items() if "sliding_window" in more)


@pytest.mark.parametrize("kind", WINDOWED)
def test_a_reply_goes_on_rightly_beyond_the_window(kind: str) -> None:
    """What lies before the window must not be seen, in prompts that are read in parts and in rows of other lengths."""
    window, said = 12, 30
    plain = tiny(kind)
    prompts = [[5 + at * 7 % 50 for at in range(length)] for length in (window - 5, 3 * window, 5 * window + 1)]
    expected = [[*prompt] for prompt in prompts]
    with torch.inference_mode():
        for tokens in expected:
            for _ in range(said):
                tokens.append(int(plain(torch.tensor([tokens]), use_cache=False).logits[0, -1].argmax()))
        seen_all = tiny(kind)
        seen_all.config.sliding_window = 10_000
        whole = type(plain)(seen_all.config).eval()
        whole.load_state_dict(plain.state_dict())
        longest = torch.tensor([expected[2]])
        far = whole(longest, use_cache=False).logits[0, -1] - plain(longest, use_cache=False).logits[0, -1]
    assert float(far.abs().max()) > 1e-3, "the window changes what this model says"
    model = SlotModel(plain, len(prompts))
    came = [[*prompt] for prompt in prompts]
    for slot, tokens in enumerate(came):
        parts = [(begin, tokens[begin : begin + 10]) for begin in range(0, len(tokens), 10)]  # not those of the window
        last = [model.extend(slot, part, begin) for begin, part in parts][-1]
        tokens.append(int(last.argmax()))
    for _ in range(said - 1):
        logits = model.decode([[tokens[-1]] for tokens in came], [len(tokens) - 1 for tokens in came])[:, 0]
        for tokens, row in zip(came, logits, strict=True):
            tokens.append(int(row.argmax()))
    assert came == expected
