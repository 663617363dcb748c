"""The replies in ``recorded/``: data files that say what has to come out of each reply.

The files were written by hand, after the sources that they name. Nothing of a person is in them.
"""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

FOLDER = Path(__file__).with_name("recorded")

TEXT_PIECE = 5  # most characters of a text in one chunk


class Recorded(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One reply."""

    name: str
    source: str  #: where the form is documented or reported
    events: str = ""  #: a stream, one event a line
    body: str = ""  #: in place of ``events``: the whole body
    content: str = ""  #: in place of ``events``: a text that is streamed in small pieces
    content_type: str = "text/event-stream"
    status: int = 200
    text: str = ""  #: what has to come out
    reasoning: str = ""
    calls: list[tuple[str, dict[str, Any]]] = []
    usage: tuple[int, int] | None = None
    finish: str = "stop"
    form: str = ""  #: of calls that were left in the text
    error: str = ""  #: the name of the error that comes in place of a reply
    why: str = ""  #: a part of the error's words

    @property
    def raw(self) -> bytes:
        """The bytes of the body."""
        if self.body:
            return self.body.encode()
        lines = list(self._content_chunks()) if self.content else self.events.strip().splitlines()
        return "".join(self._event(line) for line in [*lines, "[DONE]"]).encode()

    @staticmethod
    def _event(line: str) -> str:
        if line.startswith("event:"):
            return f"{line}\n"
        return f"data: {line}\n\n" if line.startswith(("{", "[")) else f"{line}\n\n"

    def _content_chunks(self) -> Iterator[str]:
        order = random.Random(self.name)
        at = 0
        while at < len(self.content):
            end = at + order.randint(1, TEXT_PIECE)
            yield json.dumps({"choices": [{"index": 0, "delta": {"content": self.content[at:end]}}]})
            at = end
        yield json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})

    def pieces(self) -> Iterator[bytes]:
        """The body, cut at random places: the same ones in every run."""
        raw, order = self.raw, random.Random(self.name)
        cuts = sorted(order.sample(range(len(raw)), min(len(raw), 12)))
        for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
            if begin < end:
                yield raw[begin:end]


def recorded() -> list[Recorded]:
    """All of them, in the order of the files."""
    found: list[Recorded] = []
    for file in sorted(FOLDER.glob("*.toml")):
        shapes = tomllib.loads(file.read_text(encoding="utf-8"))["shape"]
        found += msgspec.convert(shapes, list[Recorded])
    return found
