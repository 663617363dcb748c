"""What ``LLM.from_pretrained`` may be told besides the model's name."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from llmagent_os.errors import ConfigError


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the in-process engine runs."""

    slots: int = 16  #: replies written together
    max_waiting: int = 256  #: requests that may wait for a slot
    max_loras: int = 64  #: LoRAs kept in memory
    threads: int | None = None  #: processor threads; by default all but one
    dtype: str = "float32"  #: or ``bfloat16``: faster and smaller, and it changes replies
    device: str = "cpu"  #: or ``cuda``
    timeout: float = 120.0  #: seconds for one reply, waiting included


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an OpenAI-compatible server is reached. What is ``None`` comes from the openai client's usual variables."""

    base_url: str | None = None  #: such as ``http://127.0.0.1:8000/v1``; ``OPENAI_BASE_URL``
    api_key: str | None = None  #: ``OPENAI_API_KEY``; a server of your own usually needs none
    timeout: float = 120.0  #: seconds for one try, and between two pieces of a streamed reply
    retries: int = 2  #: more tries after a failure that may pass


Options = TypeVar("Options", LocalOptions, ServerOptions)


def read_options(kind: type[Options], given: dict[str, Any]) -> Options:
    """The options, checked.

    Raises:
        ConfigError: one is unknown or has the wrong type; names it and lists those there are.
    """
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"LLM.from_pretrained: {error}; options are {', '.join(kind.__struct_fields__)}") from error
