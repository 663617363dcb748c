"""Fine-tunes a model on examples of what it should answer.

    finetuner = Finetuner(LLM.from_pretrained("calendar"), [{"input": "hi", "output": "Hello!"}])
    finetuner.finetune()
    finetuner.save_model("friendlier")
    LLM.from_pretrained("friendlier").generate("hi")

The result is a LoRA. Training works on its own copy of the model, so the model that answers meanwhile does not change.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from llmagent_os.chat import Message, ToolSpec
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.serving.tool_call_parsing import calls_of
from llmagent_os.training.training_run import TrainingProgress, TrainingRun
from llmagent_os.training.training_settings import TrainingSettings, preset_for, settings_of

if TYPE_CHECKING:
    from llmagent_os.serving.chat_template import ChatTemplate
    from llmagent_os.serving.vocabulary import Vocabulary
    from llmagent_os.training.token_sample import TokenSample

#: ``{"input": what a user says, "output": what to answer}``, or ``{"messages": a chat}``, of which all assistant's
#: turns are learned. A chat may come with ``"tools"``, a sequence of :class:`ToolSpec`.
Example = Mapping[str, Any]

_Chat = tuple[str, list[Message], tuple[ToolSpec, ...]]  # its name for errors, its turns, its tools


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
        train_data: the examples.
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
        train_data: Sequence[Example],
        *,
        validation_data: Sequence[Example] = (),
        system: str | None = None,
        tools: Sequence[ToolSpec] = (),
        **settings: Any,
    ) -> None:
        if llm.location is None:
            raise ModelError(f"{llm.name} is a server's model: only local models can be fine-tuned here")
        if not train_data:
            raise ConfigError("train_data is empty: give at least one {'input': …, 'output': …}")
        self._location = llm.location
        self._systems = [system] if system is not None or not llm.card.native else [None, *_styles()]
        self._chats = self._chats_of("train_data", train_data, tools)
        self._validation_chats = self._chats_of("validation_data", validation_data, tools)
        self._settings = settings
        self._adapted: Any = None
        self._tokenizer: Any = None
        settings_of(settings)

    def _chats_of(self, where: str, data: Sequence[Example], tools: Sequence[ToolSpec]) -> list[_Chat]:
        """Step 1, the data: every example as a chat with its tools and the name by which errors call it."""
        return [
            (f"{where}[{at}]", *_chat(f"{where}[{at}]", example, system, tools))
            for at, example in enumerate(data)
            for system in (self._systems if _is_pair(example) else self._systems[:1])
        ]

    def finetune(
        self,
        on_step: Callable[[int, int, float], None] | None = None,
        *,
        checkpoint: str | os.PathLike[str] | None = None,
    ) -> FinetuneReport:
        """Train. Takes seconds for a few examples and a small model. Blocks, so call it outside an event loop.

        In a terminal, a bar shows the loss, the speed and the time that is left.

        Args:
            on_step: called after each step with the step's number, the number of planned steps, and the step's loss.
            checkpoint: a file (``….safetensors``) that keeps the state of the training. A training that was killed goes
                on from it. Delete it when the result is saved.

        Raises:
            ConfigError: an example is longer than the model can read, or there is no such device or layer.
            ModelError: the model cannot be loaded, training diverged, or the checkpoint cannot be used.
        """
        from llmagent_os.serving.model_loading import load_model, load_tokenizer

        begun = time.monotonic()
        tokenizer = load_tokenizer(self._location)
        model = load_model(self._location)
        samples = _preprocess(self._chats, model, tokenizer)
        validation = _preprocess(self._validation_chats, model, tokenizer)
        settings = _configure(self._settings, model)
        self._adapted, run = self._train(model, samples, validation, settings, on_step, checkpoint)
        self._tokenizer = tokenizer
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
        folder = Path(path).expanduser()
        config = self._adapted.peft_config[self._adapted.active_adapter]
        revision = self._location.revision
        config.base_model_name_or_path = self._location.base if revision else self._location.name
        config.revision = revision
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                # By default PEFT asks the hub whether the embeddings changed. A LoRA here never changes them.
                self._adapted.save_pretrained(fresh, save_embedding_layers=False)
                self._tokenizer.save_pretrained(fresh)
                for file in sorted(Path(fresh).iterdir(), key=lambda file: file.suffix == ".safetensors"):
                    file.replace(folder / file.name)
        except OSError as error:
            raise ModelError(f"the LoRA cannot be saved in {folder}: {error}") from error
        return folder


def _styles() -> list[str]:
    """The system message for each style that an agent may ask for, for a person whose name is not known."""
    return [
        system_text({"mode": mode, "verbosity": verbosity})
        for mode in DIMENSIONS["mode"]
        for verbosity in DIMENSIONS["verbosity"]
    ]


def _is_pair(example: object) -> bool:
    return isinstance(example, Mapping) and "messages" not in example


def _preprocess(chats: Sequence[_Chat], model: Any, tokenizer: Any) -> list[TokenSample]:
    """Step 2, preprocessing: the chats in the model's own template, as tokens."""
    from llmagent_os.serving.chat_template import ChatTemplate
    from llmagent_os.serving.model_loading import vocabulary_of

    vocabulary = vocabulary_of(model, tokenizer)
    template = ChatTemplate(tokenizer, vocabulary)
    longest: int = model.config.max_position_embeddings
    return [
        sample
        for where, messages, tools in chats
        for sample in _samples(where, messages, tools, template, vocabulary, longest)
    ]


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


