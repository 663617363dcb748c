"""Masks what a model on a server is sent, and puts it back into the answer.

A placeholder such as ``NAME_1`` stands for one value in a whole request, so that the model can still say who is meant.
Secrets were masked before: they are never put back. What may be sent as it is, the owner decides for each server.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from llmagent_os.chat import ChatRequest, Completion, Message, ToolCall
from llmagent_os.errors import ConfigError, ModelError
from llmagent_os.privacy.entity_recognition import names_in
from llmagent_os.privacy.masking import EMAIL
from llmagent_os.privacy.personal_numbers import phones_in
from llmagent_os.serving.backend import Backend, KeepsLoras, OnText, WarmsUp

#: The kinds of personal data that are masked, unless a server may see them.
KINDS = ("names", "places", "emails", "phones")

#: May see all of them.
EVERYTHING = "everything"

#: What stands before the number in a placeholder, by kind.
_LABELS = {"name": "NAME", "place": "PLACE", "email": "EMAIL", "phone": "PHONE"}

_PLACEHOLDER = re.compile(r"[\[<({]?\b(NAME|PLACE|EMAIL|PHONE)[_ ](\d{1,4})\b[\]>)}]?", re.IGNORECASE)

#: The beginning of a placeholder at the end of a text that is still being written.
_UNFINISHED = re.compile(r"[\[<({]?\b[A-Z]{1,5}(?:_\d{0,4})?\Z")

#: The shortest name that is masked: shorter ones are in ordinary words.
_LEAST_CHARACTERS = 2


def seen_by_server(setting: str, host: str) -> frozenset[str]:
    """What the server at ``host`` may be sent as it is.

    Args:
        setting: ``HOST=KINDS`` separated by commas, with kinds joined by ``+``; ``everything`` and ``nothing`` stand
            for all and none. A host that is not named sees everything if it is this machine, and nothing otherwise.
        host: of the server.

    Raises:
        ConfigError: the setting cannot be read.

    >>> sorted(seen_by_server("api.example.org=places+phones", "api.example.org"))
    ['phones', 'places']
    >>> seen_by_server("", "api.example.org"), len(seen_by_server("", "127.0.0.1"))
    (frozenset(), 4)
    """
    found = frozenset(KINDS) if host in ("localhost", "127.0.0.1", "::1") else frozenset[str]()
    for part in filter(None, (each.strip() for each in setting.split(","))):
        name, equals, kinds = part.partition("=")
        wanted = {kind.strip() for kind in kinds.split("+") if kind.strip()}
        if wanted == {EVERYTHING}:
            wanted = set(KINDS)
        elif wanted == {"nothing"}:
            wanted = set[str]()
        if not equals or not name.strip() or not wanted <= set(KINDS):
            raise ConfigError(
                f"LLMAGENT_OS_MODEL_SERVER_SEES cannot hold {part!r}: write HOST=KINDS, such as "
                f"api.example.org=places+phones, with {', '.join(KINDS)}, {EVERYTHING} or nothing"
            )
        if name.strip().casefold() == host.casefold():
            found = frozenset(wanted)
    return found


class Placeholders:
    """The placeholders of one request, and what they stand for."""

    def __init__(self, masked: Collection[str], known: Iterable[tuple[str, str]] = ()) -> None:
        """Args:
        masked: the kinds that are masked, as in :data:`KINDS`.
        known: personal words that are known: kind (``name``, ``place``) and words.
        """
        self._masked = frozenset(kind.removesuffix("s") for kind in masked)
        self._by_value: dict[tuple[str, str], str] = {}
        self._values: dict[str, str] = {}
        self._known = list[tuple[str, re.Pattern[str]]]()
        self._learn(known)

    @property
    def used(self) -> bool:
        """Whether anything was masked."""
        return bool(self._values)

    def mask(self, text: str) -> str:
        """``text`` with placeholders in the place of personal data."""
        if "email" in self._masked and "@" in text:
            text = EMAIL.sub(lambda match: self._placeholder("email", match[0]), text)
        if "phone" in self._masked:
            for phone in phones_in(text):
                text = text.replace(phone, self._placeholder("phone", phone))
        if self._masked & {"name", "place"}:
            self._learn(names_in(text))
        for kind, pattern in self._known:
            text = pattern.sub(lambda match, kind=kind: self._placeholder(kind, match[0]), text)  # type: ignore[misc]
        return text

    def restore(self, text: str) -> str:
        """``text`` with what the placeholders stand for. Others stay as they are."""
        if not self._values:
            return text
        return _PLACEHOLDER.sub(lambda match: self._values.get(f"{match[1].upper()}_{match[2]}", match[0]), text)

    def restore_growing(self, text: str) -> str:
        """The same for a text that is being written: the beginning of a placeholder at its end is left out."""
        return self.restore(_UNFINISHED.sub("", text) if self._values else text)

    def mask_all(self, value: Any) -> Any:
        """Mask every string in a JSON value."""
        return _mapped(value, self.mask)

    def restore_all(self, value: Any) -> Any:
        """Restore every string in a JSON value."""
        return _mapped(value, self.restore)

    def _learn(self, known: Iterable[tuple[str, str]]) -> None:
        new = [(kind, words.strip()) for kind, words in known if kind in self._masked]
        # The parts of a name as well: people are addressed by one of them.
        new += [("name", part) for kind, words in new if kind == "name" for part in words.split() if len(part) > 2]
        for kind, words in sorted(dict.fromkeys(new), key=lambda each: -len(each[1])):
            if len(words) >= _LEAST_CHARACTERS and not _PLACEHOLDER.fullmatch(words):
                self._known.append((kind, re.compile(rf"(?<!\w){re.escape(words)}(?!\w)", re.IGNORECASE)))

    def _placeholder(self, kind: str, value: str) -> str:
        key = (kind, value)
        if key not in self._by_value:
            label = f"{_LABELS[kind]}_{sum(known == kind for known, _ in self._by_value) + 1}"
            self._by_value[key], self._values[label] = label, value
        return self._by_value[key]


class MaskingBackend:
    """A backend that is sent placeholders, and whose answers have what they stand for."""

    def __init__(self, backend: Backend, seen: Collection[str]) -> None:
        """Args:
        backend: the server's.
        seen: the kinds of :data:`KINDS` that it may be sent as they are.
        """
        self._backend = backend
        self._masked = [kind for kind in KINDS if kind not in seen]

    async def complete(self, request: ChatRequest, on_text: OnText | None) -> Completion:
        """Write one reply; see :class:`~llmagent_os.serving.backend.Backend`."""
        placeholders = Placeholders(self._masked, request.personal)
        # In a thread: names are looked for by a model.
        messages = await asyncio.to_thread(lambda: [_masked(turn, placeholders) for turn in request.messages])

        async def show(text: str) -> None:
            if on_text is not None:
                await on_text(placeholders.restore_growing(text))

        masked = msgspec.structs.replace(request, messages=messages, personal=())
        try:
            completion = await self._backend.complete(masked, None if on_text is None else show)
        except ModelError as error:
            error.rejected = tuple(_restored(each, placeholders) for each in error.rejected)
            raise
        return _restored(completion, placeholders)

    async def warm_up(self) -> None:
        """Get ready, without blocking the event loop."""
        if isinstance(self._backend, WarmsUp):
            await self._backend.warm_up()

    async def keep_loras(self, pinned: Sequence[Path], served: Sequence[Path]) -> None:
        """Say which LoRAs are served now; see :class:`~llmagent_os.serving.backend.KeepsLoras`."""
        if isinstance(self._backend, KeepsLoras):
            await self._backend.keep_loras(pinned, served)

    async def watch(self) -> None:
        """Keep servers in step with what is served, until cancelled."""
        if isinstance(self._backend, KeepsLoras):
            await self._backend.watch()

    async def aclose(self) -> None:
        """Release what belongs to the running event loop."""
        await self._backend.aclose()

    def close(self) -> None:
        """Stop for good."""
        self._backend.close()


def _masked(turn: Message, placeholders: Placeholders) -> Message:
    """A turn with its content and the arguments of its calls masked."""
    found = dict(turn)
    if isinstance(turn.get("content"), str):
        found["content"] = placeholders.mask(turn["content"])
    if turn.get("tool_calls"):
        found["tool_calls"] = [_masked_call(call, placeholders) for call in turn["tool_calls"]]
    return found


def _masked_call(call: Any, placeholders: Placeholders) -> Any:
    if isinstance(call, ToolCall):
        return ToolCall(call.name, placeholders.mask_all(call.arguments))
    inner: dict[str, Any] = call.get("function", call)
    masked = {**inner, "arguments": placeholders.mask_all(inner.get("arguments"))}
    return {**call, "function": masked} if "function" in call else masked


def _restored(completion: Completion, placeholders: Placeholders) -> Completion:
    calls = tuple(ToolCall(call.name, placeholders.restore_all(call.arguments)) for call in completion.tool_calls)
    # Tokens spell the placeholders: they are those of another chat than the one that is kept.
    tokens: dict[str, tuple[int, ...]] = (
        {"prompt_token_ids": (), "token_ids": (), "logprobs": ()} if placeholders.used else {}
    )
    return msgspec.structs.replace(
        completion,
        **tokens,
        text=placeholders.restore(completion.text),
        reasoning=placeholders.restore(completion.reasoning),
        tool_calls=calls,
        rejected=tuple(_restored(each, placeholders) for each in completion.rejected),
    )


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    match value:
        case str():
            return change(value)
        case Mapping():
            return {key: _mapped(item, change) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [_mapped(item, change) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value
