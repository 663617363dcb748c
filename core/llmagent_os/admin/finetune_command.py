"""Fine-tunes a bot's model on a file of examples: ``llmagent-os finetune``. The article's six steps, one after another.

The work is done in the folder of the result. A training that was interrupted, or killed, goes on when the same command
is given again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llmagent_os.admin.written_version import BotModel, base_llm, bot_model, measure, publish, said_of
from llmagent_os.bot import Bot
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.finetune import Finetuner, FinetuneReport
from llmagent_os.training.example_splits import ExampleSplits
from llmagent_os.training.lora_folder import LORA_FILES
from llmagent_os.training.training_settings import settings_of
from llmagent_os.training.written_anchors import WrittenAnchors, written_anchors
from llmagent_os.training.written_examples import prepare_written

CHECKPOINT_FILE = "checkpoint.safetensors"
ANCHORS_FILE = "anchors.json"


@dataclass(frozen=True)
class FinetuneOrder:
    """What is asked for."""

    data: Path  #: the examples
    folder: Path  #: where the LoRA and its report go
    test: Path | None = None  #: the test set; None: a tenth of the examples
    values: tuple[str, ...] = ()  #: settings of the training, as ``name=value``
    publish: bool = False  #: whether the LoRA becomes a version of the bot, if the gate lets it pass


def finetune(settings: Settings, bot: Bot, order: FinetuneOrder, tell: Callable[[str], None]) -> str:
    """Do the six steps; returns what came of them.

    Args:
        settings: of the machine.
        bot: whose model is trained.
        order: what is asked for.
        tell: is told a sentence after every step.

    Raises:
        ConfigError: the examples, a setting or the folder is wrong; the message says what to do.
        ModelError: the model cannot be trained, or the folder cannot be written.
    """
    checkpoint = order.folder / CHECKPOINT_FILE
    done = (order.folder / LORA_FILES[-1]).exists()
    if done and not checkpoint.exists():
        raise ConfigError(f"{order.folder} holds a LoRA already: name another folder with --to, or delete it")
    values = _values(order.values)
    settings_of(values)  # a wrong one is an error before any work
    model = asyncio.run(bot_model(settings, bot))
    written = prepare_written(order.data, systems=model.systems, tools=model.prompts.tools, test=order.test)
    tell(f"Examples: {written.told}.")
    if checkpoint.exists():
        tell(f"The training goes on from {checkpoint}.")
    anchors = asyncio.run(_anchors(settings, model, written.splits, order.folder))
    finetuner, report = _trained(model, written.splits, anchors, values, order.folder)
    tell(_about(report))
    for warning in report.warnings:
        tell(f"Note: {warning}.")
    test = written.splits.test
    measured = asyncio.run(measure(settings, model, order.folder, test, tell, finetuner.run))
    tell(f"The report is in {order.folder / 'report.html'}, and as Markdown in {order.folder / 'report.md'}.")
    said = f"{order.folder}: load it with LLM.from_pretrained({str(order.folder)!r})"
    if order.publish:
        examples = (*written.splits.training, *written.splits.validation)
        said = said_of(asyncio.run(publish(settings, model, order.folder, measured, examples)))
    checkpoint.unlink(missing_ok=True)
    (order.folder / ANCHORS_FILE).unlink(missing_ok=True)
    return said


async def _anchors(settings: Settings, model: BotModel, splits: ExampleSplits, folder: Path) -> WrittenAnchors:
    """What the model says before it has learned anything: there it is held."""
    examples = (*splits.training, *splits.validation, *splits.test)
    async with base_llm(settings, model.bot) as llm:
        return await written_anchors(llm, model.prompts, examples, folder / ANCHORS_FILE)


def _trained(
    model: BotModel, splits: ExampleSplits, anchors: WrittenAnchors, values: dict[str, Any], folder: Path
) -> tuple[Finetuner, FinetuneReport]:
    """Steps 3 and 4, and the LoRA in its folder."""
    finetuner = Finetuner(model.llm, splits.training, validation_data=splits.validation, **values)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ModelError(f"{folder} cannot be made: {error.strerror or error}") from error
    report = finetuner.finetune(
        checkpoint=folder / CHECKPOINT_FILE,
        anchors=anchors.training,
        held_anchors=anchors.validation if splits.validation else (),
    )
    finetuner.save_model(folder)
    return finetuner, report


def _values(given: Sequence[str]) -> dict[str, Any]:
    """Settings written as ``name=value``. A value is JSON, or else text."""
    found: dict[str, Any] = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            raise ConfigError(f"--set {each}: write NAME=VALUE, such as --set epochs=5")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _about(report: FinetuneReport) -> str:
    checked = "" if report.validation_loss is None else f", {report.validation_loss:.3f} on the validation examples"
    return (
        f"Training: {report.steps} steps on {report.examples} samples in {report.seconds:.0f} s, "
        f"{report.tokens_per_second:,.0f} tokens a second; the loss went from {report.first_loss:.3f} to "
        f"{report.last_loss:.3f}{checked}."
    )
