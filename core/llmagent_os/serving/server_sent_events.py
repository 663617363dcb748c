"""Reads server-sent events from bytes, in pieces of any length.

Specification: https://html.spec.whatwg.org/multipage/server-sent-events.html. The openai client has a decoder too, but
it hides ``[DONE]``: without it, a stream that was cut off looks like a complete one.
"""

from __future__ import annotations

import msgspec


class ServerEvent(msgspec.Struct, frozen=True):
    """One event."""

    data: str  #: what it says
    event: str = ""  #: its type; usually empty


class EventDecoder:
    r"""Turns bytes into events. Whoever feeds it limits the number of bytes.

    >>> decoder = EventDecoder()
    >>> decoder.feed(b': a comment\n\ndata: {"a"'), decoder.feed(b": 1}\r\n\r\n")
    ([], [ServerEvent(data='{"a": 1}', event='')])
    """

    def __init__(self) -> None:
        self._bytes: list[bytes] = []  # of a line that is not complete
        self._data: list[str] = []
        self._event = ""
        self._after_return = False

    def feed(self, raw: bytes) -> list[ServerEvent]:
        """Take the next bytes; gives the events that are complete now.

        Raises:
            UnicodeDecodeError: a line is not UTF-8.
        """
        if self._after_return and raw.startswith(b"\n"):
            raw = raw[1:]  # the second half of a line's end
        if not raw:
            return []
        self._after_return = raw.endswith(b"\r")
        *lines, rest = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        found: list[ServerEvent] = []
        for line in lines:
            whole = b"".join([*self._bytes, line])
            self._bytes.clear()
            if (event := self._line(whole.decode())) is not None:
                found.append(event)
        if rest:
            self._bytes.append(rest)
        return found

    def finish(self) -> list[ServerEvent]:
        """Take the end of the bytes. Servers exist that leave out the last empty line."""
        return self.feed(b"\n\n")

    def _line(self, line: str) -> ServerEvent | None:
        if not line:
            event = ServerEvent("\n".join(self._data), self._event) if self._data else None
            self._data, self._event = [], ""
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "error":  # llama.cpp before 2024-12 wrote an error as a field of its own
            self._data, self._event = [value], "error"
        return None
