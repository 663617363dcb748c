"""Measures a LoRA that was trained by hand on written examples, asks the gate, and keeps it as a version of a bot."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llmagent_os.admin.command_ledger import open_ledger
from llmagent_os.bot import Bot, job_setting, make_llm, trained_model
from llmagent_os.chat import ToolSpec
from llmagent_os.config import Settings
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.events import now
from llmagent_os.finetune import system_messages
from llmagent_os.ledger.training_values import Level, LoraVersion, Stage, TrainingJob
from llmagent_os.llm import LLM
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.policy.persona import style_of
from llmagent_os.serving.chat_template import ChatTemplate
from llmagent_os.serving.model_hash import model_hash
from llmagent_os.serving.model_location import Location, locate
from llmagent_os.training.bot_prompts import BotPrompts, bot_prompts
from llmagent_os.training.lora_folder import sha256_of
from llmagent_os.training.lora_registry import LoraRegistry
from llmagent_os.training.preprocessing import preprocess
from llmagent_os.training.reaction_data import hash_of
from llmagent_os.training.reaction_evaluation import MeasuredLora, measure_lora, write_reports
from llmagent_os.training.token_sample import TokenSample
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.training_plan import Candidate
from llmagent_os.training.training_run import TrainingRun
from llmagent_os.training.written_examples import read_written
from llmagent_os.training.written_suite import written_suite

_PHASES = ("what answers now is measured", "the new LoRA is measured")


@dataclass(frozen=True)
class BotModel:
    """A bot's local model, and how it is asked."""

    bot: Bot
    llm: LLM  #: without a LoRA; it is not loaded before it answers
    location: Location  #: as the bot names it, perhaps with a LoRA
    prompts: BotPrompts

    @property
    def systems(self) -> list[str | None]:
        """The system messages that an example is learned with: those that the bot has when it answers."""
        own = {style_of(style)[0] for style in self.prompts.styles} - set(DIMENSIONS)
        if self.llm.card.native and own:
            return [None, *dict.fromkeys((self.prompts.usual, *self.prompts.styles.values()))]
        return system_messages(self.llm, None if self.llm.card.native else self.prompts.system)


async def bot_model(settings: Settings, bot: Bot) -> BotModel:
    """Find a bot's model and tools.

    Raises:
        ModelError: the model is a server's.
        ConfigError: the bot's probes or plugins are wrong.
    """
    named = _trained_llm(settings, bot)
    if named.location is None:
        raise ModelError(
            f"{named.name} is a server's model: set LLMAGENT_OS_SERVED_MODEL to the same model here, to fine-tune it"
        )
    llm = base_llm(settings, bot)
    tools = await _tools(settings, bot)
    prompts = bot_prompts(job_setting(settings, bot).bot_config, tools, native=llm.card.native)
    return BotModel(bot, llm, named.location, prompts)


def base_llm(settings: Settings, bot: Bot) -> LLM:
    """A bot's model without a LoRA. It is not loaded yet."""
    named = _trained_llm(settings, bot)
    location = named.location
    return named if location is None or location.lora is None else LLM.from_pretrained(location.base)


def _trained_llm(settings: Settings, bot: Bot) -> LLM:
    """The bot's model. What its servers have is tried and trained in this process."""
    return make_llm(settings.model_copy(update={"model": trained_model(settings, bot)}), bot)


async def _tools(settings: Settings, bot: Bot) -> tuple[ToolSpec, ...]:
    config = bot.config
    async with bot.plugins(settings) as plugins:
        return plugins.specs(config.permissions)


async def measure(
    settings: Settings,
    model: BotModel,
    lora: Path,
    test: Sequence[TrainingExample],
    tell: Callable[[str], None],
    training: TrainingRun | None = None,
) -> MeasuredLora:
    """Measure a LoRA beside what answers now, and write the reports and the model card into its folder.

    Args:
        settings: of the machine.
        model: the bot's.
        lora: a PEFT folder.
        test: held-out examples; empty: none were.
        tell: is told what is measured.
        training: what the training did; None: not known.

    Raises:
        ModelError: the model or the LoRA cannot be used, or the reports cannot be written.
    """
    async with open_ledger(settings) as ledger:
        registry = LoraRegistry(ledger, settings.data)
        active = await registry.active(model.bot.name, Level.SHARED)
        answers = (active.name, registry.folder_of(active)) if active else ("base", model.location.lora)
        samples = await asyncio.to_thread(_samples, model.llm, test) if test else []
        suite = written_suite(model.prompts, test, samples)
        async with model.llm as llm:
            measured = await measure_lora(llm, suite, lora, answers, lambda phase: tell(_PHASES[phase]))
    method = "sft" if training is not None else "hand"
    await asyncio.to_thread(write_reports, lora, measured, bot=model.bot.name, method=method, training=training)
    return measured


