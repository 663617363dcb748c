"""Values of buttons that are longer than the 64 bytes that Telegram carries."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode

import structlog

from llmagent_os.adapter import Button
from llmagent_os.records import Records

_log = structlog.stdlib.get_logger(__name__)

MAX_BYTES = 64

#: So many long values are kept; the oldest give way.
KEPT = 2000

_PREFIX = "button:"
_MARK = "~"  #: begins what stands for a value


class ButtonValues:
    """Long values under short names, in the adapter's store: a button may be pressed weeks and restarts later."""

    def __init__(self, store: Records) -> None:
        self._store = store
        self._values: dict[str, str] | None = None
        self._next = 0

    async def data(self, button: Button) -> str:
        """What Telegram is given for ``button``, durable on return."""
        value = button.value
        if len(value.encode()) <= MAX_BYTES and value and not value.startswith(_MARK):
            return value
        values = await self._load()
        short = _MARK + urlsafe_b64encode(hashlib.sha256(value.encode()).digest()[:18]).decode()
        if short not in values:
            # A slot is written over after KEPT others.
            await self._store.put(f"{_PREFIX}{self._next % KEPT:04}", {"number": self._next, "value": value})
            self._next += 1
            values[short] = value
            while len(values) > KEPT:
                del values[next(iter(values))]
        return short

    async def value(self, data: str) -> str | None:
        """The value that Telegram brought back; None: it was forgotten."""
        if not data.startswith(_MARK):
            return data
        value = (await self._load()).get(data)
        if value is None:
            _log.warning("a button was pressed whose value is not kept any more")
        return value

    async def _load(self) -> dict[str, str]:
        if self._values is None:
            kept = [record for key, record in await self._store.items() if key.startswith(_PREFIX)]
            kept.sort(key=lambda record: int(record["number"]))
            self._values = {}
            for record in kept:
                value = str(record["value"])
                digest = hashlib.sha256(value.encode()).digest()[:18]
                self._values[_MARK + urlsafe_b64encode(digest).decode()] = value
                self._next = int(record["number"]) + 1
        return self._values