def _chat(
    where: str, example: Example, system: str | None, tools: Sequence[ToolSpec]
) -> tuple[list[Message], tuple[ToolSpec, ...]]:
    """The chat that an example is, and its tools.

    Raises:
        ConfigError: the example has the wrong form; the message names the example and the reason.
    """
    if not isinstance(cast("object", example), Mapping):
        raise ConfigError(f"{where} is {type(example).__name__}, not a dict with 'input' and 'output' or 'messages'")
    if "messages" not in example:
        for key in ("input", "output"):
            value = example.get(key)
            if not isinstance(value, str) or not value.strip():
                raise ConfigError(f"{where}[{key!r}] is {value!r}, it must be a text that is not empty")
        before: list[Message] = [{"role": "system", "content": system}] if system else []
        said: list[Message] = [
            {"role": "user", "content": example["input"]},
            {"role": "assistant", "content": example["output"]},
        ]
        return before + said, tuple(tools)
    messages = cast("object", example["messages"])
    if not isinstance(messages, Sequence) or isinstance(messages, str):
        raise ConfigError(f"{where}['messages'] is {type(messages).__name__}, it must be a list of turns")
    chat = cast("list[Message]", list(cast("Sequence[object]", messages)))
    for number, turn in enumerate(chat):
        role = turn.get("role") if isinstance(cast("object", turn), Mapping) else None
        if role not in ("system", "user", "assistant", "tool"):
            raise ConfigError(f"{where}['messages'][{number}] has no role of system, user, assistant or tool: {turn!r}")
    if not any(turn["role"] == "assistant" and (turn.get("content") or turn.get("tool_calls")) for turn in chat):
        raise ConfigError(f"{where}['messages'] has no assistant's turn to learn")
    if chat[0]["role"] == "assistant":
        raise ConfigError(f"{where}['messages'] begins with the assistant: there is nothing that it answers")
    return chat, tuple(example.get("tools", tools))


def _samples(
    where: str,
    messages: list[Message],
    tools: tuple[ToolSpec, ...],
    template: ChatTemplate,
    vocabulary: Vocabulary,
    longest: int,
) -> list[TokenSample]:
    """The training samples of a chat: each assistant's turn, with all that came before the turn."""
    from llmagent_os.training.token_sample import TokenSample

    found: list[TokenSample] = []
    for number, turn in enumerate(messages):
        if turn["role"] != "assistant":
            continue
        prompt = vocabulary.encode(template.prompt(messages[:number], tools))
        text = template.response(messages[: number + 1], tools)
        if text is None and calls_of(turn):
            raise ConfigError(f"{where}: this model's chat template cannot write the call in turn {number}")
        response = vocabulary.encode(str(turn.get("content") or "") if text is None else text)
        ends = [place for place, token in enumerate(response) if token in vocabulary.end_ids]
        response = response[: ends[-1] + 1] if ends else [*response, vocabulary.end_id]
        if len(prompt) + len(response) > longest:
            length = len(prompt) + len(response)
            raise ConfigError(f"{where} is {length} tokens up to turn {number}, the model reads {longest}")
        found.append(TokenSample(prompt=tuple(prompt), response=tuple(response)))
    return found
