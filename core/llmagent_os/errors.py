"""The tree of all errors that this project raises on purpose. Without a message, the docstring is the message.

.. code-block:: text

    LLMAgentOSError
    ├── ConfigError
    │   └── NotConfiguredError
    ├── BadEventError
    ├── AdapterError
    │   └── TryLaterError
    ├── PluginError
    │   └── ToolArgumentError
    ├── ModelError
    │   ├── ModelSetupError
    │   │   └── ModelNotFoundError
    │   │       └── LoraError
    │   ├── ModelUnavailableError
    │   │   └── ModelBusyError
    │   ├── ModelRefusedError
    │   ├── PromptTooLongError
    │   └── BadToolCallError
    ├── LedgerError
    ├── PolicyError
    ├── ProfileError
    ├── GraphicsError
    ├── VoiceError
    │   ├── VoiceBusyError
    │   └── RecordingError
    ├── HostBusyError
    └── ContainedError
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any


class LLMAgentOSError(Exception):
    """Something went wrong in LLMAgentOS."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ConfigError(LLMAgentOSError):
    """The configuration is wrong. The message names the setting, its value and the remedy."""


class WrongValuesError(ValueError):
    """Several values of a configuration are wrong. Raised by a check that does not know the file.

    >>> print(WrongValuesError([(("tone",), "`tone` is missing"), ((), "a table is empty")]))
    `tone` is missing
    a table is empty
    """

    def __init__(self, found: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
        self.found = tuple(found)  #: for each mistake its path below the table that was checked, and what is wrong
        super().__init__("\n".join(text for _, text in self.found))


class NotConfiguredError(ConfigError):
    """An adapter has no token. The host leaves it out, unless it was asked for by name."""


class BadEventError(LLMAgentOSError):
    """A platform's payload or a stored event cannot be read."""


class AdapterError(LLMAgentOSError):
    """A platform refused a request, or could not be reached."""


class TryLaterError(AdapterError):
    """A platform accepts nothing at the moment: it asks for a pause, or cannot be reached."""

    def __init__(self, message: str | None = None, *, seconds: float | None = None) -> None:
        """Args: ``seconds`` is the pause that the platform asks for. None: the platform named no pause."""
        super().__init__(message)
        self.seconds = seconds


class PluginError(LLMAgentOSError):
    """A plugin cannot be loaded, or one of its calls failed."""


class ToolArgumentError(PluginError):
    """The arguments of a tool call do not fit the tool's schema."""


class ModelError(LLMAgentOSError):
    """A language model cannot be loaded, or did not answer."""

    #: The :class:`~llmagent_os.chat.Completion` of every try before the error, whose tool call was not valid.
    rejected: tuple[Any, ...] = ()


class ModelSetupError(ModelError):
    """The model cannot be used as it is configured. The message says what the owner has to change."""


class ModelNotFoundError(ModelSetupError):
    """There is no such model. The message names the places that were searched."""


class LoraError(ModelNotFoundError):
    """The LoRA that a request names is not there, or is damaged, or is another model's. The model itself answers."""


class ModelUnavailableError(ModelError):
    """The model's server is down, or failed while it wrote the reply."""


class ModelBusyError(ModelUnavailableError):
    """The model has too much to do, or took too long. Another try may succeed in a moment."""


class NoModelError(ModelError):
    """The bot has no language model: its plugins' rules, commands and buttons answer."""


class ModelRefusedError(ModelError):
    """The model, or its provider's content policy, does not want to answer this."""


class PromptTooLongError(ModelError):
    """The prompt is longer than the model can read."""


class BadToolCallError(ModelError):
    """The model's reply is not a valid tool call."""


class LedgerError(LLMAgentOSError):
    """The ledger cannot be opened or written."""


class PolicyError(LLMAgentOSError):
    """A behaviour policy's state cannot be read, or there is too little data to judge a policy."""


class ProfileError(LLMAgentOSError):
    """A person's profile cannot be read or written."""


class GraphicsError(LLMAgentOSError):
    """A picture cannot be drawn."""


class VoiceError(LLMAgentOSError):
    """A recording cannot be listened to, or a text not be spoken."""


class VoiceBusyError(VoiceError):
    """Too many recordings are waiting to be listened to."""


class RecordingError(VoiceError):
    """Nobody could understand a recording. The message is one sentence for the person who sent it."""


class NotYoursError(LLMAgentOSError):
    """A person pressed a button under a reply to another person. The message is for the one who pressed it."""


class HostBusyError(LLMAgentOSError):
    """Too many messages are waiting. The new one was not accepted."""


class ContainedError(LLMAgentOSError):
    """Code that is not the host's tried to end the process or its task. The message names what it raised."""
