"""Trains the calendar model from scratch: one command, seeded, resumable.

Objective: the cross-entropy of what the assistant says and calls, given everything before it, on conversations that
:mod:`.dialogues` writes on the fly (no example is ever seen twice). Left out: dropout, gradient accumulation and any
second model. A batch shares one system message with the tools, whose keys and values are computed once and expanded
over the rows (the gradient flows back through them); rows are grouped by length; the head runs on targets only.
Matrices are optimised by Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/), the rest by AdamW.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from tqdm import tqdm
from transformers import DynamicCache, Qwen3Config, Qwen3ForCausalLM

from llmagent_os.bots.calendar.recipe.dialogues import Dialogue, Writer, load_writer, tools_text
from llmagent_os.bots.calendar.recipe.tokenizer import as_pretrained, train_tokenizer

_IGNORED = -100


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out."""

    seed: int = 0
    steps: int = 6000
    vocab_size: int = 4096
    hidden_size: int = 256
    layers: int = 6
    heads: int = 4
    key_value_heads: int = 2
    head_dim: int = 64
    feed_forward: int = 768
    group: int = 640  #: conversations drawn and sorted by length together
    tokens: int = 8192  #: padded tokens a batch, at most
    muon_lr: float = 3e-3
    adamw_lr: float = 3e-3
    weight_decay: float = 0.05
    warmup: int = 100  #: steps
    decay: float = 0.5  #: the last part of the steps in which the rate falls to nothing
    validate_every: int = 250  #: steps


@dataclass(frozen=True)
class Batch:
    """One step's data."""

    prefix: Tensor  #: [P] token ids that every row begins with
    ids: Tensor  #: [B, S] token ids, padded on the right
    targets: Tensor  #: [B, S] the id that follows each position, _IGNORED where it is no target


def new_model(recipe: Recipe) -> Qwen3ForCausalLM:
    """The untrained model."""
    torch.manual_seed(recipe.seed)
    config = Qwen3Config(
        vocab_size=recipe.vocab_size,
        hidden_size=recipe.hidden_size,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.key_value_heads,
        head_dim=recipe.head_dim,
        intermediate_size=recipe.feed_forward,
        tie_word_embeddings=True,
        max_position_embeddings=2048,
        bos_token_id=None,
        eos_token_id=2,
        pad_token_id=0,
        attn_implementation="sdpa",
    )
    return Qwen3ForCausalLM(config)


