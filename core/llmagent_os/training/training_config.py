"""``[training]`` of a bot's TOML file: when its weights are trained, by what, and what that may cost.

.. code-block:: toml

    [training]
    plan = "my_bot.training:plan"     # module:attribute of a TrainingPlan; left out: ReactionPlan; empty: none
    probes = "my_bot.probes"          # module of what the bot's makers ask a new version; empty: general questions
    examples = "curated.jsonl"        # or a list: the bot's own examples, beside this file; shared trainings learn them
    levels = ["shared", "group", "personal"]   # which LoRAs are trained
    opinions = 20                     # new opinions that wake a training of the shared LoRA
    group_opinions = 20               # new opinions of the people of a persona that wake a training of theirs
    group_people = 5                  # a group has as many people or more
    personal_opinions = 20            # new opinions of one person that wake a training of theirs
    every_hours = 24                  # or this long after the last training, if there is any new opinion; 0: never
    quiet_hours = "01:00-06:00"       # trainings begin in these hours only, in the host's time zone; empty: at any time
    minutes_a_day = 60                # of training, in all
    priority = "idle"                 # or low, normal: what a training leaves to others
    memory_gb = 8.0                   # of a training's process
    tries = 3                         # how often a training is begun whose process dies

    [training.canary]                 # how a new version is tried; see training/canary_settings.py
    share = 0.2

    [training.settings]               # for the plan: method, learning rate, …
    method = "distil"
"""

from __future__ import annotations

import re
from datetime import datetime, time
from typing import Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from llmagent_os.training.canary_settings import CanarySettings
from llmagent_os.training.lora_version import Level
from llmagent_os.training.process_limits import Priority

#: The plan of a bot that has ``[training]`` and names none.
DEFAULT_PLAN = "llmagent_os.training.reaction_plan:ReactionPlan"

#: How many people a group has at least.
LEAST_PEOPLE = 5

_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)")
_REFERENCE = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_MODULE = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")


class QuietHours(msgspec.Struct, frozen=True):
    """A stretch of every day, which may go over midnight.

    >>> hours = QuietHours.parse("22:30-06:00")
    >>> [hours.include(datetime(2026, 1, 1, hour)) for hour in (22, 23, 3, 6)]
    [False, True, True, False]
    """

    begin: time
    end: time

    @classmethod
    def parse(cls, text: str) -> QuietHours:
        """Read ``01:00-06:00``; empty: the whole day.

        Raises:
            ValueError: it is not written so.
        """
        if not text:
            return cls(time(0), time(0))
        found = _HOURS.fullmatch(text)
        if not found:
            raise ValueError("write quiet hours as 01:00-06:00, or leave them empty")
        first, second, third, fourth = map(int, found.groups())
        return cls(time(first, second), time(third, fourth))

    def include(self, moment: datetime) -> bool:
        """Whether a moment is within the hours of its own time zone."""
        at = moment.time()
        if self.begin < self.end:
            return self.begin <= at < self.end
        return self.begin == self.end or at >= self.begin or at < self.end


def _hours(text: str) -> str:
    QuietHours.parse(text)
    return text


def _reference(text: str) -> str:
    if text and not _REFERENCE.fullmatch(text):
        raise ValueError("write the plan as module:attribute, or leave it empty")
    return text


def _module(text: str) -> str:
    if text and not _MODULE.fullmatch(text):
        raise ValueError("write the probes as the name of a module, or leave it empty")
    return text


def _files(value: object) -> object:
    """One file, or a list of files."""
    return (value,) if isinstance(value, str) else value


_ONE_OR_MORE = WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}})


class TrainingConfig(BaseModel):
    """When a bot's weights are trained, by what, and what that may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    plan: Annotated[str, AfterValidator(_reference)] = DEFAULT_PLAN  #: ``module:attribute``; empty: nothing is trained
    probes: Annotated[str, AfterValidator(_module)] = ""  #: a module; see ``bot_prompts.BotProbes``; empty: general
    examples: Annotated[
        tuple[str, ...], BeforeValidator(_files), _ONE_OR_MORE
    ] = ()  #: files that ``example_files`` reads
    levels: tuple[Level, ...] = (Level.SHARED, Level.GROUP, Level.PERSONAL)  #: which LoRAs are trained
    opinions: int = Field(default=20, ge=1)  #: new opinions that wake a training of the shared LoRA
    group_opinions: int = Field(default=20, ge=1)  #: new opinions of a persona's people that wake a training of theirs
    #: how many people a group has at least: what is trained on two or three of them would tell one what another said
    group_people: int = Field(default=LEAST_PEOPLE, ge=3)
    personal_opinions: int = Field(default=20, ge=1)  #: new opinions of one person that wake a training of theirs
    every_hours: float = Field(default=24.0, ge=0.0)  #: between two trainings at most, with any new opinion; 0: never
    quiet_hours: Annotated[str, AfterValidator(_hours)] = "01:00-06:00"  #: when trainings begin; empty: at any time
    minutes_a_day: float = Field(default=60.0, gt=0.0)  #: of training, in all
    priority: Priority = "idle"  #: what a training leaves to others
    memory_gb: float = Field(default=8.0, gt=0.0)  #: of a training's process, in 10^9 bytes
    tries: int = Field(default=3, ge=1, le=20)  #: how often a training is begun whose process dies
    canary: CanarySettings = CanarySettings()  #: how a new version is tried on some conversations
    settings: dict[str, Any] = {}  #: for the plan
