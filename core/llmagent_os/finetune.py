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
from typing import Any

import msgspec

from llmagent_os.chat import ToolSpec
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.llm import LLM
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy.contract import DIMENSIONS
from llmagent_os.training.example_files import examples_of

#: ``{"input": what a user says, "output": what to answer}``, or ``{"messages": a chat}``, of which all assistant's
#: turns are learned. A chat may come with ``"tools"``, a sequence of :class:`ToolSpec`.
Example = Mapping[str, Any]


class FinetuneReport(msgspec.Struct, frozen=True):
    """The result of one training."""

    examples: int  #: replies that were learned from
    tokens: int  #: response tokens in one epoch
    steps: int  #: steps of the optimiser
    first_loss: float  #: loss of the first step, before anything was learned, in nats a response token
    last_loss: float  #: loss of the last step, in nats a response token
    seconds: float  #: how long it took, loading included


class Finetuner:
    """Trains a LoRA on the response tokens of examples.

    Args:
        llm: a local model. If the model has a LoRA, training goes on from this LoRA.
        train_data: the examples.
        system: the system message before every ``input``/``output`` example; should be the one that the model has when
            it answers. By default there is no system message. But a model that was trained on this project's own
            prompts (``native`` in its card) then learns every example several times: with each style that an agent may
            ask for, and without a style.
        tools: the tools of ``input``/``output`` examples; should be those that the model has when it answers.
        settings: fields of :class:`~llmagent_os.training.lora.LoraSettings` (``rank``, ``alpha``, ``learning_rate``,
            ``batch_size``, ``epochs``, ``stop_at_loss``, ``seed``, …).

    Raises:
        ConfigError: an example or a setting is wrong; the message names it and says what is wrong.
        ModelError: the model is a server's.
    """

    def __init__(
        self,
        llm: LLM,
        train_data: Sequence[Example],
        *,
        system: str | None = None,
        tools: Sequence[ToolSpec] = (),
        **settings: Any,
    ) -> None:
        if llm.location is None:
            raise ModelError(f"{llm.name} is a server's model: only local models can be fine-tuned here")
        self._location = llm.location
        systems = [system] if system is not None or not llm.card.native else [None, *_styles()]
        self._examples = examples_of(train_data, systems=systems, tools=tools)
        self._settings = settings
        self._adapted: Any = None
        self._tokenizer: Any = None
        _check(settings)

    def finetune(self, on_step: Callable[[int, int, float], None] | None = None) -> FinetuneReport:
        """Train. Takes seconds for a few examples and a small model. Blocks, so call it outside an event loop.

        Args:
            on_step: called after each step with the step's number, the number of planned steps, and the step's loss.

        Raises:
            ConfigError: an example is longer than the model can read.
            ModelError: the model cannot be loaded, or training diverged.
        """
        from llmagent_os.serving.chat_template import ChatTemplate
        from llmagent_os.serving.model_loading import load_model, load_tokenizer, vocabulary_of
        from llmagent_os.training.lora import LoraSettings, attach, train
        from llmagent_os.training.preprocessing import preprocess

        begun = time.monotonic()
        settings = msgspec.convert(self._settings, LoraSettings)
        tokenizer = load_tokenizer(self._location)
        model = load_model(self._location)
        vocabulary = vocabulary_of(model, tokenizer)
        template = ChatTemplate(tokenizer, vocabulary)
        samples = preprocess(self._examples, template, vocabulary, model.config.max_position_embeddings)
        adapted = attach(model, settings, self._location.lora)
        losses = train(adapted, samples, settings, on_step)
        self._adapted, self._tokenizer = adapted, tokenizer
        return FinetuneReport(
            examples=len(samples),
            tokens=sum(len(sample.response) for sample in samples),
            steps=len(losses),
            first_loss=losses[0],
            last_loss=losses[-1],
            seconds=time.monotonic() - begun,
        )

    def save_model(self, path: str | os.PathLike[str]) -> Path:
        """Save the LoRA as a PEFT folder, which ``LLM.from_pretrained(path)`` loads; gives the folder.

        The LoRA names its base by the name of the model. So the base ``"calendar"`` is found wherever it is installed.
        The files of an earlier LoRA in the folder are replaced one by one, the weights last.

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


def _check(settings: dict[str, Any]) -> None:
    """Refuse settings that cannot work, without loading torch."""
    whole = {"rank", "alpha", "batch_size", "epochs", "seed"}
    known = whole | {"learning_rate", "stop_at_loss", "max_gradient_norm"}
    for key, value in settings.items():
        if key not in known:
            raise ConfigError(f"Finetuner has no setting {key!r}, only {', '.join(sorted(known))}")
        if key == "epochs" and value is None:
            continue
        kind, least = (int, 0 if key == "seed" else 1) if key in whole else ((int, float), 0)
        if not isinstance(value, kind) or isinstance(value, bool) or value < least:
            raise ConfigError(f"Finetuner: {key} is {value!r}, it must be a number of at least {least}")
