"""How a bot's model is asked, and what the bot's makers ask a new version of it before it may serve."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from llmagent_os.chat import Completion, Message, ToolSpec
from llmagent_os.errors import ConfigError
from llmagent_os.modules.behavior import system_text
from llmagent_os.policy.contract import DIMENSIONS, NO_STYLES, Action
from llmagent_os.policy.persona import style_name
from llmagent_os.training.control_prompts import CONTROLS, is_right
from llmagent_os.training.probe import Measure, MeasureKind, Probe, ask
from llmagent_os.training.style_candidates import instructed, instructions

#: What a module of probes has to define.
_PARTS = ("tasks", "request_probes", "other_talk", "facts")

#: How many replies a version chooses among, the right one included.
_CHOICES = 4


class BotProbes(Protocol):
    """What a bot's makers ask a new version. A module with these functions is one."""

    def tasks(self, system: str, tools: tuple[ToolSpec, ...]) -> Measure:
        """Make the measure of the bot's own work."""
        ...

    def request_probes(self, system: str, tools: tuple[ToolSpec, ...]) -> tuple[Probe, ...]:
        """Make chats in which a tool is due."""
        ...

    def other_talk(self, system: str, tools: tuple[ToolSpec, ...]) -> Measure:
        """Make the measure of prompts that have nothing to do with the bot's work."""
        ...

    def facts(self, system: str, tools: tuple[ToolSpec, ...]) -> Measure:
        """Make the measure of what the model knows."""
        ...


@runtime_checkable
class HasAnchors(Protocol):
    """What a module of probes may have besides."""

    def anchor_prompts(self) -> tuple[str, ...]:
        """Give prompts at which a version must stay as its base is: the bot's ordinary work. The gate asks others."""
        ...


class GeneralProbes:
    """Probes for any bot: questions that everybody can answer."""

    def tasks(self, system: str, tools: tuple[ToolSpec, ...]) -> Measure:
        """Make no probe: the work of a bot is only known from its people's opinions."""
        return Measure("work", MeasureKind.TASK, ())

    def request_probes(self, system: str, tools: tuple[ToolSpec, ...]) -> tuple[Probe, ...]:
        """Make none: nobody knows what the bot's tools are asked for."""
        return ()

    def other_talk(self, system: str, tools: tuple[ToolSpec, ...]) -> Measure:
        """Ask the control prompts. A reply is right if it holds the answer."""
        prompts = {prompt.text: prompt for prompt in CONTROLS}

        def score(probe: Probe, completion: Completion) -> float:
            return float(is_right(prompts[str(probe.messages[-1]["content"])], completion.text))

        probes = tuple(ask(text, system=system, tools=tools) for text in prompts)
        return Measure("answers to control prompts", MeasureKind.CONTROL, probes, score)

    def facts(self, system: str, tools: tuple[ToolSpec, ...]) -> Measure:
        """Have the version choose among the answers of control prompts."""
        answers = [f"{prompt.answers[0].capitalize()}." for prompt in CONTROLS]
        probes = tuple(
            ask(prompt.text, system=system, tools=tools, choices=tuple((answers * 2)[at : at + _CHOICES]))
            for at, prompt in enumerate(CONTROLS)
        )
        return Measure("answers among others", MeasureKind.FACT, probes)


@dataclass(frozen=True)
class BotPrompts:
    """How a bot's model is asked."""

    system: str  #: the system message in the usual style
    tools: tuple[ToolSpec, ...]
    anchors: tuple[str, ...]  #: what a version has to answer as the base does, beside ``control_prompts.ANCHORS``
    styles: Mapping[str, str]  #: instructions by style, as :func:`~llmagent_os.training.style_candidates.instructions`
    probes: BotProbes
    #: the instruction of the usual style: that in which the bot answers somebody of whom nothing is known, or the one
    #: person whose LoRA is trained
    usual: str = ""
    usual_styles: tuple[str, ...] = ()  #: of the styles, those that the usual style has

    @property
    def other_styles(self) -> Mapping[str, str]:
        """The instructions that ask for another style than the usual one."""
        return {style: words for style, words in self.styles.items() if words != self.usual}

    def in_style(self, messages: Sequence[Message], instruction: str) -> tuple[Message, ...]:
        """Ask a chat in a style, whichever it was asked in."""
        return tuple(instructed(messages, instruction, [*self.styles.values(), self.usual]))


def bot_prompts(
    bot: Mapping[str, Any], tools: tuple[ToolSpec, ...], *, native: bool, style: Action | None = None
) -> BotPrompts:
    """Give a bot's prompts.

    Args:
        bot: the bot's configuration, as JSON values.
        tools: the bot's tools.
        native: whether the model was trained on this project's prompts, so that it needs no notes.
        style: how one person is answered, in place of the bot's defaults; None: the prompts are those for everybody.

    Raises:
        ConfigError: ``probes`` of ``[training]`` names no module of probes.
    """
    behavior = dict(bot.get("behavior", {}))
    dimensions = behavior.pop("dimensions", None) or DIMENSIONS
    defaults = {name: next(iter(values)) for name, values in dimensions.items()} | behavior | (style or {})
    probes = _probes(str(bot.get("training", {}).get("probes", "")))
    return BotPrompts(
        system=system_text(defaults, dimensions=dimensions, notes="" if native else str(bot.get("notes", ""))),
        tools=tools,
        anchors=probes.anchor_prompts() if isinstance(probes, HasAnchors) else (),
        styles=instructions(dimensions, defaults),
        probes=probes,
        usual=system_text(defaults, dimensions=dimensions),
        usual_styles=tuple(style_name(name, str(value)) for name, value in defaults.items() if name not in NO_STYLES),
    )


def _probes(module: str) -> BotProbes:
    if not module:
        return GeneralProbes()
    try:
        found = importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"[training] probes = {module!r} cannot be imported: {error}") from error
    if missing := [name for name in _PARTS if not callable(getattr(found, name, None))]:
        raise ConfigError(f"[training] probes = {module!r} has no function {', '.join(missing)}")
    return cast("BotProbes", found)
