"""The options of ``LLM.from_pretrained`` besides the model's name."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from llmagent_os.errors import ConfigError


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the in-process engine runs."""

    slots: int = 16  #: replies decoded in one batch
    max_waiting: int = 256  #: requests that may wait for a slot; more are refused
    max_loras: int = 64  #: LoRAs kept in memory
    threads: int | None = None  #: processor threads; by default all but one
    dtype: str = "float32"  #: or ``bfloat16``, which is faster and smaller, and changes replies
    device: str = "cpu"  #: or ``cuda``
    timeout: float = 120.0  #: most seconds for one reply, the time in the queue included


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an OpenAI-compatible server is reached. The openai client's usual variables stand in for ``None``."""

    base_url: str | None = None  #: such as ``http://127.0.0.1:8000/v1``; ``None``: ``OPENAI_BASE_URL``
    api_key: str | None = None  #: ``None``: ``OPENAI_API_KEY``; a server of your own usually needs none
    timeout: float = 120.0  #: most seconds for one try, and between two pieces of a streamed reply
    retries: int = 2  #: further tries after a failure that may pass


Options = TypeVar("Options", LocalOptions, ServerOptions)


def read_options(kind: type[Options], given: dict[str, Any]) -> Options:
    """Check the options that a caller gave.

    Raises:
        ConfigError: an option is unknown or has the wrong type; the message names it and lists the known options.
    """
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"LLM.from_pretrained: {error}; options are {', '.join(kind.__struct_fields__)}") from error
