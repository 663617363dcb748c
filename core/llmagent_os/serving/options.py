"""The options of ``LLM.from_pretrained`` besides the model's name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from llmagent_os.errors import ConfigError


class LocalOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the in-process engine runs."""

    slots: int = 16  #: replies decoded in one batch
    max_waiting: int = 256  #: requests that may wait for a slot; more are refused
    max_loras: int = 128  #: LoRAs kept in memory
    lora_bytes: int = 1 << 30  #: most bytes of those LoRAs
    prefill_tokens: int = 128  #: most prompt tokens read between two tokens of replies being written
    prefix_bytes: int = 256 << 20  #: most bytes of keys and values kept of prompts, so that they are not read again
    prefix_folder: Path | None = None  #: where those of a bot's system prompt are kept on disk; ``None``: nowhere
    #: whether tokens are guessed where a reply copies: changes the speed, and log-probabilities by rounding. In fp32 no
    #: reply was seen to differ by it, in bfloat16 one in 75
    guessing: bool = True
    threads: int | None = None  #: processor threads; by default all but one
    dtype: str = "float32"  #: or ``bfloat16``, which is faster and smaller, and changes replies
    device: str = "cpu"  #: or ``cuda``
    timeout: float = 120.0  #: most seconds for one reply, the time in the queue included


class RayOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a model on the replicas of a Ray cluster is reached."""

    address: str = "auto"  #: of the cluster, as ``10.0.0.7:6379``; ``auto``: the one that this machine is a node of
    timeout: float = 120.0  #: most seconds for one reply, all tries included
    retries: int = 5  #: further tries after a replica was lost


class ServerOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How an OpenAI-compatible server is reached, and what is taken from it.

    The openai client's usual variables stand in for ``None``. A server that does not keep to a limit has failed: no
    part of its reply is used.
    """

    base_url: str | None = None  #: such as ``http://127.0.0.1:8000/v1``; ``None``: ``OPENAI_BASE_URL``
    api_key: str | None = None  #: ``None``: ``OPENAI_API_KEY``; a server of your own usually needs none
    #: the kinds of personal data that the server is sent as they are (names, places, emails, phones); for others it is
    #: sent placeholders. ``None``: all kinds
    sees: tuple[str, ...] | None = None
    timeout: float = 120.0  #: most seconds for one reply, all tries and the waits between them included
    idle_timeout: float = 60.0  #: most seconds without a byte, also before the first
    connect_timeout: float = 10.0  #: most seconds to reach the server
    retries: int = 2  #: further tries after a failure that may pass
    max_characters: int = 200_000  #: longest text of a reply, thoughts included
    max_tool_calls: int = 32  #: most tool calls of a reply
    max_argument_characters: int = 100_000  #: longest arguments of all tool calls of a reply together
    max_bytes: int = 33_554_432  #: most bytes of a reply, with everything around the text (32 MiB)
    more_urls: tuple[str, ...] = ()  #: further servers with the same model; a request goes to any of them
    #: what the servers are: ``vllm`` is given LoRAs, and asked for tokens; ``auto`` asks once which it is
    kind: Literal["openai", "vllm", "auto"] = "openai"
    #: the model that the servers have, as ``LLM.from_pretrained`` finds it here; ``None``: it is not known. It says
    #: which LoRAs fit, and what is learned from replies
    base: str | None = None
    lora_slots: int = 32  #: most LoRAs on a server of vLLM: what it was started with as ``--max-cpu-loras``
    lora_mark: str = ""  #: begins the names of this installation's LoRAs on a server
    loras_here: str = ""  #: the folder of LoRAs in this process
    loras_there: str = ""  #: the same folder as servers see it; empty: under the same path


Options = TypeVar("Options", LocalOptions, RayOptions, ServerOptions)


def read_options(kind: type[Options], given: dict[str, Any]) -> Options:
    """Check the options that a caller gave.

    Raises:
        ConfigError: an option is unknown or has the wrong type; the message names it and lists the known options.
    """
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(f"LLM.from_pretrained: {error}; options are {', '.join(kind.__struct_fields__)}") from error