def corpus(writer: Writer, seed: int, size: int) -> Iterator[str]:
    """Texts for the tokenizer: what the model will read and write."""
    rng = random.Random(f"{seed}-tokenizer")
    yield from (tools_text(rng) for _ in range(size // 100))
    for number in range(size):
        dialogue = writer.conversation(rng) if number % 5 == 0 else writer.single(rng)
        yield "".join(text for text, _ in dialogue.segments())


def _mixed(writer: Writer, rng: random.Random) -> Dialogue:
    draw = rng.random()
    if draw < 0.82:
        return writer.single(rng)
    if draw < 0.95:
        return writer.conversation(rng)
    return writer.informed(rng)


def batches(writer: Writer, tokenizer: Tokenizer, recipe: Recipe, number: int, *, stream: str = "train") -> list[Batch]:
    """The batches of group ``number``: a pure function of the recipe's seed, ``stream`` and ``number``."""
    rng = random.Random(f"{recipe.seed}-{stream}-{number}")
    tooled = rng.random() > 0.05
    prefix = tools_text(rng) if tooled else "<|im_start|>system\n"
    drawn = [_mixed(writer, rng) if tooled else writer.untooled(rng) for _ in range(recipe.group)]
    rows = sorted((_encode(tokenizer, d) for d in drawn), key=lambda row: len(row[0]))
    prefix_ids = torch.tensor(tokenizer.encode(prefix, add_special_tokens=False).ids)
    out: list[Batch] = []
    start = 0
    while start < len(rows):
        stop = start + 1
        while stop < len(rows) and (stop + 1 - start) * len(rows[stop][0]) <= recipe.tokens:
            stop += 1
        out.append(_pad(prefix_ids, rows[start:stop]))
        start = stop
    rng.shuffle(out)
    return out


def _encode(tokenizer: Tokenizer, dialogue: Dialogue) -> tuple[list[int], list[bool]]:
    ids: list[int] = []
    target: list[bool] = []
    for text, learned in dialogue.segments():
        piece = tokenizer.encode(text, add_special_tokens=False).ids
        ids += piece
        target += [learned] * len(piece)
    return ids, target


def _pad(prefix: Tensor, rows: list[tuple[list[int], list[bool]]]) -> Batch:
    width = max(len(ids) for ids, _ in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    targets = torch.full((len(rows), width), _IGNORED)
    for row, (tokens, learned) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        for at in range(len(tokens) - 1):
            if learned[at + 1]:
                targets[row, at] = tokens[at + 1]
    return Batch(prefix, ids, targets)


def loss_of(model: Qwen3ForCausalLM, batch: Batch, *, bf16: bool) -> Tensor:
    """Mean cross-entropy over the batch's targets."""
    device = model.device
    rows, width = batch.ids.shape
    length = len(batch.prefix)
    with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
        cache = DynamicCache()
        decoder: Any = model.model
        decoder(input_ids=batch.prefix[None].to(device), past_key_values=cache, use_cache=True)
        for layer in cache.layers:
            kv: Any = layer
            kv.keys = kv.keys.expand(rows, -1, -1, -1)
            kv.values = kv.values.expand(rows, -1, -1, -1)
        # Right padding needs no mask of its own: a causal row never looks at what comes after it.
        seen = torch.ones(width, length + width, dtype=torch.bool, device=device).tril(length)
        mask = torch.zeros(seen.shape, device=device, dtype=torch.bfloat16 if bf16 else torch.float32)
        mask = mask.masked_fill(~seen, float("-inf"))[None, None]
        positions = torch.arange(length, length + width, device=device)[None]
        hidden: Tensor = decoder(
            input_ids=batch.ids.to(device),
            past_key_values=cache,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
        ).last_hidden_state
        targets = batch.targets.to(device)
        wanted = targets != _IGNORED
        logits: Tensor = model.lm_head(hidden[wanted])
    return nn.functional.cross_entropy(logits.float(), targets[wanted])


def _optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    muon = torch.optim.Muon(
        matrices, lr=recipe.muon_lr, weight_decay=recipe.weight_decay, momentum=0.95, adjust_lr_fn="match_rms_adamw"
    )
    adamw = torch.optim.AdamW(others, lr=recipe.adamw_lr, betas=(0.9, 0.98), weight_decay=0.0)
    return [muon, adamw]


def rate(step: int, recipe: Recipe) -> float:
    """The learning rate's factor: a warm-up, a plateau, a straight line to zero."""
    left = (recipe.steps - step) / max(1.0, recipe.steps * recipe.decay)
    return min(1.0, (step + 1) / recipe.warmup, max(left, 0.0))


class Checkpoint:
    """A training run's state on disk, in safetensors and JSON alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, model: nn.Module, optimizers: list[torch.optim.Optimizer], progress: dict[str, Any]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {f"model.{k}": v.contiguous() for k, v in model.state_dict().items() if k != "lm_head.weight"}
        for number, optimizer in enumerate(optimizers):
            for key, values in optimizer.state_dict()["state"].items():
                for name, value in values.items():
                    state[f"optimizer.{number}.{key}.{name}"] = torch.as_tensor(value).contiguous()
        # One file, replaced whole: a kill leaves the last good state.
        fresh = self.folder / "state.tmp"
        save_file(state, fresh, metadata={"progress": json.dumps(progress)})
        fresh.replace(self.folder / "state.safetensors")

    def load(self, model: nn.Module, optimizers: list[torch.optim.Optimizer]) -> dict[str, Any] | None:
        """Restore everything; ``None`` where nothing was saved."""
        from safetensors import safe_open

        path = self.folder / "state.safetensors"
        if not path.exists():
            return None
        tensors = load_file(path)
        model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")}, strict=False)
        for number, optimizer in enumerate(optimizers):
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                if key.startswith(f"optimizer.{number}."):
                    _, _, index, name = key.split(".")
                    state.setdefault(int(index), {})[name] = value
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        with safe_open(path, "pt") as file:
            progress: dict[str, Any] = json.loads(file.metadata()["progress"])
        return progress


def train(
    folder: Path, recipe: Recipe, *, device: str = "cpu", bf16: bool = True, writer: Writer | None = None
) -> Path:
    """Train, or go on training, in ``folder``; returns the folder of the finished model (``folder/model``)."""
    writer = writer or load_writer()
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "tokenizer.json"
    if vocabulary.exists():
        tokenizer = Tokenizer.from_file(str(vocabulary))
    else:
        tokenizer = train_tokenizer(corpus(writer, recipe.seed, 60_000), vocab_size=recipe.vocab_size)
        tokenizer.save(str(vocabulary))
    model = new_model(recipe).to(device)
    optimizers = _optimizers(model, recipe)
    checkpoint = Checkpoint(folder)
    progress = checkpoint.load(model, optimizers) or {"step": 0, "group": 0, "seconds": 0.0}
    validation = [b for n in range(2) for b in batches(writer, tokenizer, recipe, n, stream="validation")]
    log = folder / "log.jsonl"
    started = time.monotonic() - progress["seconds"]
    step, group = int(progress["step"]), int(progress["group"])
    bar = tqdm(total=recipe.steps, initial=step, unit="step", smoothing=0.05)
    seen = 0
    while step < recipe.steps:
        before = step
        for batch in batches(writer, tokenizer, recipe, group):
            factor = rate(step, recipe)
            for optimizer, base in zip(optimizers, (recipe.muon_lr, recipe.adamw_lr), strict=True):
                for parameters in optimizer.param_groups:
                    parameters["lr"] = base * factor
            loss = loss_of(model, batch, bf16=bf16)
            loss.backward()  # pyright: ignore[reportUnknownMemberType]
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            step += 1
            seen += batch.ids.numel()
            bar.update(1)
            if step % 20 == 0:
                bar.set_postfix(loss=f"{loss.item():.3f}")
        group += 1
        if step // recipe.validate_every != before // recipe.validate_every or step >= recipe.steps:
            seconds = time.monotonic() - started
            with torch.no_grad():
                held_out = sum(loss_of(model, b, bf16=bf16).item() for b in validation) / len(validation)
            if math.isnan(held_out):
                raise FloatingPointError(f"the loss is no number at step {step}: lower muon_lr or adamw_lr")
            line = {"step": step, "train": loss.item(), "validation": held_out, "seconds": seconds, "tokens": seen}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            checkpoint.save(model, optimizers, {"step": step, "group": group, "seconds": seconds})
            export(model, tokenizer, folder / "model")
    bar.close()
    (folder / "recipe.json").write_text(json.dumps(asdict(recipe), indent=2) + "\n", encoding="utf-8")
    return export(model, tokenizer, folder / "model")


def export(model: Qwen3ForCausalLM, tokenizer: Tokenizer, folder: Path) -> Path:
    """Write what ``transformers`` loads: bfloat16 safetensors, config, tokenizer and chat template."""
    import copy

    half = copy.deepcopy(model).to(torch.bfloat16)
    # Tells the agent that this model knows the short prompts, and needs no explanation of them.
    half.config.llmagent_os = {"native": True}  # pyright: ignore[reportAttributeAccessIssue]
    half.save_pretrained(folder)
    as_pretrained(tokenizer).save_pretrained(folder)
    return folder


def install_model(folder: Path) -> Path:
    """Put a finished model in place of the one that the installed package offers as ``calendar``."""
    from importlib.resources import files

    home = Path(str(files("llmagent_os.bots.calendar"))) / "model"
    home.mkdir(exist_ok=True)
    for name in (
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "chat_template.jinja",
        "generation_config.json",
    ):
        if (folder / name).exists():
            (home / name).write_bytes((folder / name).read_bytes())
    return home
