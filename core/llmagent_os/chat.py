"""What goes into a language model and what comes out: the same values for every backend."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

#: One turn of a chat. ``role`` is system, user, assistant or tool; ``content`` is the text. An assistant's turn may
#: have ``tool_calls``: a list of :class:`ToolCall`, or of dicts, ``{"name", "arguments"}`` or the same inside
#: ``{"function": …}``. A user's turn with ``"spoken": False`` was not written by a person.
Message = dict[str, Any]


def tool_message(data: dict[str, Any]) -> Message:
    """Write a tool's result as the model reads it: JSON with a space after each comma and colon, as in chat templates.

    >>> tool_message({"status": "created", "title": "café"})
    {'role': 'tool', 'content': '{"status": "created", "title": "café"}'}
    """
    return {"role": "tool", "content": json.dumps(data, ensure_ascii=False)}


class ToolSpec(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One tool that a model may call.

    >>> ToolSpec(name="now", description="The time.", parameters={"type": "object", "properties": {}}).read_only
    False
    """

    name: str  #: the name by which the model calls the tool
    description: str  #: what the tool does, in words for the model
    parameters: dict[str, Any]  #: JSON schema of the arguments: an object, without ``$defs``
    permission: str = ""  #: what a person must be allowed to do, such as ``calendar.write``; empty: nothing
    read_only: bool = False  #: the tool changes nothing
    plugin: str = ""  #: name of the plugin that the tool belongs to


def tools_sha256(tools: Sequence[ToolSpec]) -> str:
    """Name a set of tools by the SHA-256 of their JSON, in 64 hexadecimal digits. The order of keys does not matter.

    >>> tools_sha256([ToolSpec(name="now", description="The time.", parameters={"type": "object"})])[:12]
    'f55e037c4715'
    """
    return hashlib.sha256(msgspec.json.encode(list(tools), order="deterministic")).hexdigest()


class ToolCall(msgspec.Struct, frozen=True):
    """A tool call that the model asked for."""

    name: str  #: the tool's name
    arguments: dict[str, Any]  #: its arguments, by name


