"""Trains the calendar model from scratch. A run is seeded, and can resume at any step.

Objective: the cross-entropy of the assistant's words and calls, given everything before them, on conversations that
:mod:`.dialogues` writes during training (no example is seen twice). Left out: dropout, gradient accumulation and any
second model. The folder of a run holds

- ``recipe.json``, written first: a folder belongs to one recipe;
- ``tokenizer.json``;
- ``state.safetensors``: everything that is needed to resume;
- ``log.jsonl``, with a line per validation: ``step``, ``train`` (mean loss since the line before), ``validation``,
  ``seconds`` and ``tokens`` so far;
- ``model``: the folder that transformers loads.

A run that was stopped or killed resumes with the same call. On a processor, with the same number of threads, it gives
bit for bit the result of a run without the break. Only ``seconds`` differ.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tqdm import tqdm  # type: ignore[import-untyped]

from llmagent_os.bots.calendar.recipe.batches import Batch, batches, corpus, endless
from llmagent_os.bots.calendar.recipe.checkpoint import Checkpoint, TrainingError, TrainingStopped, replacing
from llmagent_os.bots.calendar.recipe.dialogues import Writer, load_writer
from llmagent_os.bots.calendar.recipe.export import export
from llmagent_os.bots.calendar.recipe.hyperparameters import Recipe
from llmagent_os.bots.calendar.recipe.network import loss_of, new_model
from llmagent_os.bots.calendar.recipe.optimizers import Optimizers
from llmagent_os.bots.calendar.recipe.replies import own_words
from llmagent_os.bots.calendar.recipe.reply_cases import taught_replies
from llmagent_os.bots.calendar.recipe.tokenizer import train_tokenizer
from llmagent_os.errors import ConfigError

_VALIDATION_GROUPS = 2  #: groups of conversations for validation


def train(
    folder: Path,
    recipe: Recipe,
    *,
    device: str = "cpu",
    bf16: bool = True,
    writer: Writer | None = None,
    stopping: Callable[[], bool] = lambda: False,
) -> Path:
    """Train in ``folder``, or resume the run in it.

    Args:
        folder: the run's folder. It is created if it does not exist.
        recipe: decides everything. Training makes exactly ``recipe.steps`` steps.
        device: ``cpu`` or ``cuda``.
        bf16: compute in bfloat16 where that is exact enough. Weights and optimizers stay float32.
        writer: writes the conversations. By default it uses the shipped grammar.
        stopping: called after every step. If it returns True, the state is saved and training stops.

    Returns:
        The folder of the finished model, ``folder/model``.

    Raises:
        ConfigError: ``folder`` was begun with another recipe.
        TrainingStopped: ``stopping`` returned True.
        TrainingError: a file of the run is damaged or cannot be written, or the loss is not finite.
    """
    run = _Run(folder, recipe, device, bf16, writer or load_writer())
    progress: Any = tqdm
    with progress(total=recipe.steps, initial=run.progress.step, unit="step", smoothing=0.05) as bar:
        run.go_on(stopping, bar)
    return run.export()


class _Run:
    """A run with everything loaded. It is one object, because saving needs everything."""

    def __init__(self, folder: Path, recipe: Recipe, device: str, bf16: bool, writer: Writer) -> None:
        self.folder, self.recipe, self.bf16, self.writer = folder, recipe, bf16, writer
        _claim(folder, recipe)
        self.tokenizer = _tokenizer(folder / "tokenizer.json", writer, recipe)
        self.model = new_model(recipe, device)
        self.optimizers = Optimizers(self.model, recipe)
        self.checkpoint = Checkpoint(folder / "state.safetensors")
        self.progress = self.checkpoint.load(self.model, self.optimizers)
        self.log = _Log(folder / "log.jsonl")
        self.log.cut(self.progress.step)
        self.started = time.monotonic() - self.progress.seconds

    def go_on(self, stopping: Callable[[], bool], bar: Any) -> None:
        at, recipe = self.progress, self.recipe
        validation: list[Batch] = []
        for batch, group, number in endless(self.writer, self.tokenizer, recipe, at.group, at.batch):
            if at.step >= recipe.steps:
                return
            loss = self._step(batch)
            at.group, at.batch = group, number
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            if at.step % recipe.validate_every == 0 or at.step == recipe.steps:
                validation = validation or self._validation()
                self._milestone(validation)
            if stopping():
                self.save()
                raise TrainingStopped(f"stopped after step {at.step} of {recipe.steps}; the same command resumes there")

    def _step(self, batch: Batch) -> float:
        loss: Any = loss_of(self.model, batch, bf16=self.bf16)
        loss.backward()
        self.optimizers.step(self.progress.step)
        value: float = loss.item()
        self.progress.step += 1
        self.progress.tokens += batch.ids.numel()
        self.progress.loss_sum += value
        self.progress.loss_steps += 1
        return value

    def _validation(self) -> list[Batch]:
        """Draw the validation batches. They have their own stream and are the same in every run with this seed."""
        groups = range(_VALIDATION_GROUPS)
        return [b for n in groups for b in batches(self.writer, self.tokenizer, self.recipe, n, stream="validation")]

    def _milestone(self, validation: list[Batch]) -> None:
        """Validate, and write everything to disk."""
        with torch.no_grad():
            losses = [loss_of(self.model, batch, bf16=self.bf16).item() for batch in validation]
        at = self.progress
        mean = sum(losses) / len(losses)
        if not math.isfinite(mean):
            raise TrainingError(
                f"the loss is {mean} at step {at.step}: begin again in another folder with a lower muon_lr or adamw_lr"
            )
        at.seconds = time.monotonic() - self.started
        line = {"step": at.step, "train": at.loss_sum / at.loss_steps, "validation": mean}
        self.log.add(line | {"seconds": at.seconds, "tokens": at.tokens})
        at.loss_sum, at.loss_steps = 0.0, 0
        self.save()
        if at.step < self.recipe.steps:
            self.export()  # the model can be tried while training goes on

    def save(self) -> None:
        self.progress.seconds = time.monotonic() - self.started
        self.checkpoint.save(self.model, self.optimizers, self.progress)

    def export(self) -> Path:
        path = self.folder / "model"
        words = own_words(self.writer.grammar)
        try:
            return export(self.model, self.tokenizer, path, words, taught_replies(self.writer.grammar))
        except Exception as error:  # every library that writes here raises another error for a full disk
            raise TrainingError(
                f"{path} cannot be written ({error}): free some space or repair the folder, "
                "then run the same command again"
            ) from error


def _claim(folder: Path, recipe: Recipe) -> None:
    """Make sure that ``folder`` belongs to this recipe."""
    path = folder / "recipe.json"
    if path.exists():
        if different := Recipe.read(path).differences(recipe):
            raise ConfigError(f"{folder} was begun with {different}: use another folder, or the same recipe")
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the run's folder {folder} cannot be made: {error}") from error
    with replacing(path) as fresh:
        recipe.write(fresh)


def _tokenizer(path: Path, writer: Writer, recipe: Recipe) -> Tokenizer:
    """Return the run's tokenizer. The first call learns it, later ones read it."""
    if not path.exists():
        made = train_tokenizer(corpus(writer, recipe.seed, recipe.corpus), vocab_size=recipe.vocab_size)
        with replacing(path) as fresh:
            fresh.write_text(made.to_str(pretty=True), encoding="utf-8")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no narrower exception
        raise TrainingError(f"{path} is damaged ({error}): delete it, and the same file is made again") from error


class _Log:
    """The file ``log.jsonl``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: dict[str, float]) -> None:
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise TrainingError(f"{self.path} cannot be written: {error}") from error

    def cut(self, step: int) -> None:
        """Remove the lines after the checkpoint of ``step``, because those steps run again."""
        if not self.path.exists():
            return
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
        if kept != lines:
            with replacing(self.path) as fresh:
                fresh.write_text("".join(kept), encoding="utf-8")
