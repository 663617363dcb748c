"""Fine-tunes a model on examples of what it should answer.

    finetuner = Finetuner(LLM.from_pretrained("calendar"), [{"input": "hi", "output": "Hello!"}])
    finetuner.finetune()
    finetuner.save_model("friendlier")
    LLM.from_pretrained("friendlier").generate("hi")

The result is a LoRA. Training works on its own copy of the model, so the model that answers meanwhile does not change.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import ModelError
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.training.example_files import examples_of, read_examples
from llmagent_os.training.training_example import TrainingExample
from llmagent_os.training.training_run import TrainingProgress, TrainingRun
from llmagent_os.training.training_settings import TrainingSettings, preset_for, settings_of

if TYPE_CHECKING:
    from llmagent_os.training.token_sample import TokenSample

#: ``{"input": what a user says, "output": what to answer}``, or ``{"messages": a chat}``, of which all assistant's
#: turns are learned. A chat may come with ``"tools"``, a sequence of :class:`ToolSpec`.
Example = Mapping[str, Any]

#: Examples, or the ``.json``, ``.jsonl`` or ``.csv`` file that holds them, or what was read from such a file already.
TrainData = Sequence[Example] | Sequence[TrainingExample] | str | os.PathLike[str]


class FinetuneReport(msgspec.Struct, frozen=True, kw_only=True):
    """The result of one training."""

    examples: int  #: replies that were learned from
    tokens: int  #: response tokens in one epoch
    steps: int  #: steps of the optimiser
    first_loss: float  #: loss of the first step, before anything was learned, in nats a response token
    last_loss: float  #: loss of the last step, in nats a response token
    #: least loss on the validation examples, in nats a response token; None: there were none
    validation_loss: float | None
    ending: str  #: why it ended: ``steps``, ``loss``, ``no_progress``, ``time``
    tokens_per_second: float  #: of prompts and responses, while training
    seconds: float  #: how long it took, loading included
    warnings: list[str]  #: sentences on what was left out, and on signs that nothing was learned


class Finetuner:
    """Trains a LoRA on the response tokens of examples.

    The six steps are: the data (:meth:`__init__`), then in :meth:`finetune` preprocessing, configuration, training and
    its report, and :meth:`save_model`.

    Args:
        llm: a local model. If the model has a LoRA, training goes on from this LoRA.
        train_data: the examples, or the file that holds them.
        validation_data: examples that are not learned from. They decide when training ends, and which weights are kept.
        system: the system message before every ``input``/``output`` example; should be the one that the model has when
            it answers. By default there is no system message. But a model that was trained on this project's own
            prompts (``native`` in its card) then learns every example several times: with each style that an agent may
            ask for, and without a style.
        tools: the tools of ``input``/``output`` examples; should be those that the model has when it answers.
        settings: fields of :class:`~llmagent_os.training.training_settings.TrainingSettings` (``rank``, ``alpha``,
            ``learning_rate``, ``batch_size``, ``epochs``, ``stop_at_loss``, ``seed``, …). What is not given depends on
            the size of the model, and on whether there is a GPU.

    Raises:
        ConfigError: an example or a setting is wrong; the message names it and says what is wrong.
        ModelError: the model is a server's.
    """

    def __init__(
        self,
        llm: LLM,
        train_data: TrainData,
        *,
        validation_data: TrainData = (),
        system: str | None = None,
        tools: Sequence[ToolSpec] = (),
        **settings: Any,
    ) -> None:
        if llm.location is None:
            raise ModelError(f"{llm.name} is a server's model: only local models can be fine-tuned here")
        self._location = llm.location
        self._systems = system_messages(llm, system)
        self.run: TrainingRun | None = None  #: what :meth:`finetune` did
        self._examples = self._prepared("train_data", train_data, tools)
        self._validation = self._prepared("validation_data", validation_data, tools) if validation_data else []
        self._settings = settings
        self._adapted: Any = None
        self._tokenizer: Any = None
        settings_of(settings)

    def _prepared(self, name: str, data: TrainData, tools: Sequence[ToolSpec]) -> list[TrainingExample]:
        """Step 1, the data: every example as a chat with its tools, and where it comes from."""
        if isinstance(data, str | os.PathLike):
            return read_examples(data, systems=self._systems, tools=tools)
        ready = [each for each in data if isinstance(each, TrainingExample)]
        if len(ready) == len(data) > 0:
            return ready
        return examples_of(data, name, systems=self._systems, tools=tools)

    def finetune(
        self,
        on_step: Callable[[int, int, float], None] | None = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
        anchors: Sequence[TokenSample] = (),
        held_anchors: Sequence[TokenSample] = (),
    ) -> FinetuneReport:
        """Train. Takes seconds for a few examples and a small model. Blocks, so call it outside an event loop.

        In a terminal, a bar shows the loss, the speed and the time that is left.

        Args:
            on_step: called after each step with the step's number, the number of planned steps, and the step's loss.
            checkpoint: a file (``….safetensors``) that keeps the state of the training. A training that was killed goes
                on from it. Delete it when the result is saved.
            anchors: replies of the model to other prompts, at which it must stay as it is; see
                :func:`~llmagent_os.training.anchor_samples.write_anchors`.
            held_anchors: the same, for validation.

        Raises:
            ConfigError: an example is longer than the model can read, or there is no such device or layer.
            ModelError: the model cannot be loaded, training diverged, or the checkpoint cannot be used.
        """
        from llmagent_os.serving.model_loading import load_model, load_tokenizer

        begun = time.monotonic()
        tokenizer = load_tokenizer(self._location)
        model = load_model(self._location)
        samples = [*_preprocess(self._examples, model, tokenizer), *anchors]
        validation = [*_preprocess(self._validation, model, tokenizer), *held_anchors]
        settings = _configure(self._settings, model)
        self._adapted, run = self._train(model, samples, validation, settings, on_step, checkpoint)
        self._tokenizer, self.run = tokenizer, run
        return _report(run, time.monotonic() - begun)

    def _train(
        self,
        model: Any,
        samples: list[TokenSample],
        validation: list[TokenSample],
        settings: TrainingSettings,
        on_step: Callable[[int, int, float], None] | None,
        checkpoint: str | os.PathLike[str] | None,
    ) -> tuple[Any, TrainingRun]:
        """Step 4, training: gives the model with its LoRA, and what happened."""
        from llmagent_os.training.lora import attach
        from llmagent_os.training.objectives.objective_choice import objective_of
        from llmagent_os.training.progress_bar import progress_bar
        from llmagent_os.training.training_loop import train

        adapted = attach(model, settings, self._location.lora)
        with progress_bar(self._location.name) as show:

            def tell(progress: TrainingProgress) -> None:
                show(progress)
                if on_step:
                    on_step(progress.step, progress.planned, progress.loss)

            run = train(
                adapted,
                samples,
                objective_of(settings),
                settings,
                validation=validation,
                on_step=tell,
                checkpoint=Path(checkpoint).expanduser() if checkpoint else None,
            )
        return adapted, run

    def save_model(self, path: str | os.PathLike[str]) -> Path:
        """Step 6, deployment: save the LoRA as a PEFT folder, which ``LLM.from_pretrained(path)`` loads.

        The LoRA names its base by the name of the model. So the base ``"calendar"`` is found wherever it is installed.
        The files of an earlier LoRA in the folder are replaced one by one, the weights last. Gives the folder.

        Raises:
            ModelError: nothing was learned yet, or the folder cannot be written.
        """
        if self._adapted is None:
            raise ModelError("there is nothing to save yet: call finetune() first")
        from llmagent_os.training.lora import save_adapter

        folder = Path(path).expanduser()
        save_adapter(self._adapted, self._tokenizer, self._location, folder)
        return folder


def system_messages(llm: LLM, system: str | None = None) -> list[str | None]:
    """The system messages that every ``input``/``output`` example is learned with; None: none.

    Args:
        llm: the model.
        system: the only one. None: none, and for a model that was trained on this project's prompts also one for each
            style that an agent may ask for, for a person whose name is not known.
    """
    if system is not None or not llm.card.native:
        return [system]
    styles = [
        system_text({"mode": mode, "verbosity": verbosity})
        for mode in DIMENSIONS["mode"]
        for verbosity in DIMENSIONS["verbosity"]
    ]
    return [None, *styles]


def _preprocess(examples: Sequence[TrainingExample], model: Any, tokenizer: Any) -> list[TokenSample]:
    """Step 2, preprocessing: the chats in the model's own template, as tokens."""
    from llmagent_os.serving.chat_template import ChatTemplate
    from llmagent_os.serving.model_loading import vocabulary_of
    from llmagent_os.training.preprocessing import preprocess

    vocabulary = vocabulary_of(model, tokenizer)
    return preprocess(examples, ChatTemplate(tokenizer, vocabulary), vocabulary, model.config.max_position_embeddings)


def _configure(settings: Mapping[str, Any], model: Any) -> TrainingSettings:
    """Step 3, configuration: the settings for this model, of which some may be given."""
    import torch

    return settings_of(settings, preset=preset_for(model.num_parameters(), gpu=torch.cuda.is_available()))


def _report(run: TrainingRun, seconds: float) -> FinetuneReport:
    """Step 5, evaluation, as far as training itself can tell."""
    return FinetuneReport(
        examples=run.samples,
        tokens=run.response_tokens,
        steps=len(run.losses),
        first_loss=run.losses[0],
        last_loss=run.losses[-1],
        validation_loss=min((each.loss for each in run.validations), default=None),
        ending=run.ending,
        tokens_per_second=run.tokens_per_second,
        seconds=seconds,
        warnings=run.warnings,
    )