async def publish(
    settings: Settings, model: BotModel, lora: Path, measured: MeasuredLora, examples: Sequence[TrainingExample]
) -> LoraVersion:
    """Keep a measured LoRA as a version of the bot. If it has passed the gate, a running host takes it up at once.

    Raises:
        ConfigError: the LoRA is a version already.
        ModelError: it cannot be kept.
    """
    verdict, share = measured.verdict, model.bot.config.training.canary.share
    stage = Stage.REJECTED if not verdict.passed else Stage.CANARY if share > 0 else Stage.ACTIVE
    async with open_ledger(settings) as ledger:
        registry = LoraRegistry(ledger, settings.data)
        digest = await asyncio.to_thread(sha256_of, lora)
        for known in await registry.all(model.bot.name):
            if known.sha256 == digest:
                raise ConfigError(f"{lora} is a version already: {known.name} ({known.stage.value})")
        made = Candidate(
            folder=lora,
            base_model=model.location.name,
            base_hash=await asyncio.to_thread(model_hash, model.location),
            data_hash=hash_of(list(examples)),
            method="sft",
            evaluation=measured.summary(),
            stage=stage,
            why=verdict.why,
        )
        about = TrainingJob(
            job_id="", bot=model.bot.name, level=Level.SHARED, key="", reason="by hand", created_at=now()
        )
        version = await registry.publish(made, about, leased=False)
    if version is None:
        raise ModelError(f"{lora} could not be kept as a version")
    return version


async def add(
    settings: Settings, bot: Bot, lora: Path, test: str | os.PathLike[str] | None, tell: Callable[[str], None]
) -> str:
    """Measure a PEFT folder, ask the gate, and keep the LoRA as a version of a bot; returns what became of it.

    Args:
        settings: of the machine.
        bot: whose replies it is to write.
        lora: the folder.
        test: a file of examples that it was not trained on; None: nothing but the bot's probes is measured.
        tell: is told how far the work is.

    Raises:
        ConfigError: the folder or the file is wrong, or the LoRA is a version already.
        ModelError: the LoRA is another model's, or cannot be used.
    """
    sha256_of(lora)
    model = await bot_model(settings, bot)
    base = await asyncio.to_thread(locate, str(lora))
    hashes = [await asyncio.to_thread(model_hash, each) for each in (base, model.location)]
    if hashes[0] != hashes[1]:
        raise ModelError(f"the LoRA in {lora} is for the model {base.name}: bot {bot.name!r} has {model.location.name}")
    examples: Sequence[TrainingExample] = ()
    if test is not None:
        examples = read_written(test, model.systems, model.prompts.tools)
    measured = await measure(settings, model, lora, examples, tell)
    return said_of(await publish(settings, model, lora, measured, examples))


def said_of(version: LoraVersion) -> str:
    """What became of a version, in words."""
    how = {
        Stage.ACTIVE: "it answers from the next reply on",
        Stage.CANARY: "it is tried on a share of the conversations; `llmagent-os versions promote` gives it all",
    }.get(version.stage, "it answers nobody, and is kept with its report")
    return f"{version.name}: {version.stage.value}, {how}\n{version.why}"


def _samples(llm: LLM, examples: Sequence[TrainingExample]) -> list[TokenSample]:
    """Examples as tokens of a model."""
    if llm.location is None:
        raise ModelError(f"{llm.name} is a server's model: it does not tell its tokens")
    from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of

    tokenizer, model = load_tokenizer(llm.location), load_model(llm.location)
    vocabulary = vocabulary_of(model, tokenizer)
    longest = int(model.config.max_position_embeddings)
    return preprocess(examples, ChatTemplate(tokenizer, vocabulary), vocabulary, longest)