class ToolHandling(msgspec.Struct, frozen=True, kw_only=True):
    """How a server handles tools, where it does not do so as OpenAI's API says."""

    #: the server's words when it refused tools, which were then written into the system message; empty: it took them
    refused: str = ""
    form: str = ""  #: the form of the calls that it left in the text, such as ``Mistral``; empty: it left none there


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a model is asked: one reply to a chat."""

    messages: list[Message]  #: the chat so far, the oldest turn first
    tools: tuple[ToolSpec, ...] = ()  #: the tools that the reply may call
    #: the LoRA that answers: a PEFT folder, or the name under which a server offers the LoRA. ``None`` is what the
    #: model was loaded with, ``"base"`` the model without any LoRA.
    lora: str | None = None
    #: what answers instead, in this order, where the LoRA cannot be used: it was deleted meanwhile, or is damaged
    lora_above: tuple[str | None, ...] = ()
    max_tokens: int = 256  #: most tokens in the reply; a longer reply is cut off
    #: of words: 0 takes the likeliest token; 1 samples from the model's own distribution. Tool calls are always the
    #: likeliest; see :attr:`Completion.sampled`
    temperature: float = 0.0
    #: words are not drawn whose probability, at temperature 1, is below this share of the likeliest word's; 0: any may
    #: be. Of servers, only vLLM is asked for it
    min_p: float = 0.0
    seed: int | None = None  #: the same seed gives the same sample; ``None``: a new sample for every request
    #: personal words in the messages that are known: kind (``name``, ``place``) and words. A server is sent
    #: placeholders for them, unless it may see them
    personal: tuple[tuple[str, str], ...] = ()
    #: requests with the same text may share what is kept of their prompts; it says nothing about the person. Empty:
    #: the engine in the process and on replicas keeps no more than the tools and the system message, which all may
    #: share; vLLM keeps all for all. Other servers are not sent it
    cache_salt: str = ""
    #: a system message that holds nothing of a person: as far as the request's own begins like it, all may share what
    #: the engine has kept, whatever their salt. ``None``: the request's own holds nothing of a person
    public_system: str | None = None


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """One reply of a model, with everything that is needed to learn from this reply.

    Token ``i`` was drawn from ``p_i = softmax(z_i / temperature)``. ``z_i`` are the model's logits after the prompt and
    the first ``i`` tokens of the reply, set to minus infinity at every token that the constraint forbids there, or that
    is below the constraint's floor ``min_p``.
    """

    text: str  #: the words of the reply; empty if the reply is a tool call
    #: what the model thought before it answered, where a server tells; never shown, and not in :attr:`text`
    reasoning: str = ""
    tool_calls: tuple[ToolCall, ...] = ()  #: the calls that the reply asks for
    finish_reason: Literal["stop", "length", "tool_calls", "cancelled"] = "stop"  #: why the reply ended
    prompt: str = ""  #: what the model read, after the chat template; from a server: the messages as JSON
    #: the tokens of the prompt, as the model read them; empty from a server that does not tell them, as vLLM does
    prompt_token_ids: tuple[int, ...] = ()
    token_ids: tuple[int, ...] = ()  #: all tokens of the reply, the end token included; empty where the prompt's are
    #: ``ln p_i[token_ids[i]]`` in nats, one value a token; empty without tokens. A forced token, the only one
    #: allowed, has 0.0. If not :attr:`sampled`, these are the values at temperature 1 under the same constraint: the
    #: choice itself was certain, so they rank the tokens but are not the probabilities of a behaviour policy.
    logprobs: tuple[float, ...] = ()
    #: the temperature that the reply was drawn at; 0: it was not drawn, as no tool call is (:attr:`sampled`)
    temperature: float = 0.0
    #: what restricted the tokens: JSON of :class:`~llmagent_os.serving.constraint_record.ConstraintRecord`; empty:
    #: nothing, or unknown because a server wrote the reply that tells no tokens
    constraint: str = ""
    model: str = ""  #: the model's name
    #: first 12 hexadecimal digits of the SHA-256 of the base weights; empty from a server whose model is not known here
    model_hash: str = ""
    lora_version: str = "base"  #: ``base``, or the LoRA's folder name, ``@`` and 12 digits of a hash of its files
    #: how many tokens the model read and wrote, as a server has counted them; None: no server has said
    server_tokens: tuple[int, int] | None = None
    #: how the server handles tools; None: as it should, or no server wrote the reply
    tool_handling: ToolHandling | None = None
    messages: tuple[Message, ...] = ()  #: the chat that this is the next turn of, as the model was given it
    tools: str = ""  #: :func:`tools_sha256` of the tools that could be called; empty: no tool
    #: completions that the model wrote before this one, in order, whose tool calls were not valid and were not run
    rejected: tuple[Completion, ...] = ()

    @property
    def sampled(self) -> bool:
        """Whether the tokens were drawn at random. At temperature 0 the likeliest token was taken every time.

        A tool call has the temperature 0, whatever was asked for. A server draws calls, too.

        >>> Completion(text="hi", temperature=0.7).sampled, Completion(text="hi").sampled
        (True, False)
        """
        return self.temperature > 0


def check_request(request: ChatRequest) -> None:
    """Refuse a request that no backend could answer.

    Raises:
        ValueError: a value is out of range; the message names the value.
    """
    if not request.messages:
        raise ValueError("messages is empty: give at least one {'role': 'user', 'content': …}")
    for at, message in enumerate(request.messages):
        if message.get("role") not in ("system", "user", "assistant", "tool"):
            raise ValueError(
                f"messages[{at}]: the role is {message.get('role')!r}, it must be system, user, assistant or tool"
            )
    if request.max_tokens < 1:
        raise ValueError(f"max_tokens is {request.max_tokens}, it must be at least 1")
    if not 0.0 <= request.temperature <= 10.0:
        raise ValueError(f"temperature is {request.temperature}, it must lie between 0 and 10")
    if not 0.0 <= request.min_p <= 1.0:
        raise ValueError(f"min_p is {request.min_p}, it must lie between 0 and 1")
