"""Tells the parts of a host what has changed: here, or on another host that shares the database.

What has changed is named by a kind and a name, ``profiles/slack:T1:U1``. A part that changes something calls
:meth:`Announcements.tell`, for its own process; with PostgreSQL it also announces it inside its transaction
(``SharedRows.announce``). Whoever receives the announcements of other hosts hands them to :meth:`Announcements.tell`
as well, and says by :attr:`Announcements.hears_others` whether it receives them at present.

>>> announcements, heard = Announcements(), []
>>> stop = announcements.listen("web", heard.append)
>>> announcements.tell("web/c1"), announcements.tell("profiles/slack:T1:U1"), announcements.tell_missed()
(None, None, None)
>>> heard
['c1', None]
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

import structlog

_log = structlog.stdlib.get_logger(__name__)

#: Is told what has changed; None: anything may have. It is called in any thread, and must not block.
Heard: TypeAlias = Callable[[str | None], None]

#: Profiles, by person. The name of a profile that was changed or erased.
PROFILES = "profiles"
#: Keys of accounts that were made or destroyed, by the id of the key.
KEYS = "keys"
#: Conversations of the web chat, by their id.
WEB = "web"


class Announcements:
    """Who listens, in this process."""

    def __init__(self) -> None:
        self._listeners = dict[str, list[Heard]]()
        self._lock = Lock()
        #: whether what other hosts announce arrives now: only then may a part keep in memory what they can change
        self.hears_others = False

    def listen(self, kind: str, heard: Heard) -> Callable[[], None]:
        """Call ``heard`` with the name of everything of a kind that changes. Returns what ends that."""
        with self._lock:
            self._listeners.setdefault(kind, []).append(heard)

        def stop() -> None:
            with self._lock:
                if heard in (listeners := self._listeners.get(kind, [])):
                    listeners.remove(heard)

        return stop

    def tell(self, what: str) -> None:
        """Tell the listeners that ``what`` has changed, a kind and a name. A kind that nobody knows is no error.

        A kind alone: anything of it may have changed.
        """
        kind, _, name = what.partition("/")
        self._call(kind, name or None)

    def tell_missed(self) -> None:
        """Tell all listeners that announcements of other hosts may have been missed: anything may have changed."""
        for kind in tuple(self._listeners):
            self._call(kind, None)

    def _call(self, kind: str, name: str | None) -> None:
        for heard in tuple(self._listeners.get(kind, ())):
            try:
                heard(name)
            except Exception:  # one listener must not keep the others from being told
                _log.exception("a listener has failed", kind=kind)
