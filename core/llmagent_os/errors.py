"""Every error that this project raises on purpose. A docstring is the message when none is given."""

from __future__ import annotations


class LLMAgentOSError(Exception):
    """Something went wrong in LLMAgentOS."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class ConfigError(LLMAgentOSError):
    """The configuration is wrong: the message names the setting, its value and what to do."""


class NotConfiguredError(ConfigError):
    """An adapter has no token: it is left out, unless it was asked for by name."""


class BadEventError(LLMAgentOSError):
    """A platform payload or a stored event cannot be read."""


class AdapterError(LLMAgentOSError):
    """A platform refused or could not be reached."""


class TryLaterError(AdapterError):
    """A platform takes nothing for the moment: it asks for a pause, or cannot be reached."""

    def __init__(self, message: str | None = None, *, seconds: float | None = None) -> None:
        """Args: ``seconds`` is the pause that the platform asks for; None: it did not say."""
        super().__init__(message)
        self.seconds = seconds


class PluginError(LLMAgentOSError):
    """A plugin cannot be loaded, or its tool failed."""


class ToolArgumentError(PluginError):
    """A tool was called with arguments that do not fit its schema."""


class ModelError(LLMAgentOSError):
    """A language model cannot be loaded or did not answer."""


class ModelNotFoundError(ModelError):
    """There is no such model; the message says where it was looked for."""


class ModelUnavailableError(ModelError):
    """The model's server is down, refused, or took too long."""


class PromptTooLongError(ModelError):
    """What the model should read is longer than it can read."""


class BadToolCallError(ModelError):
    """The model's reply is not a valid tool call."""


class LedgerError(LLMAgentOSError):
    """The ledger cannot be opened or written."""


class PolicyError(LLMAgentOSError):
    """A behaviour policy's state cannot be read, or there is not enough to judge one by."""


class ProfileError(LLMAgentOSError):
    """A person's profile cannot be read or written."""


class HostBusyError(LLMAgentOSError):
    """Too much is waiting already; the message was not accepted."""
